#!/usr/bin/env bash
# `make sam-invoke`: sends a sample of events/ to a built function in a container.
set -euo pipefail

sample=$(bash "$(dirname "$0")/sample.sh" "${FUNCTION:-}" "${EVENT:-}" "${ORDER:-}")
. "$(dirname "$0")/sam.sh"
id=$(awk -v binary="Binary: $FUNCTION " '
  /^  [A-Za-z]+:$/ { id = $1; sub(":", "", id) }
  index($0, binary) { print id }
' template.yaml)
[[ -x .aws-sam/build/$id/bootstrap ]] || refuse "$FUNCTION is not built: run 'make build ONLY=$id', which takes minutes"
sam_local invoke --event - "$id" <<<"$sample"
