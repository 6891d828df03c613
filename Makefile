# The front desk. `make` lists the targets.
SHELL := /bin/bash
target := $(or $(CARGO_TARGET_DIR),target)
.DEFAULT_GOAL := help
.PHONY: help demo test lint build bench clean-lab

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

bench: build ## measure builds, sizes and the routers
	@CARGO_TARGET_DIR=$(target) tests/bench.sh

clean-lab: ## stop a lab that was left behind
	@tests/lab/with-lab.sh --down
