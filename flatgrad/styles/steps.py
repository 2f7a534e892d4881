"""Lines of a function -> its statements with what each reads, binds and writes into.

What is read or written is a `Spot`: a name, the shape of what it holds, or one item of a dict.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from flatgrad.emit.assigned import may_be_missing
from flatgrad.emit.parts import Held
from flatgrad.emit.unbound import unbound
from flatgrad.frontend.effects import CHANGING_METHODS, OUTPUTS, WRITING_FUNCTIONS

SHAPE = ".shape"
LEAVING = (ast.Break, ast.Continue, ast.Return, ast.Raise)
COMPOUND = (ast.For, ast.While, ast.If, ast.With, ast.Try)


@dataclass(frozen=True)
class Spot:
    """What a name holds; of it the shape, or the item of a key."""

    name: str
    part: str = ""

    @property
    def is_key(self) -> bool:
        return self.part.startswith("[")

    def lies_in(self, other: Spot) -> bool:
        return self == other or (self.name == other.name and not other.part)


@dataclass(frozen=True)
class Step:
    """A statement of the function, and what it does."""

    text: tuple[str, ...]
    node: ast.stmt
    reads: frozenset[Spot]
    binds: frozenset[str]
    stores: frozenset[Spot]  # what it writes into, under each name that may show it
    keeps: frozenset[str]  # names that keep what they had before on some way through

    def changes(self, spot: Spot) -> bool:
        """`spot` is not the same afterwards."""
        if spot.name in self.binds:
            return True
        if spot.part == SHAPE:
            return False
        return any(spot.lies_in(s) or s.lies_in(spot) for s in self.stores)


def steps_of(lines: Sequence[str], held: Held) -> list[Step]:
    """The statements of a function, in order."""
    text = "\n".join(lines)
    return [step_of(text, node, held) for node in ast.parse(text).body]


def step_of(text: str, node: ast.stmt, held: Held, told: Sequence[str] = ()) -> Step:
    shown = tuple(told or text_of(text, node))
    stores = {*_stores(node, held)}
    binds = _bound(node)
    needed = unbound(shown)
    reads = frozenset(s for s in spots(node) if s.name in needed)
    keeps = may_be_missing([node]) if isinstance(node, COMPOUND) else set[str]()
    keeps |= {s.name for s in stores}
    return Step(
        shown,
        node,
        reads,
        frozenset(binds),
        frozenset(_shared(stores, held)),
        frozenset(keeps),
    )


# --- what is read --------------------------------------------------------------------------------------------------


def spots(node: ast.AST) -> Iterator[Spot]:
    """What is read in a statement or an expression."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr="shape"):
            yield Spot(name, SHAPE)
        case ast.Call(
            func=ast.Attribute(
                value=ast.Name(id="np" | "numpy"), attr="zeros_like" | "ones_like"
            ),
            args=[ast.Name(id=name)],
            keywords=[],
        ):
            yield Spot(name, SHAPE)
        case ast.Subscript(
            value=ast.Name(id=name), slice=ast.Constant(value=str(key)), ctx=ast.Load()
        ):
            yield _item(name, key)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=name), attr="get"),
            args=[ast.Constant(value=str(key)), *others],
        ):
            yield _item(name, key)
            for other in others:
                yield from spots(other)
        case ast.Compare(
            left=ast.Constant(value=str(key)),
            ops=[ast.In() | ast.NotIn()],
            comparators=[ast.Name(id=name)],
        ):
            yield _item(name, key)
        case ast.Name(id=name, ctx=ast.Load()):
            yield Spot(name)
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            yield Spot(name)
            yield from spots(value)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from spots(child)


def _item(name: str, key: str) -> Spot:
    return Spot(name, f"[{key!r}]")


# --- what is written -----------------------------------------------------------------------------------------------


def _bound(node: ast.AST) -> set[str]:
    """The names that are given a value, but for those of comprehensions."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return {name}
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case (
            ast.ListComp()
            | ast.SetComp()
            | ast.DictComp()
            | ast.GeneratorExp()
            | ast.Lambda()
        ):
            return {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
        case _:
            return set[str]().union(*map(_bound, ast.iter_child_nodes(node)))


def _stores(node: ast.AST, held: Held) -> Iterator[Spot]:
    """What is written into, under the name that the text has for it."""
    for inner in ast.walk(node):
        match inner:
            case ast.Subscript(
                value=ast.Name(id=name),
                slice=ast.Constant(value=str(key)),
                ctx=ast.Store() | ast.Del(),
            ):
                yield _item(name, key)
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(
                ctx=ast.Store() | ast.Del()
            ):
                yield from map(Spot, _names(inner.value))
            case ast.AugAssign(target=ast.Name(id=name)):
                yield Spot(name)
            case ast.Call():
                yield from map(Spot, _written_by(inner, held))


def _written_by(call: ast.Call, held: Held) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg in OUTPUTS:
            yield from _names(keyword.value)
    match call.func:
        case ast.Attribute(value=value, attr=method):
            if method in CHANGING_METHODS or method.endswith("_"):
                yield from _names(value)
            if method in WRITING_FUNCTIONS:
                yield from (n for a in call.args for n in _names(a))
        case ast.Name(id=function) if not hasattr(builtins, function):
            yield from (n for a in call.args for n in _names(a) if n in held.written)
        case _:
            pass


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _shared(stores: Set[Spot], held: Held) -> set[Spot]:
    """Whatever may show the same array or dict is written into, too."""
    found = set(stores)
    for spot in stores:
        for group in held.sharing:
            if spot.name in group:
                found |= {Spot(n, spot.part) for n in group}
    return found


# --- text ----------------------------------------------------------------------------------------------------------


def text_of(text: str, node: ast.stmt) -> list[str]:
    """The lines of a statement, without those above it."""
    return _flush(text, node)


def _flush(text: str, node: Any) -> list[str]:
    first, *others = (ast.get_source_segment(text, node) or ast.unparse(node)).split(
        "\n"
    )
    margin = " " * node.col_offset
    return [first, *(line.removeprefix(margin) for line in others)]


def head_of(text: str, node: ast.stmt) -> str | None:
    """The line that a branch or a loop begins with."""

    def of(part: Any) -> str:
        return " ".join(line.strip() for line in _flush(text, part))

    match node:
        case ast.For(target=target, iter=over):
            return f"for {of(target)} in {of(over)}:"
        case ast.While(test=test):
            return f"while {of(test)}:"
        case ast.If(test=test):
            return f"if {of(test)}:"
        case _:
            return None


# --- parts of branches and loops -----------------------------------------------------------------------------------


def part_of(lines: Sequence[str], step: Step, wanted: Set[str], held: Held) -> Step:
    """Of a branch or a loop what gives some names their values; the step itself where that is all of it."""
    if head_of("\n".join(lines), step.node) is None:
        return step
    text = "\n".join(lines)
    names = set(wanted)
    while True:
        kept = list(_kept([step.node], names, held))
        reads = {s.name for n in kept for s in spots(_headed(n))}
        if reads <= names:
            break
        names |= reads
    told = list(_told(text, [step.node], {id(n) for n in kept}))
    if not told:
        return step
    return step_of("\n".join(told), ast.parse("\n".join(told)).body[0], held, told)


def _headed(node: ast.stmt) -> ast.AST:
    """The part of a statement that is its own: of a loop what it runs over."""
    match node:
        case ast.For(target=target, iter=over):
            return ast.Tuple([target, over])
        case ast.While(test=test) | ast.If(test=test):
            return test
        case _:
            return node


def _kept(body: Iterable[ast.stmt], names: Set[str], held: Held) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.For | ast.While | ast.If):
            inner = [*_kept(node.body, names, held), *_kept(node.orelse, names, held)]
            if inner:
                yield node
                yield from inner
        elif isinstance(node, LEAVING):
            yield node
        else:
            changed = _bound(node) | {
                s.name for s in _shared({*_stores(node, held)}, held)
            }
            if changed & names:
                yield node


def _told(text: str, body: Sequence[ast.stmt], kept: Set[int]) -> Iterator[str]:
    for node in body:
        if id(node) not in kept:
            continue
        if not isinstance(node, ast.For | ast.While | ast.If):
            yield from text_of(text, node)
            continue
        yield head_of(text, node) or ""
        yield from (
            f"    {line}" for line in [*_told(text, node.body, kept)] or ["pass"]
        )
        other = [*_told(text, node.orelse, kept)]
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If) and other:
            yield f"el{other[0]}"
            yield from other[1:]
        elif other:
            yield "else:"
            yield from (f"    {line}" for line in other)
