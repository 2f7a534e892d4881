"""Arrays put together, repeated, padded, and cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from flatgrad.graph import Eqn, Var
from flatgrad.shapes.arrangement import Dims, widened
from flatgrad.shapes.facts import (
    axes_of,
    axis_of,
    elements,
    learn,
    measure,
    of_dtype,
    option,
    promoted,
    spelled,
)
from flatgrad.shapes.lengths import difference, product, quotient, total
from flatgrad.types import Contradiction, Dim, Shape, Type, join, join_dims


def tile(eqn: Eqn) -> None:
    x, reps = eqn.args[0].type, spelled(eqn.args[1].type)
    learn(eqn.out.type, elements(x.kind))
    if reps is None or reps.dims is None or x.shape.dims is None:
        return
    rank = max(len(reps.dims), len(x.shape.dims))
    long, counts = ((Dim(1),) * (rank - len(d)) + d for d in (x.shape.dims, reps.dims))
    join(
        eqn.out.type.shape,
        Shape(product(pair) for pair in zip(long, counts, strict=True)),
    )


def repeat(eqn: Eqn) -> None:
    x, count, axis = eqn.args[0].type, eqn.args[1].type, option(eqn, "axis")
    learn(eqn.out.type, elements(x.kind))
    if isinstance(axis, Var) or x.shape.dims is None:
        return
    dims = x.shape.dims if axis is not None else (product(x.shape.dims),)
    (at,) = axes_of(axis, len(dims)) or (0,)
    times = measure(count)
    long = Dim() if times is None else product([dims[at], times])
    join(eqn.out.type.shape, Shape((*dims[:at], long, *dims[at + 1 :])))


def pad(eqn: Eqn) -> None:
    x, widths = eqn.args[0].type, eqn.args[1].type
    learn(eqn.out.type, elements(x.kind))
    dims = x.shape.dims
    if dims is None:
        return
    added = _padding(widths, len(dims))
    new = [
        Dim() if more is None else total([d, *more])
        for d, more in zip(dims, added, strict=True)
    ]
    join(eqn.out.type.shape, Shape(new))


def _padding(widths: Type, rank: int) -> list[list[Dim] | None]:
    """What is added before and after each axis: p, (p, q), or ((p, q), (r, s))."""
    if (both := measure(widths)) is not None:
        return [[both, both]] * rank
    parts = widths.items or ()
    pairs = [part.items if part.items is not None else (part,) for part in parts]
    if parts and all(part.items is None for part in parts):
        pairs = [tuple(parts)]
    if len(pairs) == 1:
        pairs = pairs * rank
    if len(pairs) != rank:
        return [None] * rank
    ends = [
        [measure(end) for end in (pair * 2 if len(pair) == 1 else pair)]
        for pair in pairs
    ]
    return [
        [d for d in pair if d is not None] if None not in pair else None
        for pair in ends
    ]


def concatenate(eqn: Eqn) -> None:
    types, out, axis = [a.type for a in eqn.args], eqn.out.type, option(eqn, "axis")
    if axis is None:
        _concatenate(eqn, lambda dims: (product(dims),), lambda rank: 0)
    rank = next((t.shape.rank for t in (*types, out) if t.shape.rank is not None), None)
    if rank is None or axis is None or isinstance(axis, Var):
        return
    for t in (*types, out):
        if t.shape.dims is None:
            join(t.shape, Shape(Dim() for _ in range(rank)))
    _concatenate(eqn, lambda dims: dims, lambda rank: axis_of(axis, rank))


def _concatenate(
    eqn: Eqn, fit: Callable[[Dims], Dims], axis: Callable[[int], int]
) -> None:
    """Put arguments of known rank together along an axis, each of them fitted before."""
    learn(eqn.out.type, promoted([a.type.kind for a in eqn.args]))
    known = [fit(dims) for a in eqn.args if (dims := a.type.shape.dims) is not None]
    if len(known) < len(eqn.args):
        return
    at = axis(len(known[0]))
    for other in known[1:]:
        _join_others(known[0], other, at)
    joined = [*known[0]]
    joined[at] = total(part[at] for part in known)
    join(eqn.out.type.shape, Shape(joined))


def _join_others(a: Sequence[Dim], b: Sequence[Dim], at: int) -> None:
    if len(a) != len(b):
        raise Contradiction(str(Shape(a)), str(Shape(b)))
    for i, (d, e) in enumerate(zip(a, b, strict=True)):
        if i != at:
            join_dims(d, e)


def vstack(eqn: Eqn) -> None:
    _concatenate(eqn, lambda dims: widened(dims, 2), lambda rank: 0)


def hstack(eqn: Eqn) -> None:
    _concatenate(eqn, lambda dims: widened(dims, 1), lambda rank: 0 if rank == 1 else 1)


def dstack(eqn: Eqn) -> None:
    _concatenate(eqn, lambda dims: widened(dims, 3), lambda rank: 2)


def column_stack(eqn: Eqn) -> None:
    def columns(dims: Dims) -> Dims:
        return dims if len(dims) > 1 else (*widened(dims, 1), Dim(1))

    _concatenate(eqn, columns, lambda rank: 1)


def append(eqn: Eqn) -> None:
    concatenate(eqn)


def stack(eqn: Eqn) -> None:
    """All arguments have one shape; the new axis counts them."""
    types, out, axis = [a.type for a in eqn.args], eqn.out.type, option(eqn, "axis")
    of_dtype(eqn, promoted([t.kind for t in types]))
    for t in types[1:]:
        join(types[0].shape, t.shape)
    if isinstance(axis, Var) or not types:
        return
    axis = 0 if axis is None else axis
    dims, whole = types[0].shape.dims, out.shape.dims
    if dims is not None:
        (at,) = axes_of(axis, len(dims) + 1) or (0,)
        join(out.shape, Shape((*dims[:at], Dim(len(types)), *dims[at:])))
    elif whole is not None:
        (at,) = axes_of(axis, len(whole)) or (0,)
        join(types[0].shape, Shape((*whole[:at], *whole[at + 1 :])))


def split(eqn: Eqn) -> None:
    """split(x, 3): equal parts; split(x, (a, b)): up to a, from a to b, from b on."""
    x, sections, axis = eqn.args[0].type, eqn.args[1].type, option(eqn, "axis")
    dims, outs = x.shape.dims, [o.type for o in eqn.outs]
    for out in outs:
        learn(out, x.kind)
    if dims is None or isinstance(axis, Var):
        return
    (at,) = axes_of(axis, len(dims)) or (0,)
    for out, length in zip(outs, _lengths(dims[at], sections, len(outs)), strict=True):
        join(out.shape, Shape((*dims[:at], length, *dims[at + 1 :])))


def _lengths(whole: Dim, sections: Type, count: int) -> list[Dim]:
    if sections.items is None:
        each = quotient(whole, measure(sections) or Dim()) or Dim()
        return [each] * count
    cuts = [Dim(0), *(measure(item) or Dim() for item in sections.items), whole]
    if len(cuts) != count + 1:
        return [Dim() for _ in range(count)]
    return [difference(b, a) for a, b in pairwise(cuts)]


def array_of(eqn: Eqn) -> None:
    """array((a, b), dtype): stack along the first axis."""
    stack(eqn)
