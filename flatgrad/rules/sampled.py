"""Functions given by their values on a grid: integrated, differentiated."""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import elementwise, general, linear, probe
from flatgrad.rules.arithmetic import absent, literal
from flatgrad.rules.axes import (
    CUBE,
    MATRIX,
    SQUARE,
    VECTOR,
    along,
    as_array,
    known_rank,
    rank,
    together,
)
from flatgrad.rules.matrices import alike
from flatgrad.types import Shape, join

FIRST, LAST = slice(None, -1), slice(1, None)
ASCENDING = (0.1, 0.7, 1.0, 1.8)
FIXED = [0, 1, 3, 4]  # no derivative in these
FOUR = (0.4, -1.2, 2.0, 0.7)


# ------------------------------------------------------------------------------------------- integrals


def pairs(v, axis):
    """Each element with its neighbour along an axis."""
    return v[along(axis, LAST)], v[along(axis, FIRST)]


def mean_of_neighbours(v, axis):
    after, before = pairs(v, axis)
    return (after + before) / 2


def integral_shape(eqn):
    """One axis less."""
    y, out, axis = eqn.args[0].type, eqn.out.type, shapes.option(eqn, "axis")
    shapes.learn(out, "float")
    if y.shape.dims is not None and isinstance(axis, int):
        (at,) = shapes.axes_of(axis, len(y.shape.dims)) or (0,)
        join(out.shape, Shape(d for i, d in enumerate(y.shape.dims) if i != at))


@general(
    at=[
        (FOUR,),
        (FOUR, ASCENDING),
        (FOUR, None, 0.3),
        probe(MATRIX, axis=0),
        probe(MATRIX, VECTOR, axis=1),
        probe(MATRIX, MATRIX),
        probe(CUBE, VECTOR, axis=1),
        probe(CUBE, None, 0.3, axis=1),
    ],
    shape=integral_shape,
)
def trapezoid(y, x=None, dx=1.0, /, axis=-1):
    if known_rank(dx) not in (0, None):
        raise NotImplementedError("trapezoid with an array dx")
    y, x = as_array(y), as_array(x)
    n, m = known_rank(y), 0 if absent(x) else known_rank(x)
    if m is None or (n is None and m > 0):
        n, m = rank(y), rank(x)
    if m > 1 and not alike(x, y):
        raise NotImplementedError("trapezoid with x of another shape than y")
    last = axis == -1 or (n is not None and axis % n == n - 1)
    steps = dx if m == 0 else xp.diff(x) if m == 1 else xp.diff(x, axis=axis)
    if m == 1 and not last:  # as a column, along the axis
        steps = xp.expand_dims(steps, axis=tuple(range(1, n - axis % n)))

    def put_back(g):
        return g if n == 1 else xp.expand_dims(g, axis=axis)

    def jvp(dy, dx_=None, dstep=None):
        moved = 0 if absent(dy) else steps * mean_of_neighbours(dy, axis)
        if m and not absent(dx_):
            change = xp.diff(dx_) if m == 1 else xp.diff(dx_, axis=axis)
            if m == 1 and not last:
                change = xp.expand_dims(change, axis=tuple(range(1, n - axis % n)))
            moved = moved + change * mean_of_neighbours(y, axis)
        elif not absent(dstep):
            moved = moved + dstep * mean_of_neighbours(y, axis)
        return xp.sum(moved, axis=axis)

    def vjp(g):
        each = put_back(g) * steps / 2
        if m:
            from_y = xp.index_add(xp.zeros_like(y), along(axis, LAST), each)
            from_y = xp.index_add(from_y, along(axis, FIRST), each)
        else:  # the two ends count half
            inner = xp.broadcast_to(2 * each, xp.shape(y))
            from_y = xp.index_add(inner, along(axis, 0), -g * steps / 2)
            from_y = xp.index_add(from_y, along(axis, -1), -g * steps / 2)
        if not m:
            height = put_back(g) * mean_of_neighbours(y, axis)
            return from_y, None, None if literal(dx) is not None else xp.sum(height)
        at = axis if m > 1 else 0
        height = put_back(g) * mean_of_neighbours(y, axis)
        if m == 1 and n > 1:
            height = xp.sum(height, axis=together(i for i in range(n) if i != axis % n))
        options = {} if m == 1 else {"axis": at}
        return from_y, -xp.diff(height, prepend=0, append=0, **options), None

    return jvp, vjp


# --------------------------------------------------------------------------------------------- differences


@linear(
    at=[(VECTOR,), (MATRIX,), (VECTOR, 0.3), (VECTOR, None, 0.4), (VECTOR, (0.3, 0.2), (0.4, 0.1, 0.9))],
    shape=shapes.anything,
)  # fmt: skip
def ediff1d(x, to_end=None, to_begin=None, /, *, g):
    to_end, to_begin = as_array(to_end), as_array(to_begin)
    before = 0 if absent(to_begin) else xp.size(to_begin)
    between = xp.size(x) - 1 if absent(to_begin) else before + xp.size(x) - 1
    inner = g
    if not absent(to_end):
        inner = inner[along(0, cut_to(between))]
    if not absent(to_begin):
        inner = inner[along(0, cut_from(before))]
    moved = xp.reshape(-xp.diff(inner, prepend=0, append=0), xp.shape(x))
    if absent(to_end) and absent(to_begin):
        return moved
    last = None if absent(to_end) else g[along(0, cut_from(between))]
    first = None if absent(to_begin) else g[along(0, cut_to(before))]
    ends = ((last, to_end), (first, to_begin))[: 1 if absent(to_begin) else 2]
    return moved, *(v if v is None else xp.reshape(v, xp.shape(to)) for v, to in ends)


def cut_from(start):
    return (
        xp.slice(start, None, None) if isinstance(start, Expr) else slice(start, None)
    )


def cut_to(stop):
    return xp.slice(None, stop, None) if isinstance(stop, Expr) else slice(stop)


@elementwise(
    at=[((0.3, 3.1, -2.9, 0.4),), probe(((0.3, 5.1), (4.0, -0.4)), axis=0), probe((0.1, 0.9, 2.3), period=1.0)],
    shape=shapes.giving("float", shapes.same),
)  # fmt: skip
def unwrap(x, /, discont=None, axis=-1, period=None):
    """Whole periods are added, whose number jumps."""
    return 1


def slopes_shape(eqn):
    join(eqn.out.type.shape, eqn.args[0].type.shape)
    shapes.learn(eqn.out.type, "float")


@general(
    at=[
        (FOUR,),
        (FOUR, 0.3),
        (FOUR, FIXED),
        probe(FOUR, 0.3, edge_order=2),
        probe(FOUR, FIXED, edge_order=2),
        probe(MATRIX, 0.3, axis=0),
        probe(MATRIX, axis=1, edge_order=2),
        probe(SQUARE, FIXED[:3], axis=0),
        probe(SQUARE, FIXED[:3], axis=-1, edge_order=2),
    ],
    shape=slopes_shape,
)
def gradient(x, grid=1.0, /, axis=0, edge_order=1, *, y):
    """Central differences, one-sided ones at the ends, on a grid of which the step or the points are given."""
    if known_rank(grid) is None:
        raise NotImplementedError("gradient on a grid of which the shape is not known")
    points = known_rank(grid) == 1
    ways = _uneven(x, grid, axis, edge_order) if points else _even(grid, edge_order)

    def jvp(dx, dgrid=None):
        if not absent(dgrid) and points:
            raise NotImplementedError("the points of the grid of gradient")
        moved = -y * dgrid / grid if not absent(dgrid) else 0
        if absent(dx):
            return moved
        total = xp.zeros_like(y)
        for to, (part, weight) in _terms(ways):
            total = xp.index_add(total, along(axis, to), dx[along(axis, part)] * weight)
        return moved + total

    def vjp(g):
        total = xp.zeros_like(x)
        for to, (part, weight) in _terms(ways):
            total = xp.index_add(total, along(axis, part), g[along(axis, to)] * weight)
        if points:
            return (total,)
        return total, None if literal(grid) is not None else -xp.sum(g * y) / grid

    return jvp, vjp


def _terms(ways):
    return [(to, term) for to, terms in ways for term in terms]


INNER, BEFORE, AFTER = slice(1, -1), slice(None, -2), slice(2, None)


def _even(step, edge_order):
    """Each part of the result, as a sum of parts of the argument."""
    if edge_order == 1:
        first = [(1, 1 / step), (0, -1 / step)]
        last = [(-1, 1 / step), (-2, -1 / step)]
    else:
        first = [(0, -1.5 / step), (1, 2 / step), (2, -0.5 / step)]
        last = [(-1, 1.5 / step), (-2, -2 / step), (-3, 0.5 / step)]
    half = 0.5 / step
    return [(INNER, [(AFTER, half), (BEFORE, -half)]), (0, first), (-1, last)]


def _uneven(x, points, axis, edge_order):
    """The same by polynomials of degree 2 through three points."""
    n = rank(x)
    steps = xp.diff(points)
    d, e = steps[FIRST], steps[LAST]

    def weight(w):
        more = n - 1 - axis % n
        return xp.expand_dims(w, axis=tuple(range(1, 1 + more))) if more else w

    inner = [
        (BEFORE, weight(-e / (d * (d + e)))),
        (INNER, weight((e - d) / (d * e))),
        (AFTER, weight(d / (e * (d + e)))),
    ]
    a, b = steps[0], steps[-1]
    if edge_order == 1:
        first, last = [(1, 1 / a), (0, -1 / a)], [(-1, 1 / b), (-2, -1 / b)]
    else:
        c, f = steps[1], steps[-2]
        first = [(0, -(2 * a + c) / (a * (a + c))), (1, (a + c) / (a * c)), (2, -a / (c * (a + c)))]  # fmt: skip
        last = [(-3, b / (f * (b + f))), (-2, -(b + f) / (b * f)), (-1, (2 * b + f) / (b * (b + f)))]  # fmt: skip
    return [(INNER, inner), (0, first), (-1, last)]
