# Everything below needs Python 3.11 or newer, git and make. `make` alone lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
PORT ?= 8000
EXAMPLE ?= store
TOPOLOGY ?=
ARGS ?=
FAST := not slow and not packaging and not trials
export PYTHON

.PHONY: help setup up test test-all lint format pytest pytest-all lowest wheel docs docs-architecture docs-reference bench trials reset lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

setup: ## Create .venv with everything that development needs
	@scripts/setup dev

up: ## Start the shop on http://127.0.0.1:8000 (make up TOPOLOGY=services EXAMPLE=bookclub PORT=8001)
	@scripts/setup run
	@exec scripts/up $(PORT) $(EXAMPLE) $(TOPOLOGY)

test: setup lint pytest ## Lint, types and all fast tests

test-all: setup lint docs wheel lowest pytest-all ## Everything: slow tests, a twentieth of the trials, packaging, the lowest Flask, docs

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache

format: setup ## Format the code and apply safe fixes
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

pytest: setup
	@scripts/test "$(FAST)" $(ARGS)

pytest-all: setup
	$(BIN)/pytest $(ARGS)

lowest:
	@scripts/setup lowest
	.venv-lowest/bin/pytest -p no:cacheprovider -m "$(FAST) and not browser and not serving" tests/unit --ignore=tests/unit/workspace $(ARGS)

wheel: setup
	$(BIN)/python scripts/check_wheel.py

docs: setup ## Build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

docs-architecture: setup ## Draw docs/reference/architecture.md from the code
	$(BIN)/python -m tests.architecture.picture

docs-reference: setup ## Write the pages that repeat the code: settings, metrics, errors, commands
	$(BIN)/python scripts/docs_reference.py

bench: setup ## Measure, side by side with what it is compared to
	$(BIN)/python benchmarks/run.py $(ARGS)

trials: setup ## Repeat every promise as often as docs/reliability.md says, and write it there
	DECANT_TRIALS=full $(BIN)/pytest -m trials --timeout=0 $(ARGS)

reset: ## Forget embedded data, keys and run state (DECANT_HOME, .decant by default)
	@scripts/reset

lock: setup ## Resolve the hashed lock files again (UPGRADE=1: to the newest versions)
	@scripts/lock $(if $(UPGRADE),--upgrade)

clean: ## Remove the environments and everything that was built
	rm -rf .venv .venv-lowest build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
