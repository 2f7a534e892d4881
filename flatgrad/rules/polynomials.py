"""Classical orthogonal polynomials, DLMF 18.9.15 to 18.9.27: the derivative is one of the next lower degree.

The degree and the parameters are options: no derivative in them is known in closed form.
"""

from flatgrad.builder import xp
from flatgrad.registry import elementwise, probe
from flatgrad.shapes import with_options

DEGREES = [probe(0.4, n=0), probe([-1.0, 0.2, 1.0], n=3), probe([-0.7, 0.4], n=1)]


@elementwise(at=DEGREES, shape=with_options)
def eval_legendre(x, /, n=...):
    return xp.eval_gegenbauer(x, n=n - 1, alpha=1.5)


@elementwise(at=DEGREES, shape=with_options)
def eval_chebyt(x, /, n=...):
    return n * xp.eval_chebyu(x, n=n - 1)


@elementwise(at=DEGREES, shape=with_options)
def eval_chebyu(x, /, n=...):
    return 2 * xp.eval_gegenbauer(x, n=n - 1, alpha=2)


def lower(n):
    """One degree less; SciPy has no Hermite polynomials of degree -1, and 0 times 0 serves as well."""
    return max(n - 1, 0) if isinstance(n, int) else xp.maximum(n - 1, 0)


@elementwise(at=DEGREES, shape=with_options)
def eval_hermite(x, /, n=...):
    return 2 * n * xp.eval_hermite(x, n=lower(n))


@elementwise(at=DEGREES, shape=with_options)
def eval_hermitenorm(x, /, n=...):
    return n * xp.eval_hermitenorm(x, n=lower(n))


@elementwise(at=DEGREES, shape=with_options)
def eval_laguerre(x, /, n=...):
    return -xp.eval_genlaguerre(x, n=n - 1, alpha=1)


@elementwise(
    at=[probe(0.4, n=0, alpha=0.5), probe([0.2, 1.4], n=3, alpha=2)], shape=with_options
)
def eval_genlaguerre(x, /, n=..., alpha=...):
    return -xp.eval_genlaguerre(x, n=n - 1, alpha=alpha + 1)


@elementwise(
    at=[probe(0.4, n=0, alpha=0.5), probe([-0.2, 0.7], n=3, alpha=2)],
    shape=with_options,
)
def eval_gegenbauer(x, /, n=..., alpha=...):
    return 2 * alpha * xp.eval_gegenbauer(x, n=n - 1, alpha=alpha + 1)


@elementwise(
    at=[
        probe(0.4, n=0, alpha=0.5, beta=1.5),
        probe([-0.2, 0.7], n=3, alpha=2, beta=0.5),
    ],
    shape=with_options,
)
def eval_jacobi(x, /, n=..., alpha=..., beta=...):
    below = xp.eval_jacobi(x, n=n - 1, alpha=alpha + 1, beta=beta + 1)
    return (n + alpha + beta + 1) / 2 * below
