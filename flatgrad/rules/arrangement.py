"""The same elements in another arrangement."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import linear, probe
from flatgrad.rules.arithmetic import static
from flatgrad.rules.axes import CUBE, MATRIX, ROW, VECTOR, rank


def reshaped(g, x, order):
    """g in the shape of x, whose elements were read in this order: rows first, or columns first."""
    match static(order):
        case "C" | None:
            return xp.reshape(g, xp.shape(x))
        case "F":
            return xp.reshape(g, xp.shape(x), order="F")
        case other:
            raise NotImplementedError(
                f"order={other!r}, which depends on how an array lies in memory"
            )


IN_ORDER = [
    probe(MATRIX),
    probe(VECTOR),
    probe(MATRIX, order="F"),
    probe(CUBE, order="F"),
]


@linear(
    at=[(MATRIX, (3, 2)), (MATRIX, -1), (CUBE, (2, -1)), probe(MATRIX, (3, 2), order="F")],
    shape=shapes.reshape,
)  # fmt: skip
def reshape(x, shape, /, order="C", *, g):
    return reshaped(g, x, order)


@linear(at=IN_ORDER, shape=shapes.flat)
def ravel(x, /, order="C", *, g):
    return reshaped(g, x, order)


@linear(at=IN_ORDER, shape=shapes.flat)
def flatten(x, /, order="C", *, g):
    return reshaped(g, x, order)


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


def _rolled(n, axis, start):
    """Where an axis is, and where np.rollaxis puts it."""
    axis, start = axis % n, start + n if start < 0 else start
    return axis, start - 1 if axis < start else start


def rolled_shape(eqn):
    axis, start = (shapes.option(eqn, name) for name in ("axis", "start"))

    def order(n):
        if not isinstance(axis, int) or not isinstance(start, int):
            return None
        source, to = _rolled(n, axis, start)
        axes = [i for i in range(n) if i != source]
        axes.insert(to, source)
        return axes

    shapes.permuted(eqn, order)


@linear(
    at=[probe(CUBE, axis=2), probe(CUBE, axis=0, start=3), probe(CUBE, axis=1, start=1), probe(CUBE, axis=-1, start=-2)],
    shape=rolled_shape,
)  # fmt: skip
def rollaxis(x, /, axis=..., start=0, *, g):
    source, to = _rolled(rank(x), axis, start)
    return xp.moveaxis(g, source=to, destination=source)


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
