"""Complex numbers: their parts, which rules hold for them as they stand, and rules for the others.

For a real loss L of z = x + iy the cotangent is dL/dx + i dL/dy. Of a holomorphic function it is g * conj(partial), so
a rule that is written as mathematics of holomorphic functions holds once its data is conjugated, which is done in one
place (flatgrad/conjugates.py). What is not holomorphic has a rule here, which says both modes in full. See Kreutz-Delgado,
"The complex gradient operator and the CR-calculus" (2009).
"""

from math import log as ln

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import xp
from flatgrad.constants import Constant
from flatgrad.registry import (
    elementwise_complex,
    general,
    general_complex,
    linear,
    probe,
)
from flatgrad.rules.arithmetic import absent, is_constant, kind_of, literal
from flatgrad.rules.axes import known_rank
from flatgrad.rules.decompositions import several
from flatgrad.rules.matrices import alike, as_row, plus, spread
from flatgrad.rules.reductions import centred, count, restore
from flatgrad.shapes import broadcast, learn
from flatgrad.types import join

NUMBER = 0.8 - 1.1j
VECTOR = [0.5 - 1.2j, 1.3 + 0.4j, -0.7 + 0.9j]
OTHER = [1.1 + 0.3j, -0.6 + 0.8j, 0.2 - 1.4j]
MATRIX = [VECTOR, OTHER]
SQUARE = [
    [2.0 + 0.3j, 0.3 - 0.8j, -0.5],
    [-0.4j, 1.5 - 0.6j, 0.2 + 0.1j],
    [0.7, -0.6j, 1.8 + 0.9j],
]
REALS = (0.5, -1.2)
DEGREES = Constant("180 / pi")

# Rules that hold for complex numbers once their data is conjugated: no sign, no comparison, no conjugate in them.
HOLOMORPHIC = {
    "add", "sub", "mul", "truediv", "neg", "pos", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt",
    "square", "reciprocal", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh",
    "sigmoid", "root_of_squares",
    "alias", "sum", "mean", "cumsum", "prod", "cumprod", "diff", "trace", "where", "linspace",
    "reshape", "ravel", "flatten", "transpose", "matrix_transpose", "swapaxes", "moveaxis", "squeeze", "expand_dims",
    "atleast_1d", "atleast_2d", "atleast_3d", "flip", "fliplr", "flipud", "roll", "rot90", "repeat", "tile", "broadcast_to",
    "concatenate", "stack", "vstack", "hstack", "dstack", "column_stack", "append", "array", "tuple",
    "split", "chunk", "array_split", "hsplit", "vsplit", "dsplit", "unbroadcast",
    "getitem", "setitem", "index_add", "take", "take_along_axis", "item", "full",
    "diag", "diagonal", "tril", "triu", "copy", "asarray", "astype",
    "matmul", "dot", "inner", "outer", "kron", "cross", "einsum", "tensordot", "inv", "solve", "det", "matrix_power",
    "expm", "softmax", "matmul_grad_left", "matmul_grad_right", "dot_grad_left", "dot_grad_right", "inner_grad_left",
    "inner_grad_right",
}  # fmt: skip
# Rules that say the conjugates themselves, or are of real matrices: for real and complex numbers alike.
IN_FULL = {
    "complex", "real_if_real", "eig", "eigvals",
    "fft", "ifft", "fft2", "ifft2", "fftn", "ifftn", "rfft", "irfft", "rfft2", "irfft2", "rfftn", "irfftn",
    "hfft", "ihfft", "fftshift", "ifftshift", "dct", "idct", "dst", "idst", "dctn", "idctn", "dstn", "idstn",
}  # fmt: skip


def of_parts(eqn):
    """The real or the imaginary part, the angle: a real number for each element."""
    join(eqn.out.type.shape, eqn.args[0].type.shape)
    learn(eqn.out.type, "float")


def both_ways(function):
    """Linear with real coefficients, and its own adjoint."""
    return function, function


# ------------------------------------------------------- parts: the rules for real numbers, and for complex ones


@linear(at=(REALS,), shape=of_parts)
def real(x, /, *, g):
    return g


@linear(at=(REALS,), shape=shapes.same)
def conj(x, /, *, g):
    return g


@general(at=(REALS,), shape=of_parts)
def imag(x, /):
    """0 for every real number."""
    return (lambda dx: xp.zeros_like(x)), (lambda g: None)


@general(at=(REALS,), shape=of_parts)
def angle(x, /, deg=False):
    """0 or pi for every real number."""
    return (lambda dx: xp.zeros_like(x)), (lambda g: None)


@general_complex(at=[(NUMBER,), (VECTOR,)])
def real_(x, /):
    return xp.real, lambda g: g


@general_complex(at=[(NUMBER,), (VECTOR,)])
def imag_(x, /):
    return xp.imag, lambda g: 1j * g


@general_complex(at=[(NUMBER,), (VECTOR,)])
def conj_(x, /):
    return both_ways(xp.conj)


@general_complex(at=[(NUMBER,), (VECTOR,), probe(VECTOR, deg=True)])
def angle_(x, /, deg=False):
    """0 at the origin, where the angle jumps."""
    square = xp.abs_squared(x)
    square = square + (square == 0)

    def jvp(dx):
        turned = xp.imag(xp.conj(x) * dx) / square
        return turned * DEGREES if deg else turned

    def vjp(g):
        return 1j * (g * DEGREES if deg else g) * x / square

    return jvp, vjp


@general_complex(at=[(NUMBER,), (VECTOR,)])
def abs_(x, /, *, y):
    """0 at the origin, the tip of the cone."""
    away = y + (y == 0)

    def jvp(dx):
        return xp.real(xp.conj(x) * dx) / away

    def vjp(g):
        return g * x / away

    return jvp, vjp


@linear(at=[(1.3, -0.4)], shape=shapes.same)
def real_if_real(gradient, x, /, *, g):
    """The gradient of x, of which it is seen when the code runs whether it is complex."""
    return g, None


@general(at=[(1.3,), (REALS,)], shape=of_parts)
def abs_squared(x, /):
    """abs(x)**2, which is smooth at 0."""
    return (lambda dx: 2 * x * dx), (lambda g: 2 * g * x)


@general_complex(at=[(NUMBER,), (VECTOR,)])
def abs_squared_(x, /):
    return (lambda dx: 2 * xp.real(xp.conj(x) * dx)), (lambda g: 2 * g * x)


def of_both_parts(eqn):
    broadcast(eqn.out.type, [a.type for a in eqn.args])
    learn(eqn.out.type, "complex")


@general(at=[(1.3, -0.4), (1.3,)], shape=of_both_parts)
def complex_(re, im=0, /):
    def jvp(dre, dim=None):
        return plus(dre, 0 if absent(dim) else 1j * dim)

    def vjp(g):
        return g, -1j * g

    return jvp, vjp


# ------------------------------------------------------------------------------------------------- powers


@general_complex(
    at=[(NUMBER, 3), (VECTOR, 2), (VECTOR, -1), (NUMBER, 1.5), (2.5, NUMBER), (NUMBER, 0.7 + 0.2j), (VECTOR, OTHER)]
)  # fmt: skip
def pow(x, p, /, *, y):
    """At 0 the logarithm counts as 0. A negative real number has its power on the branch cut, which x**conj(p) leaves."""
    exponent, base = literal(p), literal(x)

    def turn():
        if base is not None and base > 0:
            return xp.conj(y) * ln(base)
        away = xp.where(x == 0, 1, x)
        if kind_of(x) != "complex":  # the logarithm of a negative number is complex
            away = xp.asarray(away, dtype="complex")
        return xp.conj(y * xp.log(away))

    def slope():
        if exponent is not None:
            return exponent * xp.conj(x) ** (exponent - 1) if exponent else 0
        return xp.conj(p * x ** (p - 1))

    def jvp(dx, dp):
        left = 0 if absent(dx) else xp.conj(slope()) * dx
        return plus(left, 0 if absent(dp) else xp.conj(turn()) * dp)

    def vjp(g):
        return (
            None if is_constant(x) else fitted(g * slope(), x, y),
            None if is_constant(p) else fitted(g * turn(), p, y),
        )

    return jvp, vjp


@elementwise_complex(at=[(NUMBER,), (VECTOR,)])
def acosh(x, /):
    return 1 / (xp.sqrt(x - 1) * xp.sqrt(x + 1))


# --------------------------------------------------------------------------------- products and reductions


@general_complex(at=[(VECTOR, OTHER), (MATRIX, MATRIX), (MATRIX, [*OTHER, *VECTOR])])
def vdot(a, b, /):
    """The sum of conj(a) * b."""

    def jvp(da, db):
        left = 0 if absent(da) else xp.vdot(da, b)
        return plus(left, 0 if absent(db) else xp.vdot(a, db))

    def vjp(g):
        if alike(a, b):
            return xp.conj(g) * b, g * a
        return _like(xp.conj(g) * xp.ravel(b), a), _like(g * xp.ravel(a), b)

    return jvp, vjp


def _like(flat, x):
    return flat if known_rank(x) == 1 else xp.reshape(flat, xp.shape(x))


def real_slope(slope, axis, keepdims):
    """A real reduction that moves by the sum of Re(conj(slope) * dx) over the axes."""

    def jvp(dx):
        return xp.sum(xp.real(xp.conj(slope) * dx), axis=axis, keepdims=keepdims)

    def vjp(g):
        return restore(g, axis, keepdims) * slope

    return jvp, vjp


SPREAD = [(VECTOR,), probe(MATRIX, axis=1), probe(MATRIX, axis=0, keepdims=True, ddof=1)]  # fmt: skip


@general_complex(at=SPREAD)
def var(x, /, axis=None, keepdims=False, ddof=0):
    slope = 2 * centred(x, axis) / (count(x, axis) - ddof)
    return real_slope(slope, axis, keepdims)


@general_complex(at=SPREAD)
def std(x, /, axis=None, keepdims=False, ddof=0, *, y):
    degrees = count(x, axis) - ddof if ddof else count(x, axis)
    scale = restore(degrees * (y + (y == 0)), axis, keepdims)
    return real_slope(centred(x, axis) / scale, axis, keepdims)


@general_complex(
    at=[(VECTOR,), (MATRIX,), probe(MATRIX, axis=1), probe(MATRIX, axis=0, keepdims=True), probe(MATRIX, ord="fro"),
        probe(MATRIX, ord=2, axis=1), probe(VECTOR, ord=2)],
)  # fmt: skip
def norm(x, /, ord=None, axis=None, keepdims=False, *, y):
    of_vector = isinstance(axis, int) or (axis is None and known_rank(x) == 1)
    if ord not in (None, "fro") and not (ord == 2 and of_vector):
        raise NotImplementedError(f"norm of complex values with ord={ord!r}")
    y = restore(y, axis, keepdims)
    return real_slope(x / (y + (y == 0)), axis, keepdims)


# ------------------------------------------------------------------------------------------------ matrices


@general_complex(at=[(SQUARE,), ([SQUARE, SQUARE],)])
def slogdet(a, /, *, y):
    """The phase det(a) / |det(a)|, and log|det(a)|."""
    phase, _ = y

    def jvp(da):
        change = (
            xp.trace(xp.solve(a, da))
            if known_rank(a) == 2
            else xp.sum(xp.inv(a).mT * da, axis=(-2, -1))
        )
        return 1j * phase * xp.imag(change), xp.real(change)

    def vjp(g):
        g_phase, g_log = g
        turn = 0 if absent(g_phase) else 1j * xp.imag(g_phase * xp.conj(phase))
        total = plus(0 if absent(g_log) else g_log, turn)
        return spread(total, a) * xp.conj(xp.inv(a)).mT

    return jvp, vjp


PHASES = "the eigenvectors of complex matrices, which have no phase of their own"


def of_eigenvalues(vectors, a, g):
    """The sum of g[i] v[i] v[i]^H, the gradient of what the eigenvalues make of a Hermitian matrix."""
    return (vectors * as_row(g, a)) @ xp.conj(vectors).mT


def moved_eigenvalues(vectors, da):
    hermitian = (da + xp.conj(da).mT) / 2
    return xp.sum(xp.real(xp.conj(vectors) * (hermitian @ vectors)), axis=-2)


@general_complex()
def eigh(a, /, UPLO="L", *, y):
    """Giles (2008), with the conjugate transpose; the matrix is Hermitian."""
    _, vectors = y

    def jvp(da):
        return moved_eigenvalues(vectors, da), NotImplementedError(PHASES)

    def vjp(g):
        g_values, g_vectors = g
        if not absent(g_vectors):
            raise NotImplementedError(PHASES)
        return of_eigenvalues(vectors, a, g_values)

    return jvp, vjp


@general_complex()
def eigvalsh(a, /, UPLO="L"):
    _, vectors = several("eigh", 2, a)

    def jvp(da):
        return moved_eigenvalues(vectors, da)

    def vjp(g):
        return of_eigenvalues(vectors, a, g)

    return jvp, vjp
