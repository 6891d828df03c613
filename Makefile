# The front desk. `make` lists the targets.
SHELL := /bin/bash
target := $(or $(CARGO_TARGET_DIR),target)
.DEFAULT_GOAL := help
.PHONY: help demo test lint build bench fuzz clean-lab

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: build ## the whole loop on simulated devices; DEMO_KEEP=1 keeps it serving
	$(target)/debug/reconverge demo

test: ## install what is missing, format check, lints, every test with real routers
	@tests/run.sh

lint: ## format check and lints
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

build: ## the development build
	cargo build --locked

bench: build ## measure the engine beside hier_config, builds, sizes and the routers
	@CARGO_TARGET_DIR=$(target) tests/bench_engine.sh
	@CARGO_TARGET_DIR=$(target) tests/bench.sh

fuzz: ## broken texts for every syntax, RECONVERGE_FUZZ_SECONDS (300) for each target
	RECONVERGE_FUZZ_SECONDS=$${RECONVERGE_FUZZ_SECONDS:-300} RECONVERGE_HOSTILE_BYTES=$${RECONVERGE_HOSTILE_BYTES:-1048576} \
		cargo test --locked --release --test it fuzz::

clean-lab: ## stop a lab that was left behind
	@tests/lab/with-lab.sh --down
