#!/usr/bin/env bash
# `make watch`: cargo-lambda runs the functions and rebuilds them at every change; the local stack is their DynamoDB and
# EventBridge, and drives their streams, queues and schedules through cargo-lambda's invoke endpoint. When one of them
# ends, so does the other.
set -euo pipefail

watch_port=${WATCH_PORT:-9000}
[[ $watch_port =~ ^[0-9]{1,5}$ ]] && ((10#$watch_port >= 1 && 10#$watch_port <= 65535)) || {
  echo "WATCH_PORT is $watch_port, which is not a port from 1 to 65535" >&2
  exit 1
}
export DYNAMODB_PORT=${DYNAMODB_PORT:-8000}

command -v cargo-lambda >/dev/null || {
  echo "cargo-lambda is not installed: run 'make tools', or 'pip install cargo-lambda'" >&2
  exit 1
}

target=${CARGO_TARGET_DIR:-target}
cargo build --workspace --bins
"$target/debug/local-stack" env > "$target/watch.env"

trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
trap 'exit 130' INT TERM

FUNCTIONS="http://127.0.0.1:$watch_port" "$target/debug/local-stack" &
cargo lambda watch --invoke-address 127.0.0.1 --invoke-port "$watch_port" --env-file "$target/watch.env" &
# Neither ends by itself unless it failed, whatever its exit code: cargo-lambda's is 0 even when its port is taken.
wait -n || true
exit 1
