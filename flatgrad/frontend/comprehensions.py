"""Comprehensions and generator expressions -> loops within the expression that append to a list.

[f(x) for x in xs if c(x)]     a loop that appends f(x) where c(x)
sum(f(x) for x in xs)          a loop that adds f(x) to a total
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.builder import Builder
from flatgrad.frontend import containers, iterators
from flatgrad.frontend.branches import joined, way
from flatgrad.frontend.module import names_in
from flatgrad.frontend.scope import Frame, Path, Refusal, Value
from flatgrad.frontend.sources import index_type, source
from flatgrad.graph import Atom, Block, Eqn, Lit, Var
from flatgrad.types import Shape, Type, join, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


def summed(low: Lowering, node: cst.Call, function: Any) -> Value | None:
    """sum(f(x) for x in xs), sum([f(x) for x in xs]); None of other calls."""
    match function, node.args:
        case Path(path="builtins.sum" | "math.fsum"), [
            cst.Arg(value=given, star="", keyword=None),
            *rest,
        ] if (
            len(rest) < 2 and (inner := _made_as_it_goes(low, given)) is not None
        ):
            start = low.atom(low.expression(rest[0].value), node) if rest else Lit(0)
            return total(low, node, inner, start)
        case _:
            return None


def _made_as_it_goes(low: Lowering, node: Any) -> Any:
    """A comprehension, also one that is written as map or filter; None of what is there already."""
    match node:
        case cst.GeneratorExp() | cst.ListComp():
            return node
        case cst.Call(func=cst.Name(value="map" | "filter") as func):
            return iterators.generator(low, node, low.expression(func))
        case _:
            return None


def gone_through(low: Lowering, node: cst.Call, function: Any) -> Value | None:
    """The items of map(f, xs), filter(f, xs), zip(xs, ys), enumerate(xs), reversed(xs); None of other calls."""
    if (known := iterators.known(low, node, function)) is not None:
        return known
    inner = iterators.generator(low, node, function)
    if inner is None:
        return None
    items = gathered(low, inner, shown=node)
    iterators.made(low, node, items)
    return items


def comprehension(low: Lowering, node: Any) -> Value:
    """A list, or what is gone through like one."""
    if isinstance(node, cst.DictComp):
        return _dict(low, node)
    items = gathered(low, node)
    if isinstance(node, cst.GeneratorExp):
        iterators.made(low, node, items)
    return items


def gathered(low: Lowering, node: Any, shown: Any = None) -> Var:
    """A list of what the comprehension gives; `shown` is what stands for it in the text."""
    low.build.dialect = ""
    start = low.emit("tuple", list=True)
    start.type = Type(Shape(), "list")

    def add(acc: Var) -> Var:
        item = containers.item_atom(low, node.elt, low.expression(node.elt))
        low.build.dialect = ""
        return low.emit("list_append", acc, item)

    return _loop(low, shown or node, node.for_in, start, add)


def _dict(low: Lowering, node: cst.DictComp) -> Var:
    low.build.dialect = ""
    start = low.emit("dict", keys=())

    def add(acc: Var) -> Var:
        key = low.atom(low.expression(node.key), node.key)
        item = containers.item_atom(low, node.value, low.expression(node.value))
        low.build.dialect = ""
        return low.emit("setitem", acc, key, item)

    return _loop(low, node, node.for_in, start, add)


def total(low: Lowering, call: cst.Call, node: Any, start: Atom) -> Var:
    """sum(f(x) for x in xs): no list is made."""

    def add(acc: Var) -> Var:
        item = low.atom(low.expression(node.elt), node.elt)
        low.build.dialect = ""
        if start == Lit(0):
            join(acc.type.shape, item.type.shape)
        return low.emit("add", acc, item)

    return _loop(low, call, node.for_in, start, add)


def _loop(low: Lowering, node: Any, part: cst.CompFor, start: Atom, add: Any) -> Var:
    """One `for` of a comprehension, with those within it."""
    if part.asynchronous is not None:
        raise Refusal("FG104", "an asynchronous loop is not read", "write for", node)
    over = source(low, part.iter)
    low.note()
    statement, frame = low.build.statement, low.frame
    outer, scanned, env = low.build, low.scanned, dict(frame.env)
    index, written = Var("", index_type(over.kind)), set(frame.writes)
    open_ended = start == Lit(0)  # the items say of what shape the sum is
    acc = Var("", Type(Shape(), "float") if open_ended else _type_of(start))
    before = {f: dict(f.env) for f in low._all_frames()}
    low.build, low.scanned = Builder(statement=statement), 0
    low.storages.enter(acc, start, ())
    try:
        low.assign(part.target, over.item(index), part.target)
        end = _where(low, node, part, acc, add)
        low.note()
        _refuse_changes(low, node, before, {n.value for n in names_in(part.target)})
        eqns = tuple(low.build.eqns)
    finally:
        low.build, low.scanned = outer, scanned
        frame.env = env
        for value in [v for v in frame.writes if v not in written]:
            del frame.writes[value]
    assert isinstance(end, Var)
    acc.type = _type_of(end) if start.type.kind not in ("list", "dict") else acc.type
    block = Block((index, acc), eqns, (Lit(False), end))
    out = Var("", _type_of(end))
    steps = Var("", Type(scalar(), "int"))
    shown = node if isinstance(node, cst.Call) or part is node.for_in else None
    low.build.eqns.append(
        Eqn((steps, out), "for", (over.span, start), {"inline": True, "source": over, "part": part}, statement, shown,
            blocks=(block,))
    )  # fmt: skip
    low.storages.meet(out, [v for v in (start, end) if isinstance(v, Var)])
    low.note()
    return out


def _refuse_changes(
    low: Lowering, node: Any, before: dict[Frame, dict[str, Value]], own: Iterable[str]
) -> None:
    """What an iteration changes the next one would find changed."""
    for frame, env in before.items():
        for name, value in frame.env.items():
            kept = frame is low.frame and (name in own or name not in env)
            if not kept and env.get(name) is not value:
                what = f"a comprehension that changes {name} is not read"
                raise Refusal("FG108", what, "write it as a for loop", node)


def _type_of(value: Atom) -> Type:
    kind = value.type.kind
    return (
        Type(Shape(), kind)
        if kind in ("list", "dict")
        else Type(value.type.shape, "float")
    )


def _where(low: Lowering, node: Any, part: cst.CompFor, acc: Var, add: Any) -> Atom:
    """The conditions of a `for`, then what stands within it."""
    tests = list(part.ifs)

    def go() -> Atom:
        if tests:
            test = low.atom(low.expression(tests[0].test), tests.pop(0).test)
            ways = [way(low, go), way(low, lambda: acc)]
            found = joined(low, test, ways, inline=True)
            assert isinstance(found, Var | Lit)
            return found
        if part.inner_for_in is not None:
            return _loop(low, node, part.inner_for_in, acc, add)
        return add(acc)  # type: ignore[no-any-return]

    return go()
