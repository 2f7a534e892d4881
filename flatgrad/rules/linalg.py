"""Systems of equations, inverses, determinants, functions of a square matrix.

Formulas follow Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), where no other source is named.
"""

from flatgrad.broadcasting import fitted
from flatgrad.builder import xp
from flatgrad.registry import constant, general, multilinear, probe
from flatgrad.rules.matrices import (
    LOWER,
    MATRIX,
    SQUARE,
    SQUARES,
    TALL,
    UNKNOWN,
    VECTOR,
    absent,
    agree,
    dims,
    fresh,
    like_square,
    plus,
    rank,
    spread,
    square_matrix,
    times_transposed,
)
from flatgrad.rules.matrix_functions import both_modes
from flatgrad.shapes import giving, learn, promoted
from flatgrad.types import Shape, join, join_dims

# -------------------------------------------------------------------------- shape rules


def number_of_matrix(eqn):
    """A number for each square matrix of a stack, in each of the results."""
    a = eqn.args[0].type
    square_matrix(a.shape)
    for out in eqn.outs:
        learn(out.type, promoted([a.kind, "float"]))
        if a.shape.dims is not None:
            join(out.type.shape, Shape(a.shape.dims[:-2]))
        elif out.type.shape.is_scalar:  # one number is that of one matrix
            fresh(a.shape, 2)


def solve_shape(eqn):
    a, b, out = eqn.args[0].type, eqn.args[1].type, eqn.out.type
    square_matrix(a.shape)
    learn(out, promoted([a.kind, b.kind, "float"]))
    if a.shape.rank == 2 or b.shape.rank == 1:
        join(out.shape, b.shape)
    if a.shape.dims is not None and b.shape.dims:
        join_dims(a.shape.dims[-1], b.shape.dims[-2:][0])


def pinv_shape(eqn):
    a = eqn.args[0].type
    learn(eqn.out.type, promoted([a.kind, "float"]))
    if a.shape.dims is not None:
        *batch, m, n = a.shape.dims
        join(eqn.out.type.shape, Shape((*batch, n, m)))


NOT_THE_SOLUTION = "lstsq whose residuals or singular values are used"


def lstsq_shape(eqn):
    a, b = (arg.type.shape for arg in eqn.args)
    for out in eqn.outs:
        learn(out.type, "float")
    if a.dims is not None and b.dims:
        join_dims(a.dims[0], b.dims[0])
        join(eqn.outs[0].type.shape, Shape([a.dims[1], *b.dims[1:]]))


# -------------------------------------------------------------------------------- rules


@general(at=[(SQUARE,), (SQUARES,)], shape=giving("float", like_square))
def inv(a, /, *, y):
    def jvp(da):
        return -y @ da @ y

    def vjp(g):
        return -y.mT @ g @ y.mT

    return jvp, vjp


@general(
    at=[(SQUARE, VECTOR), (SQUARE, TALL), (SQUARES, [TALL, TALL]), (SQUARE, [TALL, TALL]), (SQUARES, TALL)],
    shape=solve_shape,
)  # fmt: skip
def solve(a, b, /, *, y):
    if rank(a) not in (2, None) and rank(b) in (1, None):
        raise NotImplementedError("solve with a stack of matrices for one vector")

    def jvp(da, db):
        if rank(a) is None and rank(b) in (1, None) and not absent(da):
            db = xp.zeros_like(b) if absent(db) else db
            return xp.solve_tangent(da, db, a, b, y)
        return xp.solve(a, plus(db, 0 if absent(da) else -(da @ y)))

    def vjp(g):
        if rank(a) is None:
            return tuple(a.builder.emit_all("solve_grads", (g, a, b, y), 2))
        grad_b = xp.solve(a.mT, g)
        if rank(b) is None:
            return xp.solve_grad_left(grad_b, y), grad_b
        grad_a = -times_transposed(grad_b, y, rank(b) == 1)
        if (rank(a) == 2 and rank(b) <= 2) or agree(dims(a)[:-2], dims(b)[:-2]):
            return grad_a, grad_b
        return fitted(grad_a, a), fitted(grad_b, b)

    return jvp, vjp


def triangle(x, lower, unit_diagonal):
    cut = xp.tril if lower else xp.triu
    return cut(x, k=-1 if lower else 1) if unit_diagonal else cut(x)


@general(
    at=[probe(LOWER, VECTOR, lower=True), probe(SQUARE, TALL), probe(SQUARE, VECTOR, trans=1),
        probe(SQUARE, TALL, trans="T", lower=True, unit_diagonal=True)],
    shape=solve_shape,
)  # fmt: skip
def solve_triangular(a, b, /, trans=0, lower=False, unit_diagonal=False, *, y):
    if rank(a) is None or rank(b) is None:
        raise NotImplementedError(UNKNOWN)
    if rank(a) != 2 or rank(b) not in (1, 2):
        raise NotImplementedError("solve_triangular with stacks of matrices")
    if trans not in (0, 1, "N", "T"):
        raise NotImplementedError("solve_triangular with the conjugate transpose")
    turned = trans in (1, "T")
    how = {"lower": lower, "unit_diagonal": unit_diagonal}
    how = {k: v for k, v in how.items() if v}
    same_way, other_way = ({"trans": 1}, {}) if turned else ({}, {"trans": 1})

    def jvp(da, db):
        if absent(da):
            return xp.solve_triangular(a, db, **same_way, **how)
        da = triangle(da, lower, unit_diagonal)
        change = (da.mT if turned else da) @ y
        return xp.solve_triangular(a, plus(db, -change), **same_way, **how)

    def vjp(g):
        grad_b = xp.solve_triangular(a, g, **other_way, **how)
        left, right = (y, grad_b) if turned else (grad_b, y)
        grad_a = times_transposed(left, right, rank(b) == 1)
        return -triangle(grad_a, lower, unit_diagonal), grad_b

    return jvp, vjp


@general(at=[(SQUARE,), (SQUARES,)], shape=number_of_matrix)
def det(a, /, *, y):
    def jvp(da):
        return y * log_change(a, da)

    def vjp(g):
        weight = g * y  # an array or a number of NumPy, whatever g is
        wide = weight[..., None, None] if rank(a) is None else spread(weight, a)
        return wide * xp.inv(a).mT

    return jvp, vjp


def log_change(a, da):
    """trace(inv(a) @ da): the change of log |det a|."""
    if rank(a) == 2:
        return xp.trace(xp.solve(a, da))
    return xp.sum(xp.inv(a).mT * da, axis=(-2, -1))


@general(at=[(SQUARE,), (SQUARES,)], shape=number_of_matrix)
def slogdet(a, /, *, y):
    def jvp(da):
        return 0, log_change(a, da)

    def vjp(g):
        _, g_log = g
        return None if g_log is None else spread(g_log, a) * xp.inv(a).mT

    return jvp, vjp


@general(at=[(SQUARE,), (SQUARES,), (MATRIX,), (TALL,)], shape=pinv_shape)
def pinv(a, /, *, y):
    """Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems" (1973)."""

    def jvp(da):
        outside, inside = da.mT - da.mT @ a @ y, da.mT - y @ a @ da.mT
        return -y @ da @ y + y @ y.mT @ outside + inside @ y.mT @ y

    def vjp(g):
        outside, inside = g.mT - a @ y @ g.mT, g.mT - g.mT @ y @ a
        return -y.mT @ g @ y.mT + outside @ y @ y.mT + y.mT @ y @ inside

    return jvp, vjp


@general(
    at=[(TALL, VECTOR), (MATRIX, [0.4, -1.1]), (TALL, SQUARE), (SQUARE, VECTOR)],
    shape=lstsq_shape,
)
def lstsq(a, b, /, rcond=None, *, y):
    """Golub and Pereyra (1973), applied to pinv(a) @ b."""
    x, *_ = y
    vector = rank(b) == 1
    if rank(a) is None or rank(b) is None:
        raise NotImplementedError(UNKNOWN)

    def jvp(da, db):
        inverse = xp.pinv(a)
        unsaid = NotImplementedError(NOT_THE_SOLUTION)
        if absent(da):
            return inverse @ db, unsaid, 0, unsaid
        miss = b - a @ x
        change = -inverse @ (da @ x) + inverse @ (inverse.mT @ (da.mT @ miss))
        weight = inverse.mT @ x
        change = change + da.mT @ weight - inverse @ (a @ (da.mT @ weight))
        solution = plus(change, 0 if absent(db) else inverse @ db)
        return solution, unsaid, 0, unsaid

    def vjp(g):
        g_x, *others = g
        if any(not absent(o) for o in others):
            raise NotImplementedError(NOT_THE_SOLUTION)
        if g_x is None:
            return None, None
        inverse = xp.pinv(a)
        grad_b = inverse.mT @ g_x
        grad_a = -times_transposed(grad_b, x, vector)
        grad_a = grad_a + times_transposed(b - a @ x, inverse @ grad_b, vector)
        weight = inverse.mT @ x
        grad_a = grad_a + times_transposed(weight, g_x - a.mT @ grad_b, vector)
        return grad_a, grad_b

    return jvp, vjp


@general(
    at=[probe(SQUARE, n=n) for n in (-9, -2, -1, 0, 1, 2, 3, 4, 9)]
    + [probe(SQUARES, n=2)],
    shape=like_square,
)
def matrix_power(a, /, n=1, *, y):
    """Each factor in turn, where the power is a small number written down; else a block of a power."""
    if not isinstance(n, int) or abs(n) > 8:
        return both_modes(lambda blocks: xp.matrix_power(blocks, n=n), a)

    def change(base, d, along):
        """The sum of base^i d base^(n-1-i)."""
        last = abs(n) - 1
        sides = range(last + 1)
        return plus(
            *(_product([along] * i + [d] + [along] * (last - i)) for i in sides)
        )

    def jvp(da):
        if n >= 0:
            return change(a, da, a)
        inverse = xp.inv(a)
        return change(inverse, -inverse @ da @ inverse, inverse)

    def vjp(g):
        if n >= 0:
            return change(a, g, a.mT) if n else None
        inverse = xp.inv(a)
        return -inverse.mT @ change(inverse, g, inverse.mT) @ inverse.mT

    return jvp, vjp


def _product(matrices):
    total, *rest = matrices
    for matrix in rest:
        total = total @ matrix
    return total


@general(at=[(SQUARE,)], shape=giving("float", like_square))
def expm(a, /, *, y):
    """Al-Mohy and Higham, "Computing the Frechet derivative of the matrix exponential" (2009)."""

    def jvp(da):
        return xp.expm_frechet(a, da)

    def vjp(g):
        return xp.expm_frechet(a.mT, g)

    return jvp, vjp


def _square_of(eqn):
    """A matrix as long and wide as the vector g, or the columns of the matrix g."""
    g = eqn.args[0].type
    learn(eqn.out.type, g.kind)
    if g.shape.dims:
        length = g.shape.dims[-2:][0]
        join(eqn.out.type.shape, Shape([length, length]))


@multilinear(at=[(VECTOR, VECTOR), (TALL, TALL)], shape=_square_of)
def solve_grad_left(grad_b, x, /, *, g):
    """The gradient of a in x = solve(a, b), where it is not known whether b is a vector or a matrix."""
    return -g @ x, -g.mT @ grad_b


constant("matrix_rank", shape=None)
