"""scipy.linalg.solve where it is told what the matrix is: symmetric, triangular, or to be transposed.

Where one triangle is read, the gradient is that of the triangle; of a symmetric matrix it is the symmetric one.
"""

from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules.linalg import solve_shape
from flatgrad.rules.matrices import (
    POSITIVE,
    SQUARE,
    TALL,
    VECTOR,
    absent,
    plus,
    rank,
    symmetric,
    times_transposed,
)

SYMMETRIC = ("sym", "pos", "symmetric", "positive definite")
GENERAL = (None, "gen", "general")


@general(
    at=[probe(SQUARE, VECTOR, transposed=True), probe(SQUARE, TALL, assume_a="gen"), probe(POSITIVE, VECTOR, assume_a="pos"),
        probe(POSITIVE, TALL, assume_a="sym", lower=True), probe(SQUARE, TALL, assume_a="upper triangular"),
        probe(SQUARE, VECTOR, assume_a="lower triangular")],
    shape=solve_shape,
)  # fmt: skip
def solve_assuming(a, b, /, assume_a=None, lower=False, transposed=False, *, y):
    if rank(a) != 2 or rank(b) not in (1, 2):
        raise NotImplementedError("solve with an assumption, where the ranks of its arguments are not known: give their --shape")  # fmt: skip
    kept = _what_is_read(assume_a)
    turned = transposed and assume_a not in SYMMETRIC
    if turned and assume_a not in GENERAL:
        raise NotImplementedError(f"solve with transposed=True and {assume_a=!r}")
    how = {} if assume_a in GENERAL else {"assume_a": assume_a}
    how |= {"lower": True} if lower and assume_a in SYMMETRIC else {}

    def solved(x, forward):
        if how and (forward or assume_a in SYMMETRIC):
            return xp.solve_assuming(a, x, **how)
        whole = kept(a)
        return xp.solve(whole if forward != turned else whole.mT, x)

    def jvp(da, db):
        change = None
        if not absent(da):
            change = -((kept(da).mT if turned else kept(da)) @ y)
        return solved(plus(change, db), True)

    def vjp(g):
        grad_b = solved(g, False)
        left, right = (y, grad_b) if turned else (grad_b, y)
        return kept(-times_transposed(left, right, rank(b) == 1)), grad_b

    return jvp, vjp


def _what_is_read(assume_a):
    """What of a matrix, or of its gradient, takes part."""
    if assume_a in SYMMETRIC:
        return symmetric
    if assume_a == "upper triangular":
        return xp.triu
    if assume_a == "lower triangular":
        return xp.tril
    if assume_a not in GENERAL:
        raise NotImplementedError(f"solve with {assume_a=!r}")
    return lambda x: x
