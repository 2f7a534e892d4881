"""Elements left out, put in, repeated or counted: each of the result is one of the argument, or a sum of some."""

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import xp
from flatgrad.registry import general, linear, probe
from flatgrad.rules.arithmetic import absent, static
from flatgrad.rules.axes import (
    MATRIX,
    VECTOR,
    along,
    as_array,
    extent,
    known_rank,
    written,
)
from flatgrad.rules.indexing import sorted_shape
from flatgrad.rules.joining import several
from flatgrad.types import Dim, Shape, join

MANY = (0.3, -0.8, 1.7, 1.1, 0.2)


def thinned(eqn, x):
    """Shape rule of what has other lengths along one axis, or is flat."""
    shapes.learn(eqn.out.type, x.kind)
    axis, made = shapes.option(eqn, "axis"), eqn.out.type.shape
    if axis is None and made.dims is None:
        join(made, Shape([Dim()]))
    elif isinstance(axis, int) and x.shape.dims is not None and made.dims is None:
        (at,) = shapes.axes_of(axis, len(x.shape.dims)) or (0,)
        join(made, Shape(Dim() if i == at else d for i, d in enumerate(x.shape.dims)))


def grown(eqn):
    thinned(eqn, eqn.args[0].type)
    shapes.learn(eqn.out.type, shapes.promoted([eqn.args[0].type.kind]))


def put(g, x, places, axis):
    """g at these places along an axis of x, 0 elsewhere."""
    if axis is None:
        flat = xp.index_add(written(g, "zeros", xp.size(x)), places, g)
        return xp.reshape(flat, xp.shape(x))
    return xp.index_add(xp.zeros_like(x), along(axis, places), g)


@linear(
    at=[probe([True, False, True], VECTOR), probe([True, False], MATRIX, axis=0), probe([False, True, True], MATRIX),
        probe([True, False, True], MATRIX, axis=-1)],
    shape=lambda eqn: thinned(eqn, eqn.args[1].type),
)  # fmt: skip
def compress(condition, x, /, axis=None, *, g):
    """The condition may be shorter than the axis."""
    return None, put(g, x, xp.flatnonzero(condition), axis)


@linear(at=[([True, False, True], VECTOR), ([[True, False, True], [False, True, True]], MATRIX)],
        shape=lambda eqn: thinned(eqn, eqn.args[1].type))  # fmt: skip
def extract(condition, x, /, *, g):
    return None, put(g, x, xp.flatnonzero(condition), None)


@linear(
    at=[probe(MANY, 1), probe(MANY, [0, 3]), probe(MANY, slice(1, 3)), probe(MATRIX, 1, axis=1), probe(MATRIX, [0, 2], axis=-1),
        probe(MATRIX, 4), probe(MANY, [True, False, True, False, False])],
    shape=lambda eqn: thinned(eqn, eqn.args[0].type),
)  # fmt: skip
def delete(x, places, /, axis=None, *, g):
    many = xp.size(x) if axis is None else extent(x, axis)
    kept = xp.delete(written(g, "arange", many), places)
    return put(g, x, kept, axis)


@linear(
    at=[probe(MANY, 1, 0.7), probe(MANY, [0, 3], (0.4, 0.9)), probe(MANY, [3, 1], (0.4, 0.9)), probe(MANY, [1, 1], 0.9),
        probe(MANY, 2, (0.4, 0.9)), probe(MATRIX, 1, 0.3), probe(MATRIX, 1, 0.3, axis=1), probe(MATRIX, 0, VECTOR, axis=0),
        probe(MATRIX, -1, (0.4, 0.9), axis=1)],
    shape=grown,
)  # fmt: skip
def insert(x, places, values, /, axis=None, *, g):
    values = as_array(values)
    if axis is None or known_rank(x) == 1:
        return _put_in(x, places, values, g)
    n, m = known_rank(x), known_rank(values)
    one_part = m == 0 or (n is not None and m is not None and m < n)
    if not isinstance(static(places), int) or not one_part:
        raise NotImplementedError(
            "insert along an axis, of other than one part whose shape is known"
        )
    place = static(places)
    if place < 0:  # counted before there is one more
        place -= 1
    part = g[along(axis, place)]
    return xp.delete(g, place, axis=axis), None, fitted(part, values)


def _put_in(x, places, values, g):
    """Number each element by where it comes from: those of x, then those of the values."""
    many = xp.size(x)
    counted = xp.size(g) - many
    source = xp.insert(written(g, "arange", many), places, xp.arange(counted) + many)
    order = xp.argsort(source)
    return (
        xp.reshape(g[xp.take(order, xp.arange(many))], xp.shape(x)),
        None,
        fitted(g[order[along(0, xp.slice(many, None, None))]], values),
    )


def repeated_shape(eqn):
    shapes.learn(eqn.out.type, shapes.promoted([eqn.args[0].type.kind]))
    if (shape := shapes.spelled(eqn.args[1].type)) is not None:
        join(eqn.out.type.shape, shape)


@linear(at=[(VECTOR, (2, 4)), (MATRIX, (2, 2)), (VECTOR, 5)], shape=repeated_shape)
def resize(x, shape, /, *, g):
    """The elements again and again, as many as there is room for."""
    places = xp.resize(written(g, "arange", xp.size(x)), shape)
    return put(g, x, places, None)


@general(at=[probe(MANY, 2), probe(MATRIX, 1), probe(MATRIX, 0, axis=0), probe(MATRIX, 2, axis=None)],
         shape=sorted_shape)  # fmt: skip
def partition(x, kth, /, axis=-1, *, y):
    """Sorted, the argument and the result are the same."""
    if axis is None:
        flat, at = xp.ravel(x), 0
    else:
        flat, at = x, axis
    from_x, from_y = (xp.argsort(v, axis=at) for v in (flat, y))

    def moved(v, order, back):
        ordered = xp.take_along_axis(v, order, axis=at)
        return xp.take_along_axis(ordered, xp.argsort(back, axis=at), axis=at)

    def jvp(dx, dk=None):
        return moved(dx if flat is x else xp.ravel(dx), from_x, from_y)

    def vjp(g):
        back = moved(g, from_y, from_x)
        return (back if flat is x else xp.reshape(back, xp.shape(x))), None

    return jvp, vjp


@general(at=[(MANY,), (MATRIX,)], shape=shapes.anything)
def unique(
    x, /, return_index=False, return_inverse=False, return_counts=False, axis=None, *, y
):
    """Each of the result is one of the argument: the first in its order, where several are equal."""
    if return_index or return_inverse or return_counts or axis is not None:
        raise NotImplementedError("unique with more results, or along an axis")
    flat = xp.ravel(x)
    order = xp.argsort(flat)
    places = order[xp.searchsorted(flat[order], y)]

    def jvp(dx):
        return xp.ravel(dx)[places]

    def vjp(g):
        return put(g, x, places, None)

    return jvp, vjp


def counts_kind(eqn):
    weights = shapes.data(eqn, 1)
    return "int" if weights is None or weights.kind == "none" else "float"


def counts_shape(eqn):
    shapes.learn(eqn.out.type, counts_kind(eqn))
    if eqn.out.type.shape.dims is None:
        join(eqn.out.type.shape, Shape([Dim()]))


@linear(
    at=[([0, 2, 2, 1, 0], MANY), probe([0, 2], (0.3, 0.9), minlength=5)],
    shape=counts_shape,
)
def bincount(x, weights=None, /, minlength=0, *, g):
    return None, None if absent(weights) else g[x]


def histogram_shape(eqn):
    counted = shapes.option(eqn, "density") is False
    shapes.learn(eqn.outs[0].type, counts_kind(eqn) if counted else "float")
    shapes.learn(eqn.outs[1].type, "float")
    for out in eqn.outs:
        if out.type.shape.dims is None:
            join(out.type.shape, Shape([Dim()]))


@general(
    at=[probe(MANY, (0.5, 2.0, 0.3, 0.9, 1.4), bins=[-1.0, 0.0, 1.0, 1.8]), probe(MANY, (0.5, 2.0, 0.3, 0.9, 1.4), bins=3, range=(-0.5, 1.5))],
    shape=histogram_shape,
)  # fmt: skip
def histogram(x, weights=None, /, bins=10, range=None, density=False, *, y):
    """Which bin a number falls into jumps; its weight is added there."""
    if density is not False:
        raise NotImplementedError("histogram with density=True")
    edges = y[1]

    def jvp(dx, dw=None):
        if not absent(dx) and isinstance(bins, int) and range is None:
            raise NotImplementedError(MOVING)
        moved = xp.zeros_like(y[0])
        if not absent(dw):
            moved = several("histogram", 2, x, dw, bins=edges)[0]
        return moved, xp.zeros_like(edges)

    def vjp(g):
        g_counts, g_edges = g
        if not absent(g_edges) and not (range is not None or not isinstance(bins, int)):
            raise NotImplementedError(MOVING)
        if absent(weights) or absent(g_counts):
            return None, None
        bin = xp.clip(
            xp.searchsorted(edges, x, side="right") - 1, 0, xp.size(edges) - 2
        )
        inside = (x >= edges[0]) & (x <= edges[-1])
        return None, xp.where(inside, g_counts[bin], 0)

    return jvp, vjp


MOVING = "histogram whose edges move as the numbers do"
