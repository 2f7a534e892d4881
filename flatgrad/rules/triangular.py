"""Triangular factors of a matrix, by Cholesky and by elimination, and systems that are solved with them.

Formulas follow Murray, "Differentiation of the Cholesky decomposition" (2016), and Walter and Lehmann, "Algorithmic
differentiation of linear algebra functions" (2010). The gradient of a symmetric matrix is symmetric.
"""

from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules.matrices import (
    POSITIVE,
    SQUARE,
    TALL,
    VECTOR,
    absent,
    dims,
    floats,
    is_square,
    like_square,
    mirrored,
    plus,
    rank,
    square_matrix,
    symmetric,
    times_transposed,
)
from flatgrad.rules.qr import over
from flatgrad.shapes import giving, learn
from flatgrad.types import Shape, join

PIVOTED = [[0.3, 2.1, -0.5], [1.9, -0.4, 0.2], [0.7, -0.6, 1.8]]
SQUARE_ONLY = (
    "the shape of its argument is not known to be square: give it with --shape"
)
B_UNKNOWN = "it is not known whether b is a vector or a matrix: give its --shape"

# ------------------------------------------------------------------------------- cholesky


def lower_cholesky(low):
    """(jvp, vjp) of the lower triangular factor `low` of a symmetric matrix; Murray (2016)."""

    def jvp(da):
        inner = xp.solve(low, xp.solve(low, symmetric(da)).mT)
        return low @ (xp.tril(inner) + xp.tril(inner, k=-1)) / 2

    def vjp(g):
        inner = mirrored(low.mT @ g)
        return xp.solve(low.mT, xp.solve(low.mT, inner).mT) / 2

    return jvp, vjp


@general(
    at=[(POSITIVE,), probe(POSITIVE, lower=True)], shape=giving("float", like_square)
)
def scipy_cholesky(a, /, lower=False, *, y):
    along, back = lower_cholesky(y if lower else y.mT)

    def jvp(da):
        return along(da) if lower else along(da).mT

    def vjp(g):
        return back(g if lower else g.mT)

    return jvp, vjp


def factor_shape(eqn):
    floats(eqn)
    square_matrix(eqn.args[0].type.shape)
    join(eqn.outs[0].type.shape, eqn.args[0].type.shape)
    learn(eqn.outs[1].type, "bool")


@general(at=[(POSITIVE,), probe(POSITIVE, lower=True)], shape=factor_shape)
def cho_factor(a, /, lower=False, *, y):
    """What lies in the other triangle of the result is no part of the factor."""
    low = xp.tril(y[0]) if lower else xp.triu(y[0]).mT
    along, back = lower_cholesky(low)

    def jvp(da):
        return along(da) if lower else along(da).mT, 0

    def vjp(g):
        if absent(g[0]):
            return None
        return back(xp.tril(g[0]) if lower else xp.triu(g[0]).mT)

    return jvp, vjp


def like_second(eqn):
    learn(eqn.out.type, "float")
    square_matrix(eqn.args[0].type.shape)
    join(eqn.out.type.shape, eqn.args[1].type.shape)


@general(
    at=[probe([[1.5, 0.3, -0.5], [0.0, 1.2, 0.2], [0.0, 0.0, 1.8]], VECTOR, lower=False),
        probe([[1.5, 0.0, 0.0], [0.4, 1.2, 0.0], [0.3, -0.6, 1.8]], TALL, lower=True)],
    shape=like_second,
)  # fmt: skip
def cho_solve(c, b, /, lower=..., *, y):
    """c' c y = b of an upper triangular c, c c' y = b of a lower one."""
    if rank(b) not in (1, 2):
        raise NotImplementedError(f"cho_solve where {B_UNKNOWN}")
    cut = xp.tril if lower else xp.triu

    def jvp(dc, db):
        change = None
        if not absent(dc):
            c_, dc = cut(c), cut(dc)
            one = dc @ (c_.mT @ y) if lower else dc.mT @ (c_ @ y)
            two = c_ @ (dc.mT @ y) if lower else c_.mT @ (dc @ y)
            change = -(one + two)
        return xp.cho_solve(c, plus(change, db), lower=lower)

    def vjp(g):
        grad_b = xp.cho_solve(c, g, lower=lower)
        of_product = -times_transposed(grad_b, y, rank(b) == 1)
        both = of_product + of_product.mT
        return cut(both @ cut(c) if lower else cut(c) @ both), grad_b

    return jvp, vjp


# ---------------------------------------------------------------------------- elimination


def factors_shape(eqn):
    """All are square but the pivots, which are a vector."""
    floats(eqn)
    a = eqn.args[0].type.shape
    square_matrix(a)
    if eqn.op == "lu":
        for out in eqn.outs:
            join(out.type.shape, a)
        return
    join(eqn.outs[0].type.shape, a)
    learn(eqn.outs[1].type, "int")
    if a.rank == 2:
        join(eqn.outs[1].type.shape, Shape(a.dims[:1]))


@general(at=[(PIVOTED,), (SQUARE,), probe(PIVOTED, permute_l=True)], shape=factors_shape)  # fmt: skip
def lu(a, /, permute_l=False, *, y):
    """Permuting the rows of the lower factor, as permute_l does, leaves the formulas as they are."""
    # The text for an unknown shape stops at a matrix that is not square.
    square = dims(a) is None or is_square(a)
    if not square or permute_l not in (True, False):
        raise NotImplementedError(f"lu where {SQUARE_ONLY}")
    *p, low, up = y  # p, l, u or (p l), u

    def jvp(da):
        inner = over(xp.solve(low, p[0].mT @ da if p else da), up)
        return *(0 for _ in p), low @ xp.tril(inner, k=-1), xp.triu(inner) @ up

    def vjp(g):
        *_, g_low, g_up = g
        if absent(g_low) and absent(g_up):
            return None
        from_low = None if absent(g_low) else xp.tril(low.mT @ g_low, k=-1)
        from_up = None if absent(g_up) else xp.triu(g_up @ up.mT)
        grad = xp.solve(low.mT, over(plus(from_low, from_up), up.mT))
        return p[0] @ grad if p else grad

    return jvp, vjp


def packed(lu):
    """(l, u) of a factorization in one matrix, without the ones on the diagonal of l."""
    return xp.tril(lu, k=-1) + xp.eye(xp.shape(lu)[0]), xp.triu(lu)


@general(at=[(PIVOTED,), (SQUARE,)], shape=factors_shape)
def lu_factor(a, /, *, y):
    """Both factors in one matrix, and the row that each row was exchanged for."""
    if rank(a) != 2:
        raise NotImplementedError(f"lu_factor where {SQUARE_ONLY}")
    factors, pivots = y
    low, up = packed(factors)
    order = xp.row_order(pivots)

    def jvp(da):
        inner = over(xp.solve(low, da[order]), up)
        return low @ xp.tril(inner, k=-1) + xp.triu(inner) @ up, 0

    def vjp(g):
        g_factors, _ = g
        if absent(g_factors):
            return None
        inner = xp.tril(low.mT @ xp.tril(g_factors, k=-1), k=-1)
        inner = inner + xp.triu(xp.triu(g_factors) @ up.mT)
        return xp.solve(low.mT, over(inner, up.mT))[xp.argsort(order)]

    return jvp, vjp


def like_third(eqn):
    learn(eqn.out.type, "float")
    square_matrix(eqn.args[0].type.shape)
    join(eqn.out.type.shape, eqn.args[2].type.shape)


FACTORS = [[1.9, -0.4, 0.2], [0.3, 2.1, -0.5], [0.4, -0.2, 1.8]]


@general(
    at=[probe(FACTORS, [1, 1, 2], VECTOR), probe(FACTORS, [1, 1, 2], TALL, trans=1)],
    shape=like_third,
)
def lu_solve(lu, piv, b, /, trans=0, *, y):
    """With m = l u, the matrix whose rows were exchanged, and its transpose for trans=1."""
    if rank(b) not in (1, 2):
        raise NotImplementedError(f"lu_solve where {B_UNKNOWN}")
    if trans not in (0, 1):
        raise NotImplementedError("lu_solve with the conjugate transpose")
    low, up = packed(lu)
    same_way, other_way = ({"trans": 1}, {}) if trans else ({}, {"trans": 1})
    order = xp.row_order(piv)

    def jvp(dlu, _, db):
        if absent(dlu):
            return xp.lu_solve(lu, piv, db, **same_way)
        change = xp.tril(dlu, k=-1) @ up + low @ xp.triu(dlu)
        change = change[xp.argsort(order)]
        moved = -((change.mT if trans else change) @ y)
        return xp.lu_solve(lu, piv, plus(moved, db), **same_way)

    def vjp(g):
        grad_b = xp.lu_solve(lu, piv, g, **other_way)
        left, right = (y, grad_b) if trans else (grad_b, y)
        of_rows = -times_transposed(left, right, rank(b) == 1)[order]
        grad_lu = xp.tril(of_rows @ up.mT, k=-1) + xp.triu(low.mT @ of_rows)
        return grad_lu, None, grad_b

    return jvp, vjp
