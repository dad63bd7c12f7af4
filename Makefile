# Segue's commands. `make help` explains them.

# pocketsphinx ships wheels for 3.11 and 3.13, so these come first.
PYTHON ?= $(shell for python in python3.11 python3.13 python3.12 python3.14 python3; do \
	$$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check unit browser bench docs lock clean tools

help: ## Explain every target
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/run.stamp ## Set up the virtual environment from the hashed lock file, and nothing else

run: $(VENV)/run.stamp ## Set up and serve on http://127.0.0.1:8002 (ARGS="--port 9000" and the like)
	@$(BIN)/segue serve $(ARGS)

demo: $(VENV)/run.stamp ## A minute in the terminal that shows what Segue is for
	@$(BIN)/segue demo $(ARGS)

test: ## Set up, check style and types, and run all tests, those in a real browser included
	@$(MAKE) --no-print-directory -j2 $(VENV)/dev.stamp tools
	@sh scripts/suite.sh $(BIN)/pytest "$(MAKE) --no-print-directory check" $(ARGS)

check: $(VENV)/dev.stamp ## Style, types and import rules
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

unit: $(VENV)/dev.stamp ## The fast tests only
	@$(BIN)/pytest tests/unit tests/house $(ARGS)

browser: $(VENV)/dev.stamp tools ## The browser tests only
	@$(BIN)/pytest tests/browser $(ARGS)

bench: $(VENV)/bench.stamp ## Run the benchmarks and keep their results under benchmarks/results
	@$(VENV)-bench/bin/python -m benchmarks.sentences
	@$(VENV)-bench/bin/python -m benchmarks.first_audio
	@$(VENV)-bench/bin/python -m benchmarks.gates
	@$(VENV)-bench/bin/python -m benchmarks.console

docs: $(VENV)/dev.stamp ## Write the pages under docs/reference from the code
	@$(BIN)/python -m docs.generate

lock: ## Resolve the lock files anew (names, versions and hashes; no addresses)
	@sh scripts/lock.sh

clean: ## Remove the virtual environments and caches; the data folder stays
	@rm -rf $(VENV) $(VENV)-bench build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Segue needs Python 3.11 or newer (Debian: apt-get install python3 python3-venv)"; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) …"
	@$(PYTHON) -m venv $(VENV)

tools: | $(BIN)/python
	@sh scripts/tools.sh $(BIN)

$(VENV)/run.stamp: requirements/run.lock pyproject.toml | $(BIN)/python
	@sh scripts/install.sh $(BIN) requirements/$(if $(wildcard $(VENV)/dev.stamp),dev,run).lock
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock pyproject.toml | $(BIN)/python
	@sh scripts/install.sh $(BIN) requirements/dev.lock
	@touch $@ $(VENV)/run.stamp

$(VENV)/bench.stamp: requirements/bench.lock pyproject.toml | $(BIN)/python
	@test -x $(VENV)-bench/bin/python || $(PYTHON) -m venv $(VENV)-bench
	@sh scripts/install.sh $(VENV)-bench/bin requirements/bench.lock
	@touch $@
