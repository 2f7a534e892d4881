"""Operations that torch has and NumPy has not: gather and scatter, changes of type, places of the largest elements."""

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.registry import constant, general, linear, probe
from flatgrad.rules.arithmetic import is_constant
from flatgrad.rules.axes import MATRIX, VECTOR, along, extent, known_rank, tuple_of
from flatgrad.rules.repetition import entries, inner
from flatgrad.types import Dim, Shape, join

COLUMN = ((0.4,), (-0.9,))
PLACES = [[2], [0]]
PAIRS = [[2, 2], [0, 1]]


def like_index(eqn):
    """gather(x, index): an element for each index."""
    eqn.out.type.kind = eqn.args[0].type.kind
    join(eqn.out.type.shape, eqn.args[1].type.shape)


@linear(at=[probe(MATRIX, PLACES, axis=1), probe(MATRIX, PAIRS, axis=1), probe(VECTOR, [0, 2, 0], axis=0)],
        shape=like_index)  # fmt: skip
def gather(x, index, /, axis=..., *, g):
    return xp.scatter_add(xp.zeros_like(x), index, g, axis=axis)


@general(
    at=[probe(MATRIX, PAIRS, ((0.3, 0.7), (1.1, -0.2)), axis=1)], shape=shapes.same
)
def scatter_add(x, index, value, /, axis=...):
    def jvp(dx, dindex, dvalue):
        dx = xp.zeros_like(x) if dx is None else dx
        return dx if dvalue is None else xp.scatter_add(dx, index, dvalue, axis=axis)

    def vjp(g):
        return g, None, xp.gather(g, index, axis=axis)

    return jvp, vjp


@general(
    at=[probe(MATRIX, PLACES, COLUMN, axis=1), probe(MATRIX, PLACES, 0.3, axis=1)],
    shape=shapes.same,
)
def scatter(x, index, value, /, axis=...):
    """Where an index may repeat, which value stays is up to the library: then there is no gradient."""

    def jvp(dx, dindex, dvalue):
        dx = xp.zeros_like(x) if dx is None else dx
        return xp.scatter(dx, index, 0 if dvalue is None else dvalue, axis=axis)

    def vjp(g):
        if isinstance(value, Expr) and not is_constant(value):
            dims = index.atom.type.shape.dims
            if dims is None or dims[axis].known != 1 or value.ndim is None:
                raise NotImplementedError(
                    "scatter of a tensor at places that may repeat"
                )
        taken = xp.gather(g, index, axis=axis)
        rest = xp.scatter(g, index, 0, axis=axis)
        return rest, None, xp.sum(taken) if known_rank(value) == 0 else taken

    return jvp, vjp


@general(at=[probe(VECTOR, [0, 2, 0], VECTOR, axis=0), probe(MATRIX, [2, 2], ((0.3, 0.7), (1.1, -0.2)), axis=1)],
         shape=shapes.same)  # fmt: skip
def add_along(x, index, value, /, axis=...):
    """x with the slices of value added at the places `index` of an axis."""

    def jvp(dx, dindex, dvalue):
        dx = xp.zeros_like(x) if dx is None else dx
        return dx if dvalue is None else xp.add_along(dx, index, dvalue, axis=axis)

    def vjp(g):
        return g, None, g[along(axis, index)]

    return jvp, vjp


@linear(
    at=[probe(COLUMN, axis=1), probe(MATRIX, axis=1)],
    shape=shapes.giving("any", shapes.anything),
)
def squeeze_if_single(x, /, axis=0, *, g):
    return xp.reshape(g, xp.shape(x))


PLACED = [
    (VECTOR, 1, 0.3),
    (MATRIX, (slice(None), 1), (0.4, 0.6)),
    (MATRIX, slice(0, 1), 2.0),
]


def parts_changed(x, index, how):
    def jvp(dx, dindex, dvalue):
        dx = xp.zeros_like(x) if dx is None else dx
        return how(dx, index, 0 if dvalue is None else dvalue)

    return jvp


@general(at=PLACED, shape=shapes.same)
def replaced(x, index, value, /):
    """jax's x.at[index].set(value)."""

    def vjp(g):
        if isinstance(index, Expr) and shapes.may_repeat(index.atom):
            raise NotImplementedError("an element may be stored into more than once")
        part = None if is_constant(value) else fitted(xp.getitem(g, index), value)
        return xp.setitem(g, index, 0), None, part

    return parts_changed(x, index, xp.replaced), vjp


@general(at=[*PLACED, (VECTOR, [0, 2, 0], (0.1, 0.2, 0.3))], shape=shapes.same)
def increased(x, index, value, /):
    """jax's x.at[index].add(value)."""

    def vjp(g):
        part = None if is_constant(value) else fitted(xp.getitem(g, index), value)
        return g, None, part

    return parts_changed(x, index, xp.increased), vjp


def frame_shape(eqn):
    """The last axes are longer by both widths."""
    x, widths = eqn.args[0].type, eqn.args[1].type.items
    eqn.out.type.kind = x.kind
    if x.shape.dims is None or widths is None or eqn.out.type.shape.dims is not None:
        return
    dims = [*x.shape.dims]
    for i in range(len(widths) // 2):
        ends = [w.dim.known for w in widths[2 * i : 2 * i + 2] if w.dim is not None]
        told = [n for n in ends if n is not None]
        dims[-1 - i] = dims[-1 - i].plus(sum(told)) if len(told) == 2 else Dim()
    join(eqn.out.type.shape, Shape(dims))


@general(
    at=[probe(VECTOR, (1, 2)), probe(MATRIX, (0, 1, 2, 0)), probe(MATRIX, (1, 1), value=3.0)],
    shape=frame_shape,
)  # fmt: skip
def frame(x, widths, /, value=0.0):
    """torch's pad, which names the last axis first."""
    ends = entries(widths)
    pairs = [ends[i : i + 2] for i in range(0, len(ends), 2)]

    def jvp(dx, *_):
        return xp.frame(dx, widths)

    def vjp(g):
        parts = [inner(b, a, extent(x, -1 - i)) for i, (b, a) in enumerate(pairs)]
        return g[tuple_of(Ellipsis, *reversed(parts))], None

    return jvp, vjp


def converted(eqn):
    """The same shape; of the kind that is asked for, if one is."""
    shapes.same(eqn)
    kind = shapes.option(eqn, "kind")
    eqn.out.type.kind = eqn.args[0].type.kind if kind is None else kind


@linear(at=(VECTOR,), shape=converted)
def to(x, /, kind=None, *, g):
    """The same number in another precision or on another device."""
    return xp.to_like(g, x)


@linear(at=[(VECTOR, 2)], shape=shapes.same)
def to_like(x, other, /, *, g):
    return xp.to_like(g, x)


constant("top_places", shape=shapes.giving("int", shapes.anything))
constant("to_integers", shape=converted)
constant("random_like", shape=shapes.giving("float", shapes.same))
constant("device", shape=shapes.anything)
