#!/usr/bin/env bash
# `make simulate`: runs of the simulation, SEEDS of them, or the one of SEED.
set -euo pipefail

# Before anything is compiled.
for name in SEEDS SEED; do
  [[ ${!name:-} =~ ^[0-9]*$ ]] || {
    echo "$name is ${!name}, which is not a whole number" >&2
    exit 1
  }
done
cargo test --test suite simulation::whatever -- --nocapture
