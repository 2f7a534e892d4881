"""Inverses and equations of tensors, whose axes are taken together as the rows and columns of a matrix."""

from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules.arithmetic import absent
from flatgrad.rules.axes import extent, rank, tuple_of
from flatgrad.rules.matrices import SQUARE, VECTOR
from flatgrad.shapes import learn, option
from flatgrad.types import Shape, join

FOUR_AXES = [
    [[[2.0, 0.3], [-0.5, 0.1]], [[0.2, 1.5], [0.4, -0.3]]],
    [[[0.7, -0.6], [1.8, 0.2]], [[-0.1, 0.5], [0.3, -1.9]]],
]
THREE_AXES = [[[2.0, 0.3, -0.5, 0.4], [0.2, 1.5, 0.1, -0.3]], [[0.7, -0.6, 1.8, 0.2], [0.3, 0.5, -0.2, 1.7]]]  # fmt: skip


def inverse_shape(eqn):
    a, out, ind = eqn.args[0].type, eqn.out.type, option(eqn, "ind")
    learn(out, "float")
    if a.shape.dims is not None and isinstance(ind, int):
        join(out.shape, Shape((*a.shape.dims[ind:], *a.shape.dims[:ind])))


@general(
    at=[(FOUR_AXES,), probe(SQUARE, ind=1), probe(THREE_AXES, ind=2)],
    shape=inverse_shape,
)
def tensorinv(a, /, ind=2, *, y):
    """As inv, of the matrix whose rows are the first `ind` axes."""
    matrix = xp.reshape(y, tuple_of(-1, rows(a, ind)))
    turned = xp.matrix_transpose(matrix)

    def jvp(da):
        change = xp.reshape(da, tuple_of(rows(a, ind), -1))
        return xp.reshape(-matrix @ change @ matrix, xp.shape(y))

    def vjp(g):
        g = xp.reshape(g, tuple_of(-1, rows(a, ind)))
        return xp.reshape(-turned @ g @ turned, xp.shape(a))

    return jvp, vjp


def rows(a, ind):
    rank(a)  # has to be known
    total = extent(a, 0)
    for i in range(1, ind):
        total = total * extent(a, i)
    return total


def solution_shape(eqn):
    a, b = (arg.type.shape for arg in eqn.args)
    learn(eqn.out.type, "float")
    if a.dims is not None and b.dims is not None:
        join(eqn.out.type.shape, Shape(a.dims[len(b.dims) :]))


@general(
    at=[(SQUARE, VECTOR), (THREE_AXES, [[0.3, 0.8], [-0.4, 1.1]])], shape=solution_shape
)
def tensorsolve(a, b, /, *, y):
    """As solve, of the matrix whose rows are the axes of b."""

    def square(v):
        return xp.reshape(v, tuple_of(xp.size(b), -1))

    matrix = square(a)

    def jvp(da, db=None):
        change = 0 if absent(db) else xp.ravel(db)
        if not absent(da):
            change = change - square(da) @ xp.ravel(y)
        return xp.reshape(xp.solve(matrix, change), xp.shape(y))

    def vjp(g):
        flat = xp.solve(xp.matrix_transpose(matrix), xp.ravel(g))
        grad_a = xp.reshape(-xp.outer(flat, xp.ravel(y)), xp.shape(a))
        return grad_a, xp.reshape(flat, xp.shape(b))

    return jvp, vjp
