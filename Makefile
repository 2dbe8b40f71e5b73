# Every command of the project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin

# make run TARGET=replicated-web ARGS="--trials 5"
TARGET ?= replicated-web
ARGS ?=

.PHONY: help setup demo smoke suite prove test test-netem test-k8s test-unit test-browser check fmt bench run up down recover doctor clean

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) \
	  | awk -F ':.*## ' '{ printf "  %-12s %s\n", $$1, $$2 }'

setup: ## Environment, Docker engine, images: everything that is missing
	@scripts/setup.sh

demo: setup ## Break three small targets, show the verdicts and the report
	@$(BIN)/chaoskit run experiments/restart-policy experiments/replicated-web \
	  experiments/redis-restart --trials 1 $(ARGS)

smoke: setup ## One quick experiment a target
	@$(BIN)/chaoskit run experiments --tag smoke --trials 1 $(ARGS)

suite: setup ## Every experiment of every target, as often as each one plans
	@$(BIN)/chaoskit run experiments $(ARGS)

run: ## Run the experiments of one target: TARGET=name ARGS="--trials 5"
	@scripts/setup.sh --only $(TARGET)
	@$(BIN)/chaoskit run experiments/$(TARGET) $(ARGS)

prove: ## Can the experiments of one target fail? TARGET=name ARGS="--aa 13"
	@scripts/setup.sh --only $(TARGET)
	@$(BIN)/chaoskit prove --target $(TARGET) $(ARGS)

test: setup ## Every test, those with the real engine too (in rows: tests/conftest.py)
	@$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

test-netem: setup ## The kernel's netem, on an emulated machine with a kernel that has it
	@scripts/netem-kernel.sh
	@CHAOSKIT_TEST_NETEM=1 $(BIN)/pytest -rs tests/netem $(ARGS)

test-k8s: ## The tests of clusters against a real one: KUBECONFIG=file ARGS="-k pods"
	@test -f "$(KUBECONFIG)" || { echo "there is no file '$(KUBECONFIG)': make test-k8s KUBECONFIG=FILE"; exit 2; }
	@scripts/setup.sh --no-engine
	@CHAOSKIT_TEST_KUBECONFIG="$(abspath $(KUBECONFIG))" $(BIN)/pytest -rs tests/cluster $(ARGS)

test-unit: ## The tests that need neither an engine nor a browser
	@scripts/setup.sh --no-engine
	@$(BIN)/pytest -m "not docker and not browser" $(ARGS)

test-browser: ## The report in Chromium: accessibility, safety, keyboard, phone, paper
	@scripts/setup.sh --no-engine
	@scripts/browser.sh
	@$(BIN)/pytest tests/browser $(ARGS)

check: ## Style, types, layers and the fast tests that need no engine; changes nothing
	@scripts/setup.sh --no-engine
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run; fi
	$(BIN)/pytest -q -n auto -m "not docker and not browser and not slow"

fmt: ## Bring the code into shape
	@scripts/setup.sh --no-engine
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup ## What chaoskit itself costs, and how exact it is
	@$(BIN)/python -m benchmarks $(ARGS)

up: ## Start a target and leave it running: TARGET=name
	@scripts/setup.sh --only $(TARGET)
	@$(BIN)/chaoskit up $(TARGET)

down: ## Everything of ours gone from the engine: containers, networks, volumes, agents
	@test -x $(BIN)/chaoskit || { echo "Nothing was ever set up here."; exit 0; }; \
	  $(BIN)/chaoskit down --all

recover: setup ## Lift what a killed run left behind
	@$(BIN)/chaoskit recover

doctor: setup ## What this machine can and cannot do, with evidence
	@$(BIN)/chaoskit doctor

clean: ## Caches and reports gone; the environment and the images stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage \
	  build dist benchmarks/results chaostoolkit.log
	@find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
	@find reports -mindepth 1 ! -name README.md -delete 2>/dev/null || true
