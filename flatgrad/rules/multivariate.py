"""Distributions of vectors in scipy.stats. A covariance that must be symmetric has a symmetric gradient.

Points are the rows of x. A covariance of one number or of one axis stands for a diagonal matrix, as in SciPy.
"""

from flatgrad.broadcasting import fitted
from flatgrad.builder import xp
from flatgrad.registry import general
from flatgrad.rules.axes import tuple_of
from flatgrad.rules.discrete import ratio
from flatgrad.rules.matrices import POSITIVE, UNKNOWN, VECTOR, absent, alike, plus, rank
from flatgrad.shapes import learn
from flatgrad.types import Shape, join, scalar

POINTS = [[0.4, -0.9, 1.1], [0.2, 1.4, -0.6]]
CASES = [
    (VECTOR, [0.1, 0.2, -0.3], POSITIVE), (POINTS, VECTOR, POSITIVE), (POINTS, VECTOR), (VECTOR, [0.1, 0.2, -0.3], 0.7),
    (POINTS, VECTOR, [0.5, 1.2, 0.9]),
]  # fmt: skip


def of_points(eqn):
    """One number for each row of x, and no axis for a single row; a mean that is no vector may make each element of a vector a point."""
    learn(eqn.out.type, "float")
    x, *parameters = (a.type for a in eqn.args)
    if x.rank and (x.rank > 1 or [p.rank for p in parameters if p.rank]):
        points = [d for d in x.shape.dims[:-1] if d.known != 1]
        join(eqn.out.type.shape, Shape(points))


def number(eqn):
    learn(eqn.out.type, "float")
    join(eqn.out.type.shape, scalar())


def pull(x, mean, cov):
    """Inverse covariance times x - mean, and the inverse where the covariance is a matrix."""
    off = x if absent(mean) else x - mean
    if absent(cov) or rank(cov) in (0, 1):
        if not rank(mean):
            raise NotImplementedError(
                "points of one number, or of a mean whose rank is not known"
            )
        return off if absent(cov) else off / cov, None
    if rank(cov) is None:
        raise NotImplementedError(UNKNOWN)
    inverse = xp.inv(cov)
    return off @ inverse, inverse


def each(g):
    """One number for each row, ready to be multiplied with the rows."""
    return xp.expand_dims(g, axis=-1)


def rows(v, cov):
    """Each point a row, where it is not known whether there is one or more."""
    return xp.reshape(v, tuple_of(-1, xp.shape(cov)[0]))


def normal(x, mean, cov, weight):
    """jvp and vjp of the logarithmic density, times a weight for each point."""
    if rank(x) not in (1, 2, None):
        raise NotImplementedError(
            "a density at points in an array of more than two axes"
        )
    force, inverse = pull(x, mean, cov)

    def in_cov(dcov):
        if inverse is None:
            return xp.sum((force**2 - 1 / cov) * dcov, axis=-1) / 2
        return (xp.sum(force @ dcov * force, axis=-1) - xp.sum(inverse * dcov)) / 2

    def jvp(dx, dmean=None, dcov=None):
        parts = [
            None if absent(dx) else -xp.sum(force * dx, axis=-1),
            None if absent(dmean) else xp.sum(force * dmean, axis=-1),
            None if absent(dcov) else in_cov(dcov),
        ]
        return weight * plus(*parts)

    def vjp(g):
        g = weight * g
        wide = g if rank(g) == 0 or rank(x) == 1 else each(g)
        pushed = wide * force
        found = [-pushed, None if absent(mean) else fitted(pushed, mean)]
        return *found, None if absent(cov) else of_cov(g, wide, pushed)

    def of_cov(g, wide, pushed):
        if inverse is None:
            return fitted(wide * (force**2 - 1 / cov) / 2, cov)
        if rank(x) == 1:
            return (xp.outer(pushed, force) - g * inverse) / 2
        left, right = (v if rank(x) == 2 else rows(v, cov) for v in (pushed, force))
        return (left.mT @ right - xp.sum(g) * inverse) / 2

    return jvp, vjp


@general(at=CASES, shape=of_points)
def multivariate_normal_logpdf(x, mean=None, cov=None, /):
    return normal(x, mean, cov, 1)


@general(at=CASES, shape=of_points)
def multivariate_normal_pdf(x, mean=None, cov=None, /, *, y):
    return normal(x, mean, cov, y)


@general(at=[(VECTOR, POSITIVE)], shape=number)
def multivariate_normal_entropy(mean=None, cov=None, /):
    """log det(2 pi e cov) / 2"""
    if rank(cov) != 2:
        raise NotImplementedError(
            "the entropy of a covariance that is not surely a matrix"
        )
    inverse = xp.inv(cov)

    def jvp(dmean, dcov=None):
        return 0 if absent(dcov) else xp.sum(inverse * dcov) / 2

    def vjp(g):
        return None, g * inverse / 2

    return jvp, vjp


# -------------------------------------------------------------------- shares that add up to 1


def shares(x, alpha, weight):
    """log gamma(sum of alpha) and the sum of (alpha - 1) log(x) - log gamma(alpha)."""
    if rank(x) != 1 or not alike(x, alpha):
        what = "a Dirichlet density at other than one point that is surely as long as alpha"
        raise NotImplementedError(what)
    above = x + (x == 0)
    in_x = (alpha - 1) / above
    in_alpha = xp.log(above) - xp.digamma(alpha) + xp.digamma(xp.sum(alpha))

    def jvp(dx, dalpha):
        parts = [
            xp.sum(s * d) for s, d in ((in_x, dx), (in_alpha, dalpha)) if not absent(d)
        ]
        return weight * plus(*parts)

    def vjp(g):
        return weight * g * in_x, weight * g * in_alpha

    return jvp, vjp


@general(shape=number)
def dirichlet_logpdf(x, alpha, /):
    return shares(x, alpha, 1)


@general(shape=number)
def dirichlet_pdf(x, alpha, /, *, y):
    return shares(x, alpha, y)


def of_trials(eqn):
    """One number for one point; of counts nothing else is known than that they are whole."""
    learn(eqn.out.type, "float")
    shares, counts = (a.type for a in eqn.args)
    if counts.kind == "any":
        learn(counts, "int")
    if shares.rank == counts.rank == 1:
        join(eqn.out.type.shape, scalar())


@general(shape=of_trials)
def multinomial_logpmf(p, x, /, n=...):
    """SciPy makes the last probability of the others, so that they add up to 1."""
    if rank(p) != 1 or rank(x) != 1:
        raise NotImplementedError("a multinomial density at other than one point")
    kinds = ratio(x, p)
    slope = kinds - kinds[-1]

    def jvp(dp, dx=None):
        return xp.sum(slope * dp)

    def vjp(g):
        return (g * slope,)

    return jvp, vjp
