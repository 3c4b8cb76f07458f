# GNU make. Needs Python 3.11+ and Node 20+; all else is installed into .venv and node_modules.

# Recipes run in this folder and name it nowhere, so that it may have spaces in its name.
PYTHON ?= python3
IN_VENV := .venv/bin/python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up demo verify retry-emails reset test test-slow test-all check format bench chaos screenshots emails types migration lock install clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

up: install ## Start everything on this machine until Ctrl-C (UI=0 leaves the page out, UI=built builds it)
	@$(IN_VENV) -m dev.up

demo: install ## Buy tickets as two customers would, against a running `make up`
	@$(IN_VENV) -m tests.demo

verify: .venv/installed ## Check all invariants in a running `make up`, and compare with its Stripe
	@$(IN_VENV) -m dev.manage verify --second-look 5

retry-emails: .venv/installed ## Retry failed emails in a running `make up` (ID=7 for one)
	@$(IN_VENV) -m dev.manage retry-emails $(ID)

reset: .venv/installed ## Delete all data of `make up`
	@$(IN_VENV) -m dev.reset

test: install ## Run the tests of all layers, within 8 minutes on two cores (ARGS="tests/sql -k lock" for a selection)
ifdef ARGS
	@$(IN_VENV) -m pytest $(ARGS)
else
	@began=$$(date +%s); \
	npm --prefix frontend run --silent test && \
	$(PYTEST) -m "not slow" --durations=20 && \
	echo "make test: passed in $$(($$(date +%s) - began)) s of 480 s"
endif

test-slow: install ## Run the tests that `make test` leaves out: mutants, chaos, a sale with 2,000 buyers, axe in all states
	@began=$$(date +%s); \
	FUZZ=10 $(PYTEST) -m "(slow or fuzz) and not alone" --durations=20 && \
	$(IN_VENV) -m pytest -m alone && \
	echo "make test-slow: passed in $$(($$(date +%s) - began)) s of 1800 s"

test-all: test test-slow ## Run all tests

# How many workers, and that tests which share a stack stay on one of them: tests/conftest.py.
PYTEST = $(IN_VENV) -m pytest -n auto

check: install ## Check lints, format, types and known vulnerabilities (AUDIT=required fails without a registry)
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/pyright
	@.venv/bin/sqlfluff lint --disable-progress-bar --nocolor sql
	@$(IN_VENV) -m dev.migrations advisors
	@cd frontend && npm run --silent lint
	@cd frontend && npm run --silent typecheck
	@cd frontend && npm run --silent format
	@$(IN_VENV) -m tests.audit

format: install ## Format all code
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format --quiet .
	@cd frontend && npm run --silent format:write

bench: install ## Measure, each figure against a baseline of the same run
	@$(IN_VENV) -m bench $(ARGS)

chaos: install ## Inject faults for ten minutes and count losses (ARGS="--seconds 60 --seed 7")
	@$(IN_VENV) -m tests.chaos $(ARGS)

screenshots: install ## Take pictures of every page into .local/screenshots and docs/screenshots (ARGS="films ticket" for some)
	@$(IN_VENV) -m tests.screenshots $(ARGS)

emails: install ## Take new sentences of emails into their catalogs, and write an email of every kind into docs/emails
	@$(IN_VENV) -m dev.email_catalogs
	@$(IN_VENV) -m tests.emails

types: install ## Generate the files that follow from sql/: error codes, currencies, types for Python and the page, docs/permissions.md
	@mkdir -p .local
	@$(IN_VENV) -m dev.error_codes python > .local/types && mv .local/types backend/error_codes.py
	@$(IN_VENV) -m dev.error_codes typescript > .local/types && mv .local/types frontend/src/api/error-codes.ts
	@$(IN_VENV) -m dev.currencies python > .local/types && mv .local/types backend/currencies.py
	@$(IN_VENV) -m dev.currencies typescript > .local/types && mv .local/types frontend/src/shared/lib/currencies.ts
	@$(IN_VENV) -m dev.migrations types python > .local/types && mv .local/types backend/database_types.py
	@$(IN_VENV) -m dev.migrations types typescript > .local/types && mv .local/types frontend/src/api/database.types.ts
	@$(IN_VENV) -m tests.sql.permissions

migration: install ## Draft NAME as a migration: what sql/ has and the migrations lack
	@test -n "$(NAME)" || { echo "Say how to call it: make migration NAME=pre_add_reviews"; exit 1; }
	@$(IN_VENV) -m dev.migrations draft "$(NAME)"

lock: install ## Pin all packages for requirements*.in (ARGS="--upgrade-package flask" for newer ones)
	@$(LOCK) --output-file requirements.txt requirements.in
	@$(LOCK) --constraints requirements.txt --output-file requirements-dev.txt requirements-dev.in

# For every platform and every Python that Frontrow runs on, not only for this machine.
LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command "make lock" $(ARGS)

clean: ## Delete installed packages and caches
	@rm -rf .venv dev/node_modules frontend/node_modules .pytest_cache .ruff_cache .hypothesis

install: .venv/installed dev/node_modules/.installed frontend/node_modules/.installed

.venv/installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Frontrow needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing); set PYTHON=python3.11 or so."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) lacks its module venv; on Debian: apt-get install python3-venv."; exit 1; }
	@echo "Installing Python packages ..."
	@test -x $(IN_VENV) || $(PYTHON) -m venv .venv
	@$(IN_VENV) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# Not `npm ci`: it refuses the lock file of dev/, which was written where a registry lacked the binaries of other platforms.
# That of the page is complete, and docs/deploy.md builds from `npm ci`.
%/node_modules/.installed: %/package.json %/package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null || \
	  { echo "Frontrow needs Node 20 or newer, and node is $$(node --version 2>/dev/null || echo missing)."; exit 1; }
	@echo "Installing Node packages of $* ..."
	@cd $* && npm install --no-save --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@
