# Every command of the project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin

# make run TARGET=replicated-web ARGS="--trials 5"
TARGET ?= replicated-web
ARGS ?=

.PHONY: help setup demo prove test test-unit check fmt bench run up down recover doctor clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) \
	  | awk -F ':.*## ' '{ printf "  %-10s %s\n", $$1, $$2 }'

setup: ## Environment, Docker engine, images: everything that is missing
	@scripts/setup.sh

demo: setup ## Break every target once, show the verdicts and the report
	@$(BIN)/chaoskit run experiments/ --trials 1 $(ARGS)

run: setup ## Run the experiments of one target: TARGET=name ARGS="--trials 5"
	@$(BIN)/chaoskit run experiments/$(TARGET) $(ARGS)

prove: setup ## Can the experiments of one target fail? TARGET=name ARGS="--aa 13"
	@$(BIN)/chaoskit prove --target $(TARGET) $(ARGS)

test: setup ## Every test, those with the real engine too
	@$(BIN)/pytest $(ARGS)

test-unit: ## The tests that need no engine
	@scripts/setup.sh --no-engine
	@$(BIN)/pytest -m "not docker" $(ARGS)

check: ## Style, types, layers and the tests that need no engine; changes nothing
	@scripts/setup.sh --no-engine
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run; fi
	$(BIN)/pytest -q -n auto -m "not docker"

fmt: ## Bring the code into shape
	@scripts/setup.sh --no-engine
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup ## What chaoskit itself costs, and how exact it is
	@$(BIN)/python -m benchmarks $(ARGS)

up: setup ## Start a target and leave it running: TARGET=name
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
