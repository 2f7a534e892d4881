"""Reductions of some of the elements, by where= and initial= -> the operations that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.scope import Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.namespaces import Bound

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


def of_some(low: Lowering, node: cst.Call, bound: Bound[Value]) -> Value | None:
    """sum(x, where=mask, initial=1) and the like, as the sum of what is there and of what comes first."""
    told = {k: v for k, v in bound.options.items() if v != Lit(None)}
    mask, first = told.pop("where", None), told.pop("initial", None)
    mask = None if mask == Lit(True) else mask
    plain = {
        k: v.value
        for k, v in told.items()
        if isinstance(v, Lit) and k in ("axis", "keepdims")
    }
    axis = told.get("axis")
    if isinstance(axis, Struct) and all(isinstance(i, Lit) for i in axis.items):
        plain["axis"] = tuple(i.value for i in axis.items)  # type: ignore[union-attr]
    unread = {*told} - {*plain}
    if (
        bound.op not in SOME
        or (mask is None and first is None)
        or unread
        or len(bound.data) != 1
    ):
        return None
    (held,) = bound.data.values()
    if not isinstance(held, Var):
        return None
    some = None if mask is None else low.atom(_only(mask), node)
    start = None if first is None else low.atom(_only(first), node)
    low.build.dialect = "numpy"
    return SOME[bound.op](low, node, held, some, start, plain)


def _only(option: Value | tuple[Value, ...]) -> Value:
    return Struct(option) if isinstance(option, tuple) else option


def _total(op: str, together: str, neutral: int) -> Callable[..., Value | None]:
    """A sum or a product: of neutral numbers where nothing is there, and with what comes first."""

    def read(low: Lowering, node: cst.Call, x: Var, some: Atom | None, start: Atom | None, plain: dict[str, Any]) -> Value | None:  # fmt: skip
        there = x if some is None else low.emit("where", some, x, Lit(neutral))
        made = low.emit(op, there, node=node if start is None else None, **plain)
        return made if start is None else low.emit(together, made, start, node=node)

    return read


def _mean(low: Lowering, node: cst.Call, x: Var, some: Atom | None, start: Atom | None, plain: dict[str, Any]) -> Value | None:  # fmt: skip
    if some is None or start is not None:
        return None
    total = low.emit("sum", low.emit("where", some, x, Lit(0)), **plain)
    ones = low.emit("where", some, low.emit("ones_like", x), Lit(0))
    return low.emit("truediv", total, low.emit("sum", ones, **plain), node=node)


def _extreme(op: str) -> Callable[..., Value | None]:
    """What is not there is no more than what is given besides, a number that stands in the text."""

    def read(low: Lowering, node: cst.Call, x: Var, some: Atom | None, start: Atom | None, plain: dict[str, Any]) -> Value | None:  # fmt: skip
        if some is None or not isinstance(start, Lit):
            return None
        there = low.emit("where", some, x, start)
        return low.emit(op, there, node=node, initial=start.value, **plain)

    return read


SOME = {
    "sum": _total("sum", "add", 0),
    "prod": _total("prod", "mul", 1),
    "mean": _mean,
    "max": _extreme("max"),
    "min": _extreme("min"),
}
