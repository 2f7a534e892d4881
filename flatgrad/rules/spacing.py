"""Points at regular distances, and grids of points: linear, logarithmic, of several coordinates."""

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.registry import general, probe
from flatgrad.rules.arithmetic import absent, is_constant
from flatgrad.rules.axes import extent, known_rank, rank, together, written
from flatgrad.rules.creation import of_fractions
from flatgrad.rules.elementary import LOG_10
from flatgrad.types import Dim, Shape, join

ENDS, OTHERS = (0.3, 1.2), (1.7, 2.9)
SPACED = [
    probe(0.3, 1.7),
    probe(0.3, 1.7, num=5, endpoint=False),
    probe(ENDS, OTHERS, num=3),
    probe(ENDS, 2.0, num=4, axis=-1),
    probe(ENDS, OTHERS, num=2, axis=1, endpoint=False),
]


def way(y, num, endpoint, axis):
    """How far each point is from the start to the end, 0 to 1, along an axis of y."""
    options = {"num": num} | ({} if endpoint is True else {"endpoint": endpoint})
    t = written(y, "linspace", 0.0, 1.0, **options)
    if axis == 0 and known_rank(y) in (1, None):
        return t
    after = rank(y) - 1 - axis % rank(y)
    return xp.expand_dims(t, axis=together(range(1, 1 + after))) if after else t


def between(y, start, stop, axis, slopes, factor=1):
    """Points that move by factor * slope as the start does, and as the end does."""

    def from_one(g, end, slope):
        if known_rank(y) is None:  # along the first axis, however many follow
            return fitted(xp.tensordot(slope, factor * g, axes=1), end)
        total = g * (factor * slope)
        return xp.sum(total) if rank(y) == 1 else fitted(xp.sum(total, axis=axis), end)

    def to_points(end, slope):
        n = rank(y)
        wide = known_rank(end) == n - 1 and n > 1 and axis != 0
        return factor * slope * (xp.expand_dims(end, axis=axis) if wide else end)

    def jvp(dstart, dstop=None):
        moved = [
            to_points(d, slope)
            for d, slope in zip((dstart, dstop), slopes, strict=True)
            if not absent(d)
        ]
        return moved[0] if len(moved) == 1 else moved[0] + moved[1]

    def vjp(g):
        ends = zip((start, stop), slopes, strict=True)
        return tuple(from_one(g, end, slope) for end, slope in ends)

    return jvp, vjp


@general(at=SPACED, shape=shapes.spaced)
def linspace(start, stop, /, num=50, endpoint=True, axis=0, *, y):
    """Linear in both ends."""
    options = {"endpoint": endpoint, "axis": axis}

    def moved(end, d):
        if not absent(d):
            return d
        return 0.0 if is_constant(end) else xp.zeros_like(end)

    def jvp(dstart, dstop=None):
        ends = moved(start, dstart), moved(stop, dstop)
        return written(y, "linspace", *ends, num=num, **options)

    t = way(y, num, endpoint, axis)
    _, vjp = between(y, start, stop, axis, (1 - t, t))
    return jvp, vjp


@general(at=[*SPACED, probe(0.3, 1.7, num=4, base=2.0)], shape=shapes.spaced)
def logspace(start, stop, /, num=50, endpoint=True, base=10.0, axis=0, *, y):
    t = way(y, num, endpoint, axis)
    factor = y * (LOG_10 if base == 10 else xp.log(base))
    if known_rank(base) != 0:
        raise NotImplementedError(
            "logspace with bases that are not known to be one number"
        )
    return between(y, start, stop, axis, (1 - t, t), factor)


@general(at=SPACED[:2], shape=shapes.spaced)
def geomspace(start, stop, /, num=50, endpoint=True, *, y):
    """start^(1 - t) stop^t"""
    if known_rank(y) != 1:
        raise NotImplementedError("geomspace of other than two numbers")
    t = way(y, num, endpoint, 0)
    return between(y, start, stop, 0, ((1 - t) / start, t / stop), y)


@general(at=[(3.6,), (0.3, 2.1), (0.3, 2.1, 0.4)], shape=shapes.arange)
def arange(start, stop=None, step=None, /, dtype=None, *, y):
    """start, start + step, ...: where it stops says how many there are."""

    def counted():
        return written(y, "arange", extent(y, 0))

    def jvp(dstart, dstop=None, dstep=None):
        moved = xp.zeros_like(y)
        if absent(stop):
            return moved
        moved = moved if absent(dstart) else moved + dstart
        return moved if absent(dstep) else moved + dstep * counted()

    def vjp(g):
        g = of_fractions(g, dtype)
        if absent(stop) or g is None:
            return (None,) * 3
        return xp.sum(g), None, None if absent(step) else xp.sum(g * counted())

    return jvp, vjp


# ----------------------------------------------------------------------------------------------- grids


def grid_axis(k, count, indexing):
    """Along which axis of a grid coordinate k of so many goes."""
    turned = indexing == "xy" and count > 1
    return {0: 1, 1: 0}.get(k, k) if turned else k


def grid_shape(eqn):
    known = [a.type.shape.dims for a in eqn.args]
    order = shapes.option(eqn, "indexing")
    for a, out in zip(eqn.args, eqn.outs, strict=True):
        shapes.learn(out.type, shapes.elements(a.type.kind))
    sparse = shapes.option(eqn, "sparse") is not False
    if any(d is None for d in known) or sparse or order not in ("xy", "ij"):
        return
    dims = [d[0] if d else Dim(1) for d in known]
    if len(dims) > 1 and order == "xy":
        dims[:2] = dims[1::-1]
    for out in eqn.outs:
        join(out.type.shape, Shape(dims))


POINTS, MORE, LAST = (0.3, 0.9, 1.4), (2.0, 2.5), (0.1, 0.6)


@general(
    at=[
        probe(POINTS, MORE),
        probe(POINTS, MORE, indexing="ij"),
        probe(POINTS, MORE, LAST),
        probe(POINTS),
        probe(POINTS, MORE, sparse=True),
        probe(POINTS, 0.7, indexing="ij"),
    ],
    shape=grid_shape,
)
def meshgrid(*coordinates, indexing="xy", sparse=False, y):
    """Each coordinate spread over the axes of the others."""
    count = len(coordinates)

    def jvp(*changes):
        moved = (
            xp.zeros_like(x) if absent(dx) else dx
            for x, dx in zip(coordinates, changes, strict=True)
        )
        first, *others = moved
        if isinstance(first, Expr):
            options = {"indexing": indexing, "sparse": sparse}
            made = first.builder.emit_all(
                "meshgrid", (first, *others), count, attrs=options
            )
            return tuple(made)
        return tuple(xp.meshgrid(first, *others, indexing=indexing, sparse=sparse))

    def vjp(gs):
        gs = gs if count > 1 else (gs,)
        return tuple(
            None if absent(g) else along_own(g, k, x)
            for k, (g, x) in enumerate(zip(gs, coordinates, strict=True))
        )

    def along_own(g, k, x):
        others = tuple(i for i in range(count) if i != grid_axis(k, count, indexing))
        if not sparse and known_rank(x) == 1:
            return (
                xp.sum(g, axis=others[0] if len(others) == 1 else others)
                if others
                else g
            )
        total = g if sparse or not others else xp.sum(g, axis=others)
        return xp.reshape(total, xp.shape(x))

    return jvp, vjp


def joint_shape(eqn):
    """All of them broadcast together."""
    for a, out in zip(eqn.args, eqn.outs, strict=True):
        shapes.broadcast(out.type, [arg.type for arg in eqn.args])
        shapes.learn(out.type, shapes.elements(a.type.kind))


@general(at=[(POINTS,), (POINTS, 0.3), (POINTS, ((0.5,), (0.7,)))], shape=joint_shape)
def broadcast_arrays(*arrays, y):
    y = y if len(arrays) > 1 else (y,)

    def jvp(*changes):
        return tuple(
            xp.zeros_like(whole) if absent(d) else xp.broadcast_to(d, xp.shape(whole))
            for whole, d in zip(y, changes, strict=True)
        )

    def vjp(gs):
        gs = gs if len(arrays) > 1 else (gs,)
        return tuple(
            None if absent(g) else fitted(g, x) for g, x in zip(gs, arrays, strict=True)
        )

    return jvp, vjp
