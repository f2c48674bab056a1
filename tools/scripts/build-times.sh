#!/usr/bin/env bash
# What a newcomer's first builds cost, in a target directory of its own: `make run`, the operators' tool after it, `make test`
# after them, and a rebuild after a touch of shared/domain. Prints processor time (all cores together), time on the clock, and the
# registry crates that were compiled; of those, none twice.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR=$PWD/target/build-times
rm -rf "$CARGO_TARGET_DIR"
cargo fetch --quiet
log=$(mktemp)
all=$(mktemp)
trap 'rm -f "$log" "$all"' EXIT
TIMEFORMAT='%U %S %R'

measure() { # WHAT COMMAND…
  local what=$1 user system real
  shift
  read -r user system real < <({ time "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }; } 2>&1)
  # A member of the workspace is named with its folder.
  { grep '^ *Compiling' "$log" || true; } | { grep -v '(/' || true; } >>"$all"
  local crates
  crates=$({ grep '^ *Compiling' "$log" || true; } | { grep -vc '(/' || true; })
  awk -v what="$what" -v user="$user" -v kernel="$system" -v real="$real" -v crates="$crates" \
    'BEGIN { printf "%-34s %6.1f min of processor time, %5.0f s, %4d registry crates\n", what, (user + kernel) / 60, real, crates }'
}

measure "make run" cargo build --bin local-stack
measure "the operators' tool after it" cargo build --bin ordermaster
measure "make test after them, without its run" cargo test --workspace --no-run
touch shared/domain/src/lib.rs
measure "make run after a touch of shared/domain" cargo build --bin local-stack
twice=$(sort "$all" | uniq --repeated)
if [[ -n $twice ]]; then
  echo "compiled twice, as features differ:" >&2
  echo "$twice" >&2
  exit 1
fi
