"""The one data structure every pass reads and returns: an ordered list of equations in SSA form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import EllipsisType, MappingProxyType
from typing import Any

from flatgrad.types import Dim, Shape, Type, scalar

NO_ATTRS: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Var:
    """A value assigned once. Identity is the key; `name` is what a reader should see.

    `name` is filled in by the assignment that gives it one; `primal` by the reverse and forward passes:
    the value whose derivative this is.
    """

    name: str = ""
    type: Type = field(default_factory=Type)
    primal: Var | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """A constant. Equal only to a constant of the same type: 1, 1.0 and True stay apart."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lit) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[type, str]:
        return type(self.value), repr(self.value)

    @property
    def type(self) -> Type:
        return type_of_constant(self.value)


Atom = Var | Lit


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One line of the user's function: equations and diagnostics say where they come from by it."""

    order: int
    node: Any  # the libcst statement
    frame: Any = (
        None  # the function activation it belongs to: the main function or an inlined helper
    )


@dataclass(frozen=True, slots=True, eq=False)
class Eqn:
    """`outs = op(*args, **attrs)`. `args` are data; `attrs` are options, a Var where known at run time only."""

    outs: tuple[Var, ...]
    op: str
    args: tuple[Atom, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=lambda: NO_ATTRS)
    statement: Statement | None = None
    node: Any = None  # the libcst expression that says the same, in the forward part
    dialect: str = (
        ""  # how the user spelled it: a namespace, "method" or "" for an operator
    )

    @property
    def out(self) -> Var:
        (out,) = self.outs
        return out

    def reads(self) -> Iterator[Atom]:
        """Everything the equation reads, options that are known at run time only included."""
        yield from self.args
        if self.attrs:
            for value in self.attrs.values():
                if isinstance(value, Var):
                    yield value


@dataclass(frozen=True, slots=True)
class Block:
    params: tuple[Var, ...]
    eqns: tuple[Eqn, ...]
    outs: tuple[Atom, ...]


def check(block: Block) -> Block:
    """Raise if a value is used before, or assigned after, its one assignment."""
    known: set[Atom] = set(block.params)
    for eqn in block.eqns:
        for atom in eqn.reads():
            if isinstance(atom, Var) and atom not in known:
                raise AssertionError(
                    f"{eqn.op} reads {atom.name or 'a value'} before its assignment"
                )
        for out in eqn.outs:
            if out in known:
                raise AssertionError(f"{eqn.op} assigns {out.name or 'a value'} twice")
            known.add(out)
    for atom in block.outs:
        if isinstance(atom, Var) and atom not in known:
            raise AssertionError(f"the result {atom.name or 'value'} is never assigned")
    return block


def type_of_constant(value: Any) -> Type:
    match value:
        case bool():
            return Type(scalar(), "bool")
        case int():
            return Type(scalar(), "int", Dim(value))
        case float():
            return Type(scalar(), "float")
        case complex():
            return Type(scalar(), "complex")
        case tuple():
            return Type(Shape(), "tuple", items=tuple(map(type_of_constant, value)))
        case list():
            return _type_of_list(tuple(map(type_of_constant, value)))
        case slice():
            bounds = (value.start, value.stop, value.step)
            return Type(Shape(), "slice", items=tuple(map(type_of_constant, bounds)))
        case None:
            return Type(Shape(), "none")
        case EllipsisType():
            return Type(Shape(), "ellipsis")
        case str():
            return Type(Shape(), "str")
        case _:
            return Type(Shape(), "other")


def _type_of_list(items: tuple[Type, ...]) -> Type:
    """A list of numbers is read as the array that NumPy makes of it."""
    shape = Shape()
    if items and (inner := items[0].shape.dims) is not None:
        shape = Shape((Dim(len(items)), *inner))
    order = ("complex", "float", "int", "bool")
    found = {item.kind for item in items}
    kind = (
        next((k for k in order if k in found), "other")
        if found <= {*order}
        else "other"
    )
    return Type(shape, kind, items=items)
