"""Reductions over axes, and running sums along one."""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import constant, general, linear, probe
from flatgrad.rules.arithmetic import absent
from flatgrad.rules.axes import known_rank, rank, together

VECTOR = (1.0, -2.0, 0.5)
MATRIX = ((1.0, -2.0, 0.5), (0.3, 0.8, -1.1))
CUBE = (((0.3, -0.7), (1.2, 0.1), (0.9, -1.4)), ((2.1, 0.4), (-0.2, 0.6), (1.1, -0.3)))
AXES = [
    probe(VECTOR),
    probe(MATRIX),
    probe(MATRIX, axis=0),
    probe(MATRIX, axis=-1, keepdims=True),
    probe(MATRIX, keepdims=True),
    probe(CUBE, axis=(0, 2)),
]
ONE_AXIS = [probe(VECTOR), probe(MATRIX, axis=0), probe(MATRIX, axis=-1)]
SPREAD = [*AXES, probe(VECTOR, ddof=1), probe(MATRIX, axis=1, ddof=1, keepdims=True)]
real = shapes.giving("float", shapes.reduction)


def restore(g, axis, keepdims):
    """Put back, with length 1, the axes that a reduction removed."""
    return g if keepdims or axis is None else xp.expand_dims(g, axis=axis)


def count(x, axis):
    """How many elements of x make one element of the result."""
    match axis:
        case None:
            return xp.size(x)
        case tuple():
            first, *others = (count(x, a) for a in axis)
            for n in others:
                first = first * n
            return first
        case _:
            return xp.shape(x)[axis]


def slope(partial, axis, keepdims):
    """A reduction whose result moves by the sum of partial * dx over the axes."""

    def jvp(dx):
        return xp.sum(partial * dx, axis=axis, keepdims=keepdims)

    def vjp(g):
        return restore(g, axis, keepdims) * partial

    return jvp, vjp


@linear(at=AXES, shape=shapes.reduction)
def sum(x, /, axis=None, keepdims=False, *, g):
    return xp.broadcast_to(restore(g, axis, keepdims), xp.shape(x))


@linear(at=AXES, shape=real)
def mean(x, /, axis=None, keepdims=False, *, g):
    return xp.broadcast_to(restore(g / count(x, axis), axis, keepdims), xp.shape(x))


# All elements that attain an extreme share the gradient equally; one that `initial` attains has none.


def shared(x, extreme, axis, initial=None):
    hit = x == extreme
    hits = xp.sum(hit) if axis is None else xp.sum(hit, axis=axis, keepdims=True)
    return hit / (hits if initial is None else xp.maximum(hits, 1))


def extreme(x, axis, keepdims, initial, y):
    if isinstance(initial, Expr):
        raise NotImplementedError("an initial value that is not written down")
    return slope(shared(x, restore(y, axis, keepdims), axis, initial), axis, keepdims)


BOUNDED = [*AXES, probe(MATRIX, axis=0, initial=0.4)]


@general(at=BOUNDED, shape=shapes.reduction)
def max(x, /, axis=None, keepdims=False, initial=None, *, y):
    return extreme(x, axis, keepdims, initial, y)


@general(at=BOUNDED, shape=shapes.reduction)
def min(x, /, axis=None, keepdims=False, initial=None, *, y):
    return extreme(x, axis, keepdims, initial, y)


@general(at=AXES, shape=shapes.reduction)
def ptp(x, /, axis=None, keepdims=False):
    high, low = (f(x, axis=axis, keepdims=True) for f in (xp.max, xp.min))
    return slope(shared(x, high, axis) - shared(x, low, axis), axis, keepdims)


@general(
    at=[*AXES, probe((1.5, 0.0, 2.0)), probe((0.0, 3.0, 0.0))], shape=shapes.reduction
)
def prod(x, /, axis=None, keepdims=False):
    """Each element counts by the product of the others, which is 0 if one of those is 0."""
    zero = x == 0
    nonzero = xp.where(zero, 1, x)
    others = xp.prod(nonzero, axis=axis, keepdims=True) / nonzero
    return slope(
        others * (xp.sum(zero, axis=axis, keepdims=True) == zero), axis, keepdims
    )


def centred(x, axis):
    """x minus its mean, written as people do, who may have computed the same."""
    match axis:
        case None:
            return x - xp.mean(x)
        case 0:
            return x - xp.mean(x, axis=0)
        case _:
            return x - xp.mean(x, axis=axis, keepdims=True)


@general(at=SPREAD, shape=real)
def var(x, /, axis=None, keepdims=False, ddof=0):
    return slope(2 * centred(x, axis) / (count(x, axis) - ddof), axis, keepdims)


@general(at=[*SPREAD, probe((0.5, 0.5))], shape=real)
def std(x, /, axis=None, keepdims=False, ddof=0, *, y):
    """0 where all elements are equal, which is a corner in every direction."""
    degrees = count(x, axis) - ddof if ddof else count(x, axis)
    scale = restore(degrees * (y + (y == 0)), axis, keepdims)
    return slope(centred(x, axis) / scale, axis, keepdims)


@general(
    at=[(VECTOR,), (VECTOR, (0.5, 1.5, 2.0)), probe(MATRIX, MATRIX, axis=0), probe(MATRIX, VECTOR, axis=1),
        probe(MATRIX, (0.3, 0.9), axis=0, keepdims=True), probe(MATRIX, axis=0), probe(MATRIX, ((0.3, 0.9, 1.1), (0.2, 0.8, 0.5)), axis=(0, 1))],
    shape=real,
)  # fmt: skip
def average(x, weights=None, /, axis=None, keepdims=False, *, y):
    if absent(weights):
        return (
            lambda dx: xp.mean(dx, axis=axis, keepdims=keepdims),
            lambda g: mean(x, axis=axis, keepdims=keepdims, g=g),
        )
    n, m = rank(x), rank(weights)
    if isinstance(axis, tuple) and m < n:
        raise NotImplementedError(
            "an average over several axes, with weights of another shape"
        )
    total = xp.sum(weights, axis=axis, keepdims=True) if m == n else xp.sum(weights)
    w = weights
    if m < n and axis % n != n - 1:
        w = xp.expand_dims(weights, axis=tuple(range(1, n - axis % n)))
    middle = restore(y, axis, keepdims)
    if m == n and axis is None:
        total = xp.sum(weights)

    def jvp(dx, dw):
        moved = 0 if absent(dx) else w * dx
        if not absent(dw):
            dw = dw if m == n else xp.reshape(dw, xp.shape(w))
            moved = moved + dw * (x - middle)
        return xp.sum(moved / total, axis=axis, keepdims=keepdims)

    def vjp(g):
        g = restore(g, axis, keepdims) / total
        from_x = g * (x - middle)
        others = tuple(i for i in range(n) if i != axis % n) if m < n else ()
        return g * w, xp.sum(from_x, axis=together(others)) if others else from_x

    return jvp, vjp


@general(at=AXES, shape=real)
def logsumexp(x, /, axis=None, keepdims=False, *, y):
    return slope(xp.exp(x - restore(y, axis, keepdims)), axis, keepdims)


@general(
    at=[*ONE_AXIS, probe((40.0, -40.0, 39.0))],
    shape=shapes.giving("float", shapes.same),
)
def softmax(x, /, axis=None, *, y):
    """The matrix of derivatives diag(y) - y y' is symmetric: both modes are one."""

    def both(v):
        return y * (v - xp.sum(v * y, axis=axis, keepdims=True))

    return both, both


@general(
    at=[*ONE_AXIS, probe((40.0, -40.0, 39.0))],
    shape=shapes.giving("float", shapes.same),
)
def log_softmax(x, /, axis=None, *, y):
    def jvp(dx):
        return dx - xp.sum(xp.exp(y) * dx, axis=axis, keepdims=True)

    def vjp(g):
        return g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True)

    return jvp, vjp


def reversed_sum(v, axis):
    """At each place along the axis, the sum of what is there and after."""
    if known_rank(v) == 1:
        return xp.cumsum(v[::-1])[::-1]
    return xp.flip(xp.cumsum(xp.flip(v, axis=axis), axis=axis), axis=axis)


@linear(at=ONE_AXIS, shape=shapes.scan)
def cumsum(x, /, axis=None, *, g):
    if axis is None:
        total = reversed_sum(g, 0)
        return total if known_rank(x) == 1 else xp.reshape(total, xp.shape(x))
    return reversed_sum(g, axis)


@general(
    at=[*ONE_AXIS, probe((2.0, 0.0, 3.0), axis=0), probe((2.0, 0.0, 3.0, 0.0, 1.5)), probe((0.0, 3.0), axis=-1)],
    shape=shapes.scan,
)  # fmt: skip
def cumprod(x, /, axis=None, *, y):
    """From the first 0 on, only that element counts: by the product of the others."""
    n = known_rank(x)
    flat = xp.ravel(x) if axis is None and n != 1 else x
    along = {} if n == 1 or axis is None else {"axis": axis}
    zero = flat == 0
    zeros = xp.cumsum(zero, **along)
    first, filled = zero & (zeros == 1), xp.where(zero, 1, flat)
    beyond = xp.cumprod(xp.where(first, 1, flat), **along)

    def jvp(dx):
        dx = dx if flat is x else xp.ravel(dx)
        before = y * xp.cumsum(dx / filled, **along)
        return xp.where(zeros == 0, before, beyond * xp.cumsum(dx * first, **along))

    def vjp(g):
        at = 0 if axis is None else axis
        before = reversed_sum(g * y, at) / filled
        total = xp.where(first, reversed_sum(g * beyond, at), before)
        return total if flat is x else xp.reshape(total, xp.shape(x))

    return jvp, vjp


constant(
    "argmax",
    "argmin",
    "nanargmax",
    "nanargmin",
    shape=shapes.giving("int", shapes.reduction),
)
constant("count_nonzero", shape=shapes.giving("int", shapes.reduction))
constant("any", "all", shape=shapes.giving("bool", shapes.reduction))
constant("allclose", "array_equal", shape=shapes.truth)
