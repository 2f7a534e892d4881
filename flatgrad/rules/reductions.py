"""Reductions over axes, and running sums along one."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import constant, general, linear, probe

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


@general(at=[*AXES, probe((1.0, float("nan"), 0.5))], shape=shapes.reduction)
def nansum(x, /, axis=None, keepdims=False):
    return slope(xp.logical_not(xp.isnan(x)), axis, keepdims)


@general(at=[*AXES, probe((1.0, float("nan"), 0.5))], shape=real)
def nanmean(x, /, axis=None, keepdims=False):
    there = xp.logical_not(xp.isnan(x))
    return slope(there / xp.sum(there, axis=axis, keepdims=True), axis, keepdims)


# All elements that attain an extreme share the gradient equally.


def shared(x, extreme, axis):
    hit = x == extreme
    return hit / xp.sum(hit, axis=axis, keepdims=True)


@general(at=AXES, shape=shapes.reduction)
def max(x, /, axis=None, keepdims=False, *, y):
    return slope(shared(x, restore(y, axis, keepdims), axis), axis, keepdims)


@general(at=AXES, shape=shapes.reduction)
def min(x, /, axis=None, keepdims=False, *, y):
    return slope(shared(x, restore(y, axis, keepdims), axis), axis, keepdims)


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


@general(at=SPREAD, shape=real)
def var(x, /, axis=None, keepdims=False, ddof=0):
    distance = x - xp.mean(x, axis=axis, keepdims=True)
    return slope(2 * distance / (count(x, axis) - ddof), axis, keepdims)


@general(at=SPREAD, shape=real)
def std(x, /, axis=None, keepdims=False, ddof=0, *, y):
    """Not a number where all elements are equal: the function has a corner there in every direction."""
    distance = x - xp.mean(x, axis=axis, keepdims=True)
    return slope(
        distance / ((count(x, axis) - ddof) * restore(y, axis, keepdims)),
        axis,
        keepdims,
    )


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


@linear(at=ONE_AXIS, shape=shapes.scan)
def cumsum(x, /, axis=None, *, g):
    if axis is None:
        return xp.reshape(xp.flip(xp.cumsum(xp.flip(g))), xp.shape(x))
    return xp.flip(xp.cumsum(xp.flip(g, axis=axis), axis=axis), axis=axis)


@general(
    at=[probe(VECTOR, axis=0), probe(MATRIX, axis=0), probe(MATRIX, axis=-1)],
    shape=shapes.scan,
)
def cumprod(x, /, axis=None, *, y):
    """Not a number from the first 0 on."""
    if axis is None:
        raise NotImplementedError("give cumprod an axis")

    def jvp(dx):
        return y * xp.cumsum(dx / x, axis=axis)

    def vjp(g):
        return xp.flip(xp.cumsum(xp.flip(g * y, axis=axis), axis=axis), axis=axis) / x

    return jvp, vjp


MEDIAN = [
    probe(VECTOR),
    probe((1.0, -2.0, 0.5, 3.0)),
    probe(MATRIX, axis=0),
    probe(MATRIX, axis=1),
]


@general(at=MEDIAN, shape=real)
def median(x, /, axis=None, keepdims=False):
    """The element in the middle, or the two that are."""
    if isinstance(axis, tuple):
        raise NotImplementedError("the median over several axes")
    n, along = count(x, axis), 0 if axis is None else axis
    rising = xp.sort(xp.ravel(x) if axis is None else x, axis=along)
    middles = (
        restore(xp.take(rising, k // 2, axis=along), axis, False) for k in (n - 1, n)
    )
    lower, upper = (shared(x, middle, axis) for middle in middles)
    return slope((lower + upper) / 2, axis, keepdims)


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
