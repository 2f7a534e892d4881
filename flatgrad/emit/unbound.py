"""Lines of a function -> the names that it reads before it gives them a value."""

from __future__ import annotations

import ast
from collections.abc import Sequence


def unbound(lines: Sequence[str]) -> set[str]:
    """Names that may be read before they are bound."""
    found: set[str] = set()
    tree = ast.parse(
        "def f():\n" + "\n".join(f"    {line}" for line in lines) + "\n    pass"
    )
    assert isinstance(tree.body[0], ast.FunctionDef)
    _suite(tree.body[0].body, set(), found)
    return found


def _suite(body: Sequence[ast.stmt], bound: set[str], found: set[str]) -> set[str]:
    """What is surely bound after the statements."""
    for node in body:
        bound = _statement(node, bound, found)
    return bound


def _statement(node: ast.stmt, bound: set[str], found: set[str]) -> set[str]:
    match node:
        case ast.For(target=target, iter=over, body=body):
            _reads(over, bound, found)
            _suite(body, bound | _names(target), found)
            return bound
        case ast.If(test=test, body=body, orelse=other):
            _reads(test, bound, found)
            return _suite(body, bound, found) & _suite(other, bound, found)
        case ast.Assign(targets=targets, value=value):
            _reads(value, bound, found)
            for target in targets:
                _reads(target, bound, found)
            return bound.union(*map(_names, targets))
        case ast.AugAssign(target=target, value=value):
            _reads(value, bound, found)
            found |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)} - bound
            return bound | _names(target)
        case _:
            _reads(node, bound, found)
            return bound


def _names(target: ast.expr) -> set[str]:
    return {
        n.id
        for n in ast.walk(target)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _reads(node: ast.AST, bound: set[str], found: set[str]) -> None:
    if isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp):
        for part in node.generators:
            bound = bound | _names(part.target)
    if (
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id not in bound
    ):
        found.add(node.id)
    for child in ast.iter_child_nodes(node):
        _reads(child, bound, found)
