"""The emitted gradient of a method -> a class that has it as a method, to be differentiated again.

def hidden(self, X): ...                                    class Net:
def loss_gradient(self, X):                         ->          def hidden(self, X): ...
    h = hidden(self, X)                                         def loss_gradient(self, X):
    ...                                                             h = self.hidden(X)
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from flatgrad.interface.arguments import Length
from flatgrad.interface.attributes import told_of_values, with_attributes
from flatgrad.interface.code_text import MARGIN
from flatgrad.interface.files import body, bound_names
from flatgrad.interface.methods import with_names_of_attributes
from flatgrad.interface.readings import CLASS, FUNCTION, METHOD, Piece, Reading


def read_emitted_method(
    text: str,
    name: str,
    found: Reading,
    values: Sequence[Any] | None,
    lengths: tuple[Length, ...],
    alone: bool,
) -> Reading:
    """`name` of the emitted text as a method; `alone`: it is to return a tuple of its one gradient."""
    owner = found.function.partition(".")[0]
    pieces = list(_pieces(text, owner, found.held, name if alone else ""))
    read = {bound for node in body(text) for bound in bound_names(node)}
    reading = replace(
        found,
        text="\n\n".join(p.text for p in pieces),
        function=f"{owner}.{name}",
        entries={n: e for n, e in found.entries.items() if n in read},
        pieces=tuple(pieces),
        lengths=lengths,
        in_file=False,
    )
    reading = with_names_of_attributes(reading)
    if values is None:
        return reading
    return with_attributes(reading, told_of_values(reading, values, reading.sizes))


def _pieces(text: str, owner: str, held: str, tupled: str) -> Iterator[Piece]:
    nodes = body(text)
    own = [n for n in nodes if isinstance(n, ast.FunctionDef) and _takes(n, held)]
    lines = text.splitlines(keepends=True)
    for node in own:
        for number in range(node.lineno - 1, node.end_lineno or 0):
            lines[number] = ""
    yield Piece("", "".join(lines), FUNCTION)
    yield Piece(owner, f"class {owner}:\n", CLASS)
    called = {n.name for n in own}
    for node in own:
        whole = ast.get_source_segment(text, node) or ""
        if node.name == tupled:
            whole = _tupled(whole)
        definition = textwrap.indent(_called(whole, called, held), MARGIN) + "\n"
        yield Piece(f"{owner}.{node.name}", definition, METHOD)


def _takes(node: ast.FunctionDef, held: str) -> bool:
    """The first parameter is the object."""
    every = [*node.args.posonlyargs, *node.args.args]
    return bool(every) and every[0].arg == held


def _called(text: str, names: set[str], held: str) -> str:
    """hidden(self, X) -> self.hidden(X)"""
    for name in names:
        pattern = rf"(?<!def )\b{name}\(\s*{held}\b\s*(?:,\s*)?"
        text = re.sub(pattern, f"{held}.{name}(", text)
    return text


def _tupled(text: str) -> str:
    """Every return of the function gives a tuple of one."""
    data = text.encode().split(b"\n")
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Return)]
    for node in sorted(nodes, key=lambda n: n.lineno, reverse=True):
        value = node.value
        assert value is not None
        last = (value.end_lineno or 1) - 1
        data[last] = data[last][: value.end_col_offset] + b",)"
        first = value.lineno - 1
        data[first] = data[first][: value.col_offset] + b"(" + data[first][value.col_offset :]  # fmt: skip
    return b"\n".join(data).decode()


__all__ = ["read_emitted_method"]
