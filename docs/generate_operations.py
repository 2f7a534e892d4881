"""Print docs/operations.md; `pytest tests/test_docs.py --update` writes it, and `flatgrad ops` prints it, too."""

from flatgrad.operations import page

print(page(), end="")
