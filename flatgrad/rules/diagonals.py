"""Diagonals and triangles of matrices."""

from flatgrad.builder import xp
from flatgrad.registry import linear, probe
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    SQUARE,
    SQUARES,
    TALL,
    UNKNOWN,
    VECTOR,
    agree,
    is_square,
    rank,
    smaller,
)
from flatgrad.shapes import axes_of, elements, learn, option, product, triangle
from flatgrad.shapes import diagonal as diagonal_shape
from flatgrad.types import Dim, Shape, join


def trace_shape(eqn):
    x = eqn.args[0].type
    learn(eqn.out.type, x.kind)
    if x.shape.dims is not None:
        axes = (option(eqn, "axis1"), option(eqn, "axis2"))
        gone = axes_of(axes, len(x.shape.dims)) or ()
        kept = (d for i, d in enumerate(x.shape.dims) if i not in gone)
        join(eqn.out.type.shape, Shape(kept))


def diag_shape(eqn):
    """A vector becomes a matrix, a matrix its diagonal."""
    x, out, k = eqn.args[0].type, eqn.out.type, option(eqn, "k")
    learn(out, elements(x.kind))
    known = isinstance(k, int)
    if x.shape.rank == 1 or out.shape.rank == 2:
        if x.shape.dims is None:
            join(x.shape, Shape([Dim()]))
        long = x.shape.dims[0].plus(abs(k)) if known else Dim()
        join(out.shape, Shape([long, long]))
    elif x.shape.rank == 2 and out.shape.dims is None:
        m, n = x.shape.dims
        if known and agree([m], [n]):
            long = m.plus(-abs(k))
        else:
            long = smaller(m, n) if k == 0 else Dim()
        join(out.shape, Shape([long]))


def on_diagonal(values, like, offset=0):
    """A matrix like `like` that holds `values` on a diagonal and 0 elsewhere."""
    if is_square(like):
        return xp.diag(values, k=offset) if offset else xp.diag(values)
    at = xp.arange(values.shape[0])
    down = at - offset if offset < 0 else at
    right = at + offset if offset > 0 else at
    return xp.setitem(xp.zeros_like(like), xp.tuple(down, right), values)


@linear(at=[(SQUARE,), (MATRIX,), probe(SQUARE, offset=1), probe(CUBE, axis1=1, axis2=2),
            probe(CUBE, axis1=2, axis2=0)], shape=trace_shape)  # fmt: skip
def trace(a, /, offset=0, axis1=0, axis2=1, *, g):
    if rank(a) is None:
        raise NotImplementedError(UNKNOWN)
    first, second = axis1 % rank(a), axis2 % rank(a)
    options = {"k": offset} if offset else {}
    if not (is_square(a) and (first, second) == (rank(a) - 2, rank(a) - 1)):
        options["M"] = a.shape[second]
    ones = xp.eye(a.shape[first], **options)
    ones = ones if first < second else ones.mT
    if rank(a) == 2:
        return g * ones
    others = tuple(i for i in range(rank(a)) if i not in (first, second))
    if others != tuple(range(rank(a) - 2)):
        ones = xp.expand_dims(ones, axis=others)
    return xp.expand_dims(g, axis=tuple(sorted((first, second)))) * ones


@linear(at=[(VECTOR,), (SQUARE,), (MATRIX,), probe(SQUARE, k=1), probe(MATRIX, k=-1), probe(VECTOR, k=-2)],
        shape=diag_shape)  # fmt: skip
def diag(v, /, k=0, *, g):
    match rank(v):
        case 1:
            return xp.diag(g, k=k) if k else xp.diag(g)
        case 2:
            return on_diagonal(g, v, k)
        case _:
            raise NotImplementedError(UNKNOWN)


def diagflat_shape(eqn):
    """A matrix as long and wide as the argument has elements, and |k| more."""
    v, out, k = eqn.args[0].type, eqn.out.type, option(eqn, "k")
    learn(out, elements(v.kind))
    known = v.shape.dims is not None and isinstance(k, int)
    if known or out.shape.dims is None:
        long = product(v.shape.dims).plus(abs(k)) if known else Dim()
        join(out.shape, Shape([long, long]))


@linear(at=[(VECTOR,), (MATRIX,), probe(VECTOR, k=-2)], shape=diagflat_shape)
def diagflat(v, /, k=0, *, g):
    values = xp.diag(g, k=k) if k else xp.diag(g)
    return values if rank(v) == 1 else xp.reshape(values, xp.shape(v))


@linear(at=[(SQUARE,), (MATRIX,), (TALL,), probe(MATRIX, offset=1), probe(SQUARES, axis1=1, axis2=2), probe(CUBE),
            probe(CUBE, axis1=1, axis2=2), probe(CUBE, offset=1, axis1=2, axis2=0), probe(SQUARES, offset=-1, axis1=-2, axis2=-1)],
        shape=diagonal_shape)  # fmt: skip
def diagonal(a, /, offset=0, axis1=0, axis2=1, *, g):
    if rank(a) is None:
        raise NotImplementedError(UNKNOWN)
    axes, last = (axis1 % rank(a), axis2 % rank(a)), (rank(a) - 2, rank(a) - 1)
    if rank(a) == 2 and axes == last:
        return on_diagonal(g, a, offset)
    if offset == 0 and axes == last and is_square(a):
        return g[..., None] * xp.eye(a.shape[-1])
    if axes == last:
        return on_diagonals(g, a, offset)
    whole = on_diagonals(g, xp.moveaxis(a, source=axes, destination=(-2, -1)), offset)
    return xp.moveaxis(whole, source=(-2, -1), destination=axes)


def on_diagonals(values, like, offset):
    """The same for each matrix of a stack."""
    at = xp.arange(values.shape[-1])
    down, right = (at - offset if offset < 0 else at), (
        at + offset if offset > 0 else at
    )
    return xp.setitem(xp.zeros_like(like), xp.tuple(Ellipsis, down, right), values)


def matrix_trace_shape(eqn):
    x = eqn.args[0].type
    learn(eqn.out.type, x.kind)
    if x.shape.dims is not None:
        join(eqn.out.type.shape, Shape(x.shape.dims[:-2]))


@linear(at=[(SQUARE,), (SQUARES,), probe(CUBE, offset=1)], shape=matrix_trace_shape)
def matrix_trace(a, /, offset=0, *, g):
    """The trace of each matrix of a stack."""
    return trace(a, offset, -2, -1, g=g)


def matrix_diagonal_shape(eqn):
    x, offset = eqn.args[0].type, option(eqn, "offset")
    learn(eqn.out.type, x.kind)
    if x.shape.rank == 2:
        diagonal_shape(eqn)
    elif x.shape.dims is not None and eqn.out.type.shape.dims is None:
        *batch, m, n = x.shape.dims
        long = m if agree([m], [n]) and offset == 0 else Dim()
        join(eqn.out.type.shape, Shape([*batch, long]))


@linear(
    at=[(SQUARE,), (SQUARES,), (CUBE,), probe(CUBE, offset=1)],
    shape=matrix_diagonal_shape,
)
def matrix_diagonal(a, /, offset=0, *, g):
    """The diagonal of each matrix of a stack."""
    return diagonal(a, offset, -2, -1, g=g)


def refuse_vectors(a):
    """numpy stretches a vector to a matrix first."""
    if rank(a) is None or rank(a) < 2:
        raise NotImplementedError(
            "the triangle of what is not known to be a matrix: give its shape with --shape"
        )


@linear(at=[(SQUARE,), probe(MATRIX, k=-1), probe(CUBE, k=1)], shape=triangle)
def tril(a, /, k=0, *, g):
    refuse_vectors(a)
    return xp.tril(g, k=k) if k else xp.tril(g)


@linear(at=[(SQUARE,), probe(MATRIX, k=-1), probe(CUBE, k=1)], shape=triangle)
def triu(a, /, k=0, *, g):
    refuse_vectors(a)
    return xp.triu(g, k=k) if k else xp.triu(g)
