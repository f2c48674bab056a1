#!/usr/bin/env bash
# `make build`: builds the functions of template.yaml for Lambda, or the one whose logical id is ONLY.
set -euo pipefail
cd "$(dirname "$0")/../.."

functions=$(awk '/^  [A-Za-z]+:$/ { sub(":", ""); id = $1 } /^    Type: AWS::Serverless::Function$/ { print id }' template.yaml)
if [[ -n ${ONLY:-} ]] && ! grep --quiet --line-regexp --fixed-strings -- "$ONLY" <<<"$functions"; then
  echo "there is no function with the logical id $ONLY in template.yaml; set ONLY to one of these, or to nothing for all:" >&2
  sed 's/^/  /' <<<"$functions" >&2
  exit 1
fi
command -v sam >/dev/null || {
  echo "SAM CLI is not installed: run 'make tools'" >&2
  exit 1
}
if [[ -z ${ONLY:-} ]]; then
  sam build
else
  # It empties the folder it builds into: the functions that are built already stay.
  sam build --build-dir .aws-sam/only "$ONLY"
  mkdir -p .aws-sam/build
  rm -rf ".aws-sam/build/$ONLY"
  mv ".aws-sam/only/$ONLY" .aws-sam/build
fi
