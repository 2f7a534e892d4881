"""Discrete Fourier transforms over several axes: one after another, of real numbers the last one first."""

from flatgrad.builder import Expr, xp
from flatgrad.registry import general, probe
from flatgrad.rules.axes import rank
from flatgrad.rules.fourier import (
    CUBE,
    MATRIX,
    REAL_MATRIX,
    REAL_ODD,
    VECTOR,
    WIDE,
    from_half,
    half,
    length,
    own,
    turned,
    unsized,
    written,
)
from flatgrad.shapes import learn, option
from flatgrad.types import Dim, Shape, join


def over_axes(eqn):
    """Of the transforms without a length of their own: the shape stays."""
    learn(eqn.out.type, "complex")
    if option(eqn, "s") is None:
        join(eqn.out.type.shape, eqn.args[0].type.shape)


def several_axes(forward, inverse, usual):
    def rule(x, s, axes, norm):
        unsized(s)
        written(axes)
        options = {} if axes == usual else {"axes": axes}
        return (
            lambda dx: forward(dx, **options, **own(norm)),
            lambda g: inverse(g, **options, **turned(norm)),
        )

    return rule


TWO = [(MATRIX,), (CUBE,), probe(CUBE, axes=(0, 2)), probe(CUBE, axes=(0, 1), norm="ortho"), (REAL_MATRIX,),
       probe(MATRIX, norm="forward")]  # fmt: skip


@general(at=TWO, shape=over_axes)
def fft2(x, /, s=None, axes=(-2, -1), norm=None):
    return several_axes(xp.fft2, xp.ifft2, (-2, -1))(x, s, axes, norm)


@general(at=TWO, shape=over_axes)
def ifft2(x, /, s=None, axes=(-2, -1), norm=None):
    return several_axes(xp.ifft2, xp.fft2, (-2, -1))(x, s, axes, norm)


@general(at=[*TWO, (VECTOR,)], shape=over_axes)
def fftn(x, /, s=None, axes=None, norm=None):
    return several_axes(xp.fftn, xp.ifftn, None)(x, s, axes, norm)


@general(at=[*TWO, (VECTOR,)], shape=over_axes)
def ifftn(x, /, s=None, axes=None, norm=None):
    return several_axes(xp.ifftn, xp.fftn, None)(x, s, axes, norm)


def axes_in_order(x, axes):
    """The last of them, along which there is half of the transform, and the others."""
    every = tuple(range(rank(x))) if axes is None else tuple(axes)
    return every[-1], every[:-1]


def half_of_several(function, x, s, axes, norm):
    """rfft along the last axis, then fft along the others."""
    unsized(s)
    written(axes)
    last, others = axes_in_order(x, axes)
    _, back = half(x, None, last, norm)

    def jvp(dx):
        return function(dx, axes=axes, norm=norm)

    def vjp(g):
        options = {"axes": others, **turned(norm)}
        return back(xp.ifftn(g, **options) if others else g)

    return jvp, vjp


def half_over_axes(eqn):
    learn(eqn.out.type, "complex")
    dims, axes = eqn.args[0].type.shape.dims, option(eqn, "axes")
    if (
        dims is None
        or option(eqn, "s") is not None
        or not isinstance(axes, tuple | None)
    ):
        return
    last = -1 if axes is None else axes[-1]
    known = dims[last].known
    lengths = list(dims)
    lengths[last] = Dim() if known is None else Dim(known // 2 + 1)
    join(eqn.out.type.shape, Shape(lengths))


TWO_REAL = [(REAL_MATRIX,), (WIDE,), probe(WIDE, axes=(1, 0)), probe(WIDE, norm="ortho"), probe(WIDE, norm="forward")]  # fmt: skip


@general(at=TWO_REAL, shape=half_over_axes)
def rfft2(x, /, s=None, axes=(-2, -1), norm=None):
    return half_of_several(xp.rfft2, x, s, axes, norm)


@general(at=[*TWO_REAL, (REAL_ODD,)], shape=half_over_axes)
def rfftn(x, /, s=None, axes=None, norm=None):
    return half_of_several(xp.rfftn, x, s, axes, norm)


def several_from_half(function, x, s, axes, norm):
    """ifft along the others, then irfft along the last axis, which may have its length written down."""
    written(axes)
    last, others = axes_in_order(x, axes)
    n = None
    if s is not None:
        *fixed, n = s if isinstance(s, tuple | list) else (None,)
        kept = [length(x, a) for a in others]
        if not isinstance(n, int) or any(isinstance(m, Expr) for m in kept) or kept != fixed:  # fmt: skip
            unsized(s)
    _, back = from_half(x, n, last, norm)

    def jvp(dx):
        return function(dx, s=s, axes=axes, norm=norm)

    def vjp(g):
        found = back(g)
        return xp.fftn(found, axes=others, **turned(norm)) if others else found

    return jvp, vjp


def from_half_over_axes(eqn):
    learn(eqn.out.type, "float")
    dims, axes, s = eqn.args[0].type.shape.dims, option(eqn, "axes"), option(eqn, "s")
    if dims is None or not isinstance(axes, tuple | None):
        return
    last, lengths = -1 if axes is None else axes[-1], list(dims)
    known = lengths[last].known
    lengths[last] = Dim() if known is None else Dim(2 * (known - 1))
    if isinstance(s, tuple) and all(isinstance(n, int) for n in s):
        for axis, n in zip(axes or range(-len(s), 0), s, strict=True):
            lengths[axis] = Dim(n)
    if s is None or isinstance(s, tuple):
        join(eqn.out.type.shape, Shape(lengths))


FROM_TWO = [(MATRIX,), (CUBE,), probe(CUBE, norm="ortho"), probe(MATRIX, s=(2, 5)), probe(CUBE, axes=(1, 2), s=(2, 4)), (REAL_MATRIX,)]  # fmt: skip


@general(at=FROM_TWO, shape=from_half_over_axes)
def irfft2(x, /, s=None, axes=(-2, -1), norm=None):
    return several_from_half(xp.irfft2, x, s, axes, norm)


@general(at=[*FROM_TWO[:2], probe(MATRIX, norm="forward"), (VECTOR,)], shape=from_half_over_axes)  # fmt: skip
def irfftn(x, /, s=None, axes=None, norm=None):
    return several_from_half(xp.irfftn, x, s, axes, norm)
