#!/usr/bin/env bash
# `make watch`: cargo-lambda runs the functions and rebuilds them at every change; the local stack is their DynamoDB and
# drives their stream triggers through cargo-lambda's invoke endpoint. Both end together.
set -euo pipefail

watch_port=${WATCH_PORT:-9000}
export DYNAMODB_PORT=${DYNAMODB_PORT:-8000}

command -v cargo-lambda >/dev/null || {
  echo "cargo-lambda is not installed: run 'make tools', or 'pip install cargo-lambda'" >&2
  exit 1
}

cargo build --quiet --workspace --bins
mkdir -p target
target/debug/local-stack env > target/watch.env

FUNCTIONS="http://127.0.0.1:$watch_port" target/debug/local-stack &
stack=$!
trap 'kill "$stack" 2>/dev/null; wait "$stack" 2>/dev/null || true' EXIT

cargo lambda watch --invoke-address 127.0.0.1 --invoke-port "$watch_port" --env-file target/watch.env
