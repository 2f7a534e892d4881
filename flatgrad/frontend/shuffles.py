"""np.random.shuffle(y) -> order = np.random.permutation(len(y)) and y[:] = y[order], which draw the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

import libcst as cst

from flatgrad.frontend.matches import Fresh
from flatgrad.frontend.module import nodes_in

Lines = list[Any]
GENERATORS = ("default_rng", "RandomState")


def is_shuffle(node: cst.CSTNode) -> bool:
    """A statement that may be one."""
    return _shuffled(node) is not None


def rewriting(function: cst.FunctionDef, fresh: Fresh) -> Callable[[Lines], Lines]:
    """What writes the lines of a body without shuffles of numpy.random and its generators."""
    generators = {name for node in nodes_in(function.body) for name in _made(node)}

    def rewrite(lines: Lines) -> Lines:
        return [part for line in lines for part in _plain(line, generators, fresh)]

    return rewrite


def _plain(line: Any, generators: Set[str], fresh: Fresh) -> Lines:
    found = _shuffled(line)
    if found is None:
        return [line]
    source, array = found
    if not _is_random(source) and not (
        isinstance(source, cst.Name) and source.value in generators
    ):
        return [line]
    order, drawn = fresh.name("order"), cst.Module([]).code_for_node(source)
    draw = cst.parse_statement(f"{order} = {drawn}.permutation(len({array}))")
    store = cst.parse_statement(f"{array}[:] = {array}[{order}]")
    assert isinstance(store, cst.SimpleStatementLine)
    return [
        draw.with_changes(leading_lines=line.leading_lines),
        store.with_changes(trailing_whitespace=line.trailing_whitespace),
    ]


def _shuffled(line: cst.CSTNode) -> tuple[cst.BaseExpression, str] | None:
    """Whose method shuffle is called, and the name of the array."""
    match line:
        case cst.SimpleStatementLine(
            body=[
                cst.Expr(
                    value=cst.Call(
                        func=cst.Attribute(
                            value=source, attr=cst.Name(value="shuffle")
                        ),
                        args=[cst.Arg(value=cst.Name(value=array), keyword=None)],
                    )
                )
            ]
        ):
            return source, array
        case _:
            return None


def _is_random(source: cst.BaseExpression) -> bool:
    """np.random"""
    match source:
        case cst.Attribute(value=cst.Name(), attr=cst.Name(value="random")):
            return True
        case _:
            return False


def _made(node: cst.CSTNode) -> list[str]:
    """rng of rng = np.random.default_rng(0)"""
    match node:
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Name(value=name))],
            value=cst.Call(func=cst.Attribute(attr=cst.Name(value=made))),
        ) if (
            made in GENERATORS
        ):
            return [name]
        case _:
            return []


__all__ = ["is_shuffle", "rewriting"]
