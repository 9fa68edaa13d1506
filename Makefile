# What people do with this project; each target installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test check drill bench browser lock clean

help:            ## this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 18

run: .venv/run   ## start the bot with a web chat on http://127.0.0.1:8080
	$(BIN)/python -m bot

test: .venv/test ## every test, on SQLite and on a PostgreSQL that comes with the tests
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

check: .venv/test ## format, lint, types, import contracts, content
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m knowledge check

drill: .venv/test ## the long crash and load runs
	$(BIN)/python -m pytest -m drill -s

browser: .venv/test ## the web page in a real browser (needs Debian's chromium)
	$(BIN)/python -m pytest -m browser

bench: .venv/test ## the figures, one JSON line each
	$(BIN)/python -m benchmarks

lock: .venv/test ## pin the dependencies anew, with hashes
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q --upgrade pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q --upgrade --extra test pyproject.toml -o requirements/test.txt

.venv/run: requirements/run.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	touch $@

.venv/test: requirements/test.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	touch .venv/run $@

clean:           ## forget the environment and the caches, never the data
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
