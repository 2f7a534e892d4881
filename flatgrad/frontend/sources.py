"""What a loop runs over -> its span, and the item of each iteration.

range(n)           span range(n), the item is the index
xs                 span range(len(xs)), item xs[i]
enumerate(xs, 1)   span that of xs, items i + 1, xs[i]
zip(xs, ys)        span range(min(len(xs), len(ys))), items xs[i], ys[i]
d.items()          span the keys of d, items k, d[k]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import carried, settings
from flatgrad.frontend.scope import Callee, Path, Refusal, Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.types import Type, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

Item = Callable[[Var], Value]


@dataclass(frozen=True)
class Source:
    """How a loop is counted: `kind` is range, items (by position) or keys (of a dict)."""

    kind: str
    span: Atom  # what the index runs over
    item: Item
    length: Atom | None = None
    # The index is what the loop's own text calls so: the target of range, the number of enumerate.
    counted: bool = False
    paired: bool = False  # each item is a pair of the index and a value


def source(low: Lowering, node: Any) -> Source:
    """What the expression `node` gives one after the other."""
    match node:
        case cst.Call(func=func, args=args) if (
            name := _builtin(low, func)
        ) is not None:
            values = [a.value for a in args if a.keyword is None and not a.star]
            if name == "zip" and not values:
                return _of_value(low, node)
            if any(a.star or not _is_read(name, a.keyword) for a in args):
                raise _unread(node)
            if (found := _named(low, node, name, values, args)) is not None:
                return found
        case cst.Call(
            func=cst.Attribute(value=base, attr=cst.Name(value=name)), args=[]
        ) if name in ("items", "keys", "values"):
            return _of_dict(low, low.atom(low.expression(base), base), name)
        case _:
            pass
    return _of_value(low, node)


def _is_read(name: str, keyword: cst.Name | None) -> bool:
    """An argument by position, or one that is known by its keyword."""
    known = {"zip": "strict", "enumerate": "start"}
    return keyword is None or known.get(name) == keyword.value


def _unread(node: cst.CSTNode) -> Refusal:
    what = "a loop over this call is not read"
    return Refusal("FG105", what, "loop over a list, an array or a range", node)


def _builtin(low: Lowering, func: cst.CSTNode) -> str | None:
    """The name of the function of Python itself that is called."""
    if not isinstance(func, cst.Name | cst.Attribute):
        return None
    if isinstance(func, cst.Attribute):
        return (
            "ndenumerate"
            if func.attr.value in ("ndenumerate", "ndindex", "nditer")
            else None
        )
    found = low.expression(func)
    match found:
        case Path(path=path) if path.startswith("builtins."):
            return path.removeprefix("builtins.")
        case _:
            return None


def _named(
    low: Lowering, node: Any, name: str, values: list[Any], args: Any
) -> Source | None:
    match name, values:
        case "range", _:
            span = low.atom(low.expression(node), node)
            return Source("range", span, lambda k: k, counted=True)
        case "enumerate", [inner, *start]:
            given = [a.value for a in args if a.keyword is not None] or start
            return _enumerated(low, source(low, inner), given)
        case "zip", [_, *_]:
            return _zipped(low, [source(low, v) for v in values])
        case "reversed", [inner]:
            return _backwards(low, source(low, inner), node)
        case ("list" | "tuple" | "iter"), [inner]:
            return source(low, inner)
        case ("map" | "filter" | "iter" | "sorted" | "ndenumerate"), _:
            return None
        case _:
            return None


def _enumerated(low: Lowering, inner: Source, start: list[Any]) -> Source:
    first: Atom = low.atom(low.expression(start[0]), start[0]) if start else Lit(0)
    inner = by_position(low, inner)

    def item(k: Var) -> Value:
        number: Atom = k if first == Lit(0) else low.emit("add", k, first)
        return Struct((number, inner.item(k)))

    counted = first == Lit(0)
    return Source("items", inner.span, item, inner.length, counted, paired=counted)


def _zipped(low: Lowering, inner: list[Source]) -> Source:
    inner = [by_position(low, i) for i in inner]
    lengths = [i.length for i in inner if i.length is not None]
    length = lengths[0]
    for other in lengths[1:]:
        if other is not length:
            length = low.emit("minimum", length, other)
    low.build.dialect = "builtins"
    span = low.emit("range", length)
    return Source(
        "items", span, lambda k: Struct(tuple(i.item(k) for i in inner)), length
    )


def _backwards(low: Lowering, inner: Source, node: cst.CSTNode) -> Source:
    if inner.kind == "range":
        span = low.emit("reversed", inner.span, node=node)
        return Source("range", span, lambda k: k, counted=True)
    if inner.kind == "keys":
        keys = low.emit("reversed", inner.span, node=node)
        return replace(inner, span=keys)
    inner = by_position(low, inner)
    assert inner.length is not None

    def item(k: Var) -> Value:
        last = low.emit("sub", inner.length or Lit(0), Lit(1))
        return inner.item(low.emit("sub", last, k))

    return Source("items", inner.span, item, inner.length)


def by_position(low: Lowering, inner: Source) -> Source:
    """The same, with an index that counts from 0."""
    if inner.kind == "items":
        return inner
    if inner.kind == "keys":
        what = "the items of a dict are numbered"
        raise Refusal("FG105", what, "loop over the dict itself", low.here())
    low.build.dialect = "builtins"
    length = low.emit("len", inner.span)
    span = low.emit("range", length)
    _number(length)
    return Source(
        "items",
        span,
        lambda k: _number(low.emit("getitem", carried.current(low, inner.span), k)),
        length,
    )


def _number(value: Var) -> Var:
    value.type.kind = "int"
    return value


def _of_dict(low: Lowering, held: Atom, name: str) -> Source:
    if isinstance(held, Var):
        held.type.kind = "dict"
    low.build.dialect = ""

    def item(k: Var) -> Value:
        if name == "keys":
            return k
        part = low.emit("getitem", carried.current(low, held), k)
        return Struct((k, part)) if name == "items" else part

    counted = name != "values"
    return Source("keys", held, item, counted=counted, paired=name == "items")


def _of_value(low: Lowering, node: Any) -> Source:
    """An array, a list, a tuple, or the keys of a dict."""
    value = low.expression(node)
    if isinstance(value, Callee | Path):
        raise _unread(node)
    held = low.atom(value, node)
    if held.type.kind in ("dict", "keys"):
        return Source("keys", held, lambda k: k, counted=True)
    if held.type.kind in ("opaque", "str"):
        raise _unread(node)
    low.build.dialect = "builtins"
    length = low.emit("len", held)
    length.type.kind = "int"
    span = low.emit("range", length)
    low.build.dialect = ""

    def item(k: Var) -> Value:
        low.build.dialect = ""
        if settings.is_settings(held):
            return settings.item(low, node, held, k)  # type: ignore[arg-type]
        return low.emit("getitem", carried.current(low, held), k)

    return Source("items", span, item, length)


def index_type(kind: str) -> Type:
    """What is known of the index of an iteration."""
    return Type(scalar(), "str" if kind == "keys" else "int")
