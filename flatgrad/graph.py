"""The one data structure every pass reads and returns: an ordered list of equations in SSA form.

A branch or a loop is an equation that holds Blocks, and a Block may read every value assigned before its equation:

    if     args (test,)            blocks (then, otherwise)   outs: those of the block that is run
    for    args (span, *starts)    blocks (body,)             outs (steps, *ends)
    while  args starts             blocks (test, body)        outs (steps, *ends)

The parameters of a body are the index of the iteration and the values carried from one iteration to the next; its
results are whether to leave the loop, and the carried values. `steps` counts the iterations that were begun. The
reverse of a loop is a `for` whose blocks, besides, read what the block that they undo computed in the same iteration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
    # The function activation it belongs to: the main function or an inlined helper.
    frame: Any = None
    parent: Statement | None = (
        None  # the branch or loop of that activation it stands in
    )

    branch: int = 0  # which of its bodies

    def around(self) -> Iterator[Statement]:
        """The statement and those it stands in, innermost first."""
        found: Statement | None = self
        while found is not None:
            yield found
            found = found.parent


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
    blocks: tuple[Block, ...] = ()  # of a branch or a loop

    @property
    def out(self) -> Var:
        (out,) = self.outs
        return out

    def reads(self) -> Iterator[Atom]:
        """Everything the equation reads, options that are known at run time and its blocks included."""
        yield from self.args
        carried = (
            {*self.blocks[-1].params} if self.op == "while" else ()
        )  # which the test reads, too
        for block in self.blocks:
            yield from (v for v in block.free() if v not in carried)
        if self.attrs:
            for value in self.attrs.values():
                if isinstance(value, Var):
                    yield value


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    params: tuple[Var, ...]
    eqns: tuple[Eqn, ...]
    outs: tuple[Atom, ...]
    # The block of the forward part that this one undoes, whose values it may read.
    undoes: Block | None = None

    def free(self) -> dict[Var, None]:
        """What the block reads and does not assign, in the order of reading."""
        own = {*self.params}
        return {v: None for v in self.free_or_params() if v not in own}

    def free_or_params(self) -> dict[Var, None]:
        """What the block reads and no equation of it assigns."""
        own = {out for eqn in self.eqns for out in eqn.outs}
        read = (a for eqn in self.eqns for a in eqn.reads())
        return dict.fromkeys(
            a for a in (*read, *self.outs) if isinstance(a, Var) and a not in own
        )


def nested(block: Block) -> Iterator[Block]:
    """`block` and every block within it, outermost first."""
    yield block
    for eqn in block.eqns:
        for inner in eqn.blocks:
            yield from nested(inner)


def all_equations(eqns: Iterable[Eqn]) -> Iterator[Eqn]:
    """The equations and those of every block within them; what a block holds comes before what holds it."""
    for eqn in eqns:
        for inner in eqn.blocks:
            yield from all_equations(inner.eqns)
        yield eqn


def prune(block: Block, everything: bool = False) -> Block:
    """Without what branches and loops hand on and nobody reads; without `everything` else that nobody reads, too."""
    needed = {o for o in block.outs if isinstance(o, Var)}
    kept: list[Eqn] = []
    for eqn in reversed(block.eqns):
        if everything and needed.isdisjoint(eqn.outs):
            continue
        found = _pruned(eqn, needed, everything) if eqn.blocks else eqn
        if found is not None:
            needed.update(a for a in found.reads() if isinstance(a, Var))
            kept.append(found)
    return replace(block, eqns=tuple(reversed(kept)))


def _pruned(eqn: Eqn, needed: set[Var], everything: bool) -> Eqn | None:
    if needed.isdisjoint(eqn.outs):
        return None
    if eqn.op == "if":
        return _pruned_branch(eqn, needed, everything)
    return _pruned_loop(eqn, needed, everything)


def _pruned_branch(eqn: Eqn, needed: set[Var], everything: bool) -> Eqn:
    kept = [i for i, out in enumerate(eqn.outs) if out in needed]
    blocks = tuple(
        prune(replace(b, outs=tuple(b.outs[i] for i in kept)), everything)
        for b in eqn.blocks
    )
    return replace(eqn, outs=tuple(eqn.outs[i] for i in kept), blocks=blocks)


def _pruned_loop(eqn: Eqn, needed: set[Var], everything: bool) -> Eqn:
    """What is carried stays where it is read after the loop or by what stays."""
    *tests, body = eqn.blocks
    count = len(eqn.outs) - 1
    first = len(eqn.args) - count
    live = {i for i in range(count) if eqn.outs[1 + i] in needed}
    while True:
        outs = tuple(body.outs[1 + i] for i in sorted(live))
        trimmed = prune(replace(body, outs=(body.outs[0], *outs)), everything)
        read = {*trimmed.free_or_params(), *(v for t in tests for v in t.free())}
        more = {i for i in range(count) if body.params[1 + i] in read} | live
        if more == live:
            break
        live = more
    kept = sorted(live)
    params = (body.params[0], *(body.params[1 + i] for i in kept))
    return replace(
        eqn,
        outs=(eqn.outs[0], *(eqn.outs[1 + i] for i in kept)),
        args=(*eqn.args[:first], *(eqn.args[first + i] for i in kept)),
        blocks=(*tests, replace(trimmed, params=params)),
    )


def check(block: Block, visible: Iterable[Atom] = ()) -> Block:
    """Raise if a value is used before, or assigned after, its one assignment."""
    known: set[Atom] = {*visible, *block.params}
    for eqn in block.eqns:
        carried = eqn.blocks[-1].params if eqn.op == "while" else ()
        for inner in eqn.blocks:
            seen = () if inner.undoes is None else _assigned(inner.undoes)
            check(inner, known.union(seen, carried))
        for atom in eqn.args:
            _check_read(atom, known, eqn.op)
        for out in eqn.outs:
            if out in known:
                raise AssertionError(f"{eqn.op} assigns {out.name or 'a value'} twice")
            known.add(out)
    for atom in block.outs:
        _check_read(atom, known, "the end")
    return block


def _check_read(atom: Atom, known: set[Atom], who: str) -> None:
    if isinstance(atom, Var) and atom not in known:
        name = atom.name or "a value"
        raise AssertionError(f"{who} reads {name} before its assignment")


def _assigned(block: Block) -> Iterator[Atom]:
    """What `block` itself assigns: of an inner block only the results are known outside."""
    yield from block.params
    for eqn in block.eqns:
        yield from eqn.outs


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
