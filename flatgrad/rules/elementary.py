"""Elementary functions, element by element. Formulas that reuse the result y are preferred."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.constants import Constant
from flatgrad.registry import elementwise, linear

SMALL = [(0.3,), ((0.3, -0.6, 0.8),)]
POSITIVE = [(1.3,), ((0.2, 1.0, 3.1),)]
LOG_2, LOG_10, PI = Constant("log(2)"), Constant("log(10)"), Constant("pi")
real = shapes.elementwise_float


@elementwise(at=[(0.7,)], shape=shapes.elementwise_float)
def rsqrt(x, /, *, y):
    return -(y**3) / 2


@elementwise(at=SMALL, shape=real)
def exp(x, /, *, y):
    return y


@elementwise(at=SMALL, shape=real)
def exp2(x, /, *, y):
    return LOG_2 * y


@elementwise(at=SMALL, shape=real)
def expm1(x, /):
    return xp.exp(x)  # y + 1 has no digits left where y is nearly -1


@elementwise(at=POSITIVE, shape=real)
def log(x, /):
    return 1 / x


@elementwise(at=POSITIVE, shape=real)
def log2(x, /):
    return 1 / (x * LOG_2)


@elementwise(at=POSITIVE, shape=real)
def log10(x, /):
    return 1 / (x * LOG_10)


@elementwise(at=SMALL, shape=real)
def log1p(x, /):
    return 1 / (1 + x)


@elementwise(at=(1.3, 2.5), shape=real)
def log_base(x, base, /, *, y):
    return 1 / (x * xp.log(base)), -y / (base * xp.log(base))


@elementwise(at=POSITIVE, shape=real)
def sqrt(x, /, *, y):
    """Infinite at 0, which is the true one-sided derivative."""
    return 0.5 / y


@elementwise(at=POSITIVE, shape=real)
def root_of_squares(x, /, *, y):
    """Of what is 0 only where its own derivative is 0: no infinity there, where the two meet."""
    return 0.5 / (y + (y == 0))


@elementwise(at=[(1.3,), (-1.3,)], shape=real)
def cbrt(x, /, *, y):
    return 1 / (3 * y**2)


@elementwise(at=SMALL, shape=shapes.elementwise)
def square(x, /):
    return 2 * x


@elementwise(at=POSITIVE, shape=real)
def reciprocal(x, /, *, y):
    return -(y**2)


@elementwise(at=SMALL, shape=real)
def sin(x, /):
    return xp.cos(x)


@elementwise(at=SMALL, shape=real)
def cos(x, /):
    return -xp.sin(x)


@elementwise(at=SMALL, shape=real)
def tan(x, /, *, y):
    return 1 + y**2


@elementwise(at=SMALL, shape=real)
def asin(x, /):
    return 1 / xp.sqrt(1 - x**2)


@elementwise(at=SMALL, shape=real)
def acos(x, /):
    return -1 / xp.sqrt(1 - x**2)


@elementwise(at=SMALL, shape=real)
def atan(x, /):
    return 1 / (1 + x**2)


@elementwise(at=SMALL, shape=real)
def sinh(x, /):
    return xp.cosh(x)


@elementwise(at=SMALL, shape=real)
def cosh(x, /):
    return xp.sinh(x)


@elementwise(at=SMALL, shape=real)
def tanh(x, /, *, y):
    return 1 - y**2


@elementwise(at=SMALL, shape=real)
def asinh(x, /):
    return 1 / xp.sqrt(x**2 + 1)


@elementwise(at=(1.7,), shape=real)
def acosh(x, /):
    return 1 / xp.sqrt((x - 1) * (x + 1))


@elementwise(at=SMALL, shape=real)
def atanh(x, /):
    return 1 / (1 - x**2)


@elementwise(at=[(0.7, -1.3), (-0.7, 0.4)], shape=real)
def atan2(a, b, /):
    """0 at the origin, where the angle jumps; squares of the arguments could overflow or vanish."""
    length = xp.hypot(a, b)
    length = length + (length == 0)
    return b / length / length, -a / length / length


@elementwise(at=[(0.7, -1.3), ((0.7, 2.0), 1.0)], shape=real)
def hypot(a, b, /, *, y):
    """0 at the origin, the tip of the cone."""
    away = y + (y == 0)
    return a / away, b / away


@elementwise(at=[(0.7, -1.3), (40.0, -40.0)], shape=real)
def logaddexp(a, b, /, *, y):
    return xp.exp(a - y), xp.exp(b - y)


@elementwise(at=[(0.7, -1.3), (40.0, -40.0)], shape=real)
def logaddexp2(a, b, /, *, y):
    return xp.exp2(a - y), xp.exp2(b - y)


@elementwise(at=[(0.3,), (40.0,), (-40.0,), ((0.5, -0.5),)], shape=real)
def sigmoid(x, /, *, y):
    return y * (1 - y)


@elementwise(at=[(0.3,), (-0.3,), ((0.5, -0.5),)], shape=shapes.elementwise)
def relu(x, /, *, y):
    return y > 0


@elementwise(at=[(0.3,), (-1.4,), ((0.5, 2.5),)], shape=real)
def sinc(x, /, *, y):
    """sin(pi x) / (pi x); its derivative at 0 is 0."""
    away = xp.where(x == 0, 1, x)
    return xp.where(x == 0, 0, (xp.cos(PI * x) - y) / away)


@linear(at=[(30.0,), ((30.0, -60.0),)], shape=real)
def deg2rad(x, /, *, g):
    return g * Constant("pi / 180")


@linear(at=[(0.3,), ((0.5, -0.6),)], shape=real)
def rad2deg(x, /, *, g):
    return g * Constant("180 / pi")


@elementwise(at=SMALL, shape=shapes.elementwise)
def nan_to_num(x, /, nan=0.0, posinf=None, neginf=None):
    return xp.isfinite(x)
