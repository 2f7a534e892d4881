"""Special functions, element by element. Formulas are those of the NIST Digital Library of Mathematical Functions.

The order of a Bessel function and the shape parameters of the incomplete integrals are options: no derivative
in them is known in closed form. A default of `...` marks an option that must be given.
"""

from flatgrad.builder import Expr, xp
from flatgrad.constants import Constant
from flatgrad.registry import elementwise, probe
from flatgrad.shapes import elementwise_float as real
from flatgrad.shapes import with_options

ANY = [(0.4,), ([-1.3, 0.2, 2.1],)]
POSITIVE = [(1.4,), ([0.3, 2.2, 5.1],)]
UNIT = [(0.3,), ([0.1, 0.6, 0.95],)]
TWO_OVER_ROOT_PI, HALF_ROOT_PI = Constant("2 / sqrt(pi)"), Constant("sqrt(pi) / 2")
ROOT_2, ROOT_2_OVER_PI = Constant("sqrt(2)"), Constant("sqrt(2 / pi)")
ROOT_8_PI, TWO_PI = Constant("sqrt(8 * pi)"), Constant("2 * pi")
ROOT_TWO_PI, PI_OVER_8 = Constant("sqrt(2 * pi)"), Constant("pi / 8")
LOG_10, DEGREE = Constant("log(10)"), Constant("pi / 180")
PAIRS = [(1.4, 0.7), ([0.3, 2.2, 5.1], 1.2)]


def written(option, x):
    """An option that a function is called with in the derivative too, where the call tells more than its value."""
    return x.builder.wrap(option) if isinstance(x, Expr) else option


# ------------------------------------------------------------------- the error function


@elementwise(at=ANY, shape=real)
def erf(x, /):
    return TWO_OVER_ROOT_PI * xp.exp(-(x**2))


@elementwise(at=ANY, shape=real)
def erfc(x, /):
    return -(TWO_OVER_ROOT_PI * xp.exp(-(x**2)))


@elementwise(at=ANY, shape=real)
def erfcx(x, /, *, y):
    return 2 * x * y - TWO_OVER_ROOT_PI


@elementwise(at=ANY, shape=real)
def erfi(x, /):
    return TWO_OVER_ROOT_PI * xp.exp(x**2)


@elementwise(at=[(0.4,), ([-0.7, 0.1, 0.9],)], shape=real)
def erfinv(x, /, *, y):
    return HALF_ROOT_PI * xp.exp(y**2)


@elementwise(at=UNIT, shape=real)
def erfcinv(x, /, *, y):
    return -(HALF_ROOT_PI * xp.exp(y**2))


@elementwise(at=ANY, shape=real)
def dawsn(x, /, *, y):
    return 1 - 2 * x * y


@elementwise(at=ANY, shape=real)
def ndtr(x, /):
    return xp.exp(-(x**2) / 2) / ROOT_TWO_PI


@elementwise(at=[*ANY, (-30.0,), (-1e6,), (40.0,)], shape=real)
def log_ndtr(x, /):
    """The density over the integral; both underflow where their ratio does not."""
    return ROOT_2_OVER_PI / xp.erfcx(-x / ROOT_2)


@elementwise(at=UNIT, shape=real)
def ndtri(x, /, *, y):
    return ROOT_TWO_PI * xp.exp(y**2 / 2)


@elementwise(at=[(0.7, -0.4), ([-0.3, 1.2, 0.5], 0.8)], shape=real)
def owens_t(h, a, /):
    stretched = 1 + a**2
    along_h = -xp.exp(-(h**2) / 2) * xp.erf(a * h / ROOT_2) / ROOT_8_PI
    return along_h, xp.exp(-(h**2) * stretched / 2) / (TWO_PI * stretched)


# ------------------------------------------------------------------------- the logistic


@elementwise(at=UNIT, shape=real)
def logit(x, /):
    return 1 / (x * (1 - x))


@elementwise(at=[*ANY, (-40.0,)], shape=real)
def log_expit(x, /):
    return xp.sigmoid(-x)


@elementwise(at=[*ANY, (-40.0,), (800.0,)], shape=real)
def softplus(x, /):
    return xp.sigmoid(x)


# ---------------------------------------------------------------------------- entropies


@elementwise(at=POSITIVE, shape=real)
def entr(x, /):
    return -xp.log(x) - 1


@elementwise(at=[*PAIRS, (0.0, 1.2), ([0.0, 1.4], [0.3, 1.2])], shape=real)
def xlogy(x, t, /):
    return xp.log(t), x / xp.where(x == 0, 1, t)


@elementwise(at=[*PAIRS, (0.0, 1.2)], shape=real)
def xlog1py(x, t, /):
    return xp.log1p(t), x / xp.where(x == 0, 1, 1 + t)


@elementwise(at=PAIRS, shape=real)
def rel_entr(x, t, /):
    return xp.log(x / t) + 1, -x / t


@elementwise(at=PAIRS, shape=real)
def kl_div(x, t, /):
    return xp.log(x / t), 1 - x / t


@elementwise(at=[*ANY, (-40.0,)], shape=real)
def wrightomega(z, /, *, y):
    """y + log(y) = z."""
    return y / (1 + y)


# -------------------------------------- exponential integrals, hypergeometric, elliptic


@elementwise(at=ANY, shape=real)
def expi(x, /):
    return xp.exp(x) / x


@elementwise(at=POSITIVE, shape=real)
def exp1(x, /):
    return -xp.exp(-x) / x


@elementwise(
    at=[probe(1.4, n=1), probe([0.3, 2.2], n=3), probe(1.4, n=0)], shape=with_options
)
def expn(x, /, n=..., *, y):
    if isinstance(n, int) and n == 0:  # exp(-x) / x
        return -(1 + 1 / x) * y
    return -xp.expn(x, n=n - 1)


@elementwise(at=[*ANY, (0.0,)], shape=real)
def exprel(x, /):
    return xp.hyp1f1(x, a=2, b=3) / 2


@elementwise(at=POSITIVE, shape=real)
def spence(x, /):
    one = x == 1
    return xp.log(x) / (1 - x + one) - one


@elementwise(at=[probe(0.4, v=1.5), probe([-1.3, 2.1], v=3)], shape=with_options)
def hyp0f1(z, /, v=...):
    return xp.hyp0f1(z, v=v + 1) / v


@elementwise(
    at=[probe(0.4, a=1.5, b=2.5), probe([-1.3, 2.1], a=2, b=3)], shape=with_options
)
def hyp1f1(x, /, a=..., b=...):
    return a / b * xp.hyp1f1(x, a=a + 1, b=b + 1)


@elementwise(
    at=[probe(0.4, a=1.5, b=2.5), probe([0.3, 2.1], a=2, b=3)], shape=with_options
)
def hyperu(x, /, a=..., b=...):
    return -a * xp.hyperu(x, a=a + 1, b=b + 1)


@elementwise(
    at=[probe(0.4, a=1.5, b=2.5, c=3.0), probe([-1.3, 0.6], a=0.5, b=0.5, c=1)],
    shape=with_options,
)
def hyp2f1(z, /, a=..., b=..., c=...):
    return a * b / c * xp.hyp2f1(z, a=a + 1, b=b + 1, c=c + 1)


@elementwise(at=[*UNIT, (0.0,), (-2.0,)], shape=real)
def ellipk(m, /):
    return PI_OVER_8 * xp.hyp2f1(m, a=1.5, b=1.5, c=2)


@elementwise(at=[*UNIT, (0.0,), (-2.0,)], shape=real)
def ellipe(m, /):
    return -(PI_OVER_8 * xp.hyp2f1(m, a=0.5, b=1.5, c=2))


@elementwise(at=UNIT, shape=real)
def ellipkm1(p, /, *, y):
    return (p * y - xp.ellipe(1 - p)) / (2 * p * (1 - p))


# ---------------------------------------------------------- losses, transforms, degrees


@elementwise(at=[(1.2, 0.4), (1.2, -3.0), (0.5, [0.2, 0.9, -2.0])], shape=real)
def huber(delta, r, /):
    return xp.maximum(xp.abs(r) - delta, 0), xp.clip(r, -delta, delta)


@elementwise(at=[(1.2, 0.4), (0.5, [0.2, 0.9, -2.0])], shape=real)
def pseudo_huber(delta, r, /):
    """0 where both are 0; without a difference of two large numbers."""
    length = xp.hypot(delta, r)
    length = length + (length == 0)
    return (r / (length + delta)) ** 2 * r * (r / length), delta * r / length


POWERS = [(1.4, 0.5), ([0.3, 2.2], 0.0), ([0.3, 2.2], -1.3)]


def curved(logarithm, lmbda):
    """The derivative of expm1(lmbda * logarithm) / lmbda in lmbda, as it is at 0 too."""
    return logarithm**2 * xp.hyp1f1(lmbda * logarithm, a=2, b=3) / 2


@elementwise(at=POWERS, shape=real)
def boxcox(x, lmbda, /):
    return x ** (lmbda - 1), curved(xp.log(x), lmbda)


@elementwise(at=POWERS, shape=real)
def boxcox1p(x, lmbda, /):
    return (1 + x) ** (lmbda - 1), curved(xp.log1p(x), lmbda)


@elementwise(at=[(1.4, 0.5), ([0.3, 2.2], 0.0), (0.4, -1.3)], shape=real)
def inv_boxcox(x, lmbda, /, *, y):
    along = y ** (1 - lmbda)
    return along, -along * curved(xp.log(y), lmbda)


@elementwise(at=[(1.4, 0.5), ([0.3, 2.2], 0.0), (0.4, -1.3)], shape=real)
def inv_boxcox1p(x, lmbda, /, *, y):
    along = (1 + y) ** (1 - lmbda)
    return along, -along * curved(xp.log1p(y), lmbda)


@elementwise(at=ANY, shape=real)
def cosm1(x, /):
    return -xp.sin(x)


@elementwise(at=ANY, shape=real)
def exp10(x, /, *, y):
    return LOG_10 * y


@elementwise(at=ANY, shape=real)
def sindg(x, /):
    return DEGREE * xp.cosdg(x)


@elementwise(at=ANY, shape=real)
def cosdg(x, /):
    return -(DEGREE * xp.sindg(x))


@elementwise(at=ANY, shape=real)
def tandg(x, /, *, y):
    return DEGREE * (1 + y**2)
