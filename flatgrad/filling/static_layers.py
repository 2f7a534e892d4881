"""Text of a file with layers as static methods -> the same text with them as functions, too, which calls these.

    class Linear:                                        def Linear_forward(x, w, b):
        @staticmethod                          ->            ...
        def forward(x, w, b): ...                        a, cache = Linear_forward(x, w, b)

The functions stand behind everything else, and every line and column before them is where it was.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from flatgrad.errors import Diagnostic, Place
from flatgrad.filling.stubs import Stub

WAYS = ("forward", "backward")


@dataclass(frozen=True)
class Added:
    """Where a method stands again: from this line on, and where it was."""

    line: int
    was: int
    column: int


@dataclass(frozen=True)
class Flattened:
    """The text, and which of its functions are methods of which classes."""

    text: str
    classes: tuple[str, ...] = ()
    added: tuple[Added, ...] = ()

    def name(self, method: str) -> str:
        """Linear_forward, of Linear.forward"""
        return self._pattern(r"\.").sub(r"\1_\2", method)

    def spelled(self, line: str) -> str:
        """The line as the file has it."""
        return self._pattern("_").sub(r"\1.\2", line)

    def stub(self, stub: Stub) -> Stub:
        return replace(stub, name=self.name(stub.name), forward=self.name(stub.forward))

    def _pattern(self, between: str) -> re.Pattern[str]:
        classes = "|".join(self.classes) or r"(?!)"
        return re.compile(rf"(?<![\w.])({classes}){between}({'|'.join(WAYS)})\b")

    def placed(self, problem: Diagnostic) -> Diagnostic:
        """In the words and at the place of the file."""
        problem = replace(problem, what=self.spelled(problem.what), next_step=self.spelled(problem.next_step))  # fmt: skip
        place = problem.place
        for added in reversed(self.added):
            if place is not None and place.line >= added.line:
                down = added.was - added.line
                place = Place(place.line + down, place.column + added.column, place.end_line + down, place.end_column + added.column)  # fmt: skip
                return replace(problem, place=place)
        return problem


def flattened(text: str) -> Flattened:
    """The text itself where there are no such classes."""
    layers = [*_layers(ast.parse(text))]
    free = [name for name, _ in layers if not re.search(rf"\b{name}_({'|'.join(WAYS)})\b", text)]  # fmt: skip
    found = Flattened(text, tuple(free))
    lines = found._pattern(r"\.").sub(r"\1_\2", text).split("\n")
    added: list[Added] = []
    for name, methods in layers:
        for method in methods if name in free else ():
            lines += ["", ""]
            added.append(Added(len(lines) + 1, method.lineno, method.col_offset))
            lines += _as_function(name, method, lines)
    return replace(found, text="\n".join(lines), added=tuple(added)) if added else found


def _layers(tree: ast.Module) -> Iterator[tuple[str, list[ast.FunctionDef]]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = [m for m in node.body if isinstance(m, ast.FunctionDef) and m.name in WAYS]  # fmt: skip
            if len(methods) == len(WAYS) and all(map(_is_static, methods)):
                yield node.name, methods


def _is_static(method: ast.FunctionDef) -> bool:
    match method.decorator_list:
        case [ast.Name(id="staticmethod")]:
            return True
        case _:
            return False


def _as_function(
    owner: str, method: ast.FunctionDef, lines: Sequence[str]
) -> list[str]:
    """The lines of a method, not indented, under the name of its class; what a string holds stays in its place."""
    margin = " " * method.col_offset
    first, *others = lines[method.lineno - 1 : method.end_lineno]
    first = first.removeprefix(margin).replace(f"def {method.name}", f"def {owner}_{method.name}", 1)  # fmt: skip
    return [first, *(line.removeprefix(margin) for line in others)]


__all__ = ["Flattened", "flattened"]
