"""The same elements in another arrangement: reshape, transpose, diagonal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flatgrad.graph import Eqn, Var
from flatgrad.registry import ShapeRule
from flatgrad.shapes.facts import (
    axes_of,
    elements,
    learn,
    measure,
    option,
    spelled,
    whole_shape,
)
from flatgrad.shapes.lengths import product, quotient
from flatgrad.types import Dim, Shape, join, same_dim


def reshape(eqn: Eqn) -> None:
    x, out, asked = eqn.args[0].type, eqn.out.type, eqn.args[1].type
    learn(out, x.kind)
    if asked.items is None and (whole := whole_shape(asked)) is not None:
        return join(out.shape, whole)
    parts = asked.items if asked.items is not None else (asked,)
    dims = [measure(part) for part in parts]
    told = [d for d in dims if d is not None]
    if len(told) < len(dims):
        return None
    free = [d for d in told if d.known == -1]
    rest = [d for d in told if d.known != -1]
    if not free:
        return join(out.shape, Shape(told))
    missing = _missing(x.shape.dims, rest) or Dim()
    return join(out.shape, Shape(missing if d in free else d for d in told))


def _missing(dims: tuple[Dim, ...] | None, rest: Sequence[Dim]) -> Dim | None:
    """What -1 stands for: the axes of x that are not among the rest."""
    if dims is None:
        return None
    left = [d for d in dims if d.known != 1]
    unmatched = []
    for d in (d for d in rest if d.known != 1):
        match = next((e for e in left if same_dim(d, e)), None)
        if match is None:
            unmatched.append(d)
        else:
            left.remove(match)
    whole = product(left)
    return quotient(whole, product(unmatched)) if unmatched else whole


def flat(eqn: Eqn) -> None:
    x = eqn.args[0].type
    learn(eqn.out.type, x.kind)
    if x.shape.dims is not None:
        join(eqn.out.type.shape, Shape([product(x.shape.dims)]))
    else:
        join(eqn.out.type.shape, Shape([Dim()]))


def permuted(eqn: Eqn, order: Callable[[int], Sequence[int] | None]) -> None:
    """Axis i of the result is axis order(rank)[i] of the argument."""
    x, out = eqn.args[0].type, eqn.out.type
    learn(out, x.kind)
    rank = x.shape.rank if x.shape.rank is not None else out.shape.rank
    axes = None if rank is None else order(rank)
    if axes is None or rank is None:
        return
    if x.shape.dims is None:
        join(x.shape, Shape(Dim() for _ in range(rank)))
    dims = x.shape.dims or ()
    join(out.shape, Shape(dims[a] for a in axes))


def transpose(eqn: Eqn) -> None:
    axes = option(eqn, "axes")
    if axes is None:
        return permuted(eqn, lambda rank: range(rank)[::-1])
    if isinstance(axes, Var):
        return None
    if eqn.args[0].type.shape.dims is None:
        join(eqn.args[0].type.shape, Shape(Dim() for _ in axes))
    return permuted(eqn, lambda rank: axes_of(tuple(axes), rank))


def matrix_transpose(eqn: Eqn) -> None:
    permuted(eqn, lambda rank: [*range(rank - 2), rank - 1, rank - 2])


def swapaxes(eqn: Eqn) -> None:
    def order(rank: int) -> Sequence[int] | None:
        axes = axes_of((option(eqn, "axis1"), option(eqn, "axis2")), rank)
        if axes is None:
            return None
        other = {axes[0]: axes[1], axes[1]: axes[0]}
        return [other.get(i, i) for i in range(rank)]

    permuted(eqn, order)


def moveaxis(eqn: Eqn) -> None:
    def order(rank: int) -> Sequence[int] | None:
        source, destination = (
            axes_of(option(eqn, name), rank) for name in ("source", "destination")
        )
        if source is None or destination is None:
            return None
        axes = [i for i in range(rank) if i not in source]
        for to, origin in sorted(zip(destination, source, strict=True)):
            axes.insert(to, origin)
        return axes

    permuted(eqn, order)


def squeeze(eqn: Eqn) -> None:
    x, out, axis = eqn.args[0].type, eqn.out.type, option(eqn, "axis")
    learn(out, x.kind)
    dims = x.shape.dims
    if dims is None or isinstance(axis, Var):
        return
    if axis is not None:
        axes = axes_of(axis, len(dims)) or ()
        join(out.shape, Shape(d for i, d in enumerate(dims) if i not in axes))
    elif all(d.known is not None for d in dims):
        join(out.shape, Shape(d for d in dims if d.known != 1))


def expand_dims(eqn: Eqn) -> None:
    x, out, axis = eqn.args[0].type, eqn.out.type, option(eqn, "axis")
    learn(out, x.kind)
    if isinstance(axis, Var) or axis is None:
        return
    count = 1 if isinstance(axis, int) else len(axis)
    if x.shape.dims is not None:
        axes = axes_of(axis, len(x.shape.dims) + count) or ()
        rest = iter(x.shape.dims)
        rank = len(x.shape.dims) + count
        join(out.shape, Shape(Dim(1) if i in axes else next(rest) for i in range(rank)))
    elif out.shape.dims is not None:
        axes = axes_of(axis, len(out.shape.dims)) or ()
        join(x.shape, Shape(d for i, d in enumerate(out.shape.dims) if i not in axes))


def broadcast_to(eqn: Eqn) -> None:
    learn(eqn.out.type, elements(eqn.args[0].type.kind))
    if (shape := spelled(eqn.args[1].type)) is not None:
        join(eqn.out.type.shape, shape)


Dims = tuple[Dim, ...]


def widened(dims: Dims, rank: int) -> Dims:
    """The shape of atleast_1d, atleast_2d, atleast_3d."""
    match rank, len(dims):
        case 3, 1:
            return (Dim(1), *dims, Dim(1))
        case 3, 2:
            return (*dims, Dim(1))
        case _:
            return (*(Dim(1) for _ in range(rank - len(dims))), *dims)


def at_least(rank: int) -> ShapeRule:
    def rule(eqn: Eqn) -> None:
        learn(eqn.out.type, eqn.args[0].type.kind)
        if (dims := eqn.args[0].type.shape.dims) is not None:
            join(eqn.out.type.shape, Shape(widened(dims, rank)))

    return rule


def rot90(eqn: Eqn) -> None:
    x, turns, axes = eqn.args[0].type, option(eqn, "k"), option(eqn, "axes")
    learn(eqn.out.type, x.kind)
    if x.shape.dims is not None and isinstance(turns, int) and isinstance(axes, tuple):
        first, second = axes_of(axes, len(x.shape.dims)) or (0, 1)
        dims = [*x.shape.dims]
        if turns % 2:
            dims[first], dims[second] = dims[second], dims[first]
        join(eqn.out.type.shape, Shape(dims))


def diagonal(eqn: Eqn) -> None:
    """diagonal(x, offset) of a matrix."""
    x, out, offset = eqn.args[0].type, eqn.out.type, option(eqn, "offset")
    learn(out, x.kind)
    if x.shape.dims is not None and len(x.shape.dims) == 2 and isinstance(offset, int):
        m, n = x.shape.dims
        join(out.shape, Shape([m.plus(-abs(offset)) if same_dim(m, n) else Dim()]))
