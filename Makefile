# `make run` sets up an environment of its own and shows what could be deleted in your home directory
# (ROOT=... for another one). `make test` checks everything that a change must not break.

PYTHON ?= python3
VENV ?= .venv
ROOT ?= $(HOME)
BIN := $(VENV)/bin

.PHONY: run test lint types imports unit bench bench-peers scaling deleting screenshot clean

# Exit code 3 only says that something there could not be read; that is shown, and no failure of make.
run: $(VENV)/.installed
	@$(BIN)/cleanup-nodemodule -p "$(ROOT)" || test $$? -eq 3

test: lint types imports unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -W error

# Caches can be dropped, and file systems made, only as root; the tables say what is missing without.
bench: $(VENV)/.installed-dev
	$(BIN)/python bench/run.py

bench-peers: $(VENV)/.installed-dev
	$(BIN)/python bench/peers.py

scaling: $(VENV)/.installed-bench
	$(BIN)/python bench/scaling.py

deleting: $(VENV)/.installed-dev
	$(BIN)/python bench/deleting.py

screenshot: $(VENV)/.installed-dev
	$(BIN)/python docs/screenshot.py

# Debian has venv in a package of its own, and leaves half an environment behind without it.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

clean:
	rm -rf $(VENV) build src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
