"""Polynomials by their coefficients, that of the highest power first."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import general, linear, multilinear, probe
from flatgrad.rules.arithmetic import absent, is_constant
from flatgrad.rules.axes import MATRIX, along, as_array, extent, known_rank, written
from flatgrad.rules.convolution import LONG, PAIR, SHORT, length, vector
from flatgrad.types import Dim, Shape, join

X, Y = (0.3, -0.8, 1.7, 1.1), (0.9, 0.2, -1.3, 0.6)


def table_shape(eqn):
    """A row of powers for each number."""
    x, columns = eqn.args[0].type, shapes.option(eqn, "N")
    shapes.learn(eqn.out.type, shapes.promoted([x.kind]))
    if x.shape.dims and len(x.shape.dims) == 1:
        many = Dim(columns) if isinstance(columns, int) else Dim()
        join(eqn.out.type.shape, Shape([x.shape.dims[0], x.shape.dims[0] if columns is None else many]))  # fmt: skip


@general(at=[(X,), probe(X, N=3), probe(X, N=3, increasing=True), probe(X, increasing=True)], shape=table_shape)  # fmt: skip
def vander(x, /, N=None, increasing=False, *, y):
    """Each column is x times its neighbour."""
    powers, lower = slope_of_powers(y, increasing)

    def jvp(dx):
        grown = powers * lower * dx[:, None]
        ends = (grown[:, :0], grown) if increasing else (grown, grown[:, :0])
        zero = xp.zeros_like(y[:, :1])
        return xp.concatenate(
            *((zero, ends[1]) if increasing else (ends[0], zero)), axis=1
        )

    def vjp(g):
        return xp.sum((g[:, 1:] if increasing else g[:, :-1]) * powers * lower, axis=1)

    return jvp, vjp


def slope_of_powers(table, increasing=False):
    """(p, x^(p-1)) for the columns x^p of a table of powers, but for p = 0."""
    count = extent(table, 1)
    if increasing:
        return written(table, "arange", 1, count), table[:, :-1]
    return falling(table, count - 1, 0), table[:, 1:]


def falling(like, first, end):
    """first, first - 1, ... down to, but without, the end."""
    return written(like, "arange", first, end, -1)


def values_shape(eqn):
    x, out = eqn.args[1].type, eqn.out.type
    join(out.shape, x.shape)
    shapes.learn(out, shapes.promoted([a.type.kind for a in eqn.args]))


@general(at=[(SHORT, 0.7), (SHORT, X), (LONG, MATRIX), ((1.3,), X)], shape=values_shape)
def polyval(p, x, /):
    p, x = as_array(p), as_array(x)

    def slope():
        return xp.polyval(xp.polyder(p), x)

    def jvp(dp, dx=None):
        moved = 0 if absent(dp) else xp.polyval(dp, x)
        return moved if absent(dx) else moved + slope() * dx

    def vjp(g):
        return of_coefficients(p, x, g), g * slope()

    return jvp, vjp


def of_coefficients(p, x, g):
    if is_constant(p):
        return None
    n = length(p)
    match known_rank(x):
        case 0:
            return g * x ** falling(g, n - 1, -1)
        case 1:
            return g @ xp.vander(x, N=n)
        case _:
            return xp.ravel(g) @ xp.vander(xp.ravel(x), N=n)


def longer(eqn):
    vector(eqn)


@linear(at=[(LONG, SHORT), (SHORT, LONG), (SHORT, SHORT)], shape=longer)
def polyadd(a, b, /, *, g):
    return ending(g, a), ending(g, b)


@linear(at=[(LONG, SHORT), (SHORT, LONG), (SHORT, SHORT)], shape=longer)
def polysub(a, b, /, *, g):
    return ending(g, a), -ending(g, b)


def ending(g, p):
    """The last coefficients, as many as p has."""
    n = length(as_array(p))
    start = -n if isinstance(n, int) else xp.slice(-n, None, None)
    return g[along(0, slice(start, None) if isinstance(n, int) else start)]


@multilinear(at=[(LONG, SHORT), (SHORT, LONG), ((1.3,), PAIR)], shape=vector)
def polymul(a, b, /, *, g):
    """The product leaves out powers whose coefficient is 0 in an argument: they have no cotangent."""
    a, b = as_array(a), as_array(b)
    missing = length(a) + length(b) - 1 - xp.size(g)
    g = xp.pad(g, xp.tuple(missing, 0))
    return xp.correlate(g, b, mode="valid"), xp.correlate(g, a, mode="valid")


@linear(at=[(LONG,), probe(LONG, m=2), probe(SHORT, m=0)], shape=vector)
def polyder(p, /, m=1, *, g):
    whole_number_of_times(m)
    for i in range(m):
        g = xp.append(g * falling(g, length(p) - m + i, 0), 0.0)
    return g


@general(at=[(LONG,), probe(SHORT, m=2), probe(SHORT, k=0.7)], shape=vector)
def polyint(p, /, m=1, k=None):
    """The constants of integration do not move."""
    whole_number_of_times(m)

    def jvp(dp):
        return xp.polyint(dp, m=m)

    def vjp(g):
        for i in range(m):
            powers = falling(g, length(p) + m - 1 - i, 0)
            g = g[along(0, slice(None, -1))] / powers
        return g

    return jvp, vjp


def whole_number_of_times(m):
    if not isinstance(m, int):
        raise NotImplementedError("a number of times that is not written down")


def fit_shape(eqn):
    y, degree = eqn.args[1].type, shapes.option(eqn, "deg")
    shapes.learn(eqn.out.type, "float")
    if y.shape.dims and isinstance(degree, int):
        join(eqn.out.type.shape, Shape([Dim(degree + 1), *y.shape.dims[1:]]))


@general(
    at=[
        probe(X, Y, deg=1),
        probe(X, Y, deg=2),
        probe(X, Y, deg=0),
        probe(X, tuple(zip(Y, X, strict=True)), deg=2),
        probe(X, Y, deg=3),
        probe(X, Y, deg=1, w=[0.5, 1.0, 2.0, 0.7]),
    ],
    shape=fit_shape,
)
def polyfit(x, y_, /, deg=..., w=None, *, y):
    """Golub and Pereyra (1973), for a matrix of full rank; rows of a table of powers count by their weights."""
    if not isinstance(deg, int):
        raise NotImplementedError("polyfit with a degree that is not written down")
    if w is not None and known_rank(y_) != 1:
        raise NotImplementedError("polyfit with weights, of other than a vector")
    x, y_ = as_array(x), as_array(y_)
    w = written(x, "constant_array", w) if isinstance(w, list | tuple) else w
    table = xp.vander(x, N=deg + 1)
    rows = table if w is None else table * w[:, None]
    scale = xp.sqrt(xp.sum(rows * rows, axis=0))
    inverse = xp.pinv(rows / scale) / scale[:, None]
    turned = xp.matrix_transpose(inverse)

    def weighted(v):
        return v if w is None else w * v

    def jvp(dx, dy=None):
        moved = 0 if absent(dy) else inverse @ weighted(dy)
        if absent(dx) or not deg:
            return moved
        powers, lower = slope_of_powers(table)
        steps, zero = powers * lower * dx[:, None], xp.zeros_like(table[:, :1])
        grown = xp.concatenate(steps, zero, axis=1)
        grown = grown if w is None else grown * w[:, None]
        miss = weighted(y_ - table @ y)
        along_miss = inverse @ (turned @ (xp.matrix_transpose(grown) @ miss))
        return moved - inverse @ (grown @ y) + along_miss

    def vjp(g):
        grad_y = weighted(turned @ g)
        if is_constant(x) or not deg:
            return None, grad_y
        apart, weight = y_ - table @ y, inverse @ (turned @ g)
        grad_table = by_rows(weighted(weighted(apart)), weight) - by_rows(grad_y, y)
        powers, lower = slope_of_powers(table)
        return xp.sum(grad_table[:, :-1] * powers * lower, axis=1), grad_y

    def by_rows(v, c):
        """v c^T, of two vectors or of matrices, with a column for each polynomial."""
        if known_rank(v) == 1 and known_rank(c) == 1:
            return xp.outer(v, c)
        columns = xp.reshape(c, (deg + 1, -1))
        return xp.reshape(v, xp.tuple(extent(x, 0), -1)) @ xp.matrix_transpose(columns)

    return jvp, vjp
