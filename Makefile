# The two commands of the README: `make demo` and `make test`. Both make .venv first, if need be.
PYTHON ?= python3
BIN := .venv/bin
# Tests have a process a core; linear algebra with as many threads in each would have them wait for each other
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

.PHONY: demo test long format clean
.DELETE_ON_ERROR:

demo: .venv/installed
	$(BIN)/fieldguide demo demo

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(ONE_THREAD) $(BIN)/pytest -n auto --dist loadfile --durations=20

long: .venv/installed
	$(ONE_THREAD) $(BIN)/pytest -n auto --dist loadfile -m "long or not long" --cov --cov-report=term:skip-covered

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "fieldguide needs Python 3.11 to 3.13: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv demo .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
