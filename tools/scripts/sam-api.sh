#!/usr/bin/env bash
# `make sam-api`: serves the HTTP API with built functions, each in a container that stays until the end.
set -euo pipefail

. "$(dirname "$0")/sam.sh"
built=$(cd .aws-sam/build 2>/dev/null && ls -d */bootstrap 2>/dev/null) ||
  refuse "no function is built: run 'make build', or 'make build ONLY=OrderCommands' for one"
echo "Built, and served: ${built//\/bootstrap/}"
sam_local start-api --port "${SAM_PORT:-3001}" --warm-containers LAZY
