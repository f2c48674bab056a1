# Every command of the documents. `make` alone lists them.
#
# Cargo is never told which package a binary or example is of: with all members of the workspace selected, their dependencies
# have the same features in every target, and are compiled once. Nor is it told to be quiet: compiling takes minutes, and what
# it says goes to stderr.

# Where the Python tools (SAM CLI, cfn-lint, cargo-lambda, schemathesis) are installed by `make tools`.
TOOLS := $(CURDIR)/.tools
export PATH := $(TOOLS)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# Only says where a template would be deployed; linting it needs one.
export AWS_DEFAULT_REGION ?= eu-central-1

DYNAMODB_PORT ?= 8000
WATCH_PORT ?= 9000
NORTHWIND ?= ../shared/data/northwind

# Ends a target that lacks the variable $(1), with what it should be.
needs = $(if $($(1)),,$(error make $@ needs $(1), $(2)))

.PHONY: help run test contract check routes fmt watch invoke sam-invoke sam-api northwind benchmark query-benchmark reservation-benchmark cost load build-times export import parked \
  replay verify simulate fuzz tools build deploy readme docs clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: ## Run the whole system on this machine (PORT, DATA, FULFILMENT, LISTEN and others: cargo run --bin local-stack help)
	@cargo run --bin local-stack

# Tests wait more than they compute.
test: ## Run every test
	RUST_TEST_THREADS=6 cargo test --workspace

contract: ## Hold a stack against the API's description with schemathesis (SEED=n; make tools)
	@SEED=$(SEED) bash tools/scripts/contract.sh

simulate: ## Run the whole system under injected faults: SEEDS=1000 runs, or the one of SEED=n with its trace
	@SEEDS="$(or $(SEEDS),1000)" SEED="$(SEED)" bash tools/scripts/simulate.sh

fuzz: ## Send any requests to all routes: CASES=5000 of them, of a new seed or that of SEED=n
	@CASES="$(or $(CASES),5000)" SEED="$(SEED)" bash tools/scripts/fuzz.sh

check: ## Generated routes, the documents' links and commands, formatting, arrows between crates and files, clippy, rustdoc, and the template's linters if they are installed
	python3 tools/scripts/routes.py --check
	python3 tools/scripts/links.py
	cargo fmt --all --check
	python3 tools/scripts/house.py
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps
	@if command -v cfn-lint >/dev/null; then echo cfn-lint template.yaml; cfn-lint template.yaml; \
	else echo "cfn-lint is not installed (make tools): template.yaml is not linted"; fi
	@if command -v sam >/dev/null; then echo sam validate --lint; sam validate --lint; \
	else echo "sam is not installed (make tools): template.yaml is not validated"; fi

routes: ## Write the routes of template.yaml into Cargo.toml, for `make watch`, and into docs/http.md
	@python3 tools/scripts/routes.py

fmt: ## Format the code
	cargo fmt --all

watch: ## Run the functions under cargo-lambda on port 9000 (WATCH_PORT), rebuilt at every change
	@WATCH_PORT=$(WATCH_PORT) DYNAMODB_PORT=$(DYNAMODB_PORT) bash tools/scripts/watch.sh

invoke: ## Send a sample of events/ to a function under `make watch`: FUNCTION=order-commands EVENT=create-order [ORDER=id]
	@WATCH_PORT=$(WATCH_PORT) FUNCTION="$(FUNCTION)" EVENT="$(EVENT)" ORDER="$(ORDER)" bash tools/scripts/invoke.sh

sam-invoke: ## Send a sample to a built function in a container, beside `make run LISTEN=docker0`: FUNCTION=… EVENT=… [ORDER=id] (needs Docker)
	@FUNCTION="$(FUNCTION)" EVENT="$(EVENT)" ORDER="$(ORDER)" DYNAMODB_PORT=$(DYNAMODB_PORT) bash tools/scripts/sam-invoke.sh

sam-api: ## Serve the HTTP API with built functions in containers, beside `make run LISTEN=docker0` (SAM_PORT; needs Docker)
	@DYNAMODB_PORT=$(DYNAMODB_PORT) bash tools/scripts/sam-api.sh

northwind: ## Send the 830 orders of Northwind through the API and compare every answer (NORTHWIND=folder of its CSV files)
	@NORTHWIND="$(NORTHWIND)" cargo run --example northwind

benchmark: ## How fast a replay of 100,000 events is next to a bare scan of them, and its memory (EVENTS=…; Linux)
	@cargo run --example replay-benchmark

query-benchmark: ## How long each query takes among 100,000 orders on this machine, and what it costs (ORDERS=…)
	@cargo run --example query-benchmark

reservation-benchmark: ## How many reservations a second one SKU takes from 1, 4 and 16 writers, and what each costs (RESERVATIONS=…)
	@cargo run --example reservation-benchmark

cost: ## What one order asks of DynamoDB, the queues and the functions, from its creation to its delivery (ORDERS=…)
	@ORDERS=$(or $(ORDERS),10) python3 tools/scripts/cost.py

load: ## How many orders a second the stack takes, how far behind its projections are, and what it uses when idle (ORDERS, CLIENTS, DATA)
	@cargo run --example load

build-times: ## What the first builds cost, from nothing; fails when a registry crate is compiled twice (many minutes)
	@bash tools/scripts/build-times.sh

replay: ## Write the read models of the running `make run` anew from the events; ARGS="--since …", "--order …", "--help"
	@cargo run --bin ordermaster -- replay $(ARGS)

verify: ## Compare the read models of the running `make run` with the events, and print what differs (ARGS as for replay)
	@cargo run --bin ordermaster -- verify $(ARGS)

export: ## Write all events of the running `make run` into a new FILE (DYNAMODB_PORT, DYNAMODB_ENDPOINT)
	@$(call needs,FILE,the new file to write)cargo run --bin ordermaster -- export "$(FILE)"

import: ## Write the events of FILE into the empty event store of the running `make run` (RESUME=1 goes on with one)
	@$(call needs,FILE,which `make export` wrote: $(or $(wildcard *.ndjson),there is no *.ndjson here))cargo run --bin ordermaster -- import "$(FILE)" $(if $(RESUME),--resume)

parked: ## What projections of the running `make run` could not apply; ARGS="redrive-all", "show …", "redrive …"
	@cargo run --bin ordermaster -- parked $(or $(ARGS),list)

readme: ## Run the sessions of the README and of docs/ against `make run`, and compare every answer
	@python3 tools/scripts/readme.py

docs: ## Make a book of docs/, with rustdoc's pages in its folder code (needs mdBook: cargo install mdbook)
	@command -v mdbook >/dev/null || { echo "mdBook is not installed: run 'cargo install mdbook'" >&2; exit 1; }
	mdbook build docs
	cargo doc --workspace --no-deps
	rm -rf target/book/code && cp -r target/doc target/book/code
	@echo "target/book/index.html, target/book/code/domain/index.html"

tools: ## Install SAM CLI, cfn-lint, cargo-lambda and schemathesis into .tools
	python3 -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --requirement tools.txt

build: ## Build the functions for Lambda, or ONLY=OrderCommands, say (a release build: many minutes)
	@ONLY="$(ONLY)" bash tools/scripts/build.sh

deploy: build ## Deploy to AWS; asks for the parameters the first time
	sam deploy --guided

clean: ## Remove what was built and the local data
	cargo clean
	rm -rf .aws-sam .local
