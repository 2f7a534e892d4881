"""The pages in docs/: their examples run, what is generated is up to date, links lead somewhere.

With --update the results that the examples show, and docs/operations.md, are written anew.
"""

import contextlib
import doctest
import io
import linecache
import re
import runpy
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import flatgrad.rules  # noqa: F401  (fills the registry)
from flatgrad import operations
from flatgrad.registry import RULES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
EXAMPLES = [p for p in PAGES if ">>> " in p.read_text(encoding="utf-8")]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)[^)]*\)")
CODE = re.compile(r"(?m)^(>>>|\.\.\.|    ).*$")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# --------------------------------------------------------------------------------------- examples


@contextlib.contextmanager
def rules_as_they_are() -> Iterator[None]:
    """A page may declare rules of its own; they are gone afterwards."""
    before = set(RULES)
    yield
    for op in set(RULES) - before:
        del RULES[op]


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_examples_show_what_happens(page, update):
    if update:
        with rules_as_they_are():
            text = rewritten(page)
        page.write_text(text, encoding="utf-8")
    with rules_as_they_are():
        failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried > 0
    assert failed == 0, "see the report above; --update rewrites what a page shows"


def rewritten(page: Path) -> str:
    """The page with what its examples print today."""
    text = page.read_text(encoding="utf-8")
    lines, names = text.splitlines(keepends=True), {"__name__": "__main__"}
    changes = []
    for example in doctest.DocTestParser().get_examples(text):
        start = example.lineno + example.source.count("\n")
        stop = start + example.want.count("\n")
        changes.append((start, stop, shown(example, names)))
    for start, stop, output in reversed(changes):
        lines[start:stop] = output
    return "".join(lines)


def shown(example: doctest.Example, names: dict) -> list[str]:
    """What the interpreter shows for one example; a blank line as doctest spells it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(example.source, known(example.source), "single"), names)
        except Exception as error:
            told = "".join(traceback.format_exception_only(error))
            printed.write(f"Traceback (most recent call last):\n    ...\n{told}")
    margin = " " * example.indent
    found = printed.getvalue().rstrip("\n")
    lines = found.split("\n") if found else []
    return [f"{margin}{line or '<BLANKLINE>'}\n" for line in lines]


def known(source: str) -> str:
    """The name of a file in which inspect finds the source, as doctest sees to it."""
    name = f"<example {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    return name


# -------------------------------------------------------------------------------- generated pages


def test_table_of_operations_is_up_to_date(golden):
    golden(DOCS / "operations.md", operations.page())


def test_the_script_prints_the_table(capsys):
    runpy.run_path(str(DOCS / "generate_operations.py"))
    assert capsys.readouterr().out == operations.page()


# ------------------------------------------------------------------------------------------ links


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    links = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_in_the_index():
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    pages = {p.name for p in (DOCS / "decisions").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()
