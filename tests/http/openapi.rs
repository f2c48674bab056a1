//! The API's description is true: it has every route, and each response that it has is produced. (That the answers to all
//! requests of this suite are as it says, `Answer::of` looks after.)

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Aggregate;
use domain::fulfilment::event::Start;
use domain::fulfilment::{Fulfilment, FulfilmentEvent};
use domain::money::Currency;
use domain::payment::{Payment, PaymentEvent};
use event_store::EventStore;
use futures::future::join_all;
use lambda_edge::http::call::MAX_BODY_BYTES;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::api::{address, behind_proxy, order_body};
use crate::support::description::DESCRIPTION;
use crate::support::orders::metadata;
use crate::support::{Answer, Api, Fault, FaultProxy, SHARDS, template};

/// What the local stack cannot answer: API Gateway does, whose authorizer and rate limits it does not imitate.
const OF_API_GATEWAY: [u16; 3] = [401, 403, 429];

#[test]
fn the_description_has_the_templates_routes_and_no_others() {
    let functions = template().functions;
    let routes = functions.iter().flat_map(|function| &function.routes);
    // HEAD is described once, for all: beside each GET.
    let routes = routes.filter(|route| route.method != "HEAD");
    let routes: BTreeSet<_> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
    let described: BTreeSet<_> = DESCRIPTION.operations().into_keys().collect();
    assert_eq!(described, routes);
}

#[test]
fn who_may_call_a_route_is_as_the_template_says() {
    let text = std::fs::read_to_string(crate::support::project().join("template.yaml")).unwrap();
    // Each route with what stands up to the next event.
    let events: Vec<_> = text.split("Type: HttpApi\n").skip(1).collect();
    for (key, operation) in DESCRIPTION.operations() {
        let (method, path) = key.split_once(' ').unwrap();
        let (method, path) = (format!("Method: {method}"), format!("Path: {path}"));
        let of_route = |event: &&&str| {
            let event = event.replace('"', "");
            let ends = |rest: &str| rest.starts_with([',', ' ', '\n']);
            event.contains(&method) && event.split(&path).skip(1).any(ends)
        };
        let event = events
            .iter()
            .find(of_route)
            .unwrap_or_else(|| panic!("{key} is not in the template"));
        let event = event.split("Type:").next().unwrap();
        let expected = if event.contains("Authorizer: NONE") {
            json!([])
        } else if event.contains("orders/admin") {
            json!([{ "jwt": ["orders/admin"] }])
        } else {
            json!([{ "jwt": [] }])
        };
        let security = operation.get("security").unwrap_or(&DESCRIPTION.api["security"]);
        assert_eq!(*security, expected, "{key}");
        let statuses = operation["responses"].as_object().unwrap();
        assert_eq!(statuses.contains_key("401"), expected != json!([]), "{key}");
        assert_eq!(statuses.contains_key("403"), event.contains("orders/admin"), "{key}");
        assert!(statuses.contains_key("429"), "{key}");
    }
}

#[test]
fn every_example_is_one_and_every_body_has_one() {
    let schemas = DESCRIPTION.api["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let errors = DESCRIPTION.errors(schema, example);
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }
    for (key, operation) in DESCRIPTION.operations() {
        let of_request = operation.get("requestBody").map(|body| &body["content"]);
        let of_success = operation["responses"].as_object().unwrap().iter();
        let of_success = of_success.filter(|(status, _)| status.starts_with('2'));
        let of_success = of_success.map(|(_, response)| &DESCRIPTION.resolve(response)["content"]);
        for content in of_request.into_iter().chain(of_success) {
            for (_, body) in content.as_object().unwrap() {
                let schema = DESCRIPTION.resolve(&body["schema"]);
                let first = schema["anyOf"]
                    .get(0)
                    .map_or(schema, |first| DESCRIPTION.resolve(first));
                assert!(first["examples"].is_array(), "a body of {key} has no example");
            }
        }
    }
}

#[test]
fn the_currencies_are_those_that_are_accepted_and_those_that_are_read() {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let schemas = &DESCRIPTION.api["components"]["schemas"];
    for code in codes {
        let is_described = |schema: &str| DESCRIPTION.errors(&schemas[schema], &json!(code)).is_empty();
        assert_eq!(code.parse::<Currency>().is_ok(), is_described("Currency"), "{code}");
        let stored = serde_json::from_value::<Currency>(json!(code));
        assert_eq!(stored.is_ok(), is_described("StoredCurrency"), "{code}");
    }
}

/// What has been answered.
struct Responses {
    api: Api,
    seen: BTreeSet<(String, u16)>,
}

impl Responses {
    /// The answer to a request of `operation`, with the parameters of its path put in.
    async fn ask(&mut self, operation: &str, path: &[&str], with: impl Fn(RequestBuilder) -> RequestBuilder) -> Answer {
        let answer = Answer::of(with(self.request(operation, path))).await;
        self.seen.insert((operation.to_owned(), answer.status));
        answer
    }

    fn request(&self, operation: &str, path: &[&str]) -> RequestBuilder {
        let (method, pattern) = operation.split_once(' ').unwrap();
        let mut values = path.iter();
        let segments = pattern.split('/').map(|segment| match segment.starts_with('{') {
            true => *values.next().unwrap_or(&"0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c"),
            false => segment,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        self.api.request(Method::from_bytes(method.as_bytes()).unwrap(), &path)
    }
}

/// A body that the operation accepts, and the query that it cannot do without.
fn completed(operation: &str, request: RequestBuilder) -> RequestBuilder {
    let request = match operation {
        "GET /orders/search" => request.query(&[("q", "reims")]),
        "GET /reports/daily-orders" => request.query(&[("date", "2026-11-20")]),
        _ => request,
    };
    match body(operation) {
        Value::Null => request,
        body => request.json(&body),
    }
}

fn body(operation: &str) -> Value {
    match operation.rsplit('/').next().unwrap() {
        "orders" if operation.starts_with("POST") => order_body(),
        "items" => json!({ "product_id": "42", "quantity": 1, "unit_price": "9.80" }),
        "shipping-address" => address(),
        "reference" => json!({ "reference": "WEB-1" }),
        "confirm" => json!({ "payment_method_id": "pm" }),
        "payment" => json!({ "transaction_id": "t", "amount": "20.00" }),
        "ship" => json!({ "tracking_number": "1Z", "carrier": "c" }),
        "cancel" | "settle" => json!({ "reason": "r" }),
        "{sku}" if operation.starts_with("PUT") => json!({ "on_hand": 7 }),
        "receipts" => json!({ "quantity": 1 }),
        "{product_id}" if operation.starts_with("PUT") => json!({ "name": "n", "unit_price": 1, "currency": "USD" }),
        "{customer_id}" if operation.starts_with("PUT") => json!({ "name": "n" }),
        _ => Value::Null,
    }
}

fn fail_all(proxy: &FaultProxy, code: &'static str, times: usize) {
    for operation in ["GetItem", "BatchGetItem", "PutItem", "Query", "Scan"] {
        for _ in 0..times {
            proxy.inject(operation, Fault::Refuse(code));
        }
    }
}

/// What every route answers that documents it, whatever it is about.
async fn ask_what_all_have_in_common(responses: &mut Responses, proxy: &FaultProxy) {
    let statuses = DESCRIPTION.responses();
    for operation in DESCRIPTION.operations().into_keys() {
        let has = |status: u16| statuses.contains(&(operation.clone(), status));
        let ask = async |responses: &mut Responses, with: &dyn Fn(RequestBuilder) -> RequestBuilder| {
            responses.ask(&operation, &[], with).await;
        };
        ask(responses, &|request| {
            completed(&operation, request).header("x-correlation-id", "a b")
        })
        .await;
        if has(404) {
            let unknown = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c@1";
            ask(responses, &|request| {
                completed(&operation, request).header("x-read-after", unknown)
            })
            .await;
        }
        if has(413) {
            let json = |request: RequestBuilder| request.header("content-type", "application/json");
            ask(responses, &|request| json(request).body(" ".repeat(MAX_BODY_BYTES + 1))).await;
        }
        if has(415) {
            ask(responses, &|request| {
                request.header("content-type", "text/plain").body("{}")
            })
            .await;
        }
        if has(422) {
            ask(responses, &|request| request.json(&json!({ "unknown": 1 }))).await;
        }
        if has(500) {
            fail_all(proxy, "ResourceNotFoundException", 8);
            ask(responses, &|request| completed(&operation, request)).await;
            proxy.clear();
        }
    }
    // All at once: the SDK tries each of them three times, and waits in between.
    fail_all(proxy, "ThrottlingException", 1_000);
    let throttled = statuses.iter().filter(|(_, status)| *status == 503);
    let throttled = throttled.map(|(operation, _)| async {
        let answer = Answer::of(completed(operation, responses.request(operation, &[]))).await;
        (operation.clone(), answer.status)
    });
    let throttled = join_all(throttled).await;
    proxy.clear();
    responses.seen.extend(throttled);
}

/// An order from its creation to its delivery, and what it refuses then.
async fn ask_of_an_order(responses: &mut Responses) {
    const COMMANDS: [&str; 9] = [
        "POST /orders/{order_id}/items",
        "DELETE /orders/{order_id}/items/{product_id}",
        "PUT /orders/{order_id}/shipping-address",
        "PUT /orders/{order_id}/reference",
        "POST /orders/{order_id}/submit",
        "POST /orders/{order_id}/confirm",
        "POST /orders/{order_id}/payment",
        "POST /orders/{order_id}/ship",
        "POST /orders/{order_id}/deliver",
    ];
    const CANCEL: &str = "POST /orders/{order_id}/cancel";
    let create = "POST /orders";
    let outdated = |request: RequestBuilder| request.header("if-match", "\"99\"");
    let created = responses.ask(create, &[], |request| completed(create, request)).await;
    let id = created.body["order_id"].as_str().unwrap();
    let cancelled = responses.api.create_order().await;
    for operation in COMMANDS.into_iter().chain([CANCEL]) {
        responses
            .ask(operation, &[id, "11"], |request| {
                outdated(completed(operation, request))
            })
            .await;
    }
    responses
        .ask(create, &[], |request| outdated(completed(create, request)))
        .await;
    for operation in COMMANDS {
        let answer = responses
            .ask(operation, &[id, "42"], |request| completed(operation, request))
            .await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    }
    responses
        .ask(CANCEL, &[&cancelled], |request| completed(CANCEL, request))
        .await;
    for operation in COMMANDS.into_iter().chain([CANCEL]) {
        let answer = responses
            .ask(operation, &[id, "42"], |request| completed(operation, request))
            .await;
        answer.assert_problem(409, "invalid_transition");
    }

    // The order of a key, of whose request nothing is known.
    let keyed = |request| completed(create, request).header("idempotency-key", "k");
    let first = responses.ask(create, &[], keyed).await;
    let update = responses.api.stack.dynamodb().update_item().table_name("EventStore");
    let update = update.key(
        "AggregateId",
        AttributeValue::S(first.body["order_id"].as_str().unwrap().to_owned()),
    );
    let update = update.key("Version", AttributeValue::N("1".to_owned()));
    update
        .update_expression("REMOVE IdempotencyKey, RequestHash")
        .send()
        .await
        .unwrap();
    responses
        .ask(create, &[], keyed)
        .await
        .assert_problem(409, "order_already_exists");

    let beyond = format!("{id}@99");
    for operation in ["GET /orders", "GET /customers/{customer_id}/orders"] {
        let answer = responses
            .ask(operation, &["VINET"], |request| request.header("x-read-after", &beyond))
            .await;
        answer.assert_problem(409, "version_not_reached");
    }
    let operation = "GET /orders/{order_id}";
    let answer = responses
        .ask(operation, &[id], |request| request.query(&[("min_version", "99")]))
        .await;
    answer.assert_problem(409, "version_not_reached");
}

/// A product and a customer: put, replaced, and put while others are faster.
async fn ask_of_reference_data(responses: &mut Responses, proxy: &FaultProxy) {
    // The faults are for the requests, and not for projections.
    responses.api.stack.caught_up().await.unwrap();
    for operation in ["PUT /products/{product_id}", "PUT /customers/{customer_id}"] {
        responses
            .ask(operation, &["VINET"], |request| {
                completed(operation, request).header("if-match", "\"9\"")
            })
            .await;
        for _ in 0..12 {
            proxy.inject("PutItem", Fault::Refuse("ConditionalCheckFailedException"));
        }
        let contended = responses
            .ask(operation, &["VINET"], |request| completed(operation, request))
            .await;
        contended.assert_problem(409, "concurrent_modification");
        for status in [201, 200] {
            let put = responses
                .ask(operation, &["VINET"], |request| completed(operation, request))
                .await;
            assert_eq!(put.status, status, "{operation}: {}", put.body);
        }
        let retire = operation.replace("PUT", "DELETE");
        let outdated = |request: RequestBuilder| request.header("if-match", "\"9\"");
        responses.ask(&retire, &["VINET"], outdated).await;
        let table = if operation.contains("products") {
            "Products"
        } else {
            "Customers"
        };
        let there = responses.api.stack.dynamodb().scan().table_name(table).send().await;
        let there = serde_dynamo::Item::from(there.unwrap().items.unwrap().remove(0));
        for _ in 0..12 {
            proxy.inject("PutItem", Fault::Overtaken(serde_json::to_value(&there).unwrap()));
        }
        let contended = responses.ask(&retire, &["VINET"], |request| request).await;
        contended.assert_problem(409, "concurrent_modification");
        let retired = responses.ask(&retire, &["VINET"], |request| request).await;
        assert_eq!(retired.status, 200, "{retire}: {}", retired.body);
        let back = |request| completed(operation, request);
        assert_eq!(responses.ask(operation, &["VINET"], back).await.body["retired"], false);
    }
}

/// A stock: set, received, and asked for what it cannot be.
async fn ask_of_inventory(responses: &mut Responses, proxy: &FaultProxy) {
    for operation in ["PUT /inventory/{sku}", "POST /inventory/{sku}/receipts"] {
        let outdated = |request| completed(operation, request).header("if-match", "\"9\"");
        responses.ask(operation, &["VINET"], outdated).await;
        // The faults are for the requests, and not for projections.
        responses.api.stack.caught_up().await.unwrap();
        for _ in 0..12 {
            proxy.inject("PutItem", Fault::Refuse("ConditionalCheckFailedException"));
        }
        let contended = responses
            .ask(operation, &["VINET"], |request| completed(operation, request))
            .await;
        contended.assert_problem(409, "concurrent_modification");
        proxy.clear();
        let accepted = responses
            .ask(operation, &["VINET"], |request| completed(operation, request))
            .await;
        assert_eq!(accepted.status, 200, "{operation}: {}", accepted.body);
    }
    let beyond = |request: RequestBuilder| request.query(&[("min_version", "99")]);
    let answer = responses.ask("GET /inventory/{sku}", &["VINET"], beyond).await;
    answer.assert_problem(409, "version_not_reached");
}

/// What needs attention, and what is settled then.
async fn ask_to_settle(responses: &mut Responses) {
    let order_id = responses.api.create_order().await;
    begin_fulfilment(&responses.api, &order_id).await;
    let settle = "POST /orders/{order_id}/fulfilment/settle";
    for (version, reason, status) in [("\"99\"", "r", 412), ("*", "r", 200), ("*", "another", 409)] {
        let request = |request: RequestBuilder| request.header("if-match", version).json(&json!({ "reason": reason }));
        let answer = responses.ask(settle, &[&order_id], request).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}

/// Every query, and once more by a caller that has its answer.
async fn ask_queries(responses: &mut Responses) {
    let order_id = responses.api.create_order().await;
    begin_fulfilment(&responses.api, &order_id).await;
    responses.api.stack.caught_up().await.unwrap();
    let queries = DESCRIPTION
        .operations()
        .into_keys()
        .filter(|operation| operation.starts_with("GET "));
    for operation in queries.filter(|operation| !operation.contains("{projection}")) {
        let id = if operation.contains("{order_id}") {
            &order_id
        } else {
            "VINET"
        };
        let answer = responses
            .ask(&operation, &[id], |request| completed(&operation, request))
            .await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        let knowing = |request| completed(&operation, request).header("if-none-match", "*");
        responses.ask(&operation, &[id], knowing).await;
    }
}

/// As the process manager would write it, which is switched off here.
async fn begin_fulfilment(api: &Api, order_id: &str) {
    let started = FulfilmentEvent::FulfilmentStarted(Start {
        customer_id: "VINET".parse().unwrap(),
        currency: "EUR".parse().unwrap(),
        total_amount: "28.00".parse().unwrap(),
        payment_method_id: None,
        lines: Vec::new(),
    });
    let needs_attention = FulfilmentEvent::FulfilmentNeedsAttention {
        code: "refund_refused".to_owned(),
        detail: "The payment does not go back".to_owned(),
    };
    let store = EventStore::new(api.stack.dynamodb(), "EventStore", SHARDS);
    let id = Fulfilment::aggregate_id(&order_id.parse().unwrap());
    store
        .append::<Fulfilment>(&id, 0, &[started, needs_attention], &metadata())
        .await
        .unwrap();
    let cancelled = PaymentEvent::PaymentCancellationRequested { refund_amount: None };
    let id = Payment::aggregate_id(&order_id.parse().unwrap());
    store
        .append::<Payment>(&id, 0, &[cancelled], &metadata())
        .await
        .unwrap();
}

/// An aggregate that is parked, as long as its cause lasts and afterwards.
async fn ask_of_parked(responses: &mut Responses) {
    let id = responses.api.create_order().await;
    let dynamodb = responses.api.stack.dynamodb();
    let key = |version: &str| {
        let version = AttributeValue::N(version.to_owned());
        [
            ("AggregateId".to_owned(), AttributeValue::S(id.clone())),
            ("Version".to_owned(), version),
        ]
        .into()
    };
    let first = dynamodb
        .get_item()
        .table_name("EventStore")
        .set_key(Some(key("1")))
        .send()
        .await
        .unwrap();
    let mut unreadable = first.item.unwrap();
    unreadable.extend(key("2"));
    unreadable.insert("EventData".to_owned(), AttributeValue::S("nonsense".to_owned()));
    dynamodb
        .put_item()
        .table_name("EventStore")
        .set_item(Some(unreadable))
        .send()
        .await
        .unwrap();
    responses.api.stack.caught_up().await.unwrap();

    let one = "/admin/parked/{projection}/{aggregate_id}";
    let parked = ["order-summary", id.as_str()];
    let (inspect, redrive) = (format!("GET {one}"), format!("POST {one}/redrive"));
    assert_eq!(responses.ask(&inspect, &parked, |request| request).await.status, 200);
    responses.ask("GET /admin/parked", &[], |request| request).await;
    responses
        .ask("POST /admin/parked/redrive", &[], |request| request)
        .await;
    responses
        .ask(&redrive, &parked, |request| request)
        .await
        .assert_problem(409, "still_failing");
    dynamodb
        .delete_item()
        .table_name("EventStore")
        .set_key(Some(key("2")))
        .send()
        .await
        .unwrap();
    assert_eq!(responses.ask(&redrive, &parked, |request| request).await.status, 200);
}

#[tokio::test]
async fn each_response_of_the_description_is_produced() {
    let (_embedded, proxy, api) = behind_proxy().await;
    let mut responses = Responses {
        api,
        seen: BTreeSet::new(),
    };
    ask_what_all_have_in_common(&mut responses, &proxy).await;
    ask_of_an_order(&mut responses).await;
    ask_of_reference_data(&mut responses, &proxy).await;
    ask_of_inventory(&mut responses, &proxy).await;
    ask_queries(&mut responses).await;
    ask_to_settle(&mut responses).await;
    ask_of_parked(&mut responses).await;

    let expected = DESCRIPTION.responses().into_iter();
    let expected = expected.filter(|(_, status)| !OF_API_GATEWAY.contains(status));
    let missing: Vec<_> = expected.filter(|response| !responses.seen.contains(response)).collect();
    assert!(missing.is_empty(), "never answered: {missing:#?}");
}

#[tokio::test]
async fn an_order_is_documented_in_both_views_whatever_it_has() {
    let api = Api::start().await;
    api.put("/customers/VINET", json!({ "name": "Vins", "email": "a@b.example" }))
        .await;
    let order = json!({
        "customer_id": "VINET",
        "items": [{ "product_id": "11", "quantity": 2, "unit_price": "10.00", "product_name": "n", "sku": "s" }],
        "shipping_address": address(),
        "tax": { "rate": "0.1", "jurisdiction": "DE" },
    });
    let created = api.post("/orders", order).await;
    let id = created.body["order_id"].as_str().unwrap();
    for (command, body) in [
        ("confirm", json!({ "payment_method_id": "pm" })),
        ("payment", json!({ "transaction_id": "t", "amount": "22.00" })),
        ("cancel", json!({ "reason": "r" })),
    ] {
        assert_eq!(api.post(&format!("/orders/{id}/{command}"), body).await.status, 200);
    }
    api.stack.caught_up().await.unwrap();
    for query in ["?view=full", "?view=compact"] {
        for path in [
            format!("/orders/{id}{query}"),
            format!("/orders{query}"),
            format!("/orders/search{query}&q=vinet"),
        ] {
            assert_eq!(api.get(&path).await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_runs_its_own_script_and_no_other() {
    let api = Api::start().await;
    let page = api.request(Method::GET, "/docs").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["cache-control"], "public, max-age=3600");
    let page = page.text().await.unwrap();
    for tag in ["style", "script"] {
        let (_, inline) = page.split_once(&format!("<{tag}>")).unwrap();
        let (inline, _) = inline.split_once(&format!("</{tag}>")).unwrap();
        let hash = STANDARD.encode(Sha256::digest(inline));
        assert!(policy.contains(&format!("{tag}-src 'sha256-{hash}'")), "{policy}");
    }
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
    assert!(!page.contains("http://") && !page.contains("https://"));
}

#[test]
fn every_code_of_a_problem_is_one_of_the_list() {
    fn codes(schema: &Value) -> impl Iterator<Item = &str> {
        let codes = schema["properties"]["code"]["enum"].as_array();
        codes.into_iter().flatten().filter_map(Value::as_str)
    }
    let components = &DESCRIPTION.api["components"];
    let responses = components["responses"].as_object().unwrap().values();
    let used = responses.flat_map(|response| codes(&response["content"]["application/problem+json"]["schema"]));
    let used: BTreeSet<_> = used.collect();
    assert_eq!(used, codes(&components["schemas"]["Problem"]).collect());
}
