"""Broadcasting undone: the cotangent of what was stretched is the sum over the stretched axes.

In: a cotangent of the wide shape and what was stretched to it. Out: a cotangent of the narrow shape, by sums
over axes where the shapes are known, by `unbroadcast` (which asks at run time) where they are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flatgrad.builder import Expr, xp
from flatgrad.graph import Atom, Lit
from flatgrad.types import Shape, same_dim, same_shape


def fitted(g: Any, like: Any, wide: Any = None) -> Any:
    """`g`, whose shape is that of `wide` (its own, if not given), summed to the shape of `like`; None for a constant."""
    if not isinstance(g, Expr):
        return xp.unbroadcast(g, like)
    if not isinstance(like, Expr) or isinstance(like.atom, Lit):
        return None
    shape = (g if wide is None else wide).atom.type.shape
    return fit(g, like.atom, shape)


def fit(cotangent: Expr, arg: Atom, shape: Shape) -> Expr:
    """Sum out of `cotangent` the axes along which an elementwise operation stretched `arg` to `shape`."""
    target = arg.type.shape
    if same_shape(target, shape):
        return cotangent
    build = cotangent.builder
    if target.is_scalar:
        return build.emit("sum", cotangent)
    axes = stretched_axes(target, shape)
    if axes is None:
        return build.emit("unbroadcast", cotangent, arg)
    added, stretched = axes
    if added:
        cotangent = build.emit("sum", cotangent, axis=_together(added))
    if stretched:
        cotangent = build.emit(
            "sum", cotangent, axis=_together(stretched), keepdims=True
        )
    return cotangent


def stretched_axes(target: Shape, shape: Shape) -> tuple[list[int], list[int]] | None:
    """(axes that broadcasting added, axes of length 1 that it stretched), or None where that is not known."""
    if target.dims is None or shape.dims is None or len(target.dims) > len(shape.dims):
        return None
    added = len(shape.dims) - len(target.dims)
    stretched = []
    for axis, dim in enumerate(target.dims):
        if same_dim(dim, shape.dims[axis + added]):
            continue
        if dim.known != 1:
            return None
        stretched.append(axis)
    return list(range(added)), stretched


def _together(axes: Sequence[int]) -> int | tuple[int, ...]:
    return axes[0] if len(axes) == 1 else tuple(axes)
