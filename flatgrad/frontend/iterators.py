"""map, filter, zip, enumerate and reversed as values -> generator expressions that give the same items.

map(f, xs, ys)     (f(x, y) for x, y in zip(xs, ys))
filter(f, xs)      (x for x in xs if f(x))
zip(xs, ys)        ((x, y) for x, y in zip(xs, ys))

The text stays as the user wrote it. What is gone through once in Python is a list in the graph, and in the text
wherever it gets a name: so such a name may be read once only, while all that its items are made of is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.matches import Fresh
from flatgrad.frontend.module import (
    names_in,
    names_in_text,
    names_of_target,
    parameters_of,
)
from flatgrad.frontend.scope import Callee, Frame, Path, Refusal, Struct, Value
from flatgrad.graph import Var

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

Called = Callable[
    [cst.BaseExpression, Sequence[cst.BaseExpression]], list[str]
]  # function, lists -> names
ITERATORS = ("map", "filter", "zip", "enumerate", "reversed")


@dataclass(frozen=True)
class Pending:
    """Items that are made when they are asked for: of what, where, and what stood in the names then."""

    node: cst.BaseExpression
    frame: Frame
    held: dict[str, Value]
    depth: int  # loops around
    read: bool = False


def generator(low: Lowering, node: Any, function: Any) -> cst.GeneratorExp | None:
    """The generator that a call stands for; None of other calls. The same one whenever it is read."""
    if node not in low.generators:
        low.generators[node] = _generator(low, node, function)
    return low.generators[node]


def _generator(low: Lowering, node: cst.Call, function: Any) -> cst.GeneratorExp | None:
    if any(a.star for a in node.args):
        return None
    match function, [a.value for a in node.args if a.keyword is None]:
        case Path(path="builtins.map"), [f, first, *more]:
            return mapped(f, [first, *more], partial(_called, low))
        case Path(path="builtins.filter"), [f, items]:
            return filtered(f, items, partial(_called, low))
        case Path(path="builtins.zip"), [_, _, *_] as items:
            return _rows(low, node, [_item_of(i) for i in items])
        case Path(path="builtins.enumerate"), [items, *_]:
            return _rows(low, node, ["i", _item_of(items)])
        case Path(path="builtins.reversed"), [items]:
            (name,) = _fresh(low, [_item_of(items)])
            return _over(cst.Name(name), [name], node)
        case _:
            return None


def _rows(low: Lowering, node: cst.Call, wanted: Sequence[str]) -> cst.GeneratorExp:
    names = _fresh(low, wanted)
    parts = cst.Tuple([cst.Element(cst.Name(n)) for n in names])
    return _over(parts, names, node)


def mapped(
    function: cst.BaseExpression, over: Sequence[cst.BaseExpression], called: Called
) -> cst.GeneratorExp:
    """map(f, xs, ys); `called` says what the items are to be called."""
    if isinstance(function, cst.Lambda) and takes(function, len(over)):
        names = [p.name.value for p in function.params.params]
        return _over(function.body, names, _together(over))
    names = called(function, over)
    item = cst.Call(function, [cst.Arg(cst.Name(n)) for n in names])
    return _over(item, names, _together(over))


def filtered(
    function: cst.BaseExpression, over: cst.BaseExpression, called: Called
) -> cst.GeneratorExp:
    """filter(f, xs)"""
    match function:
        case cst.Lambda() if takes(function, 1):
            (name,) = (p.name.value for p in function.params.params)
            test: cst.BaseExpression = function.body
        case cst.Name(value="None"):
            (name,) = called(function, [over])
            test = cst.Name(name)
        case _:
            (name,) = called(function, [over])
            test = cst.Call(function, [cst.Arg(cst.Name(name))])
    return _over(cst.Name(name), [name], over, [cst.CompIf(test)])


def takes(function: cst.Lambda, count: int) -> bool:
    """The parameters are `count` plain ones."""
    given = function.params
    starred = isinstance(given.star_arg, cst.Param) or given.star_kwarg is not None
    others = (*given.posonly_params, *given.kwonly_params)
    plain = [p for p in given.params if p.default is None]
    return not starred and not others and len(plain) == len(given.params) == count


def _together(over: Sequence[cst.BaseExpression]) -> cst.BaseExpression:
    if len(over) == 1:
        return over[0]
    return cst.Call(cst.Name("zip"), [cst.Arg(o) for o in over])


def _over(
    item: cst.BaseExpression,
    names: Sequence[str],
    over: cst.BaseExpression,
    ifs: Sequence[cst.CompIf] = (),
) -> cst.GeneratorExp:
    elements = [cst.Element(cst.Name(n)) for n in names]
    target = cst.Name(names[0]) if len(names) == 1 else cst.Tuple(elements)
    return cst.GeneratorExp(item, cst.CompFor(target, over, ifs))


def _called(
    low: Lowering, function: cst.BaseExpression, over: Sequence[cst.BaseExpression]
) -> list[str]:
    known = low.expression(function) if isinstance(function, cst.Name) else None
    node = known.node if isinstance(known, Callee) else None
    return _fresh(low, items_of(node, over))


def items_of(
    function: cst.FunctionDef | cst.Lambda | None, over: Sequence[cst.BaseExpression]
) -> list[str]:
    """What the function calls its arguments, where the file has it; else what the lists are called."""
    names = [] if function is None else [p.name.value for p in function.params.params]
    return (
        names[: len(over)] if len(names) >= len(over) else [_item_of(o) for o in over]
    )


def _item_of(over: cst.BaseExpression) -> str:
    """x, of xs"""
    match over:
        case cst.Name(value=name) if name.endswith("s") and not name.endswith("ss"):
            return name[:-1] if name[:-1].isidentifier() else "v"
        case _:
            return "v"


def _fresh(low: Lowering, wanted: Sequence[str]) -> list[str]:
    """Names that the function does not have yet."""
    fresh = Fresh(names_in_text(low.module.code(low.frame.function)))
    return [fresh.name(name) for name in wanted]


def spelled_out(low: Lowering, node: Any) -> cst.Tuple | None:
    """map(f, (a, b)) as f(a), f(b); None of another. The same one whenever it is read."""
    match node:
        case cst.Call(func=cst.Name(value="map") as func) if node not in low.spelled:
            is_map = low.expression(func) == Path("builtins.map")
            low.spelled[node] = _one_by_one(node) if is_map else None
        case _:
            pass
    return low.spelled.get(node)


def _one_by_one(node: cst.Call) -> cst.Tuple | None:
    match [a.value for a in node.args if not a.star]:
        case [
            cst.Name() | cst.Attribute() as function,
            cst.Tuple(elements=elements) | cst.List(elements=elements),
        ] if all(isinstance(e, cst.Element) for e in elements):
            calls = [
                cst.Call(function if at == 0 else _copy(function), [cst.Arg(e.value)])
                for at, e in enumerate(elements)
            ]
            return cst.Tuple([cst.Element(c) for c in calls], lpar=[], rpar=[])
        case _:
            return None


def _copy(node: cst.BaseExpression) -> cst.BaseExpression:
    found = node.deep_clone()
    assert isinstance(found, cst.BaseExpression)
    return found


def names(low: Lowering) -> set[str]:
    """What the generators call their items."""
    found = [g.for_in.target for g in low.generators.values() if g is not None]
    return {name for target in found for name in names_of_target(target)}


def known(low: Lowering, node: cst.Call, function: Any) -> Struct | None:
    """zip(("W", "b"), (W, b)): the rows one by one, where each of the lists is so known."""
    if function != Path("builtins.zip") or any(a.star or a.keyword for a in node.args):
        return None
    plain = cst.Name | cst.Tuple | cst.List
    if not node.args or not all(isinstance(a.value, plain) for a in node.args):
        return None
    columns = [low.expression(a.value) for a in node.args]
    if not all(isinstance(c, Struct) and c.kind != "dict" for c in columns):
        return None
    rows = zip(*(c.items for c in columns if isinstance(c, Struct)), strict=False)
    low.lazy[node] = True
    return Struct(tuple(map(Struct, rows)), "list")


# --- what is gone through once ---------------------------------------------------------------------------------


def made(low: Lowering, node: cst.BaseExpression, value: Value) -> None:
    """`node` gives its items when they are asked for: what has a name is a list in the text."""
    low.lazy[node] = True
    if isinstance(value, Var):
        names = [n.value for n in names_in(node)]
        held = {n: low.frame.env[n] for n in names if n in low.frame.env}
        low.pending[value] = Pending(node, low.frame, held, low.loop_depth)


def taken(low: Lowering, node: cst.BaseExpression) -> None:
    """What `node` gives is gone through where it stands."""
    if node in low.lazy:
        low.lazy[node] = False


def refuse_changed(
    low: Lowering, over: cst.BaseExpression, changed: Sequence[str]
) -> None:
    """A loop over what is made as it goes, and made of what the loop changes."""
    made_of = _read_later(low, over)
    for name in changed:
        if name in made_of:
            what = f"what the loop runs over is made as it goes, of {name}, which the loop changes"
            raise Refusal("FG108", what, "make a list of it before the loop", over)


def _read_later(low: Lowering, over: Any) -> set[str]:
    """The names that an iterator reads when it is asked for an item."""
    match over:
        case cst.GeneratorExp(elt=item, for_in=part):
            inside = {n.value for n in names_in(item)} | {
                n.value for n in names_in(part)
            }
            return inside - {*names_of_target(part.target)}
        case cst.Call(func=cst.Name(value="map" | "filter"), args=[function, *_]):
            own = getattr(function.value, "params", None)
            known = {p.name.value for p in own.params} if own is not None else set()
            return {n.value for n in names_in(function.value)} - known | _closed_over(
                low, function.value
            )
        case cst.Call(func=cst.Name(value=name), args=args) if name in ITERATORS:
            return {n for a in args for n in _read_later(low, a.value)}
        case _:
            return set()


def _closed_over(low: Lowering, function: cst.BaseExpression) -> set[str]:
    """What the body of a nested function reads."""
    match function:
        case cst.Name(value=name):
            callee = low.frame.env.get(name)
        case _:
            callee = None
    if not isinstance(callee, Callee):
        return set()
    own = {p.name.value for p in parameters_of(callee.node)}
    return {n.value for n in names_in(callee.node.body)} - own


def read(low: Lowering, node: cst.Name, value: Value) -> None:
    """A name is read of what is gone through once: refuse what would not be there, or be something else."""
    pending = low.pending.get(value) if isinstance(value, Var) else None
    if pending is None:
        return
    again = pending.read or pending.depth != low.loop_depth
    now = pending.frame.env
    changed = [n for n, v in pending.held.items() if now.get(n) is not v]
    if again or changed:
        what = (
            f"{node.value} can be gone through once only"
            if again
            else f"{node.value} is gone through after {changed[0]} has changed"
        )
        step = f"make a list of it where {node.value} is assigned"
        raise Refusal("FG108", what, step, node)
    assert isinstance(value, Var)
    low.pending[value] = Pending(
        pending.node, pending.frame, pending.held, pending.depth, True
    )


__all__ = [
    "ITERATORS",
    "filtered",
    "generator",
    "items_of",
    "known",
    "made",
    "mapped",
    "names",
    "read",
    "refuse_changed",
    "spelled_out",
    "taken",
    "takes",
]
