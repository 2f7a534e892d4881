"""The continuous distributions: how log p, the logarithm of the standard density, falls with z and grows with the shapes.

The densities are those of SciPy's documentation. `positive` and `below_1` keep divisions and logarithms away from
where the density is 0; what is computed there is multiplied by 0.
"""

from flatgrad.builder import xp
from flatgrad.constants import Constant
from flatgrad.rules.continuous import distribution

LOG_2, PI = Constant("log(2)"), Constant("pi")
ROOT_2, ROOT_2_OVER_PI = Constant("sqrt(2)"), Constant("sqrt(2 / pi)")
LINE = [-0.7, 0.4, 1.9]
HALF_LINE = [0.4, 1.3, 2.9]


def positive(z, least=0):
    return xp.where(z > least, z, 1)


def hazard(z):
    """The normal density over what lies below: phi(z) / Phi(z)."""
    return ROOT_2_OVER_PI / xp.erfcx(-z / ROOT_2)


# ----------------------------------------------------------------------------- on the whole line


@distribution([*LINE, -40.0], everywhere=True, tails=(hazard, lambda z: hazard(-z)))
def norm(z):
    return (z,)


@distribution(LINE, 3.5, everywhere=True)
def t(z, df):
    spread = df + z**2
    in_df = (
        xp.digamma((df + 1) / 2)
        - xp.digamma(df / 2)
        - xp.log1p(z**2 / df)
        + ((df + 1) * z**2 / spread - 1) / df
    )
    return (df + 1) * z / spread, in_df / 2


@distribution(LINE, everywhere=True)
def laplace(z):
    return (xp.sign(z),)


@distribution(LINE, everywhere=True)
def logistic(z):
    return (xp.tanh(z / 2),)


@distribution(LINE, everywhere=True)
def cauchy(z):
    return (2 * z / (1 + z**2),)


@distribution(LINE, everywhere=True, steep=True)
def gumbel_r(z):
    return (-xp.expm1(-z),)


@distribution(LINE, everywhere=True, steep=True)
def gumbel_l(z):
    return (xp.expm1(z),)


def skewed(z, a):
    """The derivative of 2 T(z, a) in a, where T is Owen's function."""
    return (-xp.exp(-(z**2) * (1 + a**2) / 2) / (PI * (1 + a**2)),)


@distribution(LINE, 1.3, everywhere=True, rising=skewed)
def skewnorm(z, a):
    pull = hazard(a * z)
    return z - a * pull, z * pull


@distribution(LINE, 1.7, everywhere=True)
def gennorm(z, beta):
    size = xp.abs(z)
    away = xp.where(z == 0, 1, size)
    in_beta = (1 + xp.digamma(1 / beta) / beta) / beta
    return (
        beta * xp.sign(z) * away ** (beta - 1),
        in_beta - size**beta * xp.log(away),
    )


@distribution(LINE, 1.7, everywhere=True)
def vonmises(z, kappa):
    return kappa * xp.sin(z), xp.cos(z) - xp.i1e(kappa) / xp.i0e(kappa)


# ----------------------------------------------------------------------------- on the half line


@distribution(HALF_LINE, 2.3, steep=True)
def gamma(z, a):
    above = positive(z)
    return 1 - (a - 1) / above, xp.log(above) - xp.digamma(a)


@distribution(HALF_LINE, 3.3, steep=True)
def chi2(z, df):
    above = positive(z)
    in_df = (xp.log(above / 2) - xp.digamma(df / 2)) / 2
    return 0.5 - (df / 2 - 1) / above, in_df


@distribution(HALF_LINE, 3.3, steep=True)
def chi(z, df):
    above = positive(z)
    in_df = xp.log(above) - (LOG_2 + xp.digamma(df / 2)) / 2
    return z - (df - 1) / above, in_df


@distribution(HALF_LINE)
def expon(z):
    return (1,)


@distribution(
    [1.4, 2.3, 4.9], 2.3, moving=lambda z, b: (-z * xp.log(positive(z, 1)) / b,)
)
def pareto(z, b):
    above = positive(z, 1)
    return (b + 1) / above, 1 / b - xp.log(above)


@distribution(HALF_LINE, 0.8, moving=lambda z, s: (z * xp.log(positive(z)) / s,))
def lognorm(z, s):
    above = positive(z)
    far = xp.log(above) / s
    return (1 + far / s) / above, (far**2 - 1) / s


@distribution(
    HALF_LINE, 1.8, steep=True, moving=lambda z, c: (-z * xp.log(positive(z)) / c,)
)
def weibull_min(z, c):
    above = positive(z)
    rest = 1 - above**c
    return (1 - c * rest) / above, 1 / c + rest * xp.log(above)


@distribution(HALF_LINE, 2.3)
def invgamma(z, a):
    above = positive(z)
    return (a + 1 - 1 / above) / above, -xp.log(above) - xp.digamma(a)


@distribution(HALF_LINE, 0.8)
def invgauss(z, mu):
    above = positive(z)
    in_z = (3 / above + 1 / mu**2 - 1 / above**2) / 2
    return in_z, (above / mu - 1) / mu**2


@distribution(HALF_LINE)
def halfnorm(z):
    return (z,)


@distribution(HALF_LINE)
def halfcauchy(z):
    return (2 * z / (1 + z**2),)


@distribution(HALF_LINE, 3.5, 4.6, steep=True)
def f(z, dfn, dfd):
    above = positive(z)
    whole, both = dfd + dfn * above, xp.digamma((dfn + dfd) / 2)
    excess = (dfn + dfd) / whole
    in_dfn = xp.log(dfn * above / whole) + 1 - above * excess
    in_dfd = xp.log(dfd / whole) + 1 - excess
    return (
        dfn * excess / 2 - (dfn / 2 - 1) / above,
        (in_dfn - xp.digamma(dfn / 2) + both) / 2,
        (in_dfd - xp.digamma(dfd / 2) + both) / 2,
    )


@distribution(HALF_LINE)
def rayleigh(z):
    return (z - 1 / positive(z),)


@distribution(HALF_LINE)
def maxwell(z):
    return (z - 2 / positive(z),)


# ------------------------------------------------------------------------------- on an interval


@distribution([0.2, 0.5, 0.9], 2.3, 1.6, steep=True)
def beta(z, a, b):
    above, below = positive(z), positive(1 - z)
    both = xp.digamma(a + b)
    return (
        (b - 1) / below - (a - 1) / above,
        xp.log(above) - xp.digamma(a) + both,
        xp.log(below) - xp.digamma(b) + both,
    )


@distribution([0.2, 0.5, 0.9])
def uniform(z):
    return (0,)


def cut(z, a, b):
    """F(z) moves with the edges, by the density there."""
    share = xp.truncnorm_cdf(z, a, b)
    at_a, at_b = (xp.truncnorm_pdf(edge, a, b) for edge in (a, b))
    inside = (z > a) & (z < b)
    return -at_a * (1 - share) * inside, -at_b * share * inside


@distribution([-0.6, 0.4, 1.1], -0.8, 1.7, rising=cut)
def truncnorm(z, a, b):
    return z, xp.truncnorm_pdf(a, a, b), -xp.truncnorm_pdf(b, a, b)


@distribution([0.4, 1.3, 5.9], 0.4)
def wrapcauchy(z, c):
    whole = 1 + c**2 - 2 * c * xp.cos(z)
    in_c = 2 * (xp.cos(z) - c) / whole - 2 * c / (1 - c**2)
    return 2 * c * xp.sin(z) / whole, in_c
