"""Counts what one order asks of AWS, from its creation to its delivery, with its fulfilment: requests to DynamoDB and the
capacity units that it reports, by table, and invocations and messages, by function.

Between the stack and its DynamoDB stands a proxy, which asks for `ConsumedCapacity` and adds it up. The schedules fire every
second here and every minute in AWS, so what they read of Timers and ParkedEvents is left out:
docs/costs.md has it. So is the table of the local stack's queues.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ORDERS = int(os.environ.get("ORDERS", "10"))
API, DYNAMODB, PROXY, EVENTS = 3100, 8100, 8101, 8102
SKUS = ["QC-11", "MG-72", "SG-42"]
METRIC = re.compile(r'^(stream_batches|queue_batches|queue_messages)_total\{.*function="([a-z-]+)".*\} (\d+)$')
RUNNING = []
COUNTING = threading.Event()
LOCK = threading.Lock()
# By table and operation: requests, read units, write units, of which of indexes.
SPENT = defaultdict(lambda: [0, 0.0, 0.0, 0.0])


def is_left_out(operation, request):
    table = request.get("TableName")
    if table == "LocalStackMessages":  # its queues
        return True
    if table == "Timers":
        key = request.get("Item") or request.get("Key") or {}
        return operation in ("Query", "Scan") or key.get("TimerKey", {}).get("S") == "progress"
    return table == "ParkedEvents" and operation in ("Query", "Scan")


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # The stack is stopped first.

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        api, _, operation = self.headers.get("x-amz-target", "").partition(".")
        request = json.loads(body or "{}")
        counts = api == "DynamoDB_20120810" and COUNTING.is_set() and not is_left_out(operation, request)
        if counts:
            body = json.dumps(request | {"ReturnConsumedCapacity": "INDEXES"}).encode()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")}
        connection = http.client.HTTPConnection("127.0.0.1", DYNAMODB)
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if counts:
            count(operation, request, json.loads(content or "{}"), answer.status)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "x-amz-crc32"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()


def count(operation, request, answer, status):
    used = answer.get("ConsumedCapacity") or []
    writes = operation.startswith(("Put", "Update", "Delete", "TransactWrite", "BatchWrite"))
    with LOCK:
        if status >= 400:
            # A refused condition takes the write unit all the same, and does not say so.
            SPENT[request.get("TableName", "several"), f"{operation}, refused"][0] += 1
            SPENT[request.get("TableName", "several"), f"{operation}, refused"][2] += 1.0 if writes else 0.0
        for number, part in enumerate(used if isinstance(used, list) else [used]):
            row = SPENT[part["TableName"], operation]
            row[0] += number == 0
            units = part.get("CapacityUnits", 0.0)
            row[2 if writes else 1] += units
            row[3] += sum(index["CapacityUnits"] for index in part.get("GlobalSecondaryIndexes", {}).values()) * writes


def call(method, path, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{API}{path}",
        None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def until(what, condition, limit_seconds=900):
    deadline = time.monotonic() + limit_seconds
    while True:
        try:
            if condition():
                return
        except (OSError, urllib.error.URLError):
            pass
        if any(process.poll() is not None for process in RUNNING):
            sys.exit("cost: a local stack has ended")
        if time.monotonic() > deadline:
            sys.exit(f"cost: {what} took longer than {limit_seconds} s")
        time.sleep(0.2)


def is_settled():
    return all(not projection["lag_ms"] for projection in json.loads(call("GET", "/projections"))["data"])


def ask_dynamodb(operation, request):
    """Past the proxy, which counts what the stack asks."""
    headers = {
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        "x-amz-date": "20260101T000000Z",
    }
    request = urllib.request.Request(f"http://127.0.0.1:{DYNAMODB}/", json.dumps(request).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def status(order):
    row = ask_dynamodb("GetItem", {"TableName": "OrderSummary", "Key": {"OrderId": {"S": order}}}).get("Item", {})
    return row.get("Status", {}).get("S")


def events(aggregate):
    found = ask_dynamodb(
        "Query",
        {
            "TableName": "EventStore",
            "KeyConditionExpression": "AggregateId = :id",
            "ExpressionAttributeValues": {":id": {"S": aggregate}},
        },
    )
    return [event["EventType"]["S"] for event in found["Items"]]


def one_order():
    items = [{"product_id": sku, "quantity": 2, "unit_price": "9.80", "product_name": f"Thing {sku}", "sku": sku} for sku in SKUS]
    address = {"street": "Luisenstr. 48", "city": "Münster", "postal_code": "44087", "country": "Germany"}
    body = {"customer_id": "VINET", "items": items, "shipping_address": address, "currency": "EUR"}
    order = json.loads(call("POST", "/orders", body))["order_id"]
    call("POST", f"/orders/{order}/submit", {"payment_method_id": "pm_visa"})
    until("the payment", lambda: status(order) == "paid", 30)
    call("POST", f"/orders/{order}/ship", {"tracking_number": "1Z999AA1", "carrier": "Federal Shipping"})
    until("the fulfilment", lambda: "FulfilmentEnded" in events(f"fulfilment-{order}"), 30)
    call("POST", f"/orders/{order}/deliver")
    until("the row", lambda: status(order) == "delivered", 30)


def metrics():
    found = {}
    for line in call("GET", "/metrics").splitlines():
        if match := METRIC.match(line):
            found[match[1], match[2]] = int(match[3])
    return found


def measure():
    until("the stack", lambda: '"status":"healthy"' in call("GET", "/health"))
    call("PUT", "/customers/VINET", {"name": "Vins et alcools Chevalier", "email": "paul@vinet.example"})
    for sku in SKUS:
        call("PUT", f"/inventory/{sku}", {"on_hand": 10_000})
    one_order()
    until("projections", is_settled)
    time.sleep(2)
    before = metrics()
    COUNTING.set()
    for _ in range(ORDERS):
        one_order()
    time.sleep(2)  # Whatever still follows; asking how far the projections are would be counted.
    COUNTING.clear()
    after = metrics()
    print(f"An order of {len(SKUS)} SKUs, from create to delivered; mean of {ORDERS}\n")
    print(f"{'table':18}{'operation':30}{'requests':>10}{'read':>8}{'write':>8}{'of index':>10}")
    sums = [0.0] * 4
    for (table, operation), row in sorted(SPENT.items()):
        print(f"{table:18}{operation:30}" + "".join(f"{value / ORDERS:{width}.1f}" for value, width in zip(row, (10, 8, 8, 10))))
        sums = [a + b for a, b in zip(sums, row)]
    print(f"{'together':48}" + "".join(f"{value / ORDERS:{width}.1f}" for value, width in zip(sums, (10, 8, 8, 10))) + "\n")
    batches = 0
    for (kind, function), value in sorted(after.items()):
        mean = (value - before.get((kind, function), 0)) / ORDERS
        batches += mean * kind.endswith("batches")
        print(f"{function:30}{kind:18}{mean:8.1f}")
    print(f"{'invocations by streams and queues':48}{batches:8.1f}")


def without_triggers():
    """The template of a stack that is its DynamoDB alone: nothing calls its functions."""
    with open("template.yaml", encoding="utf-8") as template:
        return re.sub(r"^      Events:\n(?: {7,}.*\n|\n)*", "", template.read(), flags=re.MULTILINE)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", PROXY), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tempfile.TemporaryDirectory()
    template = os.path.join(folder.name, "template.yaml")
    with open(template, "w", encoding="utf-8") as file:
        file.write(without_triggers())
    ports = {"PORT": "0", "DYNAMODB_PORT": str(DYNAMODB), "EVENTS_PORT": "0", "TEMPLATE": template}
    stack = {"PORT": str(API), "DYNAMODB_ENDPOINT": f"http://127.0.0.1:{PROXY}", "EVENTS_PORT": str(EVENTS)}
    command = os.environ.get("LOCAL_STACK", "cargo run --bin local-stack").split()
    common = os.environ | {"DATA": "memory", "LOG_LEVEL": "warn"}
    try:
        RUNNING.append(subprocess.Popen(command, env=common | ports, start_new_session=True, stdout=sys.stderr))
        until("the DynamoDB", lambda: http.client.HTTPConnection("127.0.0.1", DYNAMODB).connect() is None)
        RUNNING.append(subprocess.Popen(command, env=common | stack, start_new_session=True, stdout=sys.stderr))
        measure()
    finally:
        for process in RUNNING:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()


main()
