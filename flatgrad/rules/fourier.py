"""Discrete Fourier transforms: F(x)[k] = sum of x[n] exp(-2 pi i k n / N).

The adjoint of a transform is the inverse one without its factor 1/N, so the cotangent of `fft` is an `ifft` whose norm is
turned about. Van Loan, "Computational Frameworks for the Fast Fourier Transform" (1992).
"""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import general, linear, probe
from flatgrad.rules.arithmetic import absent
from flatgrad.rules.axes import along, rank
from flatgrad.shapes import learn, option
from flatgrad.types import Dim, Shape, join

VECTOR = [0.5 - 1.2j, 1.3 + 0.4j, -0.7 + 0.9j, 0.2 - 0.6j, 1.1 + 0.8j]
EVEN = [*VECTOR, -0.4 + 0.3j]
REAL_ODD, REAL_EVEN = [0.5, 1.3, -0.7, 0.2, 1.1], [0.5, 1.3, -0.7, 0.2, 1.1, -0.4]
MATRIX = [VECTOR[:3], EVEN[3:]]
REAL_MATRIX = [REAL_EVEN[:3], REAL_EVEN[3:]]
WIDE = [REAL_EVEN[:4], REAL_EVEN[2:]]
CUBE = [MATRIX, [EVEN[1:4], EVEN[2:5]]]
TURNED = {None: "forward", "backward": "forward", "forward": None, "ortho": "ortho"}


def turned(norm):
    """The norm of the transform that is the adjoint of the inverse one."""
    if norm not in TURNED:
        raise NotImplementedError("a Fourier transform with a norm that is not written down")  # fmt: skip
    return {"norm": TURNED[norm]} if TURNED[norm] else {}


def own(norm):
    """The same norm, where it is not the usual one."""
    return {"norm": norm} if norm not in (None, "backward") else {}


# ------------------------------------------------------------------------------------------ lengths along an axis


def length(x, axis):
    """The length along an axis, a number if that is known."""
    dims = x.atom.type.shape.dims if isinstance(x, Expr) else None
    known = None if dims is None else dims[axis].known
    return xp.shape(x)[axis] if known is None else known


def refitted(g, x, n, axis):
    """The cotangent of x, of which the first n elements were transformed, with zeros behind where it is shorter."""
    if n is None:
        return g
    m = length(x, axis)
    if isinstance(m, Expr) or isinstance(n, Expr):
        return xp.resized(g, x, axis)
    if m == n:
        return g
    if m < n:
        return g[along(axis, slice(None, m))]
    ranks = rank(g)
    widths = [(0, 0)] * ranks
    widths[axis] = (0, m - n)
    return xp.pad(g, (0, m - n) if ranks == 1 else tuple(widths))


@linear(at=[(REAL_ODD, REAL_EVEN, 0), (REAL_EVEN, REAL_ODD, -1)], shape=shapes.anything)
def resized(gradient, x, axis, /, *, g):
    """Cut or filled up with zeros to the length of x: the adjoint fills up or cuts."""
    return xp.resized(g, gradient, axis), None, None


def the_axis(axis):
    return {"axis": axis} if axis != -1 else {}


def written(*options):
    """These options are known when the text is read."""
    if any(isinstance(o, Expr) for o in options):
        raise NotImplementedError("a Fourier transform with options that are not written down")  # fmt: skip


def unsized(s):
    if s is not None:
        raise NotImplementedError("a Fourier transform over several axes with lengths: s=")  # fmt: skip


def lengths_changed(eqn, of_length):
    """A shape rule: the length along the axis is n, or what of_length makes of it."""
    x, n, axis = eqn.args[0].type, option(eqn, "n"), option(eqn, "axis")
    if x.shape.dims is None or not isinstance(axis, int):
        return
    dims = list(x.shape.dims)
    whole = Dim(n) if isinstance(n, int) else dims[axis] if n is None else Dim()
    dims[axis] = of_length(whole, n)
    join(eqn.out.type.shape, Shape(dims))


def same_length(eqn):
    learn(eqn.out.type, "complex")
    lengths_changed(eqn, lambda whole, n: whole)


def half_length(eqn):
    learn(eqn.out.type, "complex")
    lengths_changed(eqn, lambda whole, n: Dim(whole.known // 2 + 1) if whole.known is not None else Dim())  # fmt: skip


def double_length(eqn):
    def doubled(whole, n):
        if n is not None:
            return whole
        return Dim(2 * (whole.known - 1)) if whole.known is not None else Dim()

    learn(eqn.out.type, "float")
    lengths_changed(eqn, doubled)


# ------------------------------------------------------------------------------------------------- along one axis


def along_one_axis(forward, inverse):
    """The rule of `forward`, whose adjoint is `inverse` with its norm turned about."""

    def rule(x, n, axis, norm):
        written(axis)
        options = the_axis(axis) | ({} if n is None else {"n": n})

        def jvp(dx):
            return forward(dx, **options, **own(norm))

        def vjp(g):
            return refitted(inverse(g, **the_axis(axis), **turned(norm)), x, n, axis)

        return jvp, vjp

    return rule


ONE = [
    (VECTOR,), (EVEN,), probe(EVEN, norm="ortho"), probe(VECTOR, norm="forward"), probe(VECTOR, norm="backward"),
    probe(VECTOR, n=3), probe(VECTOR, n=8), probe(MATRIX, axis=0), probe(MATRIX, n=4), probe(MATRIX, n=1, axis=0),
    probe(MATRIX, n=2, axis=-1), (REAL_ODD,), probe(REAL_MATRIX, axis=0),
]  # fmt: skip


@general(at=ONE, shape=same_length)
def fft(x, /, n=None, axis=-1, norm=None):
    return along_one_axis(xp.fft, xp.ifft)(x, n, axis, norm)


@general(at=ONE, shape=same_length)
def ifft(x, /, n=None, axis=-1, norm=None):
    return along_one_axis(xp.ifft, xp.fft)(x, n, axis, norm)


ONE_REAL = [
    (REAL_ODD,), (REAL_EVEN,), probe(REAL_EVEN, norm="ortho"), probe(REAL_ODD, norm="forward"), probe(REAL_ODD, n=3),
    probe(REAL_ODD, n=8), probe(REAL_MATRIX, axis=0), probe(REAL_MATRIX, n=4), probe([0.7]),
]  # fmt: skip


def half(x, n, axis, norm):
    """Of the transform of real numbers the first half: the other half has the cotangent 0."""
    written(axis)
    whole = length(x, axis) if n is None else n

    def jvp(dx):
        return xp.rfft(dx, n=n, axis=axis, norm=norm)

    def vjp(g):
        turned_back = xp.real(xp.ifft(g, n=whole, **the_axis(axis), **turned(norm)))
        return refitted(turned_back, x, n, axis)

    return jvp, vjp


@general(at=ONE_REAL, shape=half_length)
def rfft(x, /, n=None, axis=-1, norm=None):
    return half(x, n, axis, norm)


@general(at=ONE_REAL, shape=half_length)
def ihfft(x, /, n=None, axis=-1, norm=None):
    """conj(rfft(x)) with the norm turned about."""
    jvp, vjp = half(x, n, axis, TURNED[norm])
    return (lambda dx: xp.conj(jvp(dx))), (lambda g: vjp(xp.conj(g)))


HALVES = [
    (VECTOR,), (EVEN,), probe(EVEN, norm="ortho"), probe(VECTOR, norm="forward"), probe(VECTOR, n=7), probe(VECTOR, n=9),
    probe(VECTOR, n=4), probe(VECTOR, n=5), probe(VECTOR, n=12), probe(MATRIX, n=5, axis=1), probe(CUBE, axis=1, n=3),
    probe(VECTOR, n=1), (REAL_ODD,),
]  # fmt: skip


def twice_within(n, g, axis):
    """2 for the frequencies that stand for their mirror image, too; 1 for 0 and for the highest of an even number."""
    if isinstance(n, int) and n < 3:
        return None
    return along_axis(1 + (counted(n // 2 + 1, g) % (n / 2) != 0), g, axis)


def counted(n, g):
    """0 to n - 1, as text where g is: not as an array that was computed."""
    return g.builder.emit("arange", n) if isinstance(g, Expr) else xp.arange(n)


def along_axis(factors, g, axis):
    """One factor for each place along the axis of g."""
    if axis == -1 or axis == rank(g) - 1:
        return factors
    after = rank(g) - 1 - axis % rank(g)
    return xp.expand_dims(factors, axis=tuple(range(1, after + 1)))


def whole_length(x, n, axis):
    return 2 * (length(x, axis) - 1) if n is None else n


def from_half(x, n, axis, norm):
    """Real numbers from half of their transform."""
    written(axis)
    whole = whole_length(x, n, axis)

    def jvp(dx):
        return xp.irfft(dx, n=n, axis=axis, norm=norm)

    def vjp(g):
        back = xp.rfft(g, **the_axis(axis), **turned(norm))
        factors = twice_within(whole, back, axis)
        back = back if factors is None else back * factors
        return back if n is None else refitted(back, x, n // 2 + 1, axis)

    return jvp, vjp


@general(at=HALVES, shape=double_length)
def irfft(x, /, n=None, axis=-1, norm=None):
    return from_half(x, n, axis, norm)


@general(at=HALVES, shape=double_length)
def hfft(x, /, n=None, axis=-1, norm=None):
    """irfft(conj(x)) with the norm turned about."""
    jvp, vjp = from_half(x, n, axis, TURNED[norm])
    return (lambda dx: jvp(xp.conj(dx))), (lambda g: xp.conj(vjp(g)))


# --------------------------------------------------------------------------------------- shifts and frequencies

SHIFTS = [(VECTOR,), (EVEN,), (MATRIX,), probe(MATRIX, axes=0), probe(CUBE, axes=(0, 2)), (REAL_ODD,)]  # fmt: skip


@linear(at=SHIFTS, shape=shapes.same)
def fftshift(x, /, axes=None, *, g):
    return xp.ifftshift(g, axes=axes)


@linear(at=SHIFTS, shape=shapes.same)
def ifftshift(x, /, axes=None, *, g):
    return xp.fftshift(g, axes=axes)


def frequencies(eqn):
    learn(eqn.out.type, "float")
    n = eqn.args[0].type.dim
    if n is not None and eqn.op == "fftfreq":
        join(eqn.out.type.shape, Shape([n]))


def _of_spacing(d, y):
    """The frequencies are inverse to the distance of the samples."""

    def jvp(dn, dd=None):
        return 0 if absent(dd) else -y / d * dd

    def vjp(g):
        return None, -xp.sum(g * y) / d

    return jvp, vjp


@general(at=[(5, 0.3), (6, 0.3)], shape=frequencies)
def fftfreq(n, d=1.0, /, *, y):
    return _of_spacing(d, y)


@general(at=[(5, 0.3), (6, 0.3)], shape=frequencies)
def rfftfreq(n, d=1.0, /, *, y):
    return _of_spacing(d, y)
