"""The same elements in another arrangement, new arrays, and questions about shapes."""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import constant, elementwise, general, linear, multilinear, probe
from flatgrad.rules.arithmetic import static, without_derivative

VECTOR = (1.0, -2.0, 0.5)
MATRIX = ((1.0, -2.0, 0.5), (0.3, 0.8, -1.1))
SQUARE = ((1.0, -2.0, 0.5), (0.3, 0.8, -1.1), (0.7, 0.2, -0.4))
CUBE = (((0.3, -0.7), (1.2, 0.1), (0.9, -1.4)), ((2.1, 0.4), (-0.2, 0.6), (1.1, -0.3)))
ROW = ((0.4, -0.9, 1.6),)


def rank(x):
    """The number of axes, which some formulas must know before the code runs."""
    n = x.ndim if isinstance(x, Expr) else len(xp.shape(x))
    if n is None:
        raise NotImplementedError(
            "the shape of its argument is not known: give it with --shape"
        )
    return n


def extent(x, axis):
    """The length of an axis, a number if that is known."""
    dims = x.atom.type.shape.dims if isinstance(x, Expr) else None
    known = None if dims is None else dims[axis].known
    return xp.shape(x)[axis] if known is None else known


def tuple_of(*items):
    return xp.tuple(*items) if any(isinstance(i, Expr) for i in items) else items


def along(axis, part):
    """The index that takes `part` along one axis and all of the others."""
    whole = slice(None)
    if axis >= 0:
        parts = (*[whole] * axis, part)
    else:
        parts = (Ellipsis, part, *[whole] * (-axis - 1))
    return part if len(parts) == 1 else tuple_of(*parts)


def between(start, stop):
    return (
        xp.slice(start, stop, None)
        if isinstance(start, Expr) or isinstance(stop, Expr)
        else slice(start, stop)
    )


def cut(g, lengths, axis):
    """Consecutive parts of g of these lengths; the last one takes the rest."""
    parts, start = [], None
    for n in lengths[:-1]:
        stop = n if start is None else start + n
        parts.append(g[along(axis, between(start, stop))])
        start = stop
    return (*parts, g[along(axis, between(start, None))])


# ------------------------------------------------------------------------------------ one array, rearranged


@linear(at=[(MATRIX, (3, 2)), (MATRIX, -1), (CUBE, (2, -1))], shape=shapes.reshape)
def reshape(x, shape, /, *, g):
    return xp.reshape(g, xp.shape(x))


@linear(at=[(MATRIX,), (VECTOR,)], shape=shapes.flat)
def ravel(x, /, *, g):
    return xp.reshape(g, xp.shape(x))


@linear(at=[(MATRIX,), (VECTOR,)], shape=shapes.flat)
def flatten(x, /, *, g):
    return xp.reshape(g, xp.shape(x))


@linear(
    at=[probe(MATRIX), probe(CUBE), probe(CUBE, axes=(1, -1, 0))],
    shape=shapes.transpose,
)
def transpose(x, /, axes=None, *, g):
    if axes is None:
        return xp.transpose(g)
    return xp.transpose(
        g, axes=tuple(sorted(range(len(axes)), key=lambda i: axes[i] % len(axes)))
    )


@linear(at=[(MATRIX,), (CUBE,)], shape=shapes.matrix_transpose)
def matrix_transpose(x, /, *, g):
    return xp.matrix_transpose(g)


@linear(at=[probe(CUBE, axis1=0, axis2=-1)], shape=shapes.swapaxes)
def swapaxes(x, /, axis1=0, axis2=1, *, g):
    return xp.swapaxes(g, axis1=axis1, axis2=axis2)


@linear(
    at=[
        probe(CUBE, source=0, destination=-1),
        probe(CUBE, source=(0, 1), destination=(2, 0)),
    ],
    shape=shapes.moveaxis,
)
def moveaxis(x, /, source=0, destination=0, *, g):
    return xp.moveaxis(g, source=destination, destination=source)


@linear(at=[probe(ROW), probe(ROW, axis=0)], shape=shapes.squeeze)
def squeeze(x, /, axis=None, *, g):
    return xp.reshape(g, xp.shape(x)) if axis is None else xp.expand_dims(g, axis=axis)


@linear(
    at=[probe(VECTOR, axis=0), probe(MATRIX, axis=-1), probe(VECTOR, axis=(0, 2))],
    shape=shapes.expand_dims,
)
def expand_dims(x, /, axis=0, *, g):
    return xp.squeeze(g, axis=axis)


@linear(at=[(MATRIX,), (VECTOR,)], shape=shapes.at_least(1))
def atleast_1d(x, /, *, g):
    return xp.reshape(g, xp.shape(x))


@linear(at=[(MATRIX,), (VECTOR,)], shape=shapes.at_least(2))
def atleast_2d(x, /, *, g):
    return xp.reshape(g, xp.shape(x))


@linear(at=[(MATRIX,), (VECTOR,)], shape=shapes.at_least(3))
def atleast_3d(x, /, *, g):
    return xp.reshape(g, xp.shape(x))


@linear(at=[probe(VECTOR), probe(MATRIX), probe(MATRIX, axis=1)], shape=shapes.same)
def flip(x, /, axis=None, *, g):
    return xp.flip(g) if axis is None else xp.flip(g, axis=axis)


@linear(at=(MATRIX,), shape=shapes.same)
def fliplr(x, /, *, g):
    return xp.fliplr(g)


@linear(at=(MATRIX,), shape=shapes.same)
def flipud(x, /, *, g):
    return xp.flipud(g)


@linear(
    at=[
        probe(VECTOR, 1),
        probe(MATRIX, 2),
        probe(MATRIX, -1, axis=1),
        probe(MATRIX, (1, 2), axis=(0, 1)),
    ],
    shape=shapes.same,
)
def roll(x, shift, /, axis=None, *, g):
    shift = static(shift)
    return xp.roll(
        g, tuple(-s for s in shift) if isinstance(shift, tuple) else -shift, axis=axis
    )


@linear(
    at=[probe(MATRIX), probe(MATRIX, k=2), probe(CUBE, axes=(1, 2))],
    shape=shapes.rot90,
)
def rot90(x, /, k=1, axes=(0, 1), *, g):
    return xp.rot90(g, k=-k, axes=axes)


# --------------------------------------------------------------------------------------- repeated elements


@linear(at=[(VECTOR, (2, 3)), (ROW, (2, 3)), (2.0, (2,))], shape=shapes.broadcast_to)
def broadcast_to(x, shape, /, *, g):
    return xp.unbroadcast(g, x)


@linear(at=[(MATRIX, ((1, 1, 1),)), (MATRIX, 1)], shape=shapes.like_second)
def unbroadcast(x, like, /, *, g):
    return xp.broadcast_to(g, xp.shape(x))


def entries(value):
    """The elements of an integer or a tuple of integers."""
    value = static(value)
    if not isinstance(value, Expr):
        return list(value) if isinstance(value, tuple | list) else [value]
    known = value.atom.type
    if known.items is None and not known.shape.is_scalar:
        raise NotImplementedError("the number of its elements is not known")
    return (
        [value] if known.items is None else [value[i] for i in range(len(known.items))]
    )


@linear(
    at=[(VECTOR, 2), (MATRIX, (2, 3)), (VECTOR, (2, 1)), (CUBE, 2)], shape=shapes.tile
)
def tile(x, reps, /, *, g):
    n, counts = rank(x), entries(reps)
    lengths = [1] * (len(counts) - n) + [extent(x, i) for i in range(n)]
    counts = [1] * (n - len(counts)) + counts
    blocks = tuple_of(*(m for pair in zip(counts, lengths, strict=True) for m in pair))
    total = xp.sum(xp.reshape(g, blocks), axis=tuple(range(0, 2 * len(lengths), 2)))
    return xp.reshape(total, xp.shape(x)) if len(lengths) > n else total


@linear(
    at=[
        probe(VECTOR, 2),
        probe(MATRIX, 3),
        probe(MATRIX, 2, axis=0),
        probe(MATRIX, 2, axis=-1),
    ],
    shape=shapes.repeat,
)
def repeat(x, repeats, /, axis=None, *, g):
    if len(each := entries(repeats)) > 1:
        raise NotImplementedError("a different number of repeats for each element")
    if axis is None:
        return xp.reshape(
            xp.sum(xp.reshape(g, tuple_of(-1, *each)), axis=1), xp.shape(x)
        )
    at = axis % rank(x) + 1
    lengths = [extent(x, i) for i in range(rank(x))]
    return xp.sum(xp.reshape(g, tuple_of(*lengths[:at], *each, *lengths[at:])), axis=at)


def paddings(widths, n):
    """(before, after) for each of n axes."""
    parts = [tuple(entries(w)) for w in entries(widths)]
    pairs = [sum(parts, ())] if all(len(p) == 1 for p in parts) else parts
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    return pairs * n if len(pairs) == 1 else pairs


@general(
    at=[
        probe(VECTOR, 2),
        probe(MATRIX, (1, 2)),
        probe(MATRIX, ((1, 0), (0, 2))),
        probe(VECTOR, 1, constant_values=3.0),
    ],
    shape=shapes.pad,
)
def pad(x, pad_width, /, mode="constant", constant_values=0):
    if static(mode) != "constant":
        raise NotImplementedError(f"pad with mode={static(mode)!r}")

    def jvp(dx, *_):
        return xp.pad(dx, pad_width)

    def vjp(g):
        widths = paddings(pad_width, rank(x))
        return g[
            tuple_of(*(inner(b, a, extent(x, i)) for i, (b, a) in enumerate(widths)))
        ]

    return jvp, vjp


def inner(before, after, n):
    """The slice that leaves the padding out."""
    if isinstance(before, Expr) or isinstance(after, Expr):
        return between(before, before + n)
    return slice(before or None, -after or None)


# ------------------------------------------------------------------------------------------ several arrays


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
def stack(*arrays, axis=0, g):
    return tuple(g[along(axis, i)] for i in range(len(arrays)))


@linear(at=[(1.0, 2.0, -0.5), (VECTOR, VECTOR)], shape=shapes.array_of)
def array(*elements, dtype=None, g):
    return tuple(g[i] for i in range(len(elements)))


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


@general(at=[(MATRIX, 2), (CUBE, (1,))], shape=shapes.anything)
def vsplit(x, sections, /, *, y):
    return _parts("vsplit", x, sections, y, 0)


@general(at=[(MATRIX, 3), (VECTOR, (1,))], shape=shapes.anything)
def hsplit(x, sections, /, *, y):
    return _parts("hsplit", x, sections, y, min(1, rank(x) - 1))


@general(at=[(CUBE, 2)], shape=shapes.anything)
def dsplit(x, sections, /, *, y):
    return _parts("dsplit", x, sections, y, 2)


# --------------------------------------------------------------------------------------- one value, renamed


@linear(at=(VECTOR,), shape=shapes.same)
def copy(x, /, *, g):
    return g


@linear(at=[probe(VECTOR), probe(VECTOR, dtype="float64")], shape=shapes.cast)
def asarray(x, /, dtype=None, *, g):
    return g


@linear(at=[probe(VECTOR, dtype="float64")], shape=shapes.cast)
def astype(x, /, dtype=None, *, g):
    return g


@linear(at=[(1.3,)], shape=shapes.giving("float", shapes.same))
def float(x, /, *, g):
    return g


@linear(at=[(1.3,)], shape=shapes.item)
def item(x, /, *, g):
    return xp.reshape(g, xp.shape(x))


@linear(at=(VECTOR,), shape=shapes.same)
def real(x, /, *, g):
    return g


@linear(at=(VECTOR,), shape=shapes.same)
def conj(x, /, *, g):
    return xp.conj(g)


# ---------------------------------------------------------------------------------------------- new arrays


@multilinear(at=[((2, 3), 1.5), (3, 0.5)], shape=shapes.filled)
def full(shape, value, /, dtype=None, *, g):
    return None, xp.unbroadcast(g, value)


def _filled(value, y):
    def jvp(dx, dvalue):
        return xp.zeros_like(y) if dvalue is None else xp.full_like(y, dvalue)

    def vjp(g):
        return None, xp.unbroadcast(g, value)

    return jvp, vjp


@general(at=[(MATRIX, 1.5), (MATRIX, VECTOR)], shape=shapes.cast)
def full_like(x, value, /, dtype=None, *, y):
    return _filled(value, y)


@general(at=[(MATRIX, 1.5)], shape=shapes.same)
def fill(x, value, /, *, y):
    return _filled(value, y)


@linear(
    at=[probe(0.3, 1.7), probe(0.3, 1.7, num=5, endpoint=False)], shape=shapes.spaced
)
def linspace(start, stop, /, num=50, endpoint=True, *, g):
    t = xp.linspace(0.0, 1.0, num=num, endpoint=endpoint)
    return xp.sum(g * (1 - t)), xp.sum(g * t)


constant("zeros", "ones", "empty", shape=shapes.filled)
constant("zeros_like", "ones_like", "empty_like", shape=shapes.cast)
constant("eye", "identity", "tri", shape=shapes.square)
constant("stop_gradient", shape=shapes.same)
without_derivative("arange", shape=shapes.arange)

# --------------------------------------------------------------------------------- questions about an array

constant("shape", shape=shapes.shape_of)
constant("ndim", shape=shapes.ndim)
constant("size", shape=shapes.size)
constant("len", shape=shapes.length)
constant("tuple", shape=shapes.make_tuple)
constant("slice", shape=shapes.make_slice)
constant(
    "dtype",
    "result_type",
    "isinstance",
    "print",
    "broadcast_shapes",
    "nbytes",
    "itemsize",
)
constant("isscalar", "iscomplexobj", "isrealobj", shape=shapes.truth)
without_derivative("tolist", "imag", "angle", shape=shapes.anything)

# --------------------------------------------------------------- random numbers: the draw itself is constant


@elementwise(shape=shapes.drawn)
def random_normal(loc=0.0, scale=1.0, /, size=None, *, y):
    return 1, (y - loc) / scale


@elementwise(shape=shapes.drawn)
def random_uniform(low=0.0, high=1.0, /, size=None, *, y):
    return (high - y) / (high - low), (y - low) / (high - low)


@elementwise(shape=shapes.drawn)
def random_exponential(scale=1.0, /, size=None, *, y):
    return y / scale


constant("random_seed", "random_default_rng", "random_state")
constant(
    "random_rand", "random_randn", shape=shapes.giving("float", shapes.drawn_with_shape)
)
constant(
    "random_random", "random_standard_normal", "random_standard_exponential",
    shape=shapes.giving("float", shapes.drawn),
)  # fmt: skip
constant(
    "random_randint",
    "random_integers",
    "random_binomial",
    "random_poisson",
    shape=shapes.giving("int", shapes.drawn),
)
without_derivative("random_choice", "random_permutation", shape=shapes.anything)
