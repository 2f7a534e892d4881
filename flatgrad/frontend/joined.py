"""Calls that put arrays together first: cov and corrcoef of two, diff with what stands before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.frontend.scope import Arguments, Value
from flatgrad.graph import Atom, Lit

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

Given = dict[str, Value]


def cov(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """The covariance of the variables of two arrays, put together first."""
    both = _together(low, node, given)
    options = {k: v.value for k, v in given.items() if isinstance(v, Lit) and k in ("bias", "ddof")}  # fmt: skip
    if both is None or {*given} - {"m", "y", "rowvar"} - {*options}:
        return None
    table, rowvar = both
    return low.emit("cov", table, node=node, rowvar=rowvar, **options)


def corrcoef(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """The same for their correlation."""
    both = _together(low, node, {("m" if k == "x" else k): v for k, v in given.items()})
    if both is None:
        return None
    table, rowvar = both
    return low.emit("corrcoef", table, node=node, rowvar=rowvar)


def _together(low: Lowering, node: cst.Call, given: Given) -> tuple[Atom, bool] | None:
    """All variables as rows, or as columns, of one array; whether they are rows."""
    arrays = [low.atom(given[k], node) for k in ("m", "y") if given.get(k, Lit(None)) != Lit(None)]  # fmt: skip
    match [a.type.rank for a in arrays], given.get("rowvar", Lit(True)):
        case [1 | 2], Lit(value=bool() as by_rows):
            return arrays[0], by_rows
        case [1, 1], Lit(value=bool()):
            return low.emit("stack", *arrays), True
        case [2, 2], Lit(value=bool() as by_rows):
            axis = 0 if by_rows else 1
            return low.emit("concatenate", *arrays, axis=axis), by_rows
        case _:
            return None


def diff(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """With arrays put before and after, whose numbers of axes are known."""
    array, axis = low.atom(given["a"], node), given.get("axis", Lit(-1))
    n, count = array.type.rank, given.get("n", Lit(1))
    if n is None or not isinstance(axis, Lit) or not isinstance(count, Lit):
        return None
    ends = [given.get(name, Lit(None)) for name in ("prepend", "append")]
    first, last = (_as_part(low, node, end, n) for end in ends)
    if None in (first, last):
        return None
    parts = [*(first or ()), array, *(last or ())]
    whole = low.emit("concatenate", *parts, axis=axis.value)
    options = {} if axis == Lit(-1) else {"axis": axis.value}
    return low.emit("diff", whole, node=node, n=count.value, **options)


def _as_part(low: Lowering, node: cst.Call, end: Value, n: int) -> list[Atom] | None:
    """What stands before or after an array, with as many axes; None where that is not known."""
    if end == Lit(None):
        return []
    part = low.atom(end, node)
    if part.type.rank == n and not isinstance(part, Lit):
        return [part]
    if part.type.rank == 0 and n == 1:
        return [low.emit("stack", part)]
    return None


def has_two(given: Arguments) -> bool:
    return len(given.positional) > 1 or "y" in given.keywords


def has_array_ends(given: Arguments) -> bool:
    ends = [
        *given.positional[3:],
        *(given.keywords.get(k) for k in ("prepend", "append")),
    ]
    return any(end is not None and not isinstance(end, Lit) for end in ends)
