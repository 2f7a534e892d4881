"""A method that gives attributes new values -> the function that returns these values besides its result.

def step(self_h, x):                            def step(self_h, x):
    self_h = np.tanh(self_h + x)        ->          self_h = np.tanh(self_h + x)
    return 2 * self_h                               return 2 * self_h, self_h
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.exits import falls_through, lines_of
from flatgrad.frontend.initial import Initial
from flatgrad.frontend.liveness import Liveness

if TYPE_CHECKING:
    from flatgrad.frontend.methods import Writing

STORED = "FG127"


@dataclass(frozen=True, eq=False)
class Written:
    """A method as a function."""

    name: str
    node: cst.FunctionDef
    attributes: tuple[str, ...]  # which it begins with, by their names in the function
    stored: tuple[str, ...]  # to which it may give new values
    takes_object: bool
    initial: Mapping[str, Initial]  # what __init__ says of these attributes


class Rebuilt(cst.CSTTransformer):
    """Keeps every node in which nothing changes, and knows what stands where another was."""

    def __init__(self, stand_ins: dict[cst.CSTNode, cst.CSTNode]):
        super().__init__()
        self.stand_ins = stand_ins
        self.changed = [False]

    def on_visit(self, node: cst.CSTNode) -> bool:
        self.changed.append(False)
        return self.enters(node)

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        within = self.changed.pop()
        new = self.change(original_node, updated_node if within else original_node)
        if new is not original_node:
            self.stand_ins[new] = original_node
            self.changed[-1] = True
        return new

    def enters(self, node: cst.CSTNode) -> bool:
        return True

    def change(self, original: Any, updated: Any) -> Any:
        return updated


class _Returns(Rebuilt):
    """return out -> return out, self_h"""

    def __init__(
        self, stand_ins: dict[cst.CSTNode, cst.CSTNode], stored: Sequence[str]
    ):
        super().__init__(stand_ins)
        self.stored = stored

    def enters(self, node: cst.CSTNode) -> bool:
        return not isinstance(node, cst.FunctionDef | cst.Lambda | cst.ClassDef)

    def change(self, original: Any, updated: Any) -> Any:
        if not isinstance(original, cst.Return):
            return updated
        value = updated.value
        if isinstance(value, cst.Tuple):
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        first = [] if _is_nothing(value) else [cst.Element(value)]
        return cst.Return(in_a_tuple([*first, *_elements(self.stored)]))


def _elements(names: Iterable[str]) -> list[cst.Element]:
    return [cst.Element(cst.Name(n)) for n in names]


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, cst.Name) and value.value == "None")


def returning(writing: Writing, plain: Written) -> cst.FunctionDef:
    """The function with the attributes that it stores among its results."""
    body: Any = plain.node.body.visit(_Returns(writing.stand_ins, plain.stored))
    missing = [n for n in plain.stored if n not in plain.attributes]
    lines = lines_of(body)
    if falls_through(lines):
        if any(isinstance(n, cst.Return) for n in own_nodes(body)):
            what = f"{plain.name} returns on some of its ways only, and gives attributes new values"
            raise writing.refusal(
                STORED, what, "let it return in one place", plain.node
            )
        end = cst.SimpleStatementLine([cst.Return(in_a_tuple(_elements(plain.stored)))])
        lines = [*lines, end]
    if missing and _may_be_missing(plain, missing):
        what = f"{plain.name} gives attributes values on some of its ways only"
        raise writing.refusal(STORED, what, "give them one in __init__", plain.node)
    return plain.node.with_changes(body=cst.IndentedBlock(lines))


def _may_be_missing(plain: Written, names: Sequence[str]) -> bool:
    """An attribute that the method may not have given a value by its end."""
    end = cst.SimpleStatementLine([cst.Return(in_a_tuple(_elements(names)))])
    live = Liveness().before([*lines_of(plain.node.body), end], frozenset())
    return not live.isdisjoint(names)


def own_nodes(body: cst.CSTNode) -> Iterator[cst.CSTNode]:
    inner = cst.FunctionDef | cst.Lambda | cst.ClassDef
    stack = [body]
    while stack:
        current = stack.pop()
        yield current
        stack += [c for c in current.children if not isinstance(c, inner)]


def returns_values(node: cst.FunctionDef, stored: int) -> bool:
    """It returns something besides the attributes."""
    for inner in own_nodes(node.body):
        match inner:
            case cst.Return(value=cst.Tuple(elements=elements)):
                return len(elements) > stored
            case cst.Return():
                return False
    return False


def in_a_tuple(elements: Sequence[cst.Element]) -> Any:
    if len(elements) == 1:
        return elements[0].value
    return cst.Tuple(elements, lpar=[], rpar=[])


__all__ = ["STORED", "Rebuilt", "Written", "in_a_tuple", "returning", "returns_values"]
