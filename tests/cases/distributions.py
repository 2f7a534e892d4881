"""Densities and probabilities of scipy.stats, in the ways in which people call them."""

import numpy as np
import scipy.stats
from scipy import stats
from scipy.special import logsumexp
from scipy.stats import (
    dirichlet,
    multinomial,
    multivariate_normal,
    norm,
    pearsonr,
    poisson,
)
from scipy.stats import t as student


def mixture(x, w, m, s):
    "x: (N,)  w: (K,)  m: (K,)  s: (K,)"
    p = w / w.sum()
    return -logsumexp(np.log(p) + norm.logpdf(x[:, None], m, s), axis=1).sum()


def censored(t, seen, shape, scale):
    dead = stats.weibull_min.logpdf(t, shape, scale=scale)
    alive = stats.weibull_min.logsf(t, shape, 0, scale)
    return np.where(seen, dead, alive).sum()


def probit(X, b, y):
    "X: (N, D)  b: (D,)  y: (N,)"
    eta = X @ b
    return np.where(y > 0, norm.logcdf(eta), norm.logsf(eta)).sum()


def in_the_tails(x, m):
    return scipy.stats.norm.logcdf(x - 40, m) + scipy.stats.norm.logsf(x + 40, loc=m)


def counts(X, b, y):
    "X: (N, D)  b: (D,)  y: (N,)"
    return poisson.logpmf(y, np.exp(X @ b)).sum()


def up_to(k, mu):
    return poisson.cdf(k, mu) - poisson.sf(k + 1, mu) + stats.binom.cdf(k, 7, mu / 9)


def robust(x, df, m, s):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0:
            total = total + student.logpdf(x[i], df, m, s) * x[i]
    return total


def off_the_support(x, s):
    inside = stats.gamma.pdf(x, 2.5, scale=s) + stats.beta.pdf(x, 2.0, 1.0, 0, s)
    return inside + stats.expon.cdf(x, scale=s) + stats.lognorm.pdf(x, 0.7, scale=s)


def at_the_edge(x, s):
    return stats.expon.logpdf(x, scale=s) + stats.gamma.logpdf(x, 1.0, scale=s)


def at_risk(q, m, s):
    return norm(m, s).ppf(q) * stats.gumbel_r(loc=m, scale=s).cdf(q)


def cloud(x, m, L):
    "x: (N, D)  m: (D,)  L: (D, D)"
    S = L @ L.T + np.eye(3)
    return multivariate_normal.logpdf(x, m, S) + multivariate_normal(cov=S).entropy()


def shares(v, alpha):
    "v: (K,)  alpha: (K,)"
    return dirichlet.logpdf(v / v.sum(), alpha)


def votes(x, v):
    "x: (K,)  v: (K,)"
    e = np.exp(v)
    return multinomial.logpmf(x, 6, e / e.sum())


def moments(x):
    "x: (N, D)"
    z = stats.zscore(x, ddof=1)
    return stats.skew(x) + stats.kurtosis(x) * z + stats.gmean(x**2, axis=None)


def alike(x, y):
    r, _ = pearsonr(x, y)
    return r * stats.entropy(x**2, y**2)
