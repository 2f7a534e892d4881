PYTHON ?= python
PYTHON_FILES = .

# Not empty: check everything but the tests (they have just been run).
SKIP_TESTS ?=

.PHONY: check style types test format samples docs bench clean

check: style types $(if $(SKIP_TESTS),,test)

style:
	$(PYTHON) -m black --check --quiet --diff $(PYTHON_FILES)
	$(PYTHON) -m ruff check $(PYTHON_FILES)

types:
	$(PYTHON) -m mypy --strict

test:
	$(PYTHON) -m pytest

format:
	$(PYTHON) -m ruff check --fix-only --quiet $(PYTHON_FILES)
	$(PYTHON) -m black --quiet $(PYTHON_FILES)

# Rewrites every samples/x_grad.py; read the difference before you commit it.
samples:
	$(PYTHON) -m pytest tests/test_samples.py --update

# Runs the examples in the pages.
docs:
	$(PYTHON) -m doctest $(wildcard docs/*.md)

bench:
	$(PYTHON) benchmarks/transform.py
	$(PYTHON) benchmarks/runtime.py

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name .venv -prune -o -type d -name __pycache__ -exec rm -rf {} +
