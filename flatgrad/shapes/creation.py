"""New arrays from a shape or a range."""

from __future__ import annotations

from flatgrad.graph import Eqn
from flatgrad.shapes.broadcasting import broadcast
from flatgrad.shapes.facts import (
    axes_of,
    bound,
    data,
    kind_of_dtype,
    learn,
    measure,
    of_dtype,
    option,
    option_type,
    promoted,
    spelled,
)
from flatgrad.shapes.lengths import difference
from flatgrad.types import Dim, Shape, Type, broadcast_shape, join


def filled(eqn: Eqn) -> None:
    """zeros(shape, dtype), full(shape, value, dtype)"""
    if (shape := spelled(eqn.args[0].type)) is not None:
        join(eqn.out.type.shape, shape)
    value = data(eqn, 1)
    of_dtype(eqn, "float" if value is None else value.kind)


def drawn(eqn: Eqn) -> None:
    """Random numbers: `size` says the shape, else the parameters of the distribution do."""
    size = option_type(eqn, "size") or option_type(eqn, "shape")
    if size is None:
        return broadcast(eqn.out.type, [a.type for a in eqn.args])
    if (shape := spelled(size)) is not None:
        join(eqn.out.type.shape, shape)
    return None


def drawn_with_shape(eqn: Eqn) -> None:
    """rand(N, D): the arguments are the lengths."""
    size = option_type(eqn, "shape") or option_type(eqn, "size")
    types = [a.type for a in eqn.args] if size is None else [size]
    single = types[0] if len(types) == 1 else Type(kind="tuple", items=tuple(types))
    if (shape := spelled(single)) is not None:
        join(eqn.out.type.shape, shape)


def square(eqn: Eqn) -> None:
    """eye(n, m)"""
    of_dtype(eqn, "float")
    columns = data(eqn, 1) or option_type(eqn, "M")
    rows = bound(eqn.args[0].type)
    across = rows if columns is None or columns.kind == "none" else bound(columns)
    if rows is not None and across is not None:
        join(eqn.out.type.shape, Shape([rows, across]))


def arange(eqn: Eqn) -> None:
    types, dtype = [a.type for a in eqn.args], option(eqn, "dtype")
    start, stop = (None, types[0]) if len(types) == 1 else types[:2]
    integer = all(t.kind == "int" for t in types)
    distinct = integer and dtype is None and not _may_count_from_end(start)
    learn(eqn.out.type, "arange" if distinct else "int" if integer else "any")
    if dtype is not None:
        learn(eqn.out.type, kind_of_dtype(dtype))
    if not integer and dtype is None:
        learn(eqn.out.type, promoted([t.kind for t in types]))
    end, begin = measure(stop), Dim(0) if start is None else measure(start)
    simple = integer and len(types) < 3 and end is not None and begin is not None
    long = (
        difference(end, begin)
        if simple and end is not None and begin is not None
        else Dim()
    )
    join(eqn.out.type.shape, Shape([long]))


def _may_count_from_end(start: Type | None) -> bool:
    """arange(-2, 2) may name one element twice."""
    known = None if start is None or start.dim is None else start.dim.known
    return known is not None and known < 0


def spaced(eqn: Eqn) -> None:
    """linspace(start, stop, num)"""
    learn(eqn.out.type, "float")
    count, axis = option_type(eqn, "num"), option(eqn, "axis")
    long = bound(count) if count is not None else None
    ends = broadcast_shape([a.type.shape for a in eqn.args])
    if ends is None or ends.dims is None or not isinstance(axis, int | None):
        return
    (at,) = axes_of(axis or 0, len(ends.dims) + 1) or (0,)
    made = eqn.out.type.shape.dims
    long = long or (made[at] if made else Dim())
    join(eqn.out.type.shape, Shape((*ends.dims[:at], long, *ends.dims[at:])))
