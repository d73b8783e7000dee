# Every target alone sets up what it needs on a fresh clone: Python 3.11 or newer with venv, and a package index.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

# PYTHON=/path/to/python chooses another one.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo "$$p"; break; fi; done)

.PHONY: help setup run test check bench property chaos mutation lock rules env-example clean
.DEFAULT_GOAL := help

help:
	@echo "make run      try it: bot and sandbox, no token needed"
	@echo "make test     all tests"
	@echo "make check    format, lint, types, architecture, content, documents"
	@echo "make bench    how fast, how far"
	@echo "make setup    the virtual environment (the others call it)"
	@echo "make property random patients at length (an hour)"
	@echo "make chaos    everything goes wrong and processes are killed, at length (over an hour): is anything lost?"
	@echo "make mutation the clinical core with each line broken: which tests notice (20 minutes)"
	@echo "make rules    write deploy/rules.md anew from the protocol"
	@echo "make lock     resolve the requirements anew"
	@echo "make clean    remove what was built, never data in var/"

setup: $(READY)

# Without --no-deps pip looks for newer versions than the list's, and an upstream release of today can stop the set-up.
$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "nervecheck needs Python 3.11 or newer with venv." \
		"On Debian and Ubuntu: apt install python3 python3-venv. Or say which: make PYTHON=/path/to/python3" >&2; exit 1; }
	test -x $(BIN)/pip || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

run: $(READY)
	@$(BIN)/nervecheck run

test: $(READY)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not slow"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(JOBS) tests/test_architecture.py tests/test_style.py tests/test_config.py tests/deploy tests/db/test_migrate.py tests/content
	$(BIN)/nervecheck protocol check

bench: $(READY)
	$(BIN)/python -m pytest -q -s -m slow
	$(BIN)/python -m tests.bench.bench_tap
	$(BIN)/python -m tests.bench.bench_console

# Hashes of every file of each version, for every system: the lock serves any index, and names none.
LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-emit-index-url \
	--no-annotate --no-header

lock: $(READY)
	"$(PYTHON)" -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)/lock/bin/uv $(LOCK) --extra dev --output-file requirements-dev.txt pyproject.toml
	$(VENV)/lock/bin/uv $(LOCK) --constraint requirements-dev.txt --output-file requirements.txt pyproject.toml

rules: $(READY)
	$(BIN)/nervecheck protocol rules > deploy/rules.md

# At least 200 patients over 400 days each; a few patients and fewer days are part of `make test`.
property: $(READY)
	NERVECHECK_PATIENTS=200 $(BIN)/python -m pytest -q -n $(JOBS) -m "slow or not slow" tests/property

# At least 50 kills and 20,000 taps on each database, and a shorter run in which the one of three that polls is killed;
# five kills and some hundred taps are part of `make test`. SEED= plays another one.
SEED ?= 1
chaos: $(READY)
	$(BIN)/python -m tests.chaos.run --database sqlite --kills 50 --taps 20000 --seed $(SEED)
	$(BIN)/python -m tests.chaos.run --database postgres --replicas 3 --webhook --kills 50 --taps 20000 --seed $(SEED)
	$(BIN)/python -m tests.chaos.run --database postgres --replicas 3 --kills 20 --taps 3000 --seed $(SEED)

# What no test notices is listed with a reason in deploy/mutation.md.
mutation: $(READY)
	$(BIN)/python -m mutmut run --max-children $(JOBS)
	$(BIN)/python -m mutmut results

env-example: $(READY)
	$(BIN)/python -m bot.config > .env.example

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage mutants
	find bot migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +
