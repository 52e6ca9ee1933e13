# `make run` sets up an environment of its own and shows what could be deleted in your home directory
# (ROOT=... for another one). `make test` checks everything that a change must not break, `make check` what can
# be checked in two minutes.

PYTHON ?= python3
VENV ?= .venv
ROOT ?= $(HOME)
BIN := $(VENV)/bin

.PHONY: run setup test check lint types imports unit quick compiled warnings stopped fuzz fuzz-numbers sanitize sanitized portable bench bench-peers scaling deleting candidates choosing streaming rows live idle numbers sharing history first-word proof docs pages screenshot screens clean

# Exit code 3 only says that something there could not be read; that is shown, and no failure of make.
run: $(VENV)/.installed
	@$(BIN)/cleanup-nodemodule -p "$(ROOT)" || test $$? -eq 3
	@echo 'Here the command is $(CURDIR)/$(BIN)/cleanup-nodemodule.' >&2

setup: $(VENV)/.installed-dev

test: lint types imports unit

check: lint types imports quick

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell *.md docs src

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

# One process more than there are cores, as some tests wait for what is slow on purpose. Where the trees are
# made has to be a short path, for tests of what fits into a line.
PYTEST = trees=$$(mktemp -d) && trap 'rm -rf "$$trees"' EXIT && \
    $(BIN)/python -m pytest -W error -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal --basetemp=$$trees/t

unit: compiled
	$(PYTEST)

quick: compiled
	$(PYTEST) -m "not slow"

# What is imported is compiled beforehand: the tests start the tool more than a thousand times, and where
# PYTHONDONTWRITEBYTECODE is set each start would compile every module anew, which takes longer than the
# rest of it.
compiled: $(VENV)/.installed-dev
	$(BIN)/python -m compileall -q src tests

# The native engine by every compiler there is, and as other systems compile it.
warnings: $(VENV)/.installed-dev
	for cc in gcc clang; do for flag in -O2 -O3 -DCLEANUP_NODEMODULE_PORTABLE; do \
	    ! command -v $$cc >/dev/null || \
	    CC=$$cc tests/support/build_kernel.sh $(BIN)/python build/warnings $$flag || exit; done; done

# The engine's tests on builds of it that end the process at the first thing that is wrong; the second
# build is what other systems compile, which can be tested nowhere else.
SANITIZERS := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
    -fno-sanitize-recover=all -DCLEANUP_NODEMODULE_TESTING
SANITIZED_TESTS := $(filter-out %/test_choice.py %/test_order.py,$(wildcard tests/engine/*.py))
watched = PYTHONPATH=$(CURDIR)/build/$(1) PYTHONMALLOC=malloc \
    LD_PRELOAD=$$(gcc -print-file-name=libasan.so) \
    ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:quarantine_size_mb=8 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    $(BIN)/python -m pytest -W error -p no:cacheprovider $(2) $(SANITIZED_TESTS)

# Not part of the tests, as it takes half an hour.
stopped: compiled
	$(PYTEST) --each-call tests/whole/test_stopped_anywhere.py

# Ten thousand trees, which take a night; the tests try the first of them.
fuzz: compiled
	$(PYTEST) --fuzz-trees $(TREES) --fuzz-first $(FIRST) tests/whole/test_fuzz.py

# Random trees on XFS and btrfs, deleted and held against what df says. About one in twenty on a btrfs that compresses is
# promised some per cent too much (docs/numbers.md).
fuzz-numbers: compiled
	$(PYTEST) --fuzz-trees $(TREES) --fuzz-first $(FIRST) \
	    tests/whole/test_numbers.py::test_what_comes_back_lies_inside_the_bounds

TREES ?= 10000
FIRST ?= 0

sanitize: sanitized portable

sanitized: $(VENV)/.installed-dev
	tests/support/build_kernel.sh $(BIN)/python build/$@ $(SANITIZERS)
	$(call watched,$@,-k "not python and not sshfs")

portable: $(VENV)/.installed-dev
	tests/support/build_kernel.sh $(BIN)/python build/$@ $(SANITIZERS) -DCLEANUP_NODEMODULE_PORTABLE
	$(call watched,$@,-k "not python and not best and not sshfs" -m "not on_linux")

# Caches can be dropped, and file systems made, only as root; the tables say what is missing without.
bench: $(VENV)/.installed-dev
	$(BIN)/python bench/run.py

bench-peers: $(VENV)/.installed-dev
	$(BIN)/python bench/peers.py

scaling: $(VENV)/.installed-bench
	$(BIN)/python bench/scaling.py

deleting: $(VENV)/.installed-dev
	$(BIN)/python bench/deleting.py

candidates: $(VENV)/.installed-dev
	$(BIN)/python bench/candidates.py

choosing: $(VENV)/.installed-dev
	$(BIN)/python bench/choosing.py

streaming: $(VENV)/.installed-dev
	$(BIN)/python bench/streaming.py

first-word: $(VENV)/.installed-dev
	$(BIN)/python bench/first_word.py

rows: $(VENV)/.installed-dev
	$(BIN)/python bench/rows.py

# What it costs to show what is found while a search goes on, and how soon an artifact is to be seen.
live: $(VENV)/.installed-dev
	$(BIN)/python bench/live.py

# What a run without a terminal takes from other programs.
idle: $(VENV)/.installed-dev
	$(BIN)/python bench/idle.py

# What programs say that directories take, and what df says came back.
numbers: $(VENV)/.installed-dev
	$(BIN)/python bench/side_by_side.py

# What it costs to find out what comes back, against the commit before that.
sharing: $(VENV)/.installed-dev
	$(BIN)/python bench/sharing.py

# How large the history gets, how long its answers take, and what it costs a run.
history: $(VENV)/.installed-dev
	$(BIN)/python bench/history.py

# How often the proof is wrong: on the shapes of published packages, and on real installs.
proof: $(VENV)/.installed-dev
	$(BIN)/python bench/proof.py

# The page of the Python API, in build/docs.
docs: $(VENV)/.installed-dev
	$(BIN)/python docs/api_page.py

# What is made from other files: pages of what the program finds and of its options, the schemas of its documents, and the
# catalogue as JSON.
pages: $(VENV)/.installed-dev
	$(BIN)/python -m cleanup_nodemodule.proof.catalogue_files
	$(BIN)/python docs/artifacts_page.py
	$(BIN)/python docs/options_page.py
	$(BIN)/python docs/schema_files.py

screenshot: $(VENV)/.installed-dev
	$(BIN)/python docs/screenshot.py

# An environment may be there by half: Debian has venv in a package of its own, and leaves that behind
# without it; so does a Python that is too old, or whoever ends this. What is not of use is made anew, but
# nothing is cleared in an environment that somebody has named.
USEFUL := import sys, pip; sys.exit(sys.version_info < (3, 11))
CLEAR := $(if $(filter file,$(origin VENV)),--clear)
define environment
@$(BIN)/python -c '$(USEFUL)' 2>/dev/null || { \
    $(PYTHON) -c '$(subst $(comma) pip,,$(USEFUL))' || { \
        echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
            "to take another one, type: make $(or $(MAKECMDGOALS),run) PYTHON=python3.11" >&2; exit 1; }; \
    $(PYTHON) -m venv $(CLEAR) $(VENV); }
endef
comma := ,

ENGINE := src/cleanup_nodemodule/engine
SOURCES := pyproject.toml setup.py $(ENGINE)/_kernel.c $(wildcard $(ENGINE)/native/*.h $(ENGINE)/native/*/*.h)

$(VENV)/.installed: $(SOURCES)
	$(environment)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(SOURCES)
	$(environment)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/.installed-bench: pyproject.toml
	$(environment)
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

# Never over the ones that are right: somebody has to look at them first.
screens: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q tests/screens --new-screens build/screens -k looks
	diff -ru tests/screens/golden build/screens || true

clean:
	rm -rf $(VENV) build src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
