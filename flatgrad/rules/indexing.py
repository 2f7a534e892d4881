"""Reading and writing parts of an array."""

import numpy as np

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import constant, general, linear, probe
from flatgrad.rules.arithmetic import static, without_derivative
from flatgrad.rules.shaping import along, extent, rank, tuple_of

VECTOR = (1.0, -2.0, 0.5)
MATRIX = ((1.0, -2.0, 0.5), (0.3, 0.8, -1.1))
PARTS = [
    (VECTOR, 1),
    (VECTOR, slice(1, None)),
    (MATRIX, (slice(None), 2)),
    (MATRIX, (Ellipsis, None, slice(None, None, -1))),
    (VECTOR, [0, 2, 0]),
    (MATRIX, ([0, 1], [2, 2])),
    (VECTOR, [True, False, True]),
]


@linear(at=PARTS, shape=shapes.getitem)
def getitem(x, index, /, *, g):
    return xp.index_add(xp.zeros_like(x), index, g)


def moved(x, dx):
    """A tangent as an array that can be written to; 0 and None say that x does not move."""
    return xp.zeros_like(x) if isinstance(static(dx), int | None) else dx


@general(
    at=[
        (VECTOR, 1, 0.3),
        (MATRIX, (slice(None), 1), (0.4, 0.6)),
        (MATRIX, slice(0, 1), 2.0),
        (VECTOR, [0, 2], 0.7),
    ],
    shape=shapes.updated,
)
def setitem(x, index, value, /):
    """x with x[index] = value; where an index repeats, which value stays is up to the library."""

    def jvp(dx, dindex, dvalue):
        return xp.setitem(moved(x, dx), index, 0 if dvalue is None else dvalue)

    def vjp(g):
        return (
            xp.setitem(g, index, 0),
            None,
            xp.unbroadcast(xp.getitem(g, index), value),
        )

    return jvp, vjp


@general(
    at=[
        (VECTOR, 1, 0.3),
        (VECTOR, [0, 2, 0], (0.1, 0.2, 0.3)),
        (MATRIX, [0, 1, 1], 0.7),
        (MATRIX, slice(1), VECTOR),
    ],
    shape=shapes.updated,
)
def index_add(x, index, value, /):
    """x with value added at index, as often as the index says."""

    def jvp(dx, dindex, dvalue):
        return xp.index_add(moved(x, dx), index, 0 if dvalue is None else dvalue)

    def vjp(g):
        return g, None, xp.unbroadcast(xp.getitem(g, index), value)

    return jvp, vjp


@linear(
    at=[
        probe(MATRIX, [0, 5, 0]),
        probe(MATRIX, [2, 2], axis=1),
        probe(MATRIX, 1, axis=0),
    ],
    shape=shapes.take,
)
def take(x, indices, /, axis=None, *, g):
    if axis is None:
        return xp.reshape(xp.index_add(xp.zeros(xp.size(x)), indices, g), xp.shape(x))
    return xp.index_add(xp.zeros_like(x), along(axis, static(indices)), g)


def every(x, indices, axis):
    """The index that reads x[..., indices, ...], with an arange for each other axis."""
    n = rank(x)

    def positions(i):
        return xp.reshape(
            xp.arange(extent(x, i)), tuple(-1 if j == i else 1 for j in range(n))
        )

    return tuple_of(*(indices if i == axis % n else positions(i) for i in range(n)))


@linear(
    at=[
        probe(MATRIX, np.array([[1, 1], [0, 2]]), axis=1),
        probe(MATRIX, np.array([[1, 0, 1]]), axis=0),
    ],
    shape=shapes.along_axis,
)
def take_along_axis(x, indices, /, axis=-1, *, g):
    return xp.index_add(xp.zeros_like(x), every(x, indices, axis), g)


@general(at=[probe(VECTOR), probe(MATRIX), probe(MATRIX, axis=0)], shape=shapes.same)
def sort(x, /, axis=-1):
    if axis is None:
        raise NotImplementedError("sort without an axis")
    order = xp.argsort(x, axis=axis)

    def jvp(dx):
        return xp.take_along_axis(dx, order, axis=axis)

    def vjp(g):
        return xp.take_along_axis(g, xp.argsort(order, axis=axis), axis=axis)

    return jvp, vjp


@linear(
    at=[probe(VECTOR), probe(MATRIX, axis=0), probe(VECTOR, n=2), probe(MATRIX)],
    shape=shapes.resized("n"),
)
def diff(x, /, n=1, axis=-1, *, g):
    """The transpose of a difference is the negative difference of what is framed by zeros."""
    frame = tuple((n, n) if i == axis % rank(x) else (0, 0) for i in range(rank(x)))
    return (-1) ** n * xp.diff(xp.pad(g, frame), n=n, axis=axis)


constant("nonzero", "argwhere", "flatnonzero", "searchsorted", "digitize", "lexsort")
constant("argsort", "argpartition", shape=shapes.giving("int", shapes.same))
constant("isin", shape=shapes.giving("bool", shapes.same))
constant(
    "tril_indices",
    "triu_indices",
    "diag_indices",
    "indices",
    "ix_",
    "ravel_multi_index",
    "unravel_index",
)
constant("range", "enumerate", "zip", "reversed")
without_derivative("unique", "bincount", shape=shapes.anything)
