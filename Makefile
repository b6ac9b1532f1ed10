# Every task is one command; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run demo test check bench bench-import bench-ldap soak conformance picture docs lock clean env-run env-test

export PYTHON
run demo: export SHAREDBOOK_DATA_DIR ?= $(CURDIR)/var
run: export SHAREDBOOK_CARDDAV_TLS_LISTEN ?= 127.0.0.1:5233
run: export SHAREDBOOK_LDAPS_LISTEN ?= 127.0.0.1:3636
BIN := .venv/bin

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: env-run ## serve a demo address book over CardDAV and LDAP on this machine, until Ctrl-C
	@$(BIN)/sharedbook demo --if-empty
	@$(BIN)/sharedbook serve

demo: env-run ## fill ./var with the demo organisation, without serving it
	@$(BIN)/sharedbook demo --if-empty

test: ## everything CI runs; as root it installs the system packages that the tests need
	@sh tools/system_packages.sh
	@$(MAKE) --no-print-directory env-test
	@$(BIN)/python tools/run_tests.py $(SUITES)

check: env-test ## ruff, mypy and the layer contracts
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

conformance: ## only the suite that drives real clients against a running server, GNOME's and KDE's too
	@SHAREDBOOK_TEST_WITH=evolution,kdav,roundcube $(MAKE) --no-print-directory test SUITES=conformance

soak: env-test ## the long reliability tests: hours
	@SHAREDBOOK_TEST_SOAK=1 $(BIN)/python -m pytest -m soak --timeout=0 tests

bench: env-test ## CardDAV beside four other servers, if installed; SIZES="1000 10000 50000"
	@$(BIN)/python -m tests.bench.carddav $(SIZES)

bench-import: env-test ## csv import beside plain csv and executemany
	@$(BIN)/python -m tests.bench.importing

bench-ldap: env-test ## the LDAP gateway: autocomplete, lookups, paging
	@$(BIN)/python -m tests.bench.ldap
	@$(BIN)/python -m tests.bench.ldap_growth

picture: env-test ## take the README's picture of Thunderbird
	@$(BIN)/python tools/take_picture.py

docs: env-test ## write the documents that are generated from the code
	@$(BIN)/python tools/write_docs.py

lock: ## write requirements/*.txt: the newest versions that pyproject.toml allows
	@sh tools/lock.sh

clean: ## remove what the other commands created, except the data in ./var
	@rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache tests/conformance/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

env-run:
	@sh tools/python_env.sh run

env-test:
	@sh tools/python_env.sh test
