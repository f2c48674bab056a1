#!/usr/bin/env bash
# `make fuzz`: CASES requests of any kind to a stack of its own, of a new seed or that of SEED.
set -euo pipefail

# Before anything is compiled.
for name in CASES SEED; do
  [[ ${!name:-} =~ ^[0-9]*$ ]] || {
    echo "$name is ${!name}, which is not a whole number" >&2
    exit 1
  }
done
cargo test --workspace --test suite http::fuzz -- --nocapture
