"""Random numbers: the draw itself is constant, its place and scale are not."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import constant, elementwise, probe
from flatgrad.rules.arithmetic import VECTOR, without_derivative

# How a draw moves with these parameters is not said by the draw alone.
DRAWN = (
    "random_choice", "random_permutation", "random_beta", "random_gamma", "random_standard_gamma", "random_dirichlet",
    "random_multivariate_normal", "random_chisquare", "random_standard_t", "random_weibull", "random_multinomial",
)  # fmt: skip


@elementwise(at=[(0.3, 1.7), probe(VECTOR, 0.6, size=3)], shape=shapes.drawn)
def random_normal(loc=0.0, scale=1.0, /, size=None, *, y):
    return 1, (y - loc) / scale


@elementwise(at=[(0.3, 1.7), probe(-3.0, VECTOR, size=3)], shape=shapes.drawn)
def random_uniform(low=0.0, high=1.0, /, size=None, *, y):
    return (high - y) / (high - low), (y - low) / (high - low)


@elementwise(at=[(0.3, 1.7), probe(VECTOR, 0.6, size=3)], shape=shapes.drawn)
def random_laplace(loc=0.0, scale=1.0, /, size=None, *, y):
    return 1, (y - loc) / scale


@elementwise(at=[(0.3, 1.7), probe(VECTOR, 0.6, size=3)], shape=shapes.drawn)
def random_logistic(loc=0.0, scale=1.0, /, size=None, *, y):
    return 1, (y - loc) / scale


@elementwise(at=[(0.3, 1.7), probe(VECTOR, 0.6, size=3)], shape=shapes.drawn)
def random_gumbel(loc=0.0, scale=1.0, /, size=None, *, y):
    return 1, (y - loc) / scale


@elementwise(at=[(0.3, 0.7), probe(VECTOR, 0.6, size=3)], shape=shapes.drawn)
def random_lognormal(mean=0.0, sigma=1.0, /, size=None, *, y):
    return y, y * (xp.log(y) - mean) / sigma


@elementwise(at=[(1.7,), probe(0.6, size=3)], shape=shapes.drawn)
def random_exponential(scale=1.0, /, size=None, *, y):
    return y / scale


constant("random_seed", "random_bytes")
constant(
    "random_default_rng",
    "random_state",
    shape=shapes.giving("generator", shapes.anything),
)
constant(
    "random_rand", "random_randn", shape=shapes.giving("float", shapes.drawn_with_shape)
)
constant(
    "random_random", "random_standard_normal", "random_standard_exponential",
    shape=shapes.giving("float", shapes.drawn),
)  # fmt: skip
constant(
    "random_randint",
    "random_integers",
    "random_binomial",
    "random_poisson",
    "random_geometric",
    shape=shapes.giving("int", shapes.drawn),
)
without_derivative(*DRAWN, shape=shapes.anything)
