# The front door. Each target needs only Python 3.11 or newer with venv, and make.
# Variables given here (make up HMM_PORT=8080, make test DATABASE_URL=…) reach HMM as its environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
# Four also where there are two cores: many tests wait for processes and sockets. ARGS come later and win: make test ARGS=-n0 runs them one after another.
WORKERS := --numprocesses=4 --dist=worksteal
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.PHONY: help setup setup-farm demo up test lint bench screenshots clean

help: ## Say what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/'

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "HMM needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11 …" >&2; exit 2; }
	@echo "Installing into $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@echo "Installing what the tests need …"
	@$(PIP) -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.installed ## Install what HMM needs into .venv

setup-farm: setup ## Install what reads the firmware of farms (Antminer, Whatsminer, Braiins OS, LuxOS, VNish)
	@$(PIP) -r requirements-farm.txt

# exec: the shell gives way to HMM, so that Ctrl-C and SIGTERM reach it and make waits for its end.
demo: setup ## Run HMM on a simulated fleet
	@exec $(MANAGE) up --demo

up: setup ## Run HMM for your own miners
	@exec $(MANAGE) up

# Bytecode is kept, also where the environment says not to: the tests start many processes, and each would compile HMM anew.
test: $(VENV)/.installed-dev ## Install what the tests need and run every test
	@.ci/chromium $(BIN)/playwright
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(WORKERS) $(ARGS)

lint: $(VENV)/.installed-dev ## ruff, mypy, import-linter, djhtml, Django's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	find templates -name '*.html' -exec $(BIN)/djhtml --check {} +
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check --deploy --fail-level WARNING

ifneq ($(wildcard benchmarks/run.py),)
bench: setup ## Measure
	@exec $(BIN)/python benchmarks/run.py $(ARGS)
endif

screenshots: $(VENV)/.installed-dev ## Take the pictures of docs/screenshots anew, of a simulated fleet of their own
	@.ci/chromium $(BIN)/playwright
	@exec $(BIN)/python docs/screenshots/take.py $(ARGS)

clean: ## Remove the virtual environment and caches (never your data)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache staticfiles
