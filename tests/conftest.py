"""What all tests share: files whose text is compared, and rewritten with --update."""

from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    help = "rewrite the expected texts: samples, README blocks, generated pages"
    parser.addoption("--update", action="store_true", help=help)


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))


@pytest.fixture
def golden(update: bool) -> Golden:
    """Assert that a file holds this text, or put it there."""

    def compare(path: Path, text: str) -> None:
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        assert there == text, f"{path.name} is stale; make samples rewrites it"

    return compare
