"""Sums and all that drop axes, or go along one."""

from __future__ import annotations

from typing import Any

from flatgrad.graph import Eqn, Var
from flatgrad.shapes.facts import (
    axes_of,
    elements,
    learn,
    option,
    option_type,
    promoted,
    result,
)
from flatgrad.shapes.lengths import product
from flatgrad.types import Dim, Shape, join, scalar


def reduction(eqn: Eqn) -> None:
    """sum(x, axis, keepdims) and all that drop axes in the same way."""
    x, out = eqn.args[0].type, eqn.out.type
    axis, keepdims = option(eqn, "axis"), option(eqn, "keepdims")
    learn(out, x.kind if x.kind in ("float", "complex") else promoted([x.kind, "int"]))
    if isinstance(axis, Var) or isinstance(keepdims, Var):
        return
    if axis is None and not keepdims:
        join(out.shape, scalar())
    elif x.shape.dims is not None:
        _reduce(out.shape, x.shape.dims, axis, keepdims)
    elif out.shape.dims is not None and axis is not None:
        _unreduce(x.shape, out.shape.dims, axis, keepdims)


def _reduce(out: Shape, dims: tuple[Dim, ...], axis: Any, keepdims: bool) -> None:
    axes = axes_of(axis, len(dims)) if dims else ()
    if axes is not None:
        kept = [
            Dim(1) if i in axes else d
            for i, d in enumerate(dims)
            if keepdims or i not in axes
        ]
        join(out, Shape(kept))


def _unreduce(x: Shape, dims: tuple[Dim, ...], axis: Any, keepdims: bool) -> None:
    """Put back the axes that are gone, of unknown length."""
    count = 1 if isinstance(axis, int) else len(axis)
    rank = len(dims) if keepdims else len(dims) + count
    axes = axes_of(axis, rank)
    if axes is not None and (rank > 1 or keepdims):
        rest = iter([d for i, d in enumerate(dims) if not (keepdims and i in axes)])
        join(x, Shape(Dim() if i in axes else next(rest) for i in range(rank)))


def scan(eqn: Eqn) -> None:
    """cumsum(x, axis): like x, or flat without an axis."""
    x, out = eqn.args[0].type, eqn.out.type
    learn(out, promoted([x.kind, "int"]))
    if option(eqn, "axis") is not None:
        join(out.shape, x.shape)
    elif x.shape.dims is not None:
        join(out.shape, Shape([product(x.shape.dims)]))


def differences(eqn: Eqn) -> None:
    """diff(x, n, axis): n elements less along an axis, but for those put before and after."""
    x, n, axis = eqn.args[0].type, option(eqn, "n"), option(eqn, "axis")
    learn(eqn.out.type, elements(x.kind))
    if not isinstance(axis, int):
        return
    if x.shape.dims is None:
        key = ("diff", frozenset(eqn.attrs.items()))
        join(eqn.out.type.shape, x.shape.root().parts.setdefault(key, Shape()))
        return
    (at,) = axes_of(axis, len(x.shape.dims)) or (0,)
    ends = [option_type(eqn, name) for name in ("prepend", "append")]
    plain = isinstance(n, int) and all(e is None or e.shape.is_scalar for e in ends)
    more = sum(e is not None for e in ends)
    dims = [*x.shape.dims]
    dims[at] = dims[at].plus(more - n) if plain else Dim()
    join(eqn.out.type.shape, Shape(dims))


def covariance(eqn: Eqn) -> None:
    """cov(x, rowvar): one row and column for each variable."""
    x, by_rows = eqn.args[0].type, option(eqn, "rowvar")
    learn(eqn.out.type, "float")
    if x.shape.rank == 1:
        join(eqn.out.type.shape, scalar())
    elif (
        x.shape.dims is not None
        and len(x.shape.dims) == 2
        and isinstance(by_rows, bool)
    ):
        variables = x.shape.dims[0 if by_rows else 1]
        join(eqn.out.type.shape, Shape([variables, variables]))


def number(eqn: Eqn) -> None:
    """float(x): a number; np.float64(x) keeps the shape."""
    learn(eqn.out.type, "complex" if eqn.args[0].type.kind == "complex" else "float")
    if eqn.dialect == "builtins":
        join(eqn.out.type.shape, scalar())
    else:
        join(eqn.out.type.shape, eqn.args[0].type.shape)


def item(eqn: Eqn) -> None:
    """x.item(): the one element."""
    result(eqn, (), eqn.args[0].type.kind)
