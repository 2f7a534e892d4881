"""The gamma function, its logarithm and derivatives, beta functions, and their incomplete integrals."""

from flatgrad.builder import xp
from flatgrad.registry import constant, elementwise, probe
from flatgrad.rules.special import PAIRS, POSITIVE, written
from flatgrad.shapes import elementwise_float as real
from flatgrad.shapes import with_options


@elementwise(at=[*POSITIVE, (-1.4,)], shape=real)
def gamma(x, /, *, y):
    return y * xp.digamma(x)


@elementwise(at=[*POSITIVE, (-1.4,)], shape=real)
def gammaln(x, /):
    return xp.digamma(x)


@elementwise(at=POSITIVE, shape=real)
def loggamma(x, /):
    return xp.digamma(x)


@elementwise(at=POSITIVE, shape=real)
def rgamma(x, /, *, y):
    return -y * xp.digamma(x)


@elementwise(at=POSITIVE, shape=real)
def digamma(x, /):
    return xp.polygamma(x, n=1)


@elementwise(at=[probe(1.4, n=1), probe([0.3, 2.2], n=2)], shape=with_options)
def polygamma(x, /, n=...):
    return xp.polygamma(x, n=n + 1)


@elementwise(at=PAIRS, shape=real)
def beta(a, b, /, *, y):
    both = xp.digamma(a + b)
    return y * (xp.digamma(a) - both), y * (xp.digamma(b) - both)


@elementwise(at=PAIRS, shape=real)
def betaln(a, b, /):
    both = xp.digamma(a + b)
    return xp.digamma(a) - both, xp.digamma(b) - both


@elementwise(at=[(4.6, 1.7)], shape=real)
def binom(n, k, /, *, y):
    rest = xp.digamma(n - k + 1)
    return y * (xp.digamma(n + 1) - rest), y * (rest - xp.digamma(k + 1))


@elementwise(at=PAIRS, shape=real)
def poch(z, m, /, *, y):
    both = xp.digamma(z + m)
    return y * (both - xp.digamma(z)), y * both


@elementwise(at=[probe(3.4, d=1), probe([3.4, 5.2], d=3)], shape=with_options)
def multigammaln(a, /, d=...):
    if not isinstance(d, int):
        raise NotImplementedError(
            "multigammaln with a dimension that is not a number written down"
        )
    total = xp.digamma(a)
    for j in range(1, d):
        total = total + xp.digamma(a - j / 2)
    return total


@elementwise(at=[probe(1.4, a=2.3), probe([0.3, 2.2], a=0.7)], shape=with_options)
def gammainc(x, /, a=...):
    return gamma_density(x, a)


@elementwise(at=[probe(1.4, a=2.3), probe([0.3, 2.2], a=0.7)], shape=with_options)
def gammaincc(x, /, a=...):
    return -gamma_density(x, a)


@elementwise(at=[probe(0.4, a=2.3), probe([0.1, 0.8], a=0.7)], shape=with_options)
def gammaincinv(p, /, a=..., *, y):
    return 1 / gamma_density(y, a)


@elementwise(at=[probe(0.4, a=2.3), probe([0.1, 0.8], a=0.7)], shape=with_options)
def gammainccinv(p, /, a=..., *, y):
    return -1 / gamma_density(y, a)


def gamma_density(x, a):
    return xp.exp(xp.xlogy(a - 1, x) - x - xp.gammaln(written(a, x)))


@elementwise(
    at=[probe(0.4, a=2.3, b=1.6), probe([0.1, 0.8], a=0.7, b=3.0)], shape=with_options
)
def betainc(x, /, a=..., b=...):
    return beta_density(x, a, b)


@elementwise(
    at=[probe(0.4, a=2.3, b=1.6), probe([0.1, 0.8], a=0.7, b=3.0)], shape=with_options
)
def betaincinv(p, /, a=..., b=..., *, y):
    return 1 / beta_density(y, a, b)


def beta_density(x, a, b):
    whole = xp.betaln(written(a, x), b)
    return xp.exp(xp.xlogy(a - 1, x) + xp.xlog1py(b - 1, -x) - whole)


@elementwise(at=[(2.3,), ([0.4, 3.0, -1.5],)], shape=real)
def factorial(n, /, exact=False, *, y):
    """gamma(n + 1), and 0 below 0; of whole numbers where exact."""
    if exact is not False:
        return None
    return y * xp.digamma(xp.maximum(n, 0) + 1)


@elementwise(at=[(4.6, 1.7), ([4.6, 1.4], 1.7)], shape=real)
def comb(n, k, /, exact=False, repetition=False, *, y):
    """binom(n, k) where 0 <= k <= n, else 0; of whole numbers where exact."""
    if repetition is not False:
        raise NotImplementedError("comb with repetition")
    if exact is not False:
        return None, None
    rest = xp.digamma(xp.maximum(n - k, 0) + 1)
    of_n, of_k = (xp.digamma(xp.maximum(v, 0) + 1) for v in (n, k))
    return y * (of_n - rest), y * (rest - of_k)


@elementwise(at=[probe(1.4, x=2.5), probe([0.3, 2.2], x=3)], shape=with_options)
def zeta(q=1, /, x=...):
    """Hurwitz; no derivative in x is known in closed form."""
    return -x * xp.zeta(q, x=x + 1)


constant("gammasgn", "whole_factorial", "whole_comb", shape=real)
