"""Convolutions, correlations and filters of signals and images.

A convolution and its gradients are those of the full convolution, of which `mode` says what is kept. An image is
continued beyond its edges before a window slides over it; what falls on a copy of an element is added to it.
"""

from flatgrad.builder import xp
from flatgrad.registry import general, linear, multilinear, probe
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    SQUARE,
    VECTOR,
    absent,
    fresh,
    plus,
    rank,
)
from flatgrad.shapes import giving, learn, promoted, same
from flatgrad.types import join

LONG = [0.3, -1.2, 0.8, 1.1, -0.4, 0.6, 0.2]
PAIR = [0.7, -0.4]
WIDE = [[0.5, -1.0, 2.0, 0.3, 1.2], [1.5, 0.2, -0.6, 0.9, -0.7], [0.1, 0.8, 1.1, -0.2, 0.4], [0.6, -0.3, 0.7, 1.3, -1.1]]  # fmt: skip
SMALL = [[0.6, -0.3], [1.2, 0.4]]
WINDOWS = [(LONG, VECTOR), (VECTOR, LONG), (LONG, PAIR)]
IMAGES = [(WIDE, SMALL), (WIDE, SQUARE), (WIDE, MATRIX)]


# -------------------------------------------------------------------------- shape rules


def floating(eqn):
    for out in eqn.outs:
        learn(out.type, promoted([a.type.kind for a in eqn.args]))
    ranks = {a.type.shape.rank for a in eqn.args}
    n = ranks.pop() if len(ranks) == 1 else None
    if n is not None:
        fresh(eqn.out.type.shape, n)


def like_data(position):
    """The shape of one of the arguments, with fractions."""

    def rule(eqn):
        learn(eqn.out.type, "float")
        join(eqn.out.type.shape, eqn.args[position].type.shape)

    return rule


def of_same_rank(eqn):
    learn(eqn.out.type, "float")
    n = eqn.args[-1].type.shape.rank
    if n is not None:
        fresh(eqn.out.type.shape, n)


# ------------------------------------------------------------------------- convolutions


def flipped(x):
    """Along all axes."""
    return x[::-1] if rank(x) == 1 else xp.flip(x)


def in_full(g, a, b, mode):
    """The cotangent of the full convolution."""
    return g if mode == "full" else xp.amid_zeros(g, a, b)


@multilinear(
    at=[probe(*pair, mode=mode) for pair in [*WINDOWS, (CUBE, [[[0.5, -0.7]]])] for mode in ("full", "same", "valid")]
    + [probe(LONG, VECTOR, method="direct")],
    shape=floating,
)  # fmt: skip
def signal_convolve(a, b, /, mode="full", method="auto", *, g):
    whole = in_full(g, a, b, mode)
    return _valid(whole, b), _valid(whole, a)


def _valid(x, y):
    return xp.signal_correlate(x, y, mode="valid")


@multilinear(
    at=[probe(*pair, mode=mode) for pair in [*WINDOWS, (CUBE, [[[0.5, -0.7]]])] for mode in ("full", "same", "valid")],
    shape=floating,
)  # fmt: skip
def signal_correlate(a, b, /, mode="full", method="auto", *, g):
    """The convolution with b turned around."""
    whole = in_full(g, a, b, mode)
    return xp.signal_convolve(whole, b, mode="valid"), flipped(_valid(whole, a))


BOUNDARIES = {"symm": "symmetric", "symmetric": "symmetric", "wrap": "wrap", "circular": "wrap"}  # fmt: skip
MODES = [
    {"mode": m, "boundary": b}
    for m in ("full", "same", "valid")
    for b in ("fill", "wrap", "symm")
]


@multilinear(
    at=[probe(*pair, **how) for pair in IMAGES for how in MODES], shape=floating
)
def convolve2d(a, b, /, mode="full", boundary="fill", *, g):
    whole = in_full(g, a, b, mode)
    if boundary in ("fill", "pad") or mode == "valid":
        return xp.correlate2d(whole, b, mode="valid"), xp.correlate2d(whole, a, mode="valid")  # fmt: skip
    beyond = BOUNDARIES[boundary]
    longer = xp.continued(a, b, beyond, "full")
    grad_a = xp.folded(xp.correlate2d(whole, b), a, b, beyond, "full")
    return grad_a, flipped(xp.correlate2d(longer, whole, mode="valid"))


@multilinear(
    at=[probe(*pair, **how) for pair in IMAGES for how in MODES], shape=floating
)
def correlate2d(a, b, /, mode="full", boundary="fill", *, g):
    """With mode="same", the middle of what has no middle is one place later than in a convolution."""
    whole = xp.amid_zeros(g, a, b, 1) if mode == "same" else in_full(g, a, b, mode)
    if boundary in ("fill", "pad") or mode == "valid":
        return xp.convolve2d(whole, b, mode="valid"), flipped(xp.correlate2d(whole, a, mode="valid"))  # fmt: skip
    beyond = BOUNDARIES[boundary]
    longer = xp.continued(a, b, beyond, "full")
    grad_a = xp.folded(xp.convolve2d(whole, b), a, b, beyond, "full")
    return grad_a, xp.correlate2d(longer, whole, mode="valid")


# ------------------------------------------------------------------ windows over images

# What numpy.pad calls the continuations of scipy.ndimage.
CONTINUED = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap",
    "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip
OVER = [{"mode": m} for m in ("reflect", "mirror", "nearest", "wrap", "constant")]


@multilinear(at=[probe(*pair, **how) for pair in [(LONG, VECTOR), (LONG, PAIR), *IMAGES] for how in OVER],
             shape=like_data(0))  # fmt: skip
def ndimage_correlate(x, w, /, mode="reflect", *, g):
    beyond = CONTINUED[mode]
    longer = xp.continued(x, w, beyond, "correlate")
    grad_x = xp.folded(xp.signal_convolve(g, w), x, w, beyond, "correlate")
    return grad_x, xp.signal_correlate(longer, g, mode="valid")


@multilinear(at=[probe(*pair, **how) for pair in [(LONG, VECTOR), (LONG, PAIR), *IMAGES] for how in OVER],
             shape=like_data(0))  # fmt: skip
def ndimage_convolve(x, w, /, mode="reflect", *, g):
    beyond = CONTINUED[mode]
    longer = xp.continued(x, w, beyond, "convolve")
    grad_x = xp.folded(xp.signal_correlate(g, w), x, w, beyond, "convolve")
    return grad_x, flipped(xp.signal_correlate(longer, g, mode="valid"))


# Where a symmetric window gives a symmetric matrix: each element is as far from a copy of another one as that one
# is from a copy of it.
SELF_ADJOINT = {
    "reflect",
    "grid-mirror",
    "wrap",
    "grid-wrap",
    "constant",
    "grid-constant",
}


def symmetric_beyond(mode, name):
    if mode not in SELF_ADJOINT:
        raise NotImplementedError(f"{name} with {mode=!r}")
    return {} if mode == "reflect" else {"mode": mode}


@linear(
    at=[probe(LONG, sigma=0.8), probe(WIDE, sigma=(0.7, 1.1)), probe(WIDE, sigma=2.0, mode="wrap"),
        probe(WIDE, sigma=1.0, mode="constant", truncate=2.0), probe(WIDE, sigma=1.0, radius=2)],
    shape=giving("float", same),
)  # fmt: skip
def gaussian_filter(x, /, sigma=..., order=0, mode="reflect", truncate=4.0, radius=None, *, g):  # fmt: skip
    if order != 0:
        raise NotImplementedError("gaussian_filter with an order")
    how = symmetric_beyond(mode, "gaussian_filter")
    how |= {} if truncate == 4.0 else {"truncate": truncate}
    how |= {} if radius is None else {"radius": radius}
    return xp.gaussian_filter(g, sigma=sigma, **how)


@linear(
    at=[(LONG,), probe(WIDE, size=3), probe(WIDE, size=(1, 5), mode="wrap"), probe(LONG, size=3, mode="constant")],
    shape=giving("float", same),
)  # fmt: skip
def uniform_filter(x, /, size=3, mode="reflect", *, g):
    sizes = size if isinstance(size, tuple | list) else [size]
    if any(not isinstance(n, int) or n % 2 == 0 for n in sizes):
        raise NotImplementedError("uniform_filter with a size that is not an odd number written down")  # fmt: skip
    how = symmetric_beyond(mode, "uniform_filter")
    return xp.uniform_filter(g, size=size, **how)


@linear(at=[(LONG,), probe(WIDE, mode="wrap")], shape=giving("float", same))
def laplace(x, /, mode="reflect", *, g):
    return xp.laplace(g, **symmetric_beyond(mode, "laplace"))


# ------------------------------------------------------------------- filters of signals


def backwards(x, axis):
    return xp.flip(x, axis=axis)


def along_last(axis):
    return {} if axis == -1 else {"axis": axis}


@general(
    at=[(PAIR, [1.0, -0.5], LONG), (VECTOR, [1.7, -0.5, 0.2], WIDE), probe(PAIR, [2.0], WIDE, axis=0),
        ([0.3, 0.1, -0.4, 0.2], PAIR, VECTOR), (VECTOR, [1.0], PAIR)],
    shape=like_data(2),
)  # fmt: skip
def lfilter(b, a, x, /, axis=-1, *, y):
    """a * y = b * x, where * is the convolution in time."""
    along = along_last(axis)

    def jvp(db, da, dx):
        of_b = None if absent(db) else xp.lfilter(db, a, x, **along)
        of_a = None if absent(da) else -xp.lfilter(da, a, y, **along)
        return plus(of_b, of_a, None if absent(dx) else xp.lfilter(b, a, dx, **along))

    def vjp(g):
        late = backwards(g, axis)
        grad_x = backwards(xp.lfilter(b, a, late, **along), axis)
        behind = backwards(xp.lfilter([1.0], a, late, **along), axis)
        grad_b = xp.lagged_products(behind, x, b, axis)
        return grad_b, -xp.lagged_products(behind, y, a, axis), grad_x

    return jvp, vjp


SECTIONS = [[0.3, 0.2, -0.1, 1.0, -0.4, 0.2], [1.0, 0.5, 0.2, 1.0, 0.3, -0.1]]


@linear(
    at=[probe(LONG, sos=SECTIONS), probe(WIDE, sos=SECTIONS, axis=0)],
    shape=giving("float", same),
)
def sosfilt(x, /, sos=..., axis=-1, *, g):
    late = backwards(g, axis)
    return backwards(xp.sosfilt(late, sos=sos, **along_last(axis)), axis)


@linear(
    at=[(LONG,), probe(WIDE, axis=0), probe(WIDE, type="constant"), probe(LONG, bp=3)],
    shape=giving("float", same),
)
def detrend(x, /, axis=-1, type="linear", bp=0, *, g):
    """What is left beside the nearest line: a projection, which is its own transpose."""
    how = along_last(axis) | ({} if type == "linear" else {"type": type})
    return xp.detrend(g, **how, **({} if bp == 0 else {"bp": bp}))


def transposed(apply, g, x, axis):
    """The cotangent of x, given that of its image under a linear map along one axis, which is made a matrix."""
    n = rank(x)
    if axis not in (-1, 0) or (axis == 0 and n not in (1, 2)):
        raise NotImplementedError("a filter along other than the last axis, or the first one of a matrix")  # fmt: skip
    matrix = apply(xp.eye(xp.shape(x)[axis]))
    return matrix.mT @ g if axis == 0 and n == 2 else g @ matrix


@linear(
    at=[probe(LONG, window_length=5, polyorder=2), probe(WIDE, window_length=3, polyorder=1, deriv=1, delta=0.5),
        probe(WIDE, window_length=3, polyorder=1, axis=0, mode="nearest")],
    shape=giving("float", same),
)  # fmt: skip
def savgol_filter(x, /, window_length=..., polyorder=..., deriv=0, delta=1.0, axis=-1, mode="interp", *, g):  # fmt: skip
    how = {} if deriv == 0 else {"deriv": deriv}
    how |= {} if delta == 1.0 else {"delta": delta}
    how |= {} if mode == "interp" else {"mode": mode}
    window = {"window_length": window_length, "polyorder": polyorder}
    return transposed(lambda e: xp.savgol_filter(e, **window, axis=0, **how), g, x, axis)  # fmt: skip


@linear(at=[probe(LONG, num=4), probe(LONG, num=10), probe(WIDE, num=3), probe(WIDE, num=8, axis=-1)], shape=of_same_rank)  # fmt: skip
def resample(x, /, num=..., axis=0, *, g):
    return transposed(lambda e: xp.resample(e, num=num), g, x, axis)


@linear(
    at=[probe(LONG, h=VECTOR, up=2), probe(WIDE, h=PAIR, up=2, down=3), probe(WIDE, h=PAIR, down=2, axis=0)],
    shape=of_same_rank,
)  # fmt: skip
def upfirdn(x, /, h=..., up=1, down=1, axis=-1, *, g):
    how = {} if up == 1 else {"up": up}
    how |= {} if down == 1 else {"down": down}
    return transposed(lambda e: xp.upfirdn(e, h=h, axis=0, **how), g, x, axis)
