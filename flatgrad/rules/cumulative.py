"""Distribution functions of scipy.special and their inverses: the derivative is the density.

Degrees of freedom and counts are options: no derivative in them is known in closed form.
"""

from flatgrad.builder import xp
from flatgrad.registry import elementwise, probe
from flatgrad.rules.gamma import beta_density, gamma_density
from flatgrad.rules.special import written
from flatgrad.shapes import elementwise_float as real
from flatgrad.shapes import with_options

SHARES = [0.4, [0.1, 0.8]]


def counts(*names):
    """A number and an array to test with, and whole numbers for the options."""
    numbers = dict(zip(names, (2, 5), strict=False))
    return [probe(0.4, **numbers), probe([0.1, 0.8], **numbers)]


def student_density(t, df):
    """Written with log1p, since 1 + t^2 / df rounds to 1 for many degrees of freedom."""
    power = xp.exp(-(df + 1) / 2 * xp.log1p(t**2 / df))
    return power / (xp.sqrt(written(df, t)) * xp.beta(written(df / 2, t), 0.5))


@elementwise(at=[probe(0.4, df=3), probe([-1.3, 0.2, 9.0], df=2.5)], shape=with_options)
def stdtr(t, /, df=...):
    return student_density(t, df)


@elementwise(at=counts("df"), shape=with_options)
def stdtrit(p, /, df=..., *, y):
    return 1 / student_density(y, df)


@elementwise(at=[probe(1.4, v=3), probe([0.3, 5.2], v=2.5)], shape=with_options)
def chdtr(x, /, v=...):
    return gamma_density(x / 2, v / 2) / 2


@elementwise(at=[probe(1.4, v=3), probe([0.3, 5.2], v=2.5)], shape=with_options)
def chdtrc(x, /, v=...):
    return -gamma_density(x / 2, v / 2) / 2


@elementwise(at=counts("v"), shape=with_options)
def chdtri(p, /, v=..., *, y):
    return -2 / gamma_density(y / 2, v / 2)


def fisher_density(x, dfn, dfd):
    """By the beta distribution of dfn x / (dfd + dfn x)."""
    whole = dfd + dfn * x
    return dfn * dfd / whole**2 * beta_density(dfn * x / whole, dfn / 2, dfd / 2)


FISHER = [probe(1.4, dfn=3, dfd=4), probe([0.3, 5.2], dfn=2.5, dfd=7)]


@elementwise(at=FISHER, shape=with_options)
def fdtr(x, /, dfn=..., dfd=...):
    return fisher_density(x, dfn, dfd)


@elementwise(at=FISHER, shape=with_options)
def fdtrc(x, /, dfn=..., dfd=...):
    return -fisher_density(x, dfn, dfd)


@elementwise(at=counts("dfn", "dfd"), shape=with_options)
def fdtri(p, /, dfn=..., dfd=..., *, y):
    return 1 / fisher_density(y, dfn, dfd)


RATES = [probe(0.7, 1.4, b=2.3), probe(0.7, [0.3, 5.2], b=0.7)]


@elementwise(at=RATES, shape=with_options)
def gdtr(a, x, /, b=...):
    density = gamma_density(a * x, b)
    return x * density, a * density


@elementwise(at=RATES, shape=with_options)
def gdtrc(a, x, /, b=...):
    density = gamma_density(a * x, b)
    return -x * density, -a * density


@elementwise(at=[probe(1.4, k=2), probe([0.3, 5.2], k=0)], shape=with_options)
def pdtr(m, /, k=...):
    return -gamma_density(m, xp.floor(k) + 1)


@elementwise(at=[probe(1.4, k=2), probe([0.3, 5.2], k=0)], shape=with_options)
def pdtrc(m, /, k=...):
    return gamma_density(m, xp.floor(k) + 1)


@elementwise(at=counts("k", "n"), shape=with_options)
def bdtr(p, /, k=..., n=...):
    return -binomial_density(p, k, n)


@elementwise(at=counts("k", "n"), shape=with_options)
def bdtrc(p, /, k=..., n=...):
    return binomial_density(p, k, n)


def binomial_density(p, k, n):
    """Of the probability with which more than k of n succeed; SciPy cuts off what is no count."""
    below = xp.floor(k)
    return beta_density(p, below + 1, xp.floor(n) - below)


@elementwise(at=counts("k", "n"), shape=with_options)
def nbdtr(p, /, k=..., n=...):
    return beta_density(p, xp.floor(n), xp.floor(k) + 1)


@elementwise(at=counts("k", "n"), shape=with_options)
def nbdtrc(p, /, k=..., n=...):
    return -beta_density(p, xp.floor(n), xp.floor(k) + 1)


@elementwise(at=[(0.7,), ([0.5, 1.2, 2.5],)], shape=real)
def kolmogorov(y_, /):
    return -xp.kstwobign_pdf(y_)


@elementwise(at=[(0.7,), ([0.1, 0.5],)], shape=real)
def kolmogi(p, /, *, y):
    return -1 / xp.kstwobign_pdf(y)
