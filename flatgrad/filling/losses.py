"""Text of a file -> its losses whose forward is written and whose gradient is not: `return loss, dW`, `loss, grads`.

Functions and methods. What they return besides the loss begins as None, {} or zeros, and nothing else is done to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

import libcst as cst

from flatgrad.filling.stubs import (
    Stub,
    before,
    functions_in,
    is_empty,
    is_placeholder,
    lines_of,
)
from flatgrad.styles.homework import is_unfinished_loss, stub_results


def losses_of(text: str) -> list[Stub]:
    """The losses of a file that lack their gradient."""
    nodes = dict(functions_in(ast.parse(text)))
    lines = text.split("\n")
    found = []
    for name, results in _unfinished(cst.parse_module(text)).items():
        if not is_empty(nodes[name]):
            found.append(_stub(name, nodes[name], results, lines))
    return found


def _unfinished(tree: cst.Module) -> Mapping[str, dict[str, str]]:
    """The results that are to be filled in, of each function that lacks them."""
    return {
        name: stub_results(node)
        for name, node in _functions(tree)
        if is_unfinished_loss(node)
    }


def _functions(tree: cst.Module) -> Iterator[tuple[str, cst.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, cst.FunctionDef):
            yield node.name.value, node
        elif isinstance(node, cst.ClassDef):
            inner = [n for n in node.body.body if isinstance(n, cst.FunctionDef)]
            yield from ((f"{node.name.value}.{n.name.value}", n) for n in inner)


def _stub(
    name: str, node: ast.FunctionDef, results: Mapping[str, str], lines: Sequence[str]
) -> Stub:
    """The code takes the place of a `pass` that is the last line but the return, or stands before that."""
    *_, behind, returned = node.body
    if is_placeholder(behind):
        first, last = lines_of(behind)
    else:
        first = before(behind.end_lineno or behind.lineno, returned, lines)
        last = first - 1
    told = tuple(results.values())
    return Stub(name, name, node, first, last, tuple(results), is_loss=True, told=told)


__all__ = ["losses_of"]
