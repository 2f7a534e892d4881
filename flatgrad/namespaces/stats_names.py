"""scipy.stats: distributions, whose methods all take the same parameters, and functions of a sample.

`norm.logpdf(x, loc, scale)` is the operation norm_logpdf: the distribution, then the method.
"""

# A distribution and its shape parameters, in SciPy's order.
CONTINUOUS = {
    "norm": "", "t": "df", "beta": "a, b", "gamma": "a", "chi2": "df", "expon": "", "uniform": "", "laplace": "",
    "logistic": "", "cauchy": "", "pareto": "b", "lognorm": "s", "truncnorm": "a, b", "gumbel_r": "", "gumbel_l": "",
    "weibull_min": "c", "invgamma": "a", "halfnorm": "", "halfcauchy": "", "f": "dfn, dfd", "rayleigh": "",
    "skewnorm": "a", "gennorm": "beta", "vonmises": "kappa", "wrapcauchy": "c", "maxwell": "", "chi": "df",
    "invgauss": "mu",
}  # fmt: skip
DISCRETE = {
    "poisson": "mu", "bernoulli": "p", "binom": "n, p", "geom": "p", "nbinom": "n, p", "betabinom": "n, a, b",
}  # fmt: skip
# A method and its first parameter.
OF_CONTINUOUS = {
    "pdf": "x", "logpdf": "x", "cdf": "x", "logcdf": "x", "sf": "x", "logsf": "x", "ppf": "q", "isf": "q",
}  # fmt: skip
OF_DISCRETE = {"pmf": "k", "logpmf": "k", "cdf": "k", "sf": "k"}


def home(op: str) -> list[str]:
    """Where to look for an operation in scipy.stats: for norm_logpdf, among the methods of norm."""
    return [f"scipy.stats.{op.rpartition('_')[0]}", "scipy.stats"]


def _lines(name: str, shapes: str, methods: dict[str, str], last: str) -> str:
    """One line for each method of a distribution."""
    found = []
    for method, first in methods.items():
        parameters = ", ".join(filter(None, (first, shapes, last)))
        found.append(f"{method} -> {name}_{method} ({parameters})")
    return "\n".join(found)


SIGNATURES = (
    {
        "scipy.stats.kstwobign": "pdf -> kstwobign_pdf (x)",
        "scipy.stats.multivariate_normal": """
        pdf -> multivariate_normal_pdf (x, mean, cov, allow_singular)
        logpdf -> multivariate_normal_logpdf (x, mean, cov, allow_singular)
        entropy -> multivariate_normal_entropy (mean, cov)
        """,
        "scipy.stats.dirichlet": """
        pdf -> dirichlet_pdf (x, alpha)
        logpdf -> dirichlet_logpdf (x, alpha)
        """,
        "scipy.stats.multivariate_t": "logpdf -> multivariate_t_logpdf (x, loc, shape, df)",
        "scipy.stats.wishart": "logpdf -> wishart_logpdf (x, df, scale)",
        "scipy.stats.invwishart": "logpdf -> invwishart_logpdf (x, df, scale)",
        "scipy.stats.matrix_normal": "logpdf -> matrix_normal_logpdf (X, mean, rowcov, colcov)",
        "scipy.stats.multinomial": "logpmf -> multinomial_logpmf (x, n, p)",
        "scipy.stats": """
        gmean(a, axis, dtype, weights, nan_policy, keepdims)
        hmean(a, axis, dtype, weights, nan_policy, keepdims)
        skew(a, axis, bias, nan_policy, keepdims)
        kurtosis(a, axis, fisher, bias, nan_policy, keepdims)
        zscore(a, axis, ddof, nan_policy)
        entropy(pk, qk, base, axis, nan_policy, keepdims)
        pearsonr(x, y_=y, alternative, method, axis)
        """,
    }
    | {
        f"scipy.stats.{name}": _lines(name, shapes, OF_CONTINUOUS, "loc, scale")
        for name, shapes in CONTINUOUS.items()
    }
    | {
        f"scipy.stats.{name}": _lines(name, shapes, OF_DISCRETE, "loc")
        for name, shapes in DISCRETE.items()
    }
)
