"""Densities of matrices, and the multivariate t, in scipy.stats. What must be symmetric has a symmetric gradient.

Petersen and Pedersen, "The Matrix Cookbook" (2012), has the derivatives of traces and determinants.
"""

from flatgrad.builder import xp
from flatgrad.constants import Constant
from flatgrad.registry import general
from flatgrad.rules.decompositions import several
from flatgrad.rules.matrices import (
    MATRIX,
    POSITIVE,
    POSITIVES,
    VECTOR,
    absent,
    plus,
    rank,
)
from flatgrad.rules.multivariate import number

LOG_2 = Constant("log(2)")


def matrices(*values):
    if any(rank(v) != 2 for v in values):
        raise NotImplementedError("a density of what is not surely one matrix each")


def gradient(*partials):
    """jvp and vjp of one number with these partial derivatives; None where there is none."""

    def jvp(*tangents):
        pairs = zip(partials, tangents, strict=False)
        return plus(
            *(xp.sum(p * d) for p, d in pairs if p is not None and not absent(d))
        )

    def vjp(g):
        return tuple(None if p is None else g * p for p in partials)

    return jvp, vjp


@general(at=[(VECTOR, [0.1, 0.2, -0.3], POSITIVE, 3.5)], shape=number)
def multivariate_t_logpdf(x, loc, shape, df, /):
    if rank(x) != 1 or rank(loc) != 1 or rank(shape) != 2:
        what = "multivariate_t.logpdf of other than one point, a vector and a matrix"
        raise NotImplementedError(what)
    inverse, off, p = xp.inv(shape), x - loc, xp.shape(shape)[0]
    force = inverse @ off
    squared = xp.dot(off, force)
    weight = (df + p) / (df + squared)
    in_df = (
        xp.digamma((df + p) / 2) - xp.digamma(df / 2) - xp.log1p(squared / df)
        + (weight * squared - p) / df
    )  # fmt: skip
    pushed = weight * force
    return gradient(-pushed, pushed, (xp.outer(pushed, force) - inverse) / 2, in_df / 2)


def spread(df, top, bottom):
    """log det(top / bottom) - p log 2 - the sum of digamma((df - j) / 2), j below p."""
    p = xp.shape(top)[0]
    logs = [several("slogdet", 2, m)[1] for m in (top, bottom)]
    return logs[0] - logs[1] - p * LOG_2 - xp.sum(xp.digamma((df - xp.arange(p)) / 2))


@general(at=[(POSITIVES[1], 4.5, POSITIVE)], shape=number)
def wishart_logpdf(x, df, scale, /):
    matrices(x, scale)
    of_x, of_scale, p = xp.inv(x), xp.inv(scale), xp.shape(x)[0]
    return gradient(
        ((df - p - 1) * of_x - of_scale) / 2,
        spread(df, x, scale) / 2,
        (of_scale @ x @ of_scale - df * of_scale) / 2,
    )


@general(at=[(POSITIVES[1], 4.5, POSITIVE)], shape=number)
def invwishart_logpdf(x, df, scale, /):
    matrices(x, scale)
    of_x, of_scale, p = xp.inv(x), xp.inv(scale), xp.shape(x)[0]
    return gradient(
        (of_x @ scale @ of_x - (df + p + 1) * of_x) / 2,
        spread(df, scale, x) / 2,
        (df * of_scale - of_x) / 2,
    )


@general(at=[(MATRIX, [[0.1, 0.4, -0.3], [0.2, -0.5, 0.6]], [[1.4, 0.3], [0.3, 0.9]], POSITIVE)], shape=number)  # fmt: skip
def matrix_normal_logpdf(x, mean, rowcov, colcov, /):
    matrices(x, mean, rowcov, colcov)
    of_rows, of_columns, off = xp.inv(rowcov), xp.inv(colcov), x - mean
    force = of_rows @ off @ of_columns
    m, n = xp.shape(x)[0], xp.shape(x)[1]
    return gradient(
        -force,
        force,
        (force @ off.mT @ of_rows - n * of_rows) / 2,
        (of_columns @ off.mT @ force - m * of_columns) / 2,
    )
