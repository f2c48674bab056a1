#!/usr/bin/env bash
# `make invoke`: sends a sample of events/ to a function under `make watch`.
set -euo pipefail
cd "$(dirname "$0")/../.."

port=${WATCH_PORT:-9000}
mkdir -p target
bash tools/scripts/sample.sh "${FUNCTION:-}" "${EVENT:-}" "${ORDER:-}" >target/event.json
command -v cargo-lambda >/dev/null || {
  echo "cargo-lambda is not installed: run 'make tools', or 'pip install cargo-lambda'" >&2
  exit 1
}
(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
  echo "nothing listens on port $port: start 'make watch' in another terminal, or set WATCH_PORT to its port" >&2
  exit 1
}
cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port "$port" --data-file target/event.json "$FUNCTION"
