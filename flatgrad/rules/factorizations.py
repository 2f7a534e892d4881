"""Orthogonal factors, polar factors and eigenvalues as scipy.linalg gives them, also of pairs of matrices.

Formulas follow Giles (2008) and Walter and Lehmann, "Algorithmic differentiation of linear algebra functions"
(2010). Of a matrix that is said to be symmetric one triangle is read, and the gradient is the symmetric one.
"""

from flatgrad.builder import Expr, xp
from flatgrad.registry import general, probe
from flatgrad.rules.decompositions import (
    diagonals,
    eigenvalues_shape,
    eigh_shape,
    separations,
    several,
)
from flatgrad.rules.matrices import (
    MATRIX,
    POSITIVE,
    SQUARE,
    TALL,
    VECTOR,
    absent,
    as_row,
    dims,
    floats,
    is_square,
    plus,
    square_matrix,
    symmetric,
)
from flatgrad.rules.qr import over, tall_qr
from flatgrad.shapes import learn, option
from flatgrad.types import Shape, join

OTHER_POSITIVE = [[1.4, 0.2, -0.1], [0.2, 0.9, 0.3], [-0.1, 0.3, 1.1]]
OTHER_SQUARE = [[0.3, 2.1, -0.5], [1.9, -0.4, 0.2], [0.7, -0.6, 1.8]]
NOT_TALL = "the matrix may have more columns than rows, or a full factor is asked for: give its --shape"
SQUARE_ONLY = (
    "the shape of its argument is not known to be square: give it with --shape"
)


def squares(eqn):
    """A square matrix, and results that are all like it."""
    floats(eqn)
    square_matrix(eqn.args[0].type.shape)
    for out in eqn.outs:
        join(out.type.shape, eqn.args[0].type.shape)


def rows_and_square(eqn):
    """Of a matrix of m rows and n columns, one result like it and one of n rows and columns."""
    floats(eqn)
    a = eqn.args[0].type.shape
    if a.rank != 2 or option(eqn, "side") not in (None, "right"):
        return
    join(eqn.outs[0].type.shape, a)
    join(eqn.outs[1].type.shape, Shape((a.dims[1], a.dims[1])))


# ------------------------------------------------------------------------------ orthogonal


@general(at=[(SQUARE,), probe(TALL, mode="economic")], shape=floats)
def scipy_qr(a, /, mode="full", *, y):
    if not (is_square(a) or (mode == "economic" and _tall(a))):
        raise NotImplementedError(f"qr where {NOT_TALL}")
    if mode not in ("full", "economic"):
        raise NotImplementedError(f"qr with {mode=!r}")
    return tall_qr(*y)


def _tall(a):
    """Surely no more columns than rows."""
    if not isinstance(a, Expr):
        return a.shape[-2] >= a.shape[-1]
    if is_square(a) or dims(a) is None:
        return is_square(a)
    m, n = dims(a)[-2:]
    return m.known is not None and n.known is not None and m.known >= n.known


@general(at=[(SQUARE,)], shape=squares)
def rq(a, /, mode="full", *, y):
    if mode not in ("full", "economic") or not is_square(a):
        raise NotImplementedError(f"rq where {SQUARE_ONLY}")
    r, q = y

    def jvp(da):
        inner = xp.solve(r, da @ q.mT)
        rotation = xp.tril(inner, k=-1) - xp.tril(inner, k=-1).mT
        return r @ (inner - rotation), rotation @ q

    def vjp(g):
        g_r, g_q = g
        if g_q is None and g_r is None:
            return None
        from_r = None if g_r is None else r.mT @ g_r
        turned = None if g_q is None else g_q @ q.mT
        turned = plus(turned, None if g_r is None else -(r.mT @ g_r))
        inner = plus(from_r, xp.tril(turned - turned.mT, k=-1))
        return xp.solve(r.mT, inner) @ q

    return jvp, vjp


@general(
    at=[(SQUARE,), (TALL,), probe(SQUARE, side="left"), probe(MATRIX, side="left")],
    shape=rows_and_square,
)
def polar(a, /, side="right", *, y):
    """a = u p, with u' da - da' u = w p + p w for the rotation w = u' du."""
    if side == "left":
        return _polar_left(a, y)
    if side != "right" or not _tall(a):
        raise NotImplementedError(f"polar where {NOT_TALL}")
    u, p = y
    within = is_square(a)

    def jvp(da):
        inner = u.mT @ da
        rotation = xp.solve_sylvester(p, p, inner - inner.mT)
        outside = None if within else over(da - u @ inner, p)
        return plus(u @ rotation, outside), inner - rotation @ p

    def vjp(g):
        g_u, g_p = g
        if absent(g_u) and absent(g_p):
            return None
        inner = plus(None if absent(g_u) else u.mT @ g_u, None if absent(g_p) else -(g_p @ p))  # fmt: skip
        rotation = xp.solve_sylvester(p, p, inner - inner.mT)
        outside = None
        if not within and not absent(g_u):
            outside = over(g_u - u @ (u.mT @ g_u), p)
        return plus(u @ plus(rotation, g_p), outside)

    return jvp, vjp


def _polar_left(a, y):
    """a = p u is a' = u' p."""
    u, p = y
    along, back = polar(a.mT, y=(u.mT, p))

    def jvp(da):
        du, dp = along(da.mT)
        return du.mT, dp

    def vjp(g):
        g_u, g_p = g
        found = back((None if absent(g_u) else g_u.mT, g_p))
        return None if found is None else found.mT

    return jvp, vjp


def procrustes_shape(eqn):
    floats(eqn)
    a, b = (arg.type.shape for arg in eqn.args)
    join(a, b)
    join(eqn.outs[1].type.shape, Shape(()))
    if a.rank == 2:
        join(eqn.outs[0].type.shape, Shape((a.dims[1], a.dims[1])))


@general(at=[(TALL, [[0.9, -0.4], [0.3, 1.1], [-0.7, 0.6]]), (SQUARE, OTHER_SQUARE)], shape=procrustes_shape)  # fmt: skip
def orthogonal_procrustes(a, b, /, *, y):
    """The orthogonal factor of a' b, and the sum of its singular values."""
    r, _ = y
    product = a.mT @ b
    p = r.mT @ product

    def jvp(da, db):
        change = plus(
            None if absent(da) else da.mT @ b, None if absent(db) else a.mT @ db
        )
        inner = r.mT @ change
        return r @ xp.solve_sylvester(p, p, inner - inner.mT), xp.trace(inner)

    def vjp(g):
        g_r, g_scale = g
        if absent(g_r) and absent(g_scale):
            return None, None
        parts = [None if absent(g_scale) else g_scale * r]
        if not absent(g_r):
            inner = r.mT @ g_r
            parts += [r @ xp.solve_sylvester(p, p, inner - inner.mT)]
        change = plus(*parts)
        return b @ change.mT, a @ change

    return jvp, vjp


# ------------------------------------------------------------------------------ eigenvalues


def scipy_eigh_shape(eqn):
    (eigh_shape if len(eqn.outs) == 2 else eigenvalues_shape)(eqn)


def from_spectrum(values, vectors, a, g_values, g_vectors):
    """The cotangent of a symmetric matrix, given those of its eigenvalues and eigenvectors."""
    parts = []
    if not absent(g_values):
        parts += [(vectors * as_row(g_values, a)) @ vectors.mT]
    if not absent(g_vectors):
        inner = separations(values, a) * (vectors.mT @ g_vectors)
        parts += [symmetric(vectors @ inner @ vectors.mT)]
    return plus(*parts) if parts else None


@general(at=[(OTHER_POSITIVE,), probe(OTHER_POSITIVE, lower=False), probe(POSITIVE, eigvals_only=True)], shape=scipy_eigh_shape)  # fmt: skip
def scipy_eigh(a, /, lower=True, eigvals_only=False, *, y):
    if eigvals_only:
        return scipy_eigvalsh(a, lower)
    values, vectors = y

    def jvp(da):
        inner = vectors.mT @ symmetric(da) @ vectors
        return diagonals(inner), vectors @ (separations(values, a) * inner)

    def vjp(g):
        return from_spectrum(values, vectors, a, *g)

    return jvp, vjp


@general(at=[(POSITIVE,), probe(POSITIVE, lower=False)], shape=eigenvalues_shape)
def scipy_eigvalsh(a, /, lower=True):
    """The same matrix read from the same triangle."""
    _, vectors = several("eigh", 2, a, **({} if lower else {"UPLO": "U"}))

    def jvp(da):
        return xp.sum(vectors * (symmetric(da) @ vectors), axis=-2)

    def vjp(g):
        return (vectors * as_row(g, a)) @ vectors.mT

    return jvp, vjp


@general(
    at=[(POSITIVE, OTHER_POSITIVE), probe(POSITIVE, OTHER_POSITIVE, lower=False),
        probe(POSITIVE, OTHER_POSITIVE, eigvals_only=True)],
    shape=scipy_eigh_shape,
)  # fmt: skip
def generalized_eigh(a, b, /, lower=True, eigvals_only=False, *, y):
    """a v = b v w with v' b v = 1."""
    if eigvals_only:
        return generalized_eigvalsh(a, b, lower)
    values, vectors = y

    def jvp(da, db):
        of_a = None if absent(da) else vectors.mT @ symmetric(da) @ vectors
        of_b = None if absent(db) else vectors.mT @ symmetric(db) @ vectors
        inner = plus(of_a, None if of_b is None else -of_b * as_row(values, a))
        turned = separations(values, a) * inner
        if of_b is not None:
            turned = turned - xp.diag(xp.diagonal(of_b)) / 2
        return diagonals(inner), vectors @ turned

    def vjp(g):
        g_values, g_vectors = g
        if absent(g_values) and absent(g_vectors):
            return None, None
        of_b = []
        if not absent(g_values):
            of_b += [-(vectors * as_row(g_values * values, a)) @ vectors.mT]
        if not absent(g_vectors):
            inner = vectors.mT @ g_vectors
            turned = separations(values, a) * inner * as_row(values, a)
            turned = turned + xp.diag(xp.diagonal(inner)) / 2
            of_b += [-symmetric(vectors @ turned @ vectors.mT)]
        return from_spectrum(values, vectors, a, g_values, g_vectors), plus(*of_b)

    return jvp, vjp


@general(at=[(POSITIVE, OTHER_POSITIVE)], shape=eigenvalues_shape)
def generalized_eigvalsh(a, b, /, lower=True):
    options = {} if lower else {"lower": 0}
    values, vectors = _both("generalized_eigh", a, b, **options)

    def jvp(da, db):
        of_a = None if absent(da) else xp.sum(vectors * (symmetric(da) @ vectors), axis=-2)  # fmt: skip
        of_b = None if absent(db) else -values * xp.sum(vectors * (symmetric(db) @ vectors), axis=-2)  # fmt: skip
        return plus(of_a, of_b)

    def vjp(g):
        of_a = (vectors * as_row(g, a)) @ vectors.mT
        return of_a, -(vectors * as_row(g * values, a)) @ vectors.mT

    return jvp, vjp


def _both(op, a, b, **options):
    """The two results of an operation on two matrices, of which one may be a number of the test."""
    known = next((x for x in (a, b) if isinstance(x, Expr)), None)
    if known is not None:
        return known.builder.emit_all(op, (a, b), 2, attrs=options)
    return getattr(xp, op)(a, b, **options)


def tridiagonal_shape(eqn):
    learn(eqn.args[0].type, "float")
    for out in eqn.outs:
        learn(out.type, "float")
    d = eqn.args[0].type.shape
    if d.rank == 1:
        join(eqn.outs[0].type.shape, d)
        if len(eqn.outs) == 2:
            join(eqn.outs[1].type.shape, Shape((d.dims[0], d.dims[0])))


@general(at=[(VECTOR, [0.7, -0.4]), probe(VECTOR, [0.7, -0.4], eigvals_only=True)], shape=tridiagonal_shape)  # fmt: skip
def eigh_tridiagonal(d, e, /, eigvals_only=False, *, y):
    """The matrix has d on the diagonal and e beside it."""
    values, vectors = _both("eigh_tridiagonal", d, e) if eigvals_only else y

    def jvp(dd, de):
        parts = [] if absent(dd) else [xp.diag(dd)]
        parts += [] if absent(de) else [xp.diag(de, k=1) + xp.diag(de, k=-1)]
        inner = vectors.mT @ plus(*parts) @ vectors
        if eigvals_only:
            return xp.diagonal(inner)
        gaps = separations(values, vectors)
        return xp.diagonal(inner), vectors @ (gaps * inner)

    def vjp(g):
        g_values, g_vectors = (g, None) if eigvals_only else g
        whole = from_spectrum(values, vectors, vectors, g_values, g_vectors)
        if whole is None:
            return None, None
        return xp.diagonal(whole), 2 * xp.diagonal(whole, offset=1)

    return jvp, vjp
