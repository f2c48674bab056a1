#!/usr/bin/env bash
# sample.sh FUNCTION EVENT [ORDER] prints a sample of events/, for another order if one is named. Where there is no such
# sample, it says which there are, and fails.
set -euo pipefail
cd "$(dirname "$0")/../.."

function=${1:-} event=${2:-} order=${3:-}
order_of_samples=0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c

choose() { # VARIABLE VALUE WHAT, and what there is on standard input
  echo "${2:+there is no $3 $2; }set $1 to one of these:" >&2
  sed 's/^/  /' >&2
  exit 1
}

[[ $function =~ ^[a-z-]+$ && -d events/$function ]] ||
  ls events | choose FUNCTION "$function" "function with samples called"
[[ $event =~ ^[a-z0-9-]+$ && -f events/$function/$event.json ]] ||
  ls "events/$function" | sed 's/\.json$//' | choose EVENT "$event" "sample of $function called"
[[ ${order:=$order_of_samples} =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]] || {
  echo "ORDER is $order, which is no order id such as $order_of_samples" >&2
  exit 1
}
sed "s/$order_of_samples/$order/g" "events/$function/$event.json"
