"""Distances of two vectors, and of the rows of matrices. At distance 0 the gradient is 0."""

from flatgrad.builder import xp
from flatgrad.registry import general, linear, probe
from flatgrad.rules.matrices import (
    OTHER_VECTOR,
    TALL,
    VECTOR,
    absent,
    fresh,
    plus,
    rank,
)
from flatgrad.shapes import learn
from flatgrad.types import Dim, Shape, join, join_dims, scalar

PAIR = [(VECTOR, OTHER_VECTOR)]
OTHER_TALL = [[0.9, -0.4], [0.3, 1.1], [-0.7, 0.6], [0.2, -1.5]]
METRICS = ("euclidean", "sqeuclidean", "cityblock", "cosine")


# -------------------------------------------------------------------------- shape rules


def number_of_vectors(eqn):
    learn(eqn.out.type, "float")
    join(eqn.out.type.shape, scalar())
    for arg in eqn.args:
        fresh(arg.type.shape, 1)


def table_shape(eqn):
    learn(eqn.out.type, "float")
    for value in (*eqn.args, eqn.out):
        fresh(value.type.shape, 2)
    a, b = (arg.type.shape.dims for arg in eqn.args)
    join_dims(a[1], b[1])
    join(eqn.out.type.shape, Shape((a[0], b[0])))


def condensed_shape(eqn):
    learn(eqn.out.type, "float")
    fresh(eqn.args[0].type.shape, 2)
    fresh(eqn.out.type.shape, 1)


def squareform_shape(eqn):
    learn(eqn.out.type, "float")
    n = eqn.args[0].type.shape.rank
    if n == 2:
        fresh(eqn.out.type.shape, 1)
    elif n == 1 and eqn.out.type.shape.dims is None:
        side = Dim()
        join(eqn.out.type.shape, Shape((side, side)))


# --------------------------------------------------------------------------- two vectors


def by_slopes(of_u, of_v):
    """(jvp, vjp) of a number, given its derivatives in the elements of two vectors."""

    def jvp(du, dv):
        left = None if absent(du) else xp.sum(of_u * du)
        return plus(left, None if absent(dv) else xp.sum(of_v * dv))

    def vjp(g):
        return g * of_u, g * of_v

    return jvp, vjp


def or_one(x):
    """`x`, but 1 where it is 0: what is divided by it is 0 there."""
    return x + (x == 0)


@general(at=PAIR, shape=number_of_vectors)
def euclidean(u, v, /, *, y):
    slope = (u - v) / or_one(y)
    return by_slopes(slope, -slope)


@general(at=PAIR, shape=number_of_vectors)
def sqeuclidean(u, v, /):
    slope = 2 * (u - v)
    return by_slopes(slope, -slope)


@general(at=PAIR, shape=number_of_vectors)
def cityblock(u, v, /):
    slope = xp.sign(u - v)
    return by_slopes(slope, -slope)


@general(at=PAIR, shape=number_of_vectors)
def chebyshev(u, v, /, *, y):
    """Those that are farthest apart share equally."""
    farthest = xp.abs(u - v) == y
    slope = xp.sign(u - v) * farthest / xp.sum(farthest)
    return by_slopes(slope, -slope)


@general(at=[*PAIR, probe(*PAIR[0], p=3), probe(*PAIR[0], p=1)], shape=number_of_vectors)  # fmt: skip
def minkowski(u, v, /, p=2, *, y):
    if not isinstance(p, int | float) or p < 1:
        raise NotImplementedError("minkowski with p that is not a number from 1 on, written down")  # fmt: skip
    slope = xp.sign(u - v) * (xp.abs(u - v) / or_one(y)) ** (p - 1)
    return by_slopes(slope, -slope)


@general(at=PAIR, shape=number_of_vectors)
def cosine(u, v, /, *, y):
    return by_slopes(*_turning(u, v, y))


@general(at=PAIR, shape=number_of_vectors)
def correlation_distance(u, v, /, *, y):
    """The cosine of what is left of both without their means."""
    return by_slopes(*_turning(u - xp.mean(u), v - xp.mean(v), y))


def _turning(u, v, y):
    """The derivatives of 1 - u v / |u| |v|."""
    uu, vv = xp.sum(u * u), xp.sum(v * v)
    lengths = xp.sqrt(uu * vv)
    return (1 - y) * u / uu - v / lengths, (1 - y) * v / vv - u / lengths


@general(at=PAIR, shape=number_of_vectors)
def braycurtis(u, v, /, *, y):
    """The sum of |u - v| over the sum of |u + v|."""
    apart, together = xp.sign(u - v), y * xp.sign(u + v)
    total = xp.sum(xp.abs(u + v))
    return by_slopes((apart - together) / total, -(apart + together) / total)


@general(at=PAIR, shape=number_of_vectors)
def canberra(u, v, /):
    """The sum of |u - v| / (|u| + |v|)."""
    apart, total = u - v, or_one(xp.abs(u) + xp.abs(v))
    ratio = xp.abs(apart) / total
    of_u = (xp.sign(apart) - ratio * xp.sign(u)) / total
    return by_slopes(of_u, -(xp.sign(apart) + ratio * xp.sign(v)) / total)


# ------------------------------------------------------------------------- rows of matrices


def apart(weights, a, b):
    """The sum over j of weights[i, j] (a[i] - b[j])."""
    return xp.sum(weights, axis=1)[:, None] * a - weights @ b


def pair_cotangents(metric, a, b, y, g):
    """Of the rows a[i] and b[j], given that of the table of their distances."""
    match metric:
        case "euclidean" | "sqeuclidean":
            weights = 2 * g if metric == "sqeuclidean" else g / or_one(y)
            return apart(weights, a, b), apart(weights.mT, b, a)
        case "cityblock":
            signs = g[:, :, None] * xp.sign(a[:, None] - b)
            return xp.sum(signs, axis=1), -xp.sum(signs, axis=0)
        case "cosine":
            a_length = xp.sqrt(xp.sum(a * a, axis=1, keepdims=True))
            b_length = xp.sqrt(xp.sum(b * b, axis=1, keepdims=True))
            one, other, like = a / a_length, b / b_length, g * (1 - y)
            grad_a = xp.sum(like, axis=1)[:, None] * one - g @ other
            grad_b = xp.sum(like, axis=0)[:, None] * other - g.mT @ one
            return grad_a / a_length, grad_b / b_length
        case _:
            raise NotImplementedError(f"distances with {metric=!r}")


def pair_tangent(metric, a, b, y, da, db):
    """Of the table of distances."""
    across = plus(da[:, None] if not absent(da) else None, None if absent(db) else -db)
    match metric:
        case "euclidean" | "sqeuclidean":
            along = xp.sum((a[:, None] - b) * across, axis=-1)
            return 2 * along if metric == "sqeuclidean" else along / or_one(y)
        case "cityblock":
            return xp.sum(xp.sign(a[:, None] - b) * across, axis=-1)
        case "cosine":
            a2, b2 = xp.sum(a * a, axis=1)[:, None], xp.sum(b * b, axis=1)
            lengths, of_a, of_b = xp.sqrt(a2 * b2), None, None
            if not absent(da):
                of_a = (1 - y) * xp.sum(a * da, axis=1)[:, None] / a2 - da @ b.mT / lengths  # fmt: skip
            if not absent(db):
                of_b = (1 - y) * xp.sum(b * db, axis=1) / b2 - a @ db.mT / lengths
            return plus(of_a, of_b)
        case _:
            raise NotImplementedError(f"distances with {metric=!r}")


@general(at=[probe(TALL, OTHER_TALL, metric=m) for m in METRICS], shape=table_shape)
def cdist(a, b, /, metric="euclidean", *, y):
    def jvp(da, db):
        return pair_tangent(metric, a, b, y, da, db)

    def vjp(g):
        return pair_cotangents(metric, a, b, y, g)

    return jvp, vjp


@general(at=[probe(OTHER_TALL, metric=m) for m in METRICS], shape=condensed_shape)
def pdist(x, /, metric="euclidean", *, y):
    """Half of the table of all pairs, which squareform makes whole."""
    table = xp.squareform(y)

    def jvp(dx):
        moved = pair_tangent(metric, x, x, table, dx, dx)
        return xp.squareform(moved, checks=False)

    def vjp(g):
        if metric in ("euclidean", "sqeuclidean"):
            weights = xp.squareform(2 * g if metric == "sqeuclidean" else g / or_one(y))
            return apart(weights, x, x)
        grad, _ = pair_cotangents(metric, x, x, table, xp.squareform(g))
        return grad

    return jvp, vjp


@linear(at=[(VECTOR,), probe([[0.0, 0.3, -0.2], [0.3, 0.0, 1.1], [-0.2, 1.1, 0.0]], checks=False)], shape=squareform_shape)  # fmt: skip
def squareform(x, /, checks=True, *, g):
    """Of a matrix the part above the diagonal is read."""
    if rank(x) == 1:
        return xp.squareform(g + g.mT, checks=False)
    if rank(x) == 2:
        return xp.triu(xp.squareform(g))
    raise NotImplementedError("squareform of what is not known to be a vector or a matrix: give its --shape")  # fmt: skip
