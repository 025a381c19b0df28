# `make run DATE=2024-03-15` and `make test` do all the set-up on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATE ?= $(shell date +%F)
SEED ?= 1
TIMES ?= 300

# Every test that starts a process would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-long lint types docs pages bench chaos requirements clean stack stack-down test-stack

help:
	@echo "make run DATE=2024-03-15   ingest one day and build, check, merge and publish"
	@echo "make test                  the test suite"
	@echo "make test-long             tests that take long"
	@echo "make test-longest          every case, with many more examples: for hours, before a release"
	@echo "make stack, stack-down     start and stop Trino, Nessie, an S3 server and Postgres"
	@echo "make test-stack            the tests that need them; starts and stops a stack of its own"
	@echo "make lint types docs       linters, type checker, documentation"
	@echo "make pages                 write those parts of the documentation that come from the code"
	@echo "make bench                 what a run costs, as JSON"
	@echo "make chaos SEED=1 TIMES=300  attack homes in every way, and look what is left"
	@echo "make requirements          compile the requirements anew"

run: $(VENV)/.run
	@$(BIN)/python -m lakehouse run --date $(DATE)

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -q

test-long: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -n 4 -m 'long and not longest' --hypothesis-profile=long

test-longest: $(VENV)/.dev
	@EVERY_CASE=1 GENERATED_DAYS=10000 $(BIN)/python -m pytest -q -m 'long or longest or hypothesis' --hypothesis-profile=longest
	@EVERY_CASE=1 $(BIN)/python -m pytest -q -n 0 -m '' tests/stack

# Needs Maven and Java 24 or newer. `source .stack/main/env` points the project at the stack.
stack: $(VENV)/.run
	@$(BIN)/python -m deploy up

stack-down: $(VENV)/.run
	@$(BIN)/python -m deploy down

test-stack: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -n 0 tests/stack

lint: $(VENV)/.dev
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/python -m mypy

# Not --quiet: what is not said is not counted, and broken links would pass.
docs: $(VENV)/.dev
	@$(BIN)/python -m mkdocs build --strict

pages: $(VENV)/.dev
	@$(BIN)/python -m lakehouse.portability.page > docs/reference/portability.md
	@$(BIN)/python -m lakehouse dag -o docs/dag.svg > /dev/null
	@$(BIN)/python -m docs.written

bench: $(VENV)/.dev
	@$(BIN)/python -m bench

chaos: $(VENV)/.dev
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m chaos --seed $(SEED) --times $(TIMES)

# Installed packages are compiled to bytecode: without it, every start takes three times as long.
$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing packages into $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib lakehouse ingestion models > /dev/null || true
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "installing the development packages into $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true
	@touch $@

# Needs `uv` on the PATH. The result names packages and hashes, never where they come from.
requirements:
	uv pip compile pyproject.toml --extra nightscout --extra production --extra site --universal --no-strip-extras --generate-hashes --no-header --quiet --output-file requirements.txt
	uv pip compile pyproject.toml --extra nightscout --extra production --extra site --extra dagster --extra dev --constraint requirements.txt --universal --no-strip-extras --generate-hashes --no-header --quiet --output-file requirements-dev.txt
	@$(BIN)/python .ci/dependencies.py > docs/reference/dependencies.md

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis site
