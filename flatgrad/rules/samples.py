"""scipy.stats: what describes a sample. The mean over an axis of z, z^2 and so on tells how it moves with each element."""

from flatgrad.builder import Expr, xp
from flatgrad.broadcasting import fitted
from flatgrad.registry import general, probe
from flatgrad.rules.matrices import absent, plus
from flatgrad.rules.reductions import MATRIX, VECTOR, centred, count, restore, slope
from flatgrad.shapes import elementwise_float, giving, learn, reduction
from flatgrad.types import join, scalar

real = giving("float", reduction)
HEIGHTS = ((1.0, 2.3, 0.5), (0.3, 0.8, 1.1))
POSITIVE = [probe(HEIGHTS), probe(HEIGHTS, axis=1, keepdims=True), probe(HEIGHTS, axis=None)]
SPREAD = [probe((1.0, -2.0, 0.5, 0.7)), probe(MATRIX, axis=1), probe(MATRIX, axis=None)]


@general(at=[*POSITIVE, probe(HEIGHTS[0])], shape=real)
def gmean(x, /, axis=0, keepdims=False, *, y):
    return slope(restore(y, axis, keepdims) / ((x + (x == 0)) * count(x, axis)), axis, keepdims)


@general(at=POSITIVE, shape=real)
def hmean(x, /, axis=0, keepdims=False, *, y):
    away = x + (x == 0)
    return slope((restore(y, axis, keepdims) / away) ** 2 / count(x, axis), axis, keepdims)


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


@general(
    at=[*SPREAD, probe(MATRIX, axis=1, keepdims=True, fisher=False)], shape=real
)
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
    s = xp.std(x, axis=axis, ddof=ddof, keepdims=True)

    def through(v):
        along = xp.sum(y * v, axis=axis, keepdims=True) / (count(x, axis) - ddof)
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


def two_numbers(eqn):
    """Of two vectors, as long as no axis is given."""
    for out in eqn.outs:
        learn(out.type, "float")
        join(out.type.shape, scalar())


@general(at=[(VECTOR, (0.4, 1.3, -0.2))], shape=two_numbers)
def pearsonr(x, y_, /, *, y):
    """Of two vectors; no derivative of the p-value is written here."""
    r, _ = y

    def parts():
        units = []
        for v in (x, y_):
            off = v - xp.mean(v)
            length = xp.norm(off)
            units.append((off / length, length))
        (u, along_u), (v, along_v) = units
        return (v - r * u) / along_u, (u - r * v) / along_v

    def jvp(dx, dy):
        slopes = zip(parts(), (dx, dy), strict=True)
        return plus(*(xp.sum(s * d) for s, d in slopes if not absent(d))), 0

    def vjp(g):
        of_r, of_p = g
        if not absent(of_p):
            raise NotImplementedError("the p-value of pearsonr")
        return None if absent(of_r) else tuple(of_r * s for s in parts())

    return jvp, vjp
