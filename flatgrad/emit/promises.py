"""The text of a function -> the same text without what its docstring says of results that it does not return any more."""

from __future__ import annotations

import ast
import re

# "Returns:", "Returns a scalar loss", ":returns: the loss", and a heading that is underlined.
RESULTS = re.compile(
    r"\s*(:?(returns?|yields?|rtype)\b|(outputs?|results?)\s*(:|$))", re.IGNORECASE
)
HEADING = re.compile(r"\s*[A-Z][A-Za-z ]*:\s*$|\s*:\w+")
UNDERLINE = re.compile(r"\s*[-=]{3,}\s*$")


def without_promises(text: str) -> str:
    """Inputs stay, results go."""
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    match function.body:
        case [ast.Expr(value=ast.Constant(value=str(), lineno=first, end_lineno=int(last))), *rest] if last > first and rest:  # fmt: skip
            lines = text.split("\n")
            kept = _kept(lines[first : last - 1])
            return "\n".join([*lines[:first], *kept, *lines[last - 1 :]])
        case _:
            return text


def _kept(lines: list[str]) -> list[str]:
    """The lines between the first and the last one of the docstring."""
    found: list[str] = []
    leaving = False
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if RESULTS.match(line):
            leaving = True
        elif HEADING.match(line) or UNDERLINE.match(following):
            leaving = False
        if not leaving:
            found.append(line)
    while found and not found[-1].strip():
        found.pop()
    return found


__all__ = ["without_promises"]
