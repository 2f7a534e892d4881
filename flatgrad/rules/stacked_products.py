"""Products of stacks: of vectors with vectors, of matrices with vectors; each is linear in each argument."""

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import xp
from flatgrad.registry import multilinear, probe
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    OTHER_VECTOR,
    TALL,
    VECTOR,
    alike,
    argument_shapes,
    rank,
)
from flatgrad.types import Shape, broadcast_shape, join, join_dims


def _stacked(out, left, right, kept):
    """The axes of the stacks, broadcast together, and what is kept of the vectors and matrices."""
    batch = broadcast_shape([Shape(left), Shape(right)])
    if batch is not None and batch.dims is not None:
        join(out, Shape((*batch.dims, *kept)))


def vecdot_shape(eqn):
    a, b, out = argument_shapes(eqn)
    axis = shapes.option(eqn, "axis")
    if a.dims and b.dims and axis == -1:
        join_dims(a.dims[-1], b.dims[-1])
        _stacked(out, a.dims[:-1], b.dims[:-1], ())


def matvec_shape(eqn):
    a, b, out = argument_shapes(eqn)
    if a.dims and b.dims:
        join_dims(a.dims[-1], b.dims[-1])
        _stacked(out, a.dims[:-2], b.dims[:-1], a.dims[-2:-1])


def vecmat_shape(eqn):
    a, b, out = argument_shapes(eqn)
    if a.dims and b.dims:
        join_dims(a.dims[-1], b.dims[-2])
        _stacked(out, a.dims[:-1], b.dims[:-2], b.dims[-1:])


@multilinear(
    at=[(VECTOR, OTHER_VECTOR), (MATRIX, VECTOR), (CUBE, MATRIX), probe(TALL, TALL, axis=0)],
    shape=vecdot_shape,
)  # fmt: skip
def vecdot(a, b, /, axis=-1, *, g):
    single = rank(a) == rank(b) == 1
    wide = g if single else xp.expand_dims(g, axis=axis)
    if alike(a, b):
        return wide * b, wide * a
    return fitted(wide * b, a), fitted(wide * a, b)


@multilinear(at=[(MATRIX, VECTOR), (CUBE, VECTOR), (MATRIX, MATRIX), (CUBE, MATRIX)], shape=matvec_shape)  # fmt: skip
def matvec(a, b, /, *, g):
    if rank(a) == 2 and rank(b) == 1:
        return xp.outer(g, b), a.mT @ g
    rows, columns = xp.expand_dims(g, axis=-1), xp.expand_dims(b, axis=-2)
    return fitted(rows * columns, a), fitted(xp.matvec(xp.matrix_transpose(a), g), b)


@multilinear(at=[(VECTOR, TALL), (MATRIX, TALL), (VECTOR, [TALL, TALL]), (MATRIX, [TALL, TALL])], shape=vecmat_shape)  # fmt: skip
def vecmat(a, b, /, *, g):
    if rank(a) == 1 and rank(b) == 2:
        return b @ g, xp.outer(a, g)
    rows, columns = xp.expand_dims(a, axis=-1), xp.expand_dims(g, axis=-2)
    return fitted(xp.matvec(b, g), a), fitted(rows * columns, b)
