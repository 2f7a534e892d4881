"""Products of vectors, matrices and tensors: each is linear in each of its arguments.

Where the rank of an argument is not known, the emitted module gets a small function that asks for it.
"""

from flatgrad.broadcasting import fitted
from flatgrad.builder import xp
from flatgrad.registry import multilinear, probe
from flatgrad.rules.axes import together
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    OTHER_VECTOR,
    TALL,
    TALL_CUBE,
    VECTOR,
    agree,
    alike,
    argument_shapes,
    dims,
    fresh,
    rank,
)
from flatgrad.shapes import broadcast, option, product
from flatgrad.types import (
    Contradiction,
    Shape,
    broadcast_shape,
    join,
    join_dims,
    scalar,
)

RANKS = [
    (VECTOR, OTHER_VECTOR), (MATRIX, VECTOR), (VECTOR, TALL), (MATRIX, TALL), (CUBE, VECTOR), (CUBE, TALL),
    (MATRIX, TALL_CUBE), (VECTOR, TALL_CUBE), (CUBE, TALL_CUBE),
]  # fmt: skip


def rows(x, columns):
    """All axes but the last as one."""
    return xp.reshape(x, xp.tuple(-1, columns))


# -------------------------------------------------------------------------- shape rules


def matmul_shape(eqn):
    a, b, out = argument_shapes(eqn)
    if a.rank == 0 or b.rank == 0:
        raise Contradiction("a number", "an argument of @")
    if out.rank is not None:
        if a.rank in (1, 2):
            fresh(b, out.rank + 2 - a.rank)
        if b.rank in (1, 2):
            fresh(a, out.rank + 2 - b.rank)
    if a.dims is None or b.dims is None:
        return
    join_dims(a.dims[-1], b.dims[-2:][0])
    batch = broadcast_shape([Shape(a.dims[:-2]), Shape(b.dims[:-2])])
    if batch is not None and batch.dims is not None:
        join(out, Shape((*batch.dims, *a.dims[-2:-1], *columns(b))))


def columns(shape):
    """The length of the rows; nothing of a vector."""
    return shape.dims[-1:] if len(shape.dims) > 1 else ()


def dot_shape(eqn):
    a, b, out = argument_shapes(eqn)
    if a.is_scalar or b.is_scalar:
        return broadcast(eqn.out.type, [x.type for x in eqn.args])
    if a.rank and out.rank is not None:  # nobody writes dot for a product with a number
        fresh(b, max(out.rank - a.rank + 2, 1))
    if b.rank == 1 and out.rank == 0:
        fresh(a, 1)
    if a.dims and b.dims:
        join_dims(a.dims[-1], b.dims[-2:][0])
        join(out, Shape((*a.dims[:-1], *b.dims[:-2], *columns(b))))
    return None


def inner_shape(eqn):
    a, b, out = argument_shapes(eqn)
    if a.is_scalar or b.is_scalar:
        broadcast(eqn.out.type, [x.type for x in eqn.args])
    elif a.dims and b.dims:
        join_dims(a.dims[-1], b.dims[-1])
        join(out, Shape((*a.dims[:-1], *b.dims[:-1])))


def outer_shape(eqn):
    a, b, out = argument_shapes(eqn)
    fresh(out, 2)
    for shape, dim in zip((a, b), out.dims, strict=True):
        if shape.rank == 1:
            join_dims(shape.dims[0], dim)
        elif shape.dims is not None:
            whole = product(shape.dims)
            if whole.known is not None:
                join_dims(whole, dim)


def vdot_shape(eqn):
    a, b, out = argument_shapes(eqn)
    join(out, scalar())
    if a.rank == b.rank == 1:
        join(a, b)


def cross_shape(eqn):
    moved = any(option(eqn, name) != -1 for name in ("axisa", "axisb", "axisc"))
    if not moved:
        broadcast(eqn.out.type, [x.type for x in eqn.args])
    argument_shapes(eqn)


# -------------------------------------------------------------------------------- rules


@multilinear(at=RANKS, shape=matmul_shape)
def matmul(a, b, /, *, g):
    return matmul_left(a, b, g), matmul_right(a, b, g)


def matmul_left(a, b, g):
    match rank(a), rank(b):
        case _, 2:
            return g @ b.mT
        case 1, 1:
            return g * b
        case 2, 1:
            return xp.outer(g, b)
        case int(), 1:
            return xp.expand_dims(g, axis=-1) * b
        case 2, int():
            return xp.sum(g @ b.mT, axis=together(range(rank(b) - 2)))
        case int(n), int() if n > 1:
            same = agree(dims(a)[:-2], dims(b)[:-2])
            return g @ b.mT if same else fitted(g @ b.mT, a)
        case _:
            return xp.matmul_grad_left(g, a, b)


def matmul_right(a, b, g):
    match rank(a), rank(b):
        case 2, _:
            return a.mT @ g
        case 1, 1:
            return g * a
        case 1, 2:
            return xp.outer(a, g)
        case int(n), 1 if n > 1:
            return rows(a, b.shape[0]).mT @ xp.ravel(g)
        case int(n), 2 if n > 1:
            return rows(a, b.shape[0]).mT @ rows(g, b.shape[1])
        case int(n), int() if n > 1:
            same = agree(dims(a)[:-2], dims(b)[:-2])
            return a.mT @ g if same else fitted(a.mT @ g, b)
        case _:
            return xp.matmul_grad_right(g, a, b)


@multilinear(at=[(1.5, -0.4), (1.5, VECTOR), (MATRIX, 0.7), *RANKS], shape=dot_shape)
def dot(a, b, /, *, g):
    return dot_left(a, b, g), dot_right(a, b, g)


def dot_left(a, b, g):
    match rank(a), rank(b):
        case (int(), 0) | (1, 1):
            return g * b
        case 0, int():
            return xp.sum(g * b)
        case 2, 1:
            return xp.outer(g, b)
        case int(), 1:
            return xp.expand_dims(g, axis=-1) * b
        case int(), 2:
            return xp.dot(g, b.mT)
        case _:
            return xp.dot_grad_left(g, a, b)


def dot_right(a, b, g):
    match rank(a), rank(b):
        case (0, int()) | (1, 1):
            return g * a
        case int(), 0:
            return xp.sum(g * a)
        case 2, (1 | 2):
            return xp.dot(a.mT, g)
        case 1, 2:
            return xp.outer(a, g)
        case int(), 1:
            return xp.dot(rows(a, b.shape[0]).mT, xp.ravel(g))
        case int(), 2:
            return xp.dot(rows(a, b.shape[0]).mT, rows(g, b.shape[1]))
        case _:
            return xp.dot_grad_right(g, a, b)


@multilinear(
    at=[(1.5, -0.4), (VECTOR, 0.7), (VECTOR, OTHER_VECTOR), (MATRIX, VECTOR), (VECTOR, MATRIX), (MATRIX, MATRIX),
        (CUBE, MATRIX), (MATRIX, CUBE)],
    shape=inner_shape,
)  # fmt: skip
def inner(a, b, /, *, g):
    return inner_cotangents(a, b, g)


def inner_left(a, b, g):
    return inner_cotangents(a, b, g)[0]


def inner_right(a, b, g):
    return inner_cotangents(a, b, g)[1]


def inner_cotangents(a, b, g):
    match rank(a), rank(b):
        case (0, 0) | (1, 1):
            return g * b, g * a
        case (None, _) | (_, None) if rank(g) == 0:  # two vectors, or two numbers
            return g * b, g * a
        case 0, int():
            return xp.sum(g * b), g * a
        case int(), 0:
            return g * b, xp.sum(g * a)
        case 2, 1:
            return xp.outer(g, b), a.mT @ g
        case 1, 2:
            return g @ b, xp.outer(g, a)
        case 2, 2:
            return g @ b, g.mT @ a
        case int(n), int(m):
            free = tuple(range(n - 1))
            return xp.tensordot(g, b, axes=m - 1), xp.tensordot(g, a, axes=(free, free))
        case _:
            return xp.inner_grad_left(g, a, b), xp.inner_grad_right(g, a, b)


@multilinear(at=[(VECTOR, TALL[0]), (MATRIX, VECTOR), (1.5, VECTOR)], shape=outer_shape)
def outer(a, b, /, *, g):
    left, right = g @ _flat(b), _flat(a) @ g
    return _shaped(left, a), _shaped(right, b)


def _flat(x):
    return x if rank(x) == 1 else xp.ravel(x)


def _shaped(flat, like):
    return flat if rank(like) == 1 else xp.reshape(flat, xp.shape(like))


@multilinear(
    at=[(VECTOR, OTHER_VECTOR), (MATRIX, MATRIX), (MATRIX, [*VECTOR, *VECTOR])],
    shape=vdot_shape,
)
def vdot(a, b, /, *, g):
    if alike(a, b):
        return g * b, g * a
    return _shaped(g * xp.ravel(b), a), _shaped(g * xp.ravel(a), b)


@multilinear(
    at=[(VECTOR, OTHER_VECTOR), (MATRIX, MATRIX), (MATRIX, VECTOR), probe(TALL, TALL, axis=0),
        probe(TALL, MATRIX, axisa=0), probe(TALL, TALL, axisa=0, axisb=0, axisc=0), probe(TALL, OTHER_VECTOR, axisa=0)],
    shape=cross_shape,
)  # fmt: skip
def cross(a, b, /, axisa=-1, axisb=-1, axisc=-1, axis=None, *, g):
    if (axisa, axisb, axisc) != (-1, -1, -1) and axis is None:
        a_last, b_last, g_last = (
            xp.moveaxis(v, source=at, destination=-1)
            for v, at in ((a, axisa), (b, axisb), (g, axisc))
        )
        left = fitted(xp.cross(b_last, g_last), a_last)
        right = fitted(xp.cross(g_last, a_last), b_last)
        return (
            xp.moveaxis(left, source=-1, destination=axisa),
            xp.moveaxis(right, source=-1, destination=axisb),
        )
    options = {} if axis is None else {"axis": axis}
    left, right = xp.cross(b, g, **options), xp.cross(g, a, **options)
    if alike(a, b):
        return left, right
    return fitted(left, a), fitted(right, b)
