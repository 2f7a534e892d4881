"""Sums and all that drop axes, or go along one."""

from __future__ import annotations

from typing import Any

from flatgrad.graph import Eqn, Var
from flatgrad.registry import ShapeRule
from flatgrad.shapes.facts import axes_of, learn, option, promoted, result
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


def resized(*changes: str) -> ShapeRule:
    """Like x, but for one axis, which has a length of its own: diff, sort with k."""

    def rule(eqn: Eqn) -> None:
        x, axis, shorter = (
            eqn.args[0].type,
            option(eqn, "axis"),
            option(eqn, changes[0]) if changes else None,
        )
        learn(eqn.out.type, x.kind)
        if x.shape.dims is None or not isinstance(axis, int):
            return
        (at,) = axes_of(axis, len(x.shape.dims)) or (0,)
        dims = [*x.shape.dims]
        dims[at] = dims[at].plus(-shorter) if isinstance(shorter, int) else Dim()
        join(eqn.out.type.shape, Shape(dims))

    return rule


def item(eqn: Eqn) -> None:
    """x.item(): the one element."""
    result(eqn, (), eqn.args[0].type.kind)
