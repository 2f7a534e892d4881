"""Matrices that solve an equation: of Sylvester, of Lyapunov, of Riccati; and the square root.

Each is differentiated by its equation: the cotangent solves the transposed linear equation once. Matrices that
have to be symmetric get symmetric gradients.
"""

from flatgrad.builder import xp
from flatgrad.registry import general
from flatgrad.rules.matrices import (
    POSITIVE,
    SQUARE,
    TALL,
    absent,
    like_square,
    plus,
    square_matrix,
    symmetric,
)
from flatgrad.shapes import giving, learn
from flatgrad.types import join

OTHER = [[3.2, -0.4, 0.1], [0.6, 2.7, 0.5], [-0.3, 0.8, 3.9]]
SMALL = [[0.4, 0.1, -0.2], [-0.3, 0.5, 0.1], [0.2, -0.1, 0.3]]
INPUT, WEIGHT = [[0.4, 1.3], [-0.9, 0.7], [1.2, -0.2]], [[1.5, 0.2], [0.2, 0.9]]
SYMMETRIC_OTHER = [[1.4, 0.2, -0.1], [0.2, 0.9, 0.3], [-0.1, 0.3, 1.1]]


# -------------------------------------------------------------------------- shape rules


def like_argument(position):
    """The result is a matrix of the shape of one of the arguments."""

    def rule(eqn):
        learn(eqn.out.type, "float")
        join(eqn.out.type.shape, eqn.args[position].type.shape)

    return rule


def like_square_argument(position):
    def rule(eqn):
        learn(eqn.out.type, "float")
        square_matrix(eqn.args[position].type.shape)
        join(eqn.out.type.shape, eqn.args[position].type.shape)

    return rule


# -------------------------------------------------------------------------------- rules


@general(at=[(POSITIVE,), (OTHER,)], shape=giving("float", like_square))
def sqrtm(a, /, *, y):
    """dy y + y dy = da"""

    def jvp(da):
        return xp.solve_sylvester(y, y, da)

    def vjp(g):
        return xp.solve_sylvester(y.mT, y.mT, g)

    return jvp, vjp


@general(
    at=[(SQUARE, OTHER, SMALL), (OTHER, WEIGHT, TALL)], shape=like_argument(2)
)  # fmt: skip
def solve_sylvester(a, b, q, /, *, y):
    """da y + a dy + dy b + y db = dq"""

    def jvp(da, db, dq):
        left = None if absent(da) else -da @ y
        right = None if absent(db) else -(y @ db)
        return xp.solve_sylvester(a, b, plus(left, right, dq))

    def vjp(g):
        grad_q = xp.solve_sylvester(a.mT, b.mT, g)
        return -grad_q @ y.mT, -y.mT @ grad_q, grad_q

    return jvp, vjp


@general(at=[(OTHER, SMALL), (SQUARE, POSITIVE)], shape=like_square_argument(1))
def solve_continuous_lyapunov(a, q, /, *, y):
    """a y + y a' = q"""

    def jvp(da, dq):
        change = None if absent(da) else -(da @ y + y @ da.mT)
        return xp.solve_continuous_lyapunov(a, plus(change, dq))

    def vjp(g):
        grad_q = xp.solve_continuous_lyapunov(a.mT, g)
        return -grad_q @ y.mT - grad_q.mT @ y, grad_q

    return jvp, vjp


@general(at=[(SMALL, OTHER), (SMALL, POSITIVE)], shape=like_square_argument(1))
def solve_discrete_lyapunov(a, q, /, method=None, *, y):
    """y = a y a' + q"""

    def jvp(da, dq):
        change = None if absent(da) else da @ y @ a.mT + a @ y @ da.mT
        return xp.solve_discrete_lyapunov(a, plus(change, dq))

    def vjp(g):
        grad_q = xp.solve_discrete_lyapunov(a.mT, g)
        return grad_q @ a @ y.mT + grad_q.mT @ a @ y, grad_q

    return jvp, vjp


@general(at=[(SQUARE, INPUT, SYMMETRIC_OTHER, WEIGHT)], shape=like_square_argument(0))
def solve_continuous_are(a, b, q, r, /, *, y):
    """Kao and Hennequin, "Automatic differentiation of Sylvester, Lyapunov, and algebraic Riccati equations" (2020)."""
    gain = xp.solve(r, b.mT @ y)
    closed = a - b @ gain

    def jvp(da, db, dq, dr):
        of_a = None if absent(da) else 2 * symmetric(y @ da)
        of_b = None if absent(db) else -2 * symmetric(y @ db @ gain)
        of_r = None if absent(dr) else gain.mT @ symmetric(dr) @ gain
        of_q = None if absent(dq) else symmetric(dq)
        return -xp.solve_continuous_lyapunov(closed.mT, plus(of_a, of_b, of_r, of_q))

    def vjp(g):
        grad_q = xp.solve_continuous_lyapunov(closed, -symmetric(g))
        weighed = 2 * y @ grad_q
        return weighed, -weighed @ gain.mT, grad_q, gain @ grad_q @ gain.mT

    return jvp, vjp


@general(at=[(SQUARE, INPUT, SYMMETRIC_OTHER, WEIGHT)], shape=like_square_argument(0))
def solve_discrete_are(a, b, q, r, /, *, y):
    """Kao and Hennequin (2020)."""
    gain = xp.solve(r + b.mT @ y @ b, b.mT @ y @ a)
    closed = a - b @ gain

    def jvp(da, db, dq, dr):
        of_a = None if absent(da) else 2 * symmetric(closed.mT @ y @ da)
        of_b = None if absent(db) else -2 * symmetric(closed.mT @ y @ db @ gain)
        of_r = None if absent(dr) else gain.mT @ symmetric(dr) @ gain
        of_q = None if absent(dq) else symmetric(dq)
        return xp.solve_discrete_lyapunov(closed.mT, plus(of_a, of_b, of_r, of_q))

    def vjp(g):
        grad_q = xp.solve_discrete_lyapunov(closed, symmetric(g))
        weighed = 2 * y @ closed @ grad_q
        return weighed, -weighed @ gain.mT, grad_q, gain @ grad_q @ gain.mT

    return jvp, vjp
