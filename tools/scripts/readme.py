"""Runs the sessions of README.md and of the pages in docs/ against `make run`, and compares every answer with the printed one.

A session is what a page has in its ```console blocks. Each page has a stack of its own, in memory.

Ids, times, days and confirmation numbers differ at each run: they are compared by where they appear again. A query is asked
again until it answers as printed, as read models and the fulfilment follow what happens; a command is sent once.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

URL = "http://127.0.0.1:3000"
CHANGING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    r"|(?<=\"date\":\")\d{4}-\d\d-\d\d"
    r"|C-[0-9A-Z]{12}"
    r"|(?<=pi_sandbox_)[0-9a-f]{32}"
    r"|(?<=\"next_cursor\": \")[\w-]+"
    r"|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
)
TIME_LIMIT_SECONDS = 30


def steps(text):
    """Each command of the ```console blocks, with its printed answer."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = step.rstrip("\n").split("\n")
            end = next(i for i in range(len(lines)) if is_whole("\n".join(lines[: i + 1])))
            yield "\n".join(lines[: end + 1]), "\n".join(lines[end + 1 :]).strip()


def is_whole(command):
    """A command goes on after a backslash, and within quotes."""
    return not command.endswith("\\") and command.count("'") % 2 == 0


class Names:
    """Names what changes by the order in which it first appears."""

    def __init__(self):
        self.known = {}

    def apply(self, text):
        def name(match):
            if match.group().endswith("GMT"):
                return "<date>"  # to the second: two may be equal or not
            return self.known.setdefault(match.group(), f"<{len(self.known)}>")

        return CHANGING.sub(name, text.replace("\r", ""))


def is_up():
    try:
        with urllib.request.urlopen(f"{URL}/health", timeout=2) as answer:
            return json.load(answer)["status"] == "healthy"
    except (OSError, urllib.error.URLError, ValueError):
        return False


def wait_until(condition, limit_seconds, what):
    deadline = time.monotonic() + limit_seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"readme: {what} took longer than {limit_seconds} s")
        time.sleep(0.1)


def run(command, environment):
    shell = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    return shell.stdout.strip()


def check_session(page, session):
    printed, seen = Names(), Names()
    environment = dict(os.environ)
    count = 0
    for command, answer in session:
        variable = re.fullmatch(r"(\w+)=([0-9a-f-]{36})", command)
        if variable:
            # The reader puts in his own id here: the one that stands in the same place of his answers.
            name = printed.apply(variable[2])
            environment[variable[1]] = next(value for value, of in seen.known.items() if of == name)
            continue
        expected = printed.apply(answer)
        # What is asked for may be a moment away; the session's reader is slower than it.
        deadline = time.monotonic() + TIME_LIMIT_SECONDS
        while True:
            before = dict(seen.known)
            found = seen.apply(run(command, environment))
            if found == expected:
                break
            is_command = "-d " in command or "-X " in command
            if is_command or time.monotonic() > deadline:
                sys.exit(f"readme: {command}\nanswers\n{found}\nbut {page} prints\n{expected}")
            seen.known = before
            time.sleep(0.1)
        count += 1
    print(f"{page}: each of the {count} commands answers as printed.", flush=True)


def check_page(page, session):
    stack = subprocess.Popen(["make", "run"], env=os.environ | {"DATA": "memory"}, start_new_session=True)
    try:
        wait_until(is_up, 900, "`make run`")
        check_session(page, session)
    finally:
        os.killpg(stack.pid, signal.SIGTERM)
        stack.wait()
    # The next one needs its ports.
    wait_until(lambda: not is_up(), TIME_LIMIT_SECONDS, "the end of `make run`")


def main():
    if is_up():
        sys.exit(f"readme: something answers on {URL} already")
    pages = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
    sessions = {page: list(steps(page.read_text(encoding="utf-8"))) for page in pages}
    for page in ("README.md", "docs/tutorial.md"):
        if not sessions[Path(page)]:
            sys.exit(f"readme: {page} has no session")
    for page, session in sessions.items():
        if session:
            check_page(page, session)


main()
