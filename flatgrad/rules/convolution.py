"""Convolution and correlation of two vectors: linear in each of them."""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import multilinear, probe
from flatgrad.rules.arithmetic import static
from flatgrad.rules.axes import along, as_array, extent
from flatgrad.types import Dim, Shape, join

LONG, SHORT, PAIR = (0.4, -1.2, 2.0, 0.7, 0.3), (0.5, 1.3, -0.8), (0.9, -0.4)
EVERY = [
    probe(a, b, mode=mode)
    for a, b in ((LONG, SHORT), (SHORT, LONG), (LONG, PAIR), (PAIR, LONG), (LONG, LONG))
    for mode in ("full", "same", "valid")
]


def vector(eqn):
    """A vector, of a length that depends on the mode."""
    shapes.learn(eqn.out.type, shapes.promoted([a.type.kind for a in eqn.args]))
    if eqn.out.type.shape.dims is None:
        join(eqn.out.type.shape, Shape([Dim()]))


def length(x):
    return extent(x, 0) if not isinstance(x, Expr) or x.ndim else xp.size(x)


def smaller(n, m):
    return min(n, m) if isinstance(n, int) and isinstance(m, int) else xp.minimum(n, m)


def whole(g, a, b, mode, turned=False):
    """The cotangent of all places where a and b meet: 0 where the result has none."""
    n, m = length(a), length(b)
    if mode == "full":
        return g
    least = smaller(n, m) - 1
    if mode == "valid":
        return xp.pad(g, xp.tuple(least, least))
    if mode != "same":
        raise NotImplementedError(f"mode={mode!r}")
    first = (smaller(n, m) - 1) // 2
    if turned:  # the shorter one first: counted from the other end
        if not (isinstance(n, int) and isinstance(m, int)):
            raise NotImplementedError(
                "correlate with mode='same' of vectors of lengths that are not known"
            )
        first = first if n >= m else n // 2
    return xp.pad(g, xp.tuple(first, least - first))


@multilinear(at=EVERY, shape=vector)
def convolve(a, v, /, mode="full", *, g):
    a, v = as_array(a), as_array(v)
    g = whole(g, a, v, static(mode))
    return xp.correlate(g, v, mode="valid"), xp.correlate(g, a, mode="valid")


@multilinear(at=EVERY, shape=vector)
def correlate(a, v, /, mode="valid", *, g):
    a, v = as_array(a), as_array(v)
    g = whole(g, a, v, static(mode), turned=True)
    over = xp.correlate(g, a, mode="valid")
    return xp.convolve(g, v, mode="valid"), over[along(0, slice(None, None, -1))]
