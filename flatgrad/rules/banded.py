"""Systems with a banded matrix, of which scipy.linalg stores the diagonals as rows."""

from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules.matrices import TALL, VECTOR, absent, plus
from flatgrad.shapes import learn
from flatgrad.types import join

BAND = [[0.0, 0.3, -0.5], [2.0, 1.5, 1.8], [0.4, -0.6, 0.0]]
LOWER_BAND = [[2.0, 1.5, 1.8], [0.4, -0.6, 0.3], [0.2, 0.1, -0.2]]


def like_second(eqn):
    learn(eqn.out.type, "float")
    join(eqn.out.type.shape, eqn.args[1].type.shape)


@general(
    at=[probe(BAND, VECTOR, l=1, u=1), probe(BAND, TALL, l=1, u=1), probe(LOWER_BAND, VECTOR, l=2, u=0)],
    shape=like_second,
)  # fmt: skip
def solve_banded(ab, b, /, l=..., u=..., *, y):
    """The corners of the band that are no part of the matrix have the derivative 0."""

    def jvp(dab, db):
        change = None if absent(dab) else -xp.banded_times(dab, y, l, u)
        return xp.solve_banded(ab, plus(change, db), l=l, u=u)

    def vjp(g):
        grad_b = xp.solve_banded(xp.transposed_band(ab, l, u), g, l=u, u=l)
        return -xp.banded_product(grad_b, y, l, u), grad_b

    return jvp, vjp


UPPER = [[0.0, 0.3, -0.5], [2.0, 1.5, 1.8]]
LOWER = [[2.0, 1.5, 1.8], [0.3, -0.5, 0.0]]


@general(
    at=[(UPPER, VECTOR), (UPPER, TALL), probe(LOWER, VECTOR, lower=True), probe(LOWER, TALL, lower=True)],
    shape=like_second,
)  # fmt: skip
def solveh_banded(ab, b, /, lower=False, *, y):
    """Of a symmetric matrix one half of the band: what is beside the diagonal stands for two elements."""
    how = {"lower": True} if lower else {}
    width = xp.shape(ab)[0] - 1

    def both(x, z):
        """The band of x z' + z x', the diagonal once."""
        below, above = (width, 0) if lower else (0, width)
        product = xp.banded_product(x, z, below, above)
        beside = xp.banded_product(z, x, below, above)
        diagonal = xp.eye(width + 1)[0 if lower else -1]
        return product + beside * (1 - diagonal)[:, None]

    def jvp(dab, db):
        change = None
        if not absent(dab):
            half = (width, 0) if lower else (0, width)
            beside = dab * (1 - xp.eye(width + 1)[0 if lower else -1])[:, None]
            turned = xp.transposed_band(beside, *half)
            change = -xp.banded_times(dab, y, *half)
            change = change - xp.banded_times(turned, y, *half[::-1])
        return xp.solveh_banded(ab, plus(change, db), **how)

    def vjp(g):
        grad_b = xp.solveh_banded(ab, g, **how)
        return -both(grad_b, y), grad_b

    return jvp, vjp
