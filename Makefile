# `make help` lists what there is. Needs Python 3.11 or newer and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
CODE := .
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench fix lock sizes docs clean

help: ## List these commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Build .venv from the lock file; .venv/bin/quaymaster is then the command
	@echo "Ready: $(BIN)/quaymaster"

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Quaymaster needs Python 3.11 or newer; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(BIN)/python -m compileall -q src # some environments write no bytecode, and then every start would compile
	@touch $@

demo: setup ## Bring a release to production on an empty home; KEEP=1 leaves the server up
	$(BIN)/python -m demo.run $(if $(KEEP),--keep)

test: setup ## Run all tests, in WORKERS processes (2)
	$(BIN)/python -m pytest -n $(WORKERS)

check: setup ## Check format, lint, types, import contracts and the lock file
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	@! grep -n '://' requirements.lock $$(git ls-files '*package-lock.json') || \
		{ echo "a lock file names a host; run make lock, or take resolved and funding out" >&2; exit 1; }

bench: setup ## Measure releases per second and latency against the machine's own limits
	$(BIN)/python -m bench

fix: setup ## Put right what the tools can put right by themselves
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

lock: setup ## Write requirements.lock anew from pyproject.toml
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--group dev pyproject.toml -o requirements.lock

sizes: setup ## The longest functions and modules, for a look at review
	$(BIN)/python -m tools.sizes

docs: setup ## Write the generated pages; check that the documents name what the code has
	$(BIN)/python -m tools.stages
	$(BIN)/python -m tools.openapi
	$(BIN)/python -m tools.coverage
	$(BIN)/python -m pytest -q tests/architecture

clean: ## Remove .venv and what the tools keep
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
