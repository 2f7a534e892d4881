"""Activations of neural networks, beside those that are elementary functions."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.constants import Constant
from flatgrad.registry import composed, elementwise, general, probe
from flatgrad.rules.axes import MATRIX, VECTOR, written_down

ROOT_2_PI, SLOPE = Constant("sqrt(2 * pi)"), Constant("sqrt(2 / pi)")
CUBIC = 0.044715  # Hendrycks and Gimpel, Gaussian error linear units, 2016
SCALE, ALPHA = (
    1.0507009873554805,
    1.6732632423543772,
)  # Klambauer et al., Self-normalizing neural networks, 2017
real = shapes.elementwise_float


@elementwise(at=[(0.7,), (VECTOR,)], shape=real)
def silu(x, /, *, y):
    s = xp.sigmoid(x)
    return s + y * (1 - s)


def normal_gelu(x):
    """x P(Z < x) of a normal variable Z."""
    return xp.ndtr(x) + x * xp.exp(-(x**2) / 2) / ROOT_2_PI


def tanh_gelu(x):
    inner = xp.tanh(SLOPE * (x + CUBIC * x**3))
    steep = SLOPE * (1 + 3 * CUBIC * x**2)
    return (1 + inner) / 2 + x * (1 - inner**2) * steep / 2


@elementwise(at=[(0.7,), probe(VECTOR), probe(VECTOR, approximate="tanh")], shape=real)
def gelu(x, /, approximate="none"):
    tanh = written_down("approximate", approximate) == "tanh"
    return tanh_gelu(x) if tanh else normal_gelu(x)


def two_slopes(x, below):
    """Both modes of a function that is x where x > 0, and has the slope `below` elsewhere, at 0 too."""

    def both(v):
        return xp.where(x > 0, v, below * v)

    return both, both


@general(at=[probe(VECTOR), probe(VECTOR, slope=0.2)], shape=real)
def leaky_relu(x, /, slope=0.01):
    return two_slopes(x, slope)


@general(at=[probe(VECTOR), probe(VECTOR, alpha=0.7)], shape=real)
def elu(x, /, alpha=1.0, *, y):
    return two_slopes(x, y + alpha)


@general(at=[probe(VECTOR), probe(VECTOR, alpha=0.7)], shape=real)
def celu(x, /, alpha=1.0, *, y):
    return two_slopes(x, y / alpha + 1)


@general(at=(VECTOR,), shape=real)
def selu(x, /, *, y):
    def both(v):
        return xp.where(x > 0, SCALE * v, (y + SCALE * ALPHA) * v)

    return both, both


@elementwise(
    at=[probe(VECTOR), probe(VECTOR, beta=2.0), probe(VECTOR, beta=2.0, threshold=1.5)],
    shape=real,
)
def smooth_relu(x, /, beta=1.0, threshold=20.0):
    """log(1 + exp(beta x)) / beta, and x itself beyond the threshold."""
    z = x if written_down("beta", beta) == 1 else beta * x
    return xp.where(z > threshold, 1, xp.sigmoid(z))


@elementwise(at=(VECTOR,), shape=real)
def softsign(x, /):
    return 1 / (1 + xp.abs(x)) ** 2


@composed(at=(VECTOR,), shape=real)
def relu6(x, /):
    return xp.clip(x, 0.0, 6.0)


@composed(at=(VECTOR,), shape=real)
def mish(x, /):
    return x * xp.tanh(xp.smooth_relu(x))


@composed(at=[probe(VECTOR, threshold=0.1, value=0.7)], shape=real)
def above_threshold(x, /, threshold=0.0, value=0.0):
    return xp.where(x > threshold, x, value)


@composed(at=[probe(VECTOR, axis=0), probe(MATRIX, axis=-1)], shape=real)
def softmin(x, /, axis=-1):
    return xp.softmax(-x, axis=axis)
