# What `make sam-invoke` and `make sam-api` have in common, sourced by both. SAM CLI runs functions that are built in
# containers, where this machine is host.docker.internal; DynamoDB and EventBridge are those of a `make run` beside them.
cd "$(dirname "$0")/../.."

refuse() { # SENTENCE
  echo "$1" >&2
  exit 1
}

command -v sam >/dev/null || refuse "SAM CLI is not installed: run 'make tools'"
command -v docker >/dev/null || refuse "Docker is not installed; SAM CLI runs functions in its containers"
docker info >/dev/null 2>&1 || refuse "Docker's daemon does not answer: start it, or see what 'docker info' says"

# The address by which a container finds this machine: that of Docker's bridge. Where Docker has a virtual machine of its
# own (macOS, Windows) there is no bridge here, and its containers reach what listens on 127.0.0.1.
bridge=$(ip -4 -o address show docker0 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }') || bridge=
for port in "${DYNAMODB_PORT:-8000}" "${EVENTS_PORT:-8001}"; do
  address=${bridge:-127.0.0.1}
  (: <"/dev/tcp/$address/$port") 2>/dev/null ||
    refuse "nothing listens on $address:$port, where containers look for the stack: run 'make run${bridge:+ LISTEN=docker0}' in another terminal"
done

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target" .aws-sam
[[ -x $target/debug/local-stack ]] || cargo build --bin local-stack
"$target/debug/local-stack" sam-env >"$target/sam-env.json"

# SAM sets no variable that the template does not declare, and in AWS these are not to be set. It runs what is built.
awk '
  /^  [A-Za-z]+:$/ { id = $1; sub(":", "", id) }
  /^      CodeUri: / { $0 = "      CodeUri: build/" id }
  { print }
  /^      Variables:$/ {
    print "        AWS_ENDPOINT_URL_DYNAMODB: \"\""
    print "        AWS_ENDPOINT_URL_EVENTBRIDGE: \"\""
    print "        AWS_ENDPOINT_URL_SQS: \"\""
    print "        LOCAL_CALLER: \"\""
  }
' template.yaml >.aws-sam/containers.yaml

sam_local() { # COMMAND ARGUMENT…
  # SAM_FLAGS are words.
  sam local "$@" --template .aws-sam/containers.yaml --env-vars "$target/sam-env.json" \
    --add-host host.docker.internal:host-gateway ${SAM_FLAGS:-}
}
