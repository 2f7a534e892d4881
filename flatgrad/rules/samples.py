"""scipy.stats: what describes a sample. The mean over an axis of z, z^2 and so on tells how it moves with each element."""

from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.registry import general, probe
from flatgrad.rules.continuous import is_number
from flatgrad.rules.matrices import absent, plus
from flatgrad.rules.reductions import MATRIX, VECTOR, centred, count, restore, slope
from flatgrad.shapes import elementwise_float, giving, learn, reduction
from flatgrad.types import Shape, join, same_shape

real = giving("float", reduction)
HEIGHTS = ((1.0, 2.3, 0.5), (0.3, 0.8, 1.1))
POSITIVE = [
    probe(HEIGHTS),
    probe(HEIGHTS, axis=1, keepdims=True),
    probe(HEIGHTS, axis=None),
]
TALL = ((1.0, 2.3), (0.3, 0.8), (0.4, -1.5), (2.1, 0.2))
SPREAD = [probe((1.0, -2.0, 0.5, 0.7)), probe(MATRIX, axis=1), probe(MATRIX, axis=None)]


@general(at=[*POSITIVE, probe(HEIGHTS[0])], shape=real)
def gmean(x, /, axis=0, keepdims=False, *, y):
    return slope(
        restore(y, axis, keepdims) / ((x + (x == 0)) * count(x, axis)), axis, keepdims
    )


@general(at=POSITIVE, shape=real)
def hmean(x, /, axis=0, keepdims=False, *, y):
    away = x + (x == 0)
    return slope(
        (restore(y, axis, keepdims) / away) ** 2 / count(x, axis), axis, keepdims
    )


def deviations(x, axis):
    """The standard deviation, and by how many of them each element is off the mean."""
    s = xp.std(x, axis=axis, keepdims=True)
    return s, centred(x, axis) / s


def biased(bias, what):
    if bias is not True:
        raise NotImplementedError(f"{what} with bias=False")


@general(at=[*SPREAD, probe(MATRIX, axis=1, keepdims=True)], shape=real)
def skew(x, /, axis=0, bias=True, keepdims=False, *, y):
    biased(bias, "skew")
    s, z = deviations(x, axis)
    partial = 3 * (z**2 - 1 - restore(y, axis, keepdims) * z)
    return slope(partial / (count(x, axis) * s), axis, keepdims)


@general(at=[*SPREAD, probe(MATRIX, axis=1, keepdims=True, fisher=False)], shape=real)
def kurtosis(x, /, axis=0, fisher=True, bias=True, keepdims=False, *, y):
    biased(bias, "kurtosis")
    if isinstance(fisher, Expr):
        raise NotImplementedError("kurtosis with fisher= that is not written down")
    s, z = deviations(x, axis)
    whole = restore(y, axis, keepdims) + (3 if fisher else 0)
    partial = 4 * (z**3 - xp.mean(z**3, axis=axis, keepdims=True) - whole * z)
    return slope(partial / (count(x, axis) * s), axis, keepdims)


@general(at=[*SPREAD, probe(MATRIX, axis=1, ddof=1)], shape=elementwise_float)
def zscore(x, /, axis=0, ddof=0, *, y):
    """The same linear map of tangents and of cotangents."""
    degrees = count(x, axis) - ddof
    options = {} if is_number(ddof, 0) else {"ddof": ddof}
    s = xp.std(x, axis=axis, keepdims=True, **options)

    def through(v):
        along = xp.sum(y * v, axis=axis, keepdims=True) / degrees
        return (v - xp.mean(v, axis=axis, keepdims=True) - y * along) / s

    return through, through


@general(
    at=[probe((0.2, 0.5, 0.9)), probe(HEIGHTS), probe(HEIGHTS, base=2, axis=1), probe((0.2, 0.5, 0.9), (0.3, 0.1, 0.7)),
        probe(HEIGHTS, HEIGHTS[::-1], axis=1, keepdims=True, base=10)],
    shape=real,
)  # fmt: skip
def entropy(pk, qk=None, /, base=None, axis=0, keepdims=False, *, y):
    """Of pk and qk divided by their sums."""
    unit = 1 if base is None else xp.log(base)
    whole = xp.sum(pk, axis=axis, keepdims=True)
    told = restore(y, axis, keepdims)
    if absent(qk):
        return slope(-(xp.log(pk / whole) / unit + told) / whole, axis, keepdims)
    of_q = xp.sum(qk, axis=axis, keepdims=True)
    ratio = pk / whole / (qk / of_q)
    in_p, in_q = (xp.log(ratio) / unit - told) / whole, (1 - ratio) / (unit * of_q)

    def jvp(dp, dq):
        parts = [p * d for p, d in ((in_p, dp), (in_q, dq)) if not absent(d)]
        return xp.sum(plus(*parts), axis=axis, keepdims=keepdims)

    def vjp(g):
        wide = restore(g, axis, keepdims)
        return fitted(wide * in_p, pk), fitted(wide * in_q, qk)

    return jvp, vjp


def of_columns(eqn):
    """One number for each pair of columns."""
    x, y = (a.type.shape for a in eqn.args)
    for out in eqn.outs:
        learn(out.type, "float")
        if x.dims and same_shape(x, y):
            join(out.type.shape, Shape(x.dims[1:]))


@general(at=[(VECTOR, (0.4, 1.3, -0.2)), (TALL, TALL[::-1])], shape=of_columns)
def pearsonr(x, y_, /, *, y):
    """Along the first axis; no derivative of the p-value is written here."""
    r, _ = y
    unknown = NotImplementedError("the p-value of pearsonr")

    def parts():
        off_x, off_y = centred(x, 0), centred(y_, 0)
        along_x, along_y = xp.norm(off_x, axis=0), xp.norm(off_y, axis=0)
        u, v = off_x / along_x, off_y / along_y
        return (v - r * u) / along_x, (u - r * v) / along_y

    def jvp(dx, dy):
        slopes = zip(parts(), (dx, dy), strict=True)
        return (
            plus(*(xp.sum(s * d, axis=0) for s, d in slopes if not absent(d))),
            unknown,
        )

    def vjp(g):
        of_r, of_p = g
        if not absent(of_p):
            raise unknown
        if absent(of_r):
            return None
        return tuple(fitted(of_r * s, v) for s, v in zip(parts(), (x, y_), strict=True))

    return jvp, vjp
