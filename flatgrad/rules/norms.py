"""Norms of vectors and matrices."""

from math import inf, isinf

from flatgrad.builder import Expr, xp
from flatgrad.graph import Var
from flatgrad.registry import general, probe
from flatgrad.rules.decompositions import thin_svd
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    SQUARE,
    UNKNOWN,
    VECTOR,
    fresh,
    rank,
)
from flatgrad.shapes import learn, option, reduction

OF_BOTH = (1, -1, 2, -2, inf, -inf)


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
        probe(MATRIX, ord=-inf), probe(VECTOR, ord=3),
        probe(MATRIX, ord=2, axis=1), probe(MATRIX, ord=1, axis=1), probe(MATRIX, ord=1.5, axis=0),
        probe(MATRIX, ord=inf, axis=1, keepdims=True), probe(CUBE, axis=(1, 2)), probe(MATRIX, keepdims=True),
        probe(VECTOR, ord=2), probe(CUBE, ord="fro", axis=(0, 2))],
    shape=norm_shape,
)  # fmt: skip
def norm(x, /, ord=None, axis=None, keepdims=False, *, y):
    if isinstance(ord, Var | Expr) or isinstance(axis, Var | Expr):
        raise NotImplementedError("norm with ord or axis that are not written down")
    if ord is not None and axis is None and rank(x) is None:
        raise NotImplementedError(UNKNOWN)

    def restored(v):
        return v if keepdims or axis is None else xp.expand_dims(v, axis=axis)

    whole = {} if axis is None else {"axis": axis}
    whole |= {"keepdims": True} if keepdims else {}
    slope = _norm_slope(x, ord, axis, restored(y), rank(x))

    def jvp(dx):
        return xp.sum(slope * dx, **whole)

    def vjp(g):
        return slope * restored(g)

    return jvp, vjp


def _norm_slope(x, ord, axis, y, n):
    """The derivative of the norm in each element; 0 at 0."""
    of_matrix = isinstance(axis, tuple) or (axis is None and ord is not None and n == 2)
    match ord:
        case None | "fro":
            return x / (y + (y == 0))
        case 2 if not of_matrix:
            return x / (y + (y == 0))
        case 1 if not of_matrix:
            return xp.sign(x)
        case float() | int() if not of_matrix and isinf(ord):
            return xp.sign(x) * _shares(xp.abs(x) == y, axis)
        case float() | int() if not of_matrix and 1 < ord < inf:
            return xp.sign(x) * (xp.abs(x) / (y + (y == 0))) ** (ord - 1)
        case _ if axis is None and of_matrix:
            return _matrix_norm_slope(x, ord, y)
        case _:
            raise NotImplementedError(f"norm with ord={ord!r}")


def _shares(hit, axis):
    """1 for the one place that reaches the maximum; equal parts for several."""
    options = {} if axis is None else {"axis": axis, "keepdims": True}
    return hit / xp.sum(hit, **options)


def _matrix_norm_slope(x, ord, y):
    if ord in (1, -1, inf, -inf):
        sums = xp.sum(xp.abs(x), axis=0 if ord in (1, -1) else 1, keepdims=True)
        return xp.sign(x) * _shares(sums == y, None)
    if ord in (2, "nuc"):
        u, _, vt = thin_svd(x)
        return u @ vt if ord == "nuc" else xp.outer(u[:, 0], vt[0])
    raise NotImplementedError(f"the matrix norm with ord={ord!r}")
