"""Decompositions of a matrix: cholesky, eigh, svd, qr.

Formulas follow Giles (2008), as in linalg.py, where no other source is named. Arguments that must be symmetric
get the symmetric gradient: the sum of what both triangles contribute, shared equally.
"""

from flatgrad.builder import Expr, xp
from flatgrad.registry import general, probe
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    POSITIVE,
    POSITIVES,
    SQUARE,
    TALL,
    as_column,
    as_row,
    is_square,
    like_square,
    plus,
    rank,
    smaller,
    square_matrix,
    symmetric,
)
from flatgrad.shapes import giving, learn, option, promoted
from flatgrad.types import Shape, join


def separations(values, matrix):
    """1 / (w[j] - w[i]); 0 where they are equal: what multiplies it is 0 too, or no derivative exists."""
    gaps = as_row(values, matrix) - as_column(values, matrix)
    equal = gaps == 0
    return 1 / (gaps + equal) - equal


# -------------------------------------------------------------------------- shape rules


def eigenvalues_shape(eqn):
    like_square_kind(eqn)
    a = eqn.args[0].type.shape
    if a.dims is not None:
        join(eqn.outs[0].type.shape, Shape(a.dims[:-1]))


def like_square_kind(eqn):
    a = eqn.args[0].type
    square_matrix(a.shape)
    for out in eqn.outs:
        learn(out.type, promoted([a.kind, "float"]))


def eigh_shape(eqn):
    eigenvalues_shape(eqn)
    join(eqn.outs[1].type.shape, eqn.args[0].type.shape)


def svd_shape(eqn):
    a = eqn.args[0].type
    for out in eqn.outs:
        learn(out.type, promoted([a.kind, "float"]))
    if a.shape.dims is None:
        return
    *batch, m, n = a.shape.dims
    values = eqn.outs[len(eqn.outs) // 2].type.shape
    if values.dims is None:
        join(values, Shape((*batch, smaller(m, n))))
    if len(eqn.outs) == 3 and option(eqn, "full_matrices") in (True, False):
        full, k = option(eqn, "full_matrices"), values.dims[-1]
        join(eqn.outs[0].type.shape, Shape((*batch, m, m if full else k)))
        join(eqn.outs[2].type.shape, Shape((*batch, n if full else k, n)))


# -------------------------------------------------------------------------------- rules


@general(
    at=[(POSITIVE,), (POSITIVES,), probe(POSITIVE, upper=True)],
    shape=giving("float", like_square),
)
def cholesky(a, /, upper=False, *, y):
    """Murray, "Differentiation of the Cholesky decomposition" (2016)."""
    if upper:
        forward, back = cholesky(a, y=xp.matrix_transpose(y))
        return (
            lambda da: xp.matrix_transpose(forward(da)),
            lambda g: back(xp.matrix_transpose(g)),
        )

    def jvp(da):
        inner = xp.solve(y, xp.solve(y, symmetric(da)).mT)
        return y @ (xp.tril(inner) + xp.tril(inner, k=-1)) / 2

    def vjp(g):
        inner = y.mT @ g
        inner = xp.tril(inner) + xp.tril(inner, k=-1).mT
        return xp.solve(y.mT, xp.solve(y.mT, inner).mT) / 2

    return jvp, vjp


def diagonals(x):
    """The diagonal of a matrix, or of each matrix of a stack."""
    return xp.diagonal(x) if rank(x) == 2 else xp.diagonal(x, axis1=-2, axis2=-1)


@general(at=[(POSITIVE,), (POSITIVES,), probe(POSITIVE, UPLO="U")], shape=eigh_shape)
def eigh(a, /, UPLO="L", *, y):
    values, vectors = y

    def jvp(da):
        inner = vectors.mT @ symmetric(da) @ vectors
        return diagonals(inner), vectors @ (separations(values, a) * inner)

    def vjp(g):
        g_values, g_vectors = g
        if g_values is None and g_vectors is None:
            return None
        if g_vectors is None:
            return (vectors * as_row(g_values, a)) @ vectors.mT
        inner = separations(values, a) * (vectors.mT @ g_vectors)
        turned = vectors @ inner @ vectors.mT
        if g_values is None:
            return symmetric(turned)
        return (vectors * as_row(g_values, a)) @ vectors.mT + symmetric(turned)

    return jvp, vjp


@general(
    at=[(POSITIVE,), (POSITIVES,), probe(POSITIVE, UPLO="U")], shape=eigenvalues_shape
)
def eigvalsh(a, /, UPLO="L", *, y):
    _, vectors = several("eigh", 2, a, **({} if UPLO == "L" else {"UPLO": UPLO}))

    def jvp(da):
        return xp.sum(vectors * (symmetric(da) @ vectors), axis=-2)

    def vjp(g):
        return (vectors * as_row(g, a)) @ vectors.mT

    return jvp, vjp


def several(op, count, a, **options):
    """All results of an operation that has more than one."""
    if isinstance(a, Expr):
        return a.builder.emit_all(op, (a,), count, attrs=options)
    return getattr(xp, op)(a, **options)


def thin_svd(a):
    return several("svd", 3, a, full_matrices=False)


FULL = "svd with full_matrices=True of other than a square matrix"


@general(at=[probe(SQUARE, full_matrices=False), probe(MATRIX, full_matrices=False), probe(TALL, full_matrices=False),
             probe(CUBE, full_matrices=False), (SQUARE,), probe(MATRIX, compute_uv=False)],
         shape=svd_shape)  # fmt: skip
def svd(a, /, full_matrices=True, compute_uv=True, *, y):
    """Townsend, "Differentiating the singular value decomposition" (2016)."""
    if not compute_uv:
        return _singular_values(a)
    u, s, vt = y
    thin = not full_matrices or is_square(a)

    def jvp(da):
        if not thin:
            left, _, right = thin_svd(a)
            unknown = NotImplementedError(FULL)
            return unknown, xp.sum(left * (da @ right.mT), axis=-2), unknown
        inner, apart = u.mT @ da @ vt.mT, separations(s**2, a)
        across, down = as_row(s, a), as_column(s, a)
        du = u @ (apart * (inner * across + down * inner.mT))
        du = du + _outside(u, da @ vt.mT / across)
        dv = vt.mT @ (apart * (down * inner + inner.mT * across))
        dv = dv + _outside(vt.mT, da.mT @ u / across)
        return du, diagonals(inner), dv.mT

    def vjp(g):
        g_u, g_s, g_vt = g
        if g_u is None and g_vt is None:
            if g_s is None:
                return None
            left, _, right = y if thin else thin_svd(a)
            return (left * as_row(g_s, a)) @ right
        if not thin:
            raise NotImplementedError(FULL)
        across, down, apart = as_row(s, a), as_column(s, a), separations(s**2, a)
        parts = [0 if g_s is None else (u * as_row(g_s, a)) @ vt]
        if g_u is not None:
            inner = u.mT @ g_u
            parts += [
                u @ (apart * (inner - inner.mT) * across) @ vt,
                _outside(u, g_u / across) @ vt,
            ]
        if g_vt is not None:
            inner = vt @ g_vt.mT
            parts += [
                u @ (down * apart * (inner - inner.mT)) @ vt,
                u @ _outside(vt.mT, g_vt.mT / across).mT,
            ]
        return plus(*parts)

    return jvp, vjp


def _outside(basis, x):
    """What of the columns of `x` is orthogonal to the columns of `basis`."""
    return x - basis @ (basis.mT @ x)


def _singular_values(a):
    u, _, vt = thin_svd(a)

    def jvp(da):
        return xp.sum(u * (da @ vt.mT), axis=-2)

    def vjp(g):
        return (u * as_row(g, a)) @ vt

    return jvp, vjp


@general(at=[(MATRIX,), (TALL,), (CUBE,)], shape=svd_shape)
def svdvals(a, /, *, y):
    return _singular_values(a)
