"""Several arrays put together, and one cut into several."""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import general, linear, probe
from flatgrad.rules.axes import (
    CUBE,
    MATRIX,
    ROW,
    SQUARE,
    VECTOR,
    along,
    cut,
    extent,
    rank,
)
from flatgrad.rules.creation import of_fractions
from flatgrad.types import Dim, Shape, join, polynomial


@linear(
    at=[
        probe(VECTOR, (0.3, 0.7)),
        probe(MATRIX, ROW, MATRIX),
        probe(MATRIX, ((0.1,), (0.2,)), axis=1),
        probe(MATRIX, MATRIX, axis=-1),
    ],
    shape=shapes.concatenate,
)
def concatenate(*arrays, axis=0, g):
    if axis is None:
        parts = cut(g, [xp.size(a) for a in arrays], 0)
        return tuple(
            xp.reshape(p, xp.shape(a)) for p, a in zip(parts, arrays, strict=True)
        )
    return cut(g, [extent(a, axis) for a in arrays], axis)


@linear(
    at=[
        probe(VECTOR, VECTOR),
        probe(1.0, 2.0, -0.5),
        probe(VECTOR, VECTOR, axis=1),
        probe(MATRIX, MATRIX, axis=-1),
    ],
    shape=shapes.stack,
)
def stack(*arrays, axis=0, dtype=None, g):
    return tuple(of_fractions(g[along(axis, i)], dtype) for i in range(len(arrays)))


@linear(at=[(1.0, 2.0, -0.5), (VECTOR, VECTOR)], shape=shapes.array_of)
def array(*elements, dtype=None, g):
    return tuple(of_fractions(g[i], dtype) for i in range(len(elements)))


def cut_like(g, arrays, axis, least):
    """Parts of g along `axis`, for arrays of which those of lower rank than `least` count as one there."""
    lengths = [extent(a, axis) if rank(a) >= least else 1 for a in arrays]
    return tuple(
        xp.reshape(p, xp.shape(a))
        for p, a in zip(cut(g, lengths, axis), arrays, strict=True)
    )


@linear(at=[(VECTOR, VECTOR), (MATRIX, VECTOR)], shape=shapes.vstack)
def vstack(*arrays, g):
    return cut_like(g, arrays, 0, 2)


@linear(at=[(VECTOR, VECTOR), (MATRIX, MATRIX), (1.0, VECTOR)], shape=shapes.hstack)
def hstack(*arrays, g):
    most = max(rank(a) for a in arrays)
    return cut_like(g, arrays, 0, 1) if most < 2 else cut_like(g, arrays, 1, 2)


@linear(at=[(VECTOR, VECTOR), (MATRIX, MATRIX), (CUBE, CUBE)], shape=shapes.dstack)
def dstack(*arrays, g):
    return cut_like(g, arrays, 2, 3)


@linear(at=[(VECTOR, VECTOR), (SQUARE, VECTOR)], shape=shapes.column_stack)
def column_stack(*arrays, g):
    return cut_like(g, arrays, 1, 2)


@linear(
    at=[probe(VECTOR, (0.3, 0.7)), probe(MATRIX, VECTOR), probe(MATRIX, ROW, axis=0)],
    shape=shapes.append,
)
def append(a, b, /, axis=None, *, g):
    if axis is not None:
        return cut(g, [extent(a, axis), extent(b, axis)], axis)
    first, second = cut(g, [xp.size(a), xp.size(b)], 0)
    return xp.reshape(first, xp.shape(a)), xp.reshape(second, xp.shape(b))


def several(op, count, x, *args, **options):
    """The results of an operation that has more than one."""
    if isinstance(x, Expr):
        return tuple(x.builder.emit_all(op, (x, *args), count, attrs=options))
    return tuple(getattr(xp, op)(x, *args, **options))


def _parts(op, x, sections, y, along, **options):
    if not isinstance(y, tuple | list):
        raise NotImplementedError("the parts of an array, other than one by one")

    def jvp(dx, *_):
        return several(op, len(y), dx, sections, **options)

    def vjp(g):
        parts = (
            xp.zeros_like(p) if h is None else h for p, h in zip(y, g, strict=True)
        )
        return xp.concatenate(*parts, axis=along)

    return jvp, vjp


@general(
    at=[
        probe((1.0, 2.0, 3.0, 4.0), 2),
        probe(MATRIX, 3, axis=1),
        probe(MATRIX, (1,), axis=-1),
    ],
    shape=shapes.split,
)
def split(x, sections, /, axis=0, *, y):
    return _parts("split", x, sections, y, axis, axis=axis)


@general(at=[probe(VECTOR, 2), probe(MATRIX, 2, axis=1)], shape=shapes.anything)
def array_split(x, sections, /, axis=0, *, y):
    return _parts("array_split", x, sections, y, axis, axis=axis)


def chunk_shape(eqn):
    """All but the last part are as long, and the last is too where the length is surely a multiple of their number."""
    x, count = eqn.args[0].type, len(eqn.outs)
    axis, dims = shapes.option(eqn, "axis"), x.shape.dims
    for out in eqn.outs:
        shapes.learn(out.type, x.kind)
    if dims is None:
        return
    at = axis % len(dims)
    whole = dims[at]
    even = all(c % count == 0 for c in polynomial(whole).values())
    each = whole.over(Dim(count)) if even else Dim()
    for i, out in enumerate(eqn.outs):
        length = each if even or i < count - 1 else Dim()
        join(out.type.shape, Shape((*dims[:at], length, *dims[at + 1 :])))


@general(at=[probe((1.0, 2.0, 3.0, 4.0, 5.0), 2, axis=0), probe(MATRIX, 2, axis=-1), probe(MATRIX, 3, axis=1)], shape=chunk_shape)  # fmt: skip
def chunk(x, chunks, /, axis=..., *, y):
    """torch's parts, of which the last may be shorter, or not there."""
    return _parts("chunk", x, chunks, y, axis, axis=axis)


@general(at=[(MATRIX, 2), (CUBE, (1,))], shape=shapes.anything)
def vsplit(x, sections, /, *, y):
    return _parts("vsplit", x, sections, y, 0)


@general(at=[(MATRIX, 3), (VECTOR, (1,))], shape=shapes.anything)
def hsplit(x, sections, /, *, y):
    return _parts("hsplit", x, sections, y, min(1, rank(x) - 1))


@general(at=[(CUBE, 2)], shape=shapes.anything)
def dsplit(x, sections, /, *, y):
    return _parts("dsplit", x, sections, y, 2)
