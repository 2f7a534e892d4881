"""The gradients of products whose ranks are not known: linear in the gradient that comes in, and in the other factor.

For any product y = a * b, <u, left(g, a, b)> is <g, u * b>, whatever u in place of a: so the derivatives of `left` are
the product itself and the gradient of its right factor, both with u in place of a. Of a only the shape is read.
"""

from flatgrad.builder import xp
from flatgrad.registry import general
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    OTHER_VECTOR,
    TALL,
    VECTOR,
    absent,
    argument_shapes,
    plus,
)
from flatgrad.rules.products import (
    dot_left,
    dot_right,
    inner_left,
    inner_right,
    matmul_left,
    matmul_right,
)
from flatgrad.types import join

PAIR, OTHER_PAIR = [0.9, -0.4], [[0.3, -0.8], [1.1, 0.4]]
PRODUCTS = [(OTHER_PAIR, MATRIX, TALL), (PAIR, MATRIX, VECTOR), (PAIR, VECTOR, TALL), (0.7, VECTOR, OTHER_VECTOR),
            ([OTHER_PAIR, OTHER_PAIR], CUBE, TALL)]  # fmt: skip
INNER = [(0.7, VECTOR, OTHER_VECTOR), (PAIR, MATRIX, VECTOR), (OTHER_PAIR, MATRIX, MATRIX)]  # fmt: skip


def like_left(eqn):
    _, a, _, out = argument_shapes(eqn)
    join(out, a)


def like_right(eqn):
    _, _, b, out = argument_shapes(eqn)
    join(out, b)


def of_left(product, left, right, g, a, b):
    """The derivatives of left(a, b, g), which is linear in g and b."""

    def jvp(dg, _, db):
        return plus(*(left(a, *v) for v in ((b, dg), (db, g)) if not absent_in(v)))

    def vjp(u):
        return product(u, b), None, right(u, b, g)

    return jvp, vjp


def of_right(product, left, right, g, a, b):
    """The derivatives of right(a, b, g), which is linear in g and a."""

    def jvp(dg, da, _):
        terms = ((a, dg), (da, g))
        return plus(*(right(v, b, w) for v, w in terms if not absent_in((v, w))))

    def vjp(u):
        return product(a, u), left(a, u, g), None

    return jvp, vjp


def absent_in(values):
    return any(map(absent, values))


def matmul(a, b):
    return a @ b


@general(at=PRODUCTS, shape=like_left)
def matmul_grad_left(g, a, b, /):
    return of_left(matmul, matmul_left, matmul_right, g, a, b)


@general(at=PRODUCTS, shape=like_right)
def matmul_grad_right(g, a, b, /):
    return of_right(matmul, matmul_left, matmul_right, g, a, b)


@general(at=PRODUCTS, shape=like_left)
def dot_grad_left(g, a, b, /):
    return of_left(xp.dot, dot_left, dot_right, g, a, b)


@general(at=PRODUCTS, shape=like_right)
def dot_grad_right(g, a, b, /):
    return of_right(xp.dot, dot_left, dot_right, g, a, b)


@general(at=INNER, shape=like_left)
def inner_grad_left(g, a, b, /):
    return of_left(xp.inner, inner_left, inner_right, g, a, b)


@general(at=INNER, shape=like_right)
def inner_grad_right(g, a, b, /):
    return of_right(xp.inner, inner_left, inner_right, g, a, b)
