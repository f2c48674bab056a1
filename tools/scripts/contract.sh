#!/usr/bin/env bash
# `make contract`: schemathesis sends requests that the description allows, and such that it does not, to a stack of its own
# on free ports, and holds every answer against it.
set -euo pipefail

command -v schemathesis >/dev/null || {
  echo "schemathesis is not installed: run 'make tools', or 'pip install schemathesis'" >&2
  exit 1
}

# Here, where it is seen to take its time.
cargo build --bin local-stack

mkdir -p target
log=target/contract.log
PORT=0 DYNAMODB_PORT=0 EVENTS_PORT=0 DATA=memory LOG_LEVEL=error setsid make --silent run >"$log" 2>&1 &
stack=$!
trap 'kill -- -"$stack" 2>/dev/null; wait "$stack" 2>/dev/null || true' EXIT

until url=$(sed -n 's/^API *//p' "$log") && test -n "$url"; do
  kill -0 "$stack" 2>/dev/null || {
    cat "$log" >&2
    exit 1
  }
  sleep 0.2
done

cd tests/contract
export PYTHONDONTWRITEBYTECODE=1
schemathesis --config-file schemathesis.toml run "$url/openapi.json" ${SEED:+--seed "$SEED"}
