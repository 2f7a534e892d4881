"""Discrete distributions of scipy.stats: pmf and logpmf from the slopes of log p(k) in the parameters, cdf and sf from sums.

The count k is an option, and so is a number of trials: there is nothing to differentiate between whole numbers.
"""

from inspect import Parameter, Signature

from flatgrad.builder import Expr, xp
from flatgrad.graph import Var
from flatgrad.namespaces.stats_names import DISCRETE
from flatgrad.registry import elementwise, probe
from flatgrad.rules.continuous import is_number
from flatgrad.shapes import learn, with_options


def counted(eqn):
    """A count of which nothing else is known is a whole number."""
    with_options(eqn)
    k = eqn.attrs.get("k")
    if isinstance(k, Var) and k.type.kind == "any":
        learn(k.type, "int")


def mass(*at, fixed=(), counts=(2, 4), steep=False, rising=None):
    """Declare a distribution by the slopes of log p(k) in its parameters, and of its cdf where these are known.

    `at` are the parameters to test with; where `steep`, the slopes may be infinite where p(k) is 0.
    """

    def declare(slopes):
        def on_support(inside, slope):
            return xp.where(inside, slope, 0) if steep else inside * slope

        def pmf(y, k, *parameters):
            found = slopes(k, *parameters)
            return [y * (on_support(y > 0, s) if steep else s) for s in found]

        def logpmf(y, k, *parameters):
            return [on_support(xp.isfinite(y), s) for s in slopes(k, *parameters)]

        def cdf(y, k, *parameters):
            return list(rising(whole(k), *parameters))

        def sf(y, k, *parameters):
            return [-slope for slope in rising(whole(k), *parameters)]

        methods = (pmf, logpmf, cdf, sf) if rising else (pmf, logpmf)
        for partials in methods:
            _register(slopes.__name__, partials, at, fixed, counts)
        return slopes

    return declare


def _register(name, partials, at, fixed, counts):
    """The rule of one method."""
    shapes = DISCRETE[name].split(", ")
    data = [s for s in shapes if s not in fixed]
    called = f"{name}_{partials.__name__}"

    def formula(*given, k, loc=0, y, **options):
        known = dict(zip(data, given, strict=True)) | options
        count = k if is_number(loc, 0) else k - loc
        return tuple(partials(y, count, *(known[s] for s in shapes)))

    either = Parameter.POSITIONAL_OR_KEYWORD
    vars(formula)["__signature__"] = Signature(
        [
            *(Parameter(s, Parameter.POSITIONAL_ONLY) for s in data),
            *(Parameter(s, either, default=...) for s in ("k", *fixed)),
            Parameter("loc", either, default=0),
            Parameter("y", Parameter.KEYWORD_ONLY),
        ]
    )
    formula.__name__ = called
    values = dict(zip(shapes, at, strict=True))
    options = {s: values[s] for s in fixed}
    numbers = [values[s] for s in data]
    points = [
        probe(*numbers, k=counts[0], **options),
        probe(*([v, 0.9 * v] for v in numbers), k=counts[1] + 1, loc=1, **options),
    ]
    elementwise(at=points, shape=counted)(formula)


def whole(k):
    """A cdf is constant between whole numbers."""
    known = isinstance(k, int) or (isinstance(k, Expr) and k.atom.type.kind == "int")
    return k if known else xp.floor(k)


def ratio(k, p):
    """k / p, and 0 where nothing is counted, also for a p of 0."""
    return k / xp.where(k == 0, 1, p)


@mass(1.4, rising=lambda k, mu: (-xp.poisson_pmf(mu, k=k),))
def poisson(k, mu):
    return (ratio(k, mu) - 1,)


@mass(0.3, counts=(0, 1))
def bernoulli(k, p):
    return (ratio(k, p) - ratio(1 - k, 1 - p),)


@mass(5, 0.3, fixed=["n"], rising=lambda k, n, p: (-n * xp.binom_pmf(p, k=k, n=n - 1),))
def binom(k, n, p):
    return (ratio(k, p) - ratio(n - k, 1 - p),)


def before(k, p):
    """The derivative of 1 - (1 - p)^k, for k trials."""
    return ((k > 0) * k * (1 - p) ** xp.maximum(k - 1, 0),)


@mass(0.3, rising=before)
def geom(k, p):
    return (1 / p - ratio(k - 1, 1 - p),)


@mass(2.3, 0.4, steep=True)
def nbinom(k, n, p):
    return xp.digamma(k + n) - xp.digamma(n) + xp.log(p), n / p - ratio(k, 1 - p)


@mass(5, 2.3, 0.7, fixed=["n"], steep=True)
def betabinom(k, n, a, b):
    both = xp.digamma(a + b) - xp.digamma(n + a + b)
    return (
        xp.digamma(k + a) - xp.digamma(a) + both,
        xp.digamma(n - k + b) - xp.digamma(b) + both,
    )
