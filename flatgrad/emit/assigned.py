"""Statements of Python -> the names that they assign on every way through."""

from __future__ import annotations

import ast
from collections.abc import Sequence

ENDS = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def may_be_missing(lines: Sequence[ast.stmt]) -> set[str]:
    """Names that some way through the lines assigns and another does not."""
    return _stored(lines) - _surely(lines)


def _stored(lines: Sequence[ast.AST]) -> set[str]:
    nodes = (n for line in lines for n in ast.walk(line))
    return {
        n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _surely(lines: Sequence[ast.stmt]) -> set[str]:
    found: set[str] = set()
    for line in lines:
        found |= _of_statement(line)
        if isinstance(line, ENDS):
            break
    return found


def _of_statement(line: ast.stmt) -> set[str]:
    match line:
        case ast.If(test=test, body=body, orelse=orelse):
            return _stored([test]) | _of_ways([body, orelse])
        case ast.For():
            return set()
        case ast.While(test=ast.Constant(value=True), body=body):
            return _surely(_before_leaving(body))
        case ast.While(test=test):
            return _stored([test])
        case ast.With(body=body):
            return _surely(body)
        case ast.Try(body=body, orelse=orelse, finalbody=final):
            return _surely([*body, *orelse, *final])
        case _:
            return _stored([line])


def _of_ways(ways: Sequence[Sequence[ast.stmt]]) -> set[str]:
    """What every way assigns that gets to the end."""
    going = [
        _surely(way)
        for way in ways
        if not any(isinstance(line, ast.Raise | ast.Return) for line in way)
    ]
    return set.intersection(*going) if going else set()


def _before_leaving(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for line in body:
        if any(isinstance(n, ast.Break) for n in ast.walk(line)):
            break
        found.append(line)
    return found
