# Every target sets up what it needs by itself on a fresh clone: Python 3.11 or newer with venv, and a package index.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

# PYTHON=/path/to/python selects another one.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo "$$p"; break; fi; done)

.PHONY: help setup run test test-slow check bench property burden personas screenshots explore chaos mutation lock rules diagrams transcripts env-example clean
.DEFAULT_GOAL := help

help:
	@echo "make run      try it: bot and sandbox, no token needed"
	@echo "make test     the tests to run at each change (9 minutes)"
	@echo "make test-slow  the longer tests: all time zones and years, simulated patients, a short chaos run (13 minutes)"
	@echo "make check    format, lint, types, architecture, content, documents, coverage of the clinical core"
	@echo "make bench    benchmarks"
	@echo "make setup    the virtual environment (the others call it)"
	@echo "make property long form: random patients (an hour)"
	@echo "make burden   counts the alarms of thirteen weeks, 200 seeds of each life (half an hour with two processes)"
	@echo "make personas twelve people's chats over 91 days, as pages to read in var/personas (5 minutes)"
	@echo "make screenshots every screen in each language, light and dark, as pictures in var/screenshots (5 minutes)"
	@echo "make explore  all pairs of writing use cases on PostgreSQL, switched after each statement (hours)"
	@echo "make chaos    long form: faults and killed processes (over an hour); nothing may be lost"
	@echo "make mutation mutation testing: the clinical core, and 1,000 mutants of the use cases (45 minutes)"
	@echo "make rules    regenerate deploy/rules.md from the protocol"
	@echo "make diagrams regenerate deploy/docs/states.md from the tables of transitions"
	@echo "make transcripts  record the golden transcripts again; review the diff"
	@echo "make lock     resolve the requirements again"
	@echo "make clean    remove build output, never data in var/"

setup: $(READY)

# Without --no-deps pip looks for newer versions than the list's, and an upstream release of today can stop the set-up.
$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "nervecheck needs Python 3.11 or newer with venv." \
		"On Debian and Ubuntu: apt install python3 python3-venv. Or choose one: make PYTHON=/path/to/python3" >&2; exit 1; }
	test -x $(BIN)/pip || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

run: $(READY)
	@$(BIN)/nervecheck run

test: $(READY)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not slow and not bench"

test-slow: $(READY)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "slow and not bench"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(JOBS) tests/test_architecture.py tests/test_style.py tests/test_language.py tests/test_config.py tests/deploy tests/db/test_migrate.py tests/content
	$(BIN)/python -m pytest -q tests/core -m "not slow and not bench" --cov=bot.core --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered
	$(BIN)/nervecheck protocol check

bench: $(READY)
	$(BIN)/python -m pytest -q -s -m bench tests/bench
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

diagrams: $(READY)
	$(BIN)/python -m tests.diagrams

# What changes in tests/transcripts/golden is what changes for patients.
transcripts: $(READY)
	NERVECHECK_WRITE_TRANSCRIPTS=1 $(BIN)/python -m pytest -q -n $(JOBS) -m "slow or not slow" tests/transcripts

# 240 patients over 400 days each; a few of them are part of `make test-slow`, and shorter ones of `make test`.
property: $(READY)
	NERVECHECK_PATIENTS=240 $(BIN)/python -m pytest -q -n $(JOBS) -m "slow or not slow" tests/property

# One JSON object for each life: alerts, call screens, check-ins and taps, each the 95th percentile of its seeds; a few
# seeds of each are part of `make test-slow`. SEEDS= lives fewer.
SEEDS ?= 200
burden: $(READY)
	@$(BIN)/python -m tests.burden --seeds $(SEEDS) --jobs $(JOBS)

# Twelve people live 91 days, two of them a year as well; the lives of 91 days are slow tests, too.
personas: $(READY)
	@$(BIN)/python -m tests.personas --jobs $(JOBS)

# Needs Debian's chromium, as the tests of pages do.
screenshots: $(READY)
	@$(BIN)/python -m tests.screenshots

# A seeded sample of about three minutes is a slow test.
explore: $(READY)
	$(BIN)/python -m tests.interleaving.explore --all --seed $(SEED)

# At least 50 kills and 20,000 taps on each database, and a shorter run in which the one of three that polls is killed;
# five kills and some hundred taps are part of `make test-slow`. SEED= selects another one.
SEED ?= 1
chaos: $(READY)
	$(BIN)/python -m tests.chaos.run --database sqlite --kills 50 --taps 20000 --seed $(SEED)
	$(BIN)/python -m tests.chaos.run --database postgres --replicas 3 --webhook --kills 50 --taps 20000 --seed $(SEED)
	$(BIN)/python -m tests.chaos.run --database postgres --replicas 3 --kills 20 --taps 3000 --seed $(SEED)

# The clinical core as a whole, then a sample of the use cases, chosen by SEED. Survivors are listed with a reason in
# deploy/mutation.md. mutmut would keep earlier results after a change of the tests.
mutation: $(READY)
	rm -rf mutants
	$(BIN)/python -m mutmut run --max-children $(JOBS)
	$(BIN)/python -m mutmut results
	$(BIN)/python -m tests.mutation --seed $(SEED) --count 1000 --jobs $(JOBS)

env-example: $(READY)
	$(BIN)/python -m bot.config > .env.example

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage mutants
	find bot migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +
