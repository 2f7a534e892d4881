"""A program that fails -> one that cannot be shorter and still fails."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from checking import Trial
from flow_scopes import indent, keyword_of
from walking import ends, is_sound


def shortened(trial: Trial, fails: Callable[[Trial], bool]) -> Trial:
    """Leave out what can be left out, until nothing can; what was sound remains so."""

    def holds(tried: Trial, of: Callable[..., bool]) -> bool:
        return of(tried.text, tried.function, tried.inputs)

    asked = [ends, *[is_sound][: holds(trial, is_sound)]]
    again = True
    while again:
        again, number = False, 0
        while number < len(cuts := list(_cuts(trial))):
            tried = cuts[number]
            if all(holds(tried, of) for of in asked) and fails(tried):
                trial, again = tried, True
            else:
                number += 1
    return trial


def _cuts(trial: Trial) -> Iterator[Trial]:
    """Shorter programs, those that may not run among them."""
    lines = trial.text.split("\n")
    blocks = [
        n for n, line in enumerate(lines) if line and not line.startswith("import")
    ]
    texts = [text for n in reversed(blocks) for text in _without(lines, n)]
    for text in [*texts, *_parts(trial.text)]:
        yield replace(trial, source=text)
    for name in trial.inputs:
        if trial.wrt != (name,):
            yield _without_parameter(trial, name)


def _without(lines: Sequence[str], start: int) -> Iterator[str]:
    """The block gone, its whole statement gone, the block in the place of its statement."""
    end = _end(lines, start)
    first, last = _statement(lines, start)
    yield "\n".join([*lines[:start], *lines[end:]])
    if (first, last) != (start, end):
        yield "\n".join([*lines[:first], *lines[last:]])
    if end > start + 1:
        body = textwrap.dedent("\n".join(lines[start + 1 : end]))
        body = textwrap.indent(body, " " * indent(lines[start]))
        yield "\n".join([*lines[:first], body, *lines[last:]])


def _end(lines: Sequence[str], start: int) -> int:
    """After the block that a line heads."""
    level = indent(lines[start])
    after = range(start + 1, len(lines))
    return next((n for n in after if lines[n] and indent(lines[n]) <= level), len(lines))  # fmt: skip


def _statement(lines: Sequence[str], start: int) -> tuple[int, int]:
    """From the `if` or the loop to the end of the last `else`."""
    level, first, last = indent(lines[start]), start, _end(lines, start)
    while keyword_of(lines[first]) in ("elif", "else"):
        first = next(n for n in reversed(range(first)) if indent(lines[n]) <= level)
    while last < len(lines) and lines[last].strip().startswith(("elif ", "else:")):
        if indent(lines[last]) < level:
            break
        last = _end(lines, last)
    return first, last


def _parts(text: str) -> Iterator[str]:
    """With an expression replaced by one of those that it is made of."""
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        for part in ast.iter_child_nodes(node) if isinstance(node, ast.expr) else ():
            if isinstance(part, ast.expr) and _is_read(node, part):
                number = node.lineno - 1
                line = lines[number]
                kept = ast.get_source_segment(text, part) or ""
                line = line[: node.col_offset] + kept + line[node.end_col_offset :]
                yield "\n".join([*lines[:number], line, *lines[number + 1 :]])


def _is_read(node: ast.expr, part: ast.expr) -> bool:
    """A value, and no target or function."""
    target = isinstance(getattr(node, "ctx", None), ast.Store)
    return not target and part is not getattr(node, "func", None)


def _without_parameter(trial: Trial, name: str) -> Trial:
    def fewer(found: re.Match[str]) -> str:
        kept = [p for p in found[2].split(", ") if not re.match(rf"{name}\b", p)]
        return found[1] + ", ".join(kept) + found[3]

    header = rf"(def {trial.function}\()(.*)(\):\n)"
    return replace(
        trial,
        source=re.sub(header, fewer, trial.text),
        inputs={n: v for n, v in trial.inputs.items() if n != name},
        wrt=tuple(n for n in trial.wrt if n != name),
        shapes={n: v for n, v in trial.shapes.items() if n != name},
    )
