"""Distributions of vectors in scipy.stats. A covariance that must be symmetric has a symmetric gradient.

Points are the rows of x. A covariance of one number or of one axis stands for a diagonal matrix, as in SciPy.
"""

from flatgrad.broadcasting import fitted
from flatgrad.builder import xp
from flatgrad.registry import general
from flatgrad.rules.axes import tuple_of
from flatgrad.rules.matrices import POSITIVE, VECTOR, absent, plus, rank
from flatgrad.shapes import learn
from flatgrad.types import Shape, join, scalar

POINTS = [[0.4, -0.9, 1.1], [0.2, 1.4, -0.6]]
CASES = [
    (VECTOR, [0.1, 0.2, -0.3], POSITIVE), (POINTS, VECTOR, POSITIVE), (POINTS, VECTOR), (VECTOR, [0.1, 0.2, -0.3], 0.7),
    (POINTS, VECTOR, [0.5, 1.2, 0.9]),
]  # fmt: skip


def of_points(eqn):
    """One number for each row of x, and a mean as long as a row."""
    learn(eqn.out.type, "float")
    point = eqn.args[0].type.shape.dims
    if point:
        join(eqn.out.type.shape, Shape(point[:-1]))


def number(eqn):
    learn(eqn.out.type, "float")
    join(eqn.out.type.shape, scalar())


def pull(x, mean, cov):
    """Inverse covariance times x - mean, and the inverse where the covariance is a matrix."""
    off = x if absent(mean) else x - mean
    if absent(cov):
        return off, None
    if rank(cov) in (0, 1):
        return off / cov, None
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
        raise NotImplementedError("a density at points in an array of more than two axes")
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
        pushed = g * force if rank(x) == 1 else each(g) * force
        found = [-pushed, None if absent(mean) else fitted(pushed, mean)]
        return *found, None if absent(cov) else of_cov(g, pushed)

    def of_cov(g, pushed):
        if inverse is None:
            apart = each(g) * (force**2 - 1 / cov) / 2
            return fitted(apart, cov)
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
    if rank(cov) in (0, 1):
        raise NotImplementedError("the entropy with a covariance that is no matrix")
    inverse = xp.inv(cov)

    def jvp(dmean, dcov=None):
        return 0 if absent(dcov) else xp.sum(inverse * dcov) / 2

    def vjp(g):
        return None, g * inverse / 2

    return jvp, vjp
