# make setup | demo | test | check | bench | fuzz | console — each does all the set-up that it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp

.PHONY: setup test-setup demo test check bench fuzz console lock clean

setup: $(STAMP)
	@$(BIN)/python -m config.browser

$(STAMP): requirements.lock pyproject.toml
	@PYTHON="$(PYTHON)" bash .ci/setup-python
	@touch $@

test-setup: setup
	@bash .ci/setup-tools

demo: setup
	@$(BIN)/cohortwatch demo $(DEMO)

test: test-setup check
	@$(BIN)/pytest -n 2 --dist loadfile $(TESTS)

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest tests/test_imports.py tests/test_repository.py

bench: test-setup
	@for bench in $$(grep -l __main__ tests/bench/*.py | grep -v fuzz_); do \
	  $(BIN)/python -m "tests.bench.$$(basename "$$bench" .py)"; done

fuzz: test-setup
	@$(BIN)/python -m tests.bench.fuzz_readers $(FUZZ)

console: setup
	@$(BIN)/cohortwatch init
	@$(BIN)/cohortwatch console

lock: $(STAMP)
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --system-certs -o requirements.lock

clean:
	@rm -rf .venv .boot .browser .mypy_cache .ruff_cache .pytest_cache
