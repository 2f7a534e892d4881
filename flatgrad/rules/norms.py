"""Norms of vectors and matrices, and condition numbers.

Each formula is the slope: by how much the norm grows as an element does; 0 at 0.
"""

from math import inf, isinf

from flatgrad.builder import Expr, xp
from flatgrad.graph import Var
from flatgrad.registry import general, probe
from flatgrad.rules.decompositions import thin_svd
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    SQUARE,
    SQUARES,
    TALL,
    UNKNOWN,
    VECTOR,
    fresh,
    rank,
    spread,
)
from flatgrad.shapes import learn, option, reduction
from flatgrad.types import Shape, join

OF_BOTH = (1, -1, 2, -2, inf, -inf)
LAST_TWO = (-2, -1)


def norm_shape(eqn):
    """An `ord` that only vectors, or only matrices have, given without an axis, says what the argument is."""
    reduction(eqn)
    learn(eqn.out.type, "float")
    ord, x = option(eqn, "ord"), eqn.args[0].type.shape
    if option(eqn, "axis") is not None:
        return
    if ord in ("fro", "nuc"):
        fresh(x, 2)
    elif isinstance(ord, int | float) and ord not in OF_BOTH:
        fresh(x, 1)


@general(
    at=[(VECTOR,), (MATRIX,), (CUBE,), probe(MATRIX, axis=1), probe(MATRIX, axis=0, keepdims=True),
        probe(MATRIX, ord="fro"), probe(MATRIX, ord=1), probe(MATRIX, ord=inf), probe(SQUARE, ord=2),
        probe(MATRIX, ord="nuc"), probe(VECTOR, ord=1), probe(VECTOR, ord=inf), probe(VECTOR, ord=-inf), probe(MATRIX, ord=-1),
        probe(MATRIX, ord=-inf), probe(VECTOR, ord=3), probe(MATRIX, ord=-2), probe(VECTOR, ord=0), probe(VECTOR, ord=-1),
        probe(VECTOR, ord=0.5), probe(MATRIX, ord=-2, axis=0), probe(VECTOR, ord=-2), probe(MATRIX, ord=-inf, axis=1),
        probe(MATRIX, ord=2, axis=1), probe(MATRIX, ord=1, axis=1), probe(MATRIX, ord=1.5, axis=0),
        probe(MATRIX, ord=inf, axis=1, keepdims=True), probe(CUBE, axis=(1, 2)), probe(MATRIX, keepdims=True),
        probe(VECTOR, ord=2), probe(CUBE, ord="fro", axis=(0, 2)), probe(CUBE, ord="nuc", axis=(2, 0)),
        probe(CUBE, ord=2, axis=(0, 1)), probe(CUBE, ord=-2, axis=(-2, -1), keepdims=True), probe(CUBE, ord=1, axis=(1, 2)),
        probe(CUBE, ord=inf, axis=(1, 0)), probe(CUBE, ord=-1, axis=(0, -1), keepdims=True), probe(TALL, ord=2, keepdims=True)],
    shape=norm_shape,
)  # fmt: skip
def norm(x, /, ord=None, axis=None, keepdims=False, *, y):
    written_down(ord, axis)
    if ord is not None and axis is None and rank(x) is None:
        raise NotImplementedError(UNKNOWN)
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    of_matrix = isinstance(axis, tuple) or (
        ord is not None and axis is None and rank(x) == 2
    )
    axes = axis if axis is not None or not of_matrix else (0, 1)
    whole = restored(y, axis, keepdims)
    if of_matrix and ord not in (None, "fro"):
        return along_slope(matrix_slope(x, ord, axes, whole), axis, keepdims)
    ord = None if of_matrix else ord
    return along_slope(vector_slope(x, ord, axis, whole), axis, keepdims)


@general(
    at=[(VECTOR,), (CUBE,), probe(MATRIX, axis=1), probe(CUBE, axis=(0, 2)), probe(MATRIX, ord=1), probe(MATRIX, ord=inf, axis=0),
        probe(CUBE, ord=3, axis=(0, 1), keepdims=True), probe(CUBE, ord=-inf, axis=(0, 1)), probe(MATRIX, ord=0.5)],
    shape=reduction,
)  # fmt: skip
def vector_norm(x, /, ord=2, axis=None, keepdims=False, *, y):
    """Over all of the axes, as if they were one."""
    written_down(ord, axis)
    slope = vector_slope(x, ord, axis, restored(y, axis, keepdims))
    return along_slope(slope, axis, keepdims)


def matrix_norm_shape(eqn):
    x, keepdims = eqn.args[0].type, option(eqn, "keepdims")
    learn(eqn.out.type, "float")
    if x.shape.dims is not None and keepdims is False:
        join(eqn.out.type.shape, Shape(x.shape.dims[:-2]))


@general(
    at=[(MATRIX,), (CUBE,), probe(CUBE, ord=1), probe(CUBE, ord="nuc"), probe(MATRIX, ord=2, keepdims=True), probe(CUBE, ord=inf)],
    shape=matrix_norm_shape,
)  # fmt: skip
def matrix_norm(x, /, ord="fro", keepdims=False, *, y):
    written_down(ord, None)
    whole = restored(y, LAST_TWO, keepdims)
    if ord == "fro":
        return along_slope(vector_slope(x, None, LAST_TWO, whole), LAST_TWO, keepdims)
    return along_slope(matrix_slope(x, ord, LAST_TWO, whole), LAST_TWO, keepdims)


def written_down(ord, axis):
    if isinstance(ord, Var | Expr) or isinstance(axis, Var | Expr):
        raise NotImplementedError("norm with ord or axis that are not written down")


def restored(v, axis, keepdims):
    return v if keepdims or axis is None else xp.expand_dims(v, axis=axis)


def along_slope(slope, axis, keepdims):
    options = {} if axis is None else {"axis": axis}
    options |= {"keepdims": True} if keepdims else {}

    def jvp(dx):
        return xp.sum(slope * dx, **options)

    def vjp(g):
        return slope * restored(g, axis, keepdims)

    return jvp, vjp


def vector_slope(x, ord, axis, y):
    """Of (sum |x|^p)^(1/p)."""
    match ord:
        case None | 2:
            return x / (y + (y == 0))
        case 0:
            return xp.zeros_like(x)
        case 1:
            return xp.sign(x)
        case float() | int() if isinf(ord):
            return xp.sign(x) * shares(xp.abs(x) == y, axis)
        case float() | int() if ord > 1:
            return xp.sign(x) * (xp.abs(x) / (y + (y == 0))) ** (ord - 1)
        case float() | int():
            large = xp.abs(x)
            return xp.sign(x) * (y / xp.where(large == 0, 1, large)) ** (1 - ord)
        case _:
            raise NotImplementedError(f"norm with ord={ord!r}")


def shares(hit, axis):
    """1 for the one place that reaches the extreme; equal parts for several."""
    options = {} if axis is None else {"axis": axis, "keepdims": True}
    return hit / xp.sum(hit, **options)


def matrix_slope(x, ord, axes, y):
    rows, columns = axes
    match ord:
        case 1 | -1:
            sums = xp.sum(xp.abs(x), axis=rows, keepdims=True)
            return xp.sign(x) * shares(sums == y, _within(columns, x))
        case float() | int() if isinf(ord):
            sums = xp.sum(xp.abs(x), axis=columns, keepdims=True)
            return xp.sign(x) * shares(sums == y, _within(rows, x))
        case 2 | -2 | "nuc":
            pass
        case _:
            raise NotImplementedError(f"the matrix norm with ord={ord!r}")
    moved = not are_last_two(axes, x)
    u, _, vt = thin_svd(
        xp.moveaxis(x, source=axes, destination=LAST_TWO) if moved else x
    )
    if ord == "nuc":
        slope = u @ vt
    else:
        slope = outer_of(u, vt, 0 if ord == 2 else -1)
    return xp.moveaxis(slope, source=LAST_TWO, destination=axes) if moved else slope


def _within(axis, x):
    """Among all sums, where there is one matrix."""
    return None if rank(x) == 2 else axis


def are_last_two(axes, x):
    if axes == LAST_TWO:
        return True
    if rank(x) is None:
        raise NotImplementedError(UNKNOWN)
    return tuple(a % rank(x) for a in axes) == (rank(x) - 2, rank(x) - 1)


def outer_of(u, vt, k):
    """The product of singular vectors k, in each matrix of a stack."""
    if rank(u) == 2:
        return xp.outer(u[:, k], vt[k])
    return u[..., :, k, None] * vt[..., k, None, :]


def per_matrix(eqn):
    x = eqn.args[0].type
    learn(eqn.out.type, "float")
    if x.shape.dims is not None:
        join(eqn.out.type.shape, Shape(x.shape.dims[:-2]))


@general(
    at=[(SQUARE,), (MATRIX,), (SQUARES,), probe(SQUARE, p=2), probe(SQUARE, p=-2), probe(SQUARE, p="fro"), probe(SQUARE, p=1),
        probe(SQUARES, p=inf), probe(SQUARE, p="nuc"), probe(SQUARES, p=-2)],
    shape=per_matrix,
)  # fmt: skip
def cond(x, /, p=None, *, y):
    """The largest singular value by the smallest; norm(x) * norm(inv(x)) in other norms."""
    written_down(p, None)
    slope = _by_values(x, p, y) if p in (None, 2, -2) else _by_inverse(x, p)

    def jvp(dx):
        return xp.sum(slope * dx, axis=LAST_TWO)

    def vjp(g):
        return slope * spread(g, x)

    return jvp, vjp


def _by_values(x, p, y):
    u, s, vt = thin_svd(x)
    parts = [outer_of(u, vt, k) / spread(s[..., k], x) for k in (0, -1)]
    large, small = parts if p != -2 else parts[::-1]
    return spread(y, x) * (large - small)


def _by_inverse(x, p):
    single = rank(x) == 2
    inverse = xp.inv(x)
    options = {"ord": p} if single else {"ord": p, "axis": LAST_TWO}
    size, size_of_inverse = (spread(xp.norm(m, **options), x) for m in (x, inverse))
    axes = (0, 1) if single else LAST_TWO
    if p == "fro":
        first, second = x / size, inverse / size_of_inverse
    else:
        first = matrix_slope(x, p, axes, size)
        second = matrix_slope(inverse, p, axes, size_of_inverse)
    turned = xp.matrix_transpose(inverse)
    return size_of_inverse * first - size * (turned @ second @ turned)
