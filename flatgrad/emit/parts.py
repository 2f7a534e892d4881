"""What the text of one function is made of: a style puts it together in the way of a course or a library."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from flatgrad.emit.cache import Cached
from flatgrad.emit.expressions import Dialect, print_statement
from flatgrad.emit.names import Names
from flatgrad.emit.signature import ONE
from flatgrad.emit.unbound import unbound
from flatgrad.frontend.scope import Function
from flatgrad.graph import Var
from flatgrad.types import Shape

INDENT = "    "


@dataclass(frozen=True)
class Held:
    """What is known of the values that the names of the forward hold."""

    shapes: dict[str, Shape]  # where the forward ends
    sharing: Sequence[
        frozenset[str]
    ]  # names of which each may show the array of another
    written: frozenset[str]  # names of arrays that something is written into
    drawn: frozenset[str]  # names of what would be another value the next time
    asides: Sequence[str]  # results without a cotangent, by name: the cache


@dataclass(frozen=True)
class Parts:
    """The pieces of a forward and a backward function, as lines that are not indented.

    `forward` is the user's text without its docstring; it leaves every output and every `cached` value under its
    name. `backward` reads the names of `cached` and of `seeds`, and nothing else that `forward` binds.
    """

    function: Function
    docstring: Sequence[str]
    forward: Sequence[str]
    outputs: Sequence[str]  # expressions, one for each result of the function
    cached: Sequence[
        Cached
    ]  # (the name in the backward, the expression in the forward)
    cache: str  # a free name for all of them
    seeds: Sequence[str]  # names of the cotangents, of the outputs that have one
    seeded: Sequence[str]  # those outputs, as they are named in the forward
    defaults: dict[
        str, str
    ]  # of the seeds: "1.0", or "None" for ones of the output's shape
    backward: Sequence[str]
    wrt: Sequence[str]  # names of parameters
    gradients: Sequence[str]  # expressions, one for each of `wrt`
    names: Names  # those of this text, for new ones
    module_names: Names  # those of the module, for new functions and classes
    dialect: Dialect  # how libraries are spelled; what is asked of it is imported
    # The forward for a backward that stands in the same lines: names that one way of a branch leaves out stay so.
    running: Sequence[str]
    prefix: str  # of names of derivatives
    signature: str  # the parameters, as the user wrote them
    scalar: bool  # the function has one result with a cotangent, and it is a number
    # The same backward and gradients, as they read what the forward leaves: `x.shape` where `cached` has x_shape.
    reading: Sequence[str]
    read_gradients: Sequence[str]
    bound: frozenset[
        str
    ]  # the names that the forward gives a value, parameters among them
    values: dict[str, list[Var]]  # of the graph, under each name of the forward
    arrays: frozenset[str]  # those of these names that surely stand for arrays
    held: Held

    def read(self) -> set[str]:
        """The names that the backward reads before it gives them a value."""
        return unbound([*self.reading, *self.read_gradients])

    def ones(self, output: str) -> str:
        """The cotangent of a result that is all that is asked for."""
        seed = self.seeds[self.seeded.index(output)]
        if self.defaults.get(seed) == ONE:
            return ONE
        return shown(self.dialect.ones_like(ast.parse(output, mode="eval").body))


def shown(item: ast.expr) -> str:
    """The text of an expression that stands among others."""
    text = print_statement(ast.Expr(item))
    return f"({text})" if isinstance(item, ast.Tuple) else text


def indented(lines: Sequence[str]) -> list[str]:
    """The lines in a block of their own; what a string of several lines holds stays as it is."""
    text = "\n".join(lines)
    within = _within_strings(text) if '"""' in text or "'''" in text else set()
    split = text.split("\n") if within else lines
    return [
        INDENT + line if line and number not in within else line
        for number, line in enumerate(split, 1)
    ]


def _within_strings(text: str) -> set[int]:
    """The lines of a text that begin within a string, but for docstrings."""
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.stmt)]
    plain = {
        id(part)
        for node in nodes
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for part in ast.walk(node)
        if isinstance(part, ast.Constant | ast.JoinedStr)
    }
    return {
        line
        for node in nodes
        for part in ast.walk(node)
        if id(part) in plain and isinstance(part, ast.expr)
        for line in range(part.lineno + 1, (part.end_lineno or part.lineno) + 1)
    }
