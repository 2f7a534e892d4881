PYTHON ?= python
PYTHON_FILES = .

# Not empty: check everything but the tests (they have just been run).
SKIP_TESTS ?=

# How long to look for programs whose gradient is wrong.
SECONDS ?= 60

.PHONY: check style types test format samples docs fuzz bench clean

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

# Rewrites every samples/x_grad.py and the notebook; read the difference before you commit it.
samples:
	$(PYTHON) -m pytest tests/test_samples.py tests/test_notebook.py --update

# Rewrites what the README and the pages show, and the table of operations; read the difference, too.
docs:
	$(PYTHON) -m pytest tests/test_readme.py tests/test_docs.py --update

# Programs drawn by chance: whatever is accepted has to agree with differences.
fuzz:
	$(PYTHON) -m tests.fuzz --seconds $(SECONDS)

bench:
	$(PYTHON) benchmarks/transform.py
	$(PYTHON) benchmarks/runtime.py
	$(PYTHON) benchmarks/checkpoint.py
	$(PYTHON) benchmarks/imports.py

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name .venv -prune -o -type d -name __pycache__ -exec rm -rf {} +
