"""Medians, quantiles and percentiles: the elements that they are made of, by how much of each.

Which elements these are the library says itself, by the methods "lower" and "higher". Elements that are equal
to one of them share its part.
"""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import general, probe
from flatgrad.rules.arithmetic import static
from flatgrad.rules.axes import (
    CUBE,
    MATRIX,
    VECTOR,
    known_rank,
    rank,
    together,
    written,
)
from flatgrad.rules.missing_values import HOLES, there
from flatgrad.rules.reductions import count, real, restore, shared, slope

ONE_ELEMENT = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")
FOUR = (1.0, -2.0, 0.5, 3.0)
MEDIAN = [
    probe(VECTOR),
    probe(FOUR),
    probe(MATRIX, axis=0),
    probe(MATRIX, axis=1, keepdims=True),
    probe(CUBE, axis=(0, 2)),
    probe(MATRIX),
]


@general(at=MEDIAN, shape=real)
def median(x, /, axis=None, keepdims=False):
    """The element in the middle, or the two that are."""
    if isinstance(axis, tuple):
        middles = ends("quantile", x, 0.5, axis)
    else:
        n, along = count(x, axis), 0 if axis is None else axis
        rising = xp.sort(xp.ravel(x) if axis is None else x, axis=along)
        middles = (
            restore(xp.take(rising, k // 2, axis=along), axis, False)
            for k in (n - 1, n)
        )
    lower, upper = (shared(x, middle, axis) for middle in middles)
    return slope((lower + upper) / 2, axis, keepdims)


@general(at=[*MEDIAN, probe(HOLES, axis=1), probe(HOLES)], shape=real)
def nanmedian(x, /, axis=None, keepdims=False):
    lower, upper = (shared(x, v, axis) for v in ends("nanquantile", x, 0.5, axis))
    return slope((lower + upper) / 2, axis, keepdims)


def ends(op, x, q, axis):
    """The elements below and above a quantile, their axes kept."""
    function = getattr(xp, op)
    return (
        function(x, q=q, axis=axis, method=method, keepdims=True)
        for method in ("lower", "higher")
    )


def of_quantile(op, x, q, axis, method, keepdims, y, many):
    """The derivative of a quantile; `many` elements make it."""
    q = static(q)
    match rank_of(q):
        case 0:
            y = restore(y, axis, keepdims)
            return slope(parts_of(op, x, q, axis, method, y, many), axis, keepdims)
        case 1 if known_rank(x) is None and isinstance(q, list | tuple):
            ways = [
                of_quantile(op, x, one, axis, method, keepdims, y[i], many)
                for i, one in enumerate(q)
            ]
            return one_by_one(ways)
        case 1:
            return of_quantiles(op, x, q, axis, method, keepdims, y, many)
        case _:
            raise NotImplementedError("quantiles for a matrix of q")


def one_by_one(ways):
    """The derivative of several results along a first axis, from that of each."""

    def jvp(dx):
        return xp.stack(*(forward(dx) for forward, _ in ways))

    def vjp(g):
        total, *others = (back(g[i]) for i, (_, back) in enumerate(ways))
        for other in others:
            total = total + other
        return total

    return jvp, vjp


def of_quantiles(op, x, q, axis, method, keepdims, y, many):
    """The same for a vector q, along which the first axis of the result goes."""
    n = rank(x)
    axes = range(n) if axis is None else [axis] if isinstance(axis, int) else axis
    axis = together(sorted(a % n - n for a in axes))
    parts = parts_of(op, x, q, axis, method, restore(y, axis, keepdims), many)

    def jvp(dx):
        return xp.sum(parts * dx, axis=axis, keepdims=keepdims)

    def vjp(g):
        return xp.sum(restore(g, axis, keepdims) * parts, axis=0)

    return jvp, vjp


def parts_of(op, x, q, axis, method, y, many):
    """How much of a quantile each element makes."""
    if method in ONE_ELEMENT:
        return shared(x, y, axis)
    if method not in ("linear", "midpoint"):
        raise NotImplementedError(f"quantiles with method={method!r}")
    lower, upper = (shared(x, end, axis) for end in ends(op, x, q, axis))
    if method == "midpoint":
        return (lower + upper) / 2
    further = way(op, x, q, many)
    return lower * (1 - further) + upper * further


def way(op, x, q, many):
    """How far a quantile is from the element below to that above.

    Rounded as the library rounds it, which decides which elements these are.
    """
    percent = op.endswith("percentile")
    last = whole_number(many) - 1
    match q:
        case int() | float():
            return (q / 100 if percent else q) * last % 1
        case list() | tuple():
            ways = [v / 100 if percent else v for v in q]
            q = written(x, "constant_array", ways)
        case _ if op == "percentile":
            q, last = xp.percentile(xp.arange(many), q=q), 1
        case _ if percent:
            raise NotImplementedError("nanpercentile for q that is not written down")
        case _:
            pass
    return (xp.reshape(q, (-1, *[1] * rank(x))) if rank_of(q) else q) * last % 1


def whole_number(n):
    """The number, where it is known."""
    dim = n.atom.type.dim if isinstance(n, Expr) else None
    return n if dim is None or dim.known is None else dim.known


def rank_of(q):
    """How many axes q has."""
    known = known_rank(q)
    if known is None:
        raise NotImplementedError("quantiles for q of which the shape is not known")
    return known


def quantile_shape(eqn):
    """As a reduction; with an axis before, where there are several q."""
    q = shapes.option_type(eqn, "q")
    if q is not None and q.shape.is_scalar:
        real(eqn)
    else:
        shapes.learn(eqn.out.type, "float")


def _quantile_probes(q):
    return [
        probe(VECTOR, q=q(0.3)),
        probe(FOUR, q=q(0.45), keepdims=True),
        probe(MATRIX, q=q(0.8), axis=1),
        probe(CUBE, q=q(0.6), axis=(0, 2), keepdims=True),
        probe(MATRIX, q=[q(0.2), q(0.7)], axis=0),
        probe(MATRIX, q=[q(0.2), q(0.7)]),
        probe(CUBE, q=[q(0.2), q(0.7)], axis=(0, -1), keepdims=True),
        *(probe(FOUR, q=q(0.4), method=m) for m in (*ONE_ELEMENT, "midpoint")),
        probe(MATRIX, q=[q(0.2), q(0.9)], axis=1, method="nearest"),
    ]


QUANTILES = _quantile_probes(lambda q: q)
PERCENTILES = _quantile_probes(lambda q: 100 * q)
HOLED = [probe(HOLES, q=0.4), probe(HOLES, q=[0.2, 0.7], axis=1)]
HOLED_PERCENTILES = [probe(HOLES, q=40), probe(HOLES, q=[20.0, 70.0], axis=1)]


@general(at=QUANTILES, shape=quantile_shape)
def quantile(x, /, q=..., axis=None, method="linear", keepdims=False, *, y):
    return of_quantile("quantile", x, q, axis, method, keepdims, y, count(x, axis))


@general(at=PERCENTILES, shape=quantile_shape)
def percentile(x, /, q=..., axis=None, method="linear", keepdims=False, *, y):
    n = count(x, axis)
    return of_quantile("percentile", x, q, axis, method, keepdims, y, n)


def known(x, axis):
    """How many elements are there along the axes."""
    return xp.sum(there(x), axis=axis, keepdims=True)


@general(at=[*QUANTILES, *HOLED], shape=quantile_shape)
def nanquantile(x, /, q=..., axis=None, method="linear", keepdims=False, *, y):
    n = known(x, axis)
    return of_quantile("nanquantile", x, q, axis, method, keepdims, y, n)


@general(at=[*PERCENTILES, *HOLED_PERCENTILES], shape=quantile_shape)
def nanpercentile(x, /, q=..., axis=None, method="linear", keepdims=False, *, y):
    n = known(x, axis)
    return of_quantile("nanpercentile", x, q, axis, method, keepdims, y, n)
