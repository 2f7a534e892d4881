"""Integrals of samples: each is linear in the samples, with weights that the rule gives for the unit vectors."""

from flatgrad.builder import xp
from flatgrad.registry import linear, probe
from flatgrad.rules.filters import transposed
from flatgrad.rules.matrices import rank
from flatgrad.shapes import learn, option
from flatgrad.types import Shape, join

SAMPLES = [0.3, -1.2, 0.8, 1.1, -0.4]
TABLE = [[0.3, -1.2, 0.8, 1.1], [0.7, 0.2, -0.5, 0.9]]
PLACES = [0.0, 0.4, 1.1, 1.5, 2.3]


def spacing(x, dx):
    """Where the samples were taken."""
    if x is None:
        return {} if dx == 1.0 else {"dx": dx}
    if not isinstance(x, list) and rank(x) != 1:
        raise NotImplementedError("an integral over places that are not known to be a vector: give their --shape")  # fmt: skip
    return {"x": x}


def without_last(eqn):
    learn(eqn.out.type, "float")
    y = eqn.args[0].type.shape
    if y.dims and option(eqn, "axis") == -1:
        join(eqn.out.type.shape, Shape(y.dims[:-1]))


def scanned(eqn):
    learn(eqn.out.type, "float")


@linear(
    at=[(SAMPLES,), (TABLE,), probe(SAMPLES, dx=0.3), probe(SAMPLES, x=PLACES)],
    shape=without_last,
)
def simpson(y, /, x=None, dx=1.0, axis=-1, *, g):
    if axis != -1 and not (axis == 0 and rank(y) == 1):
        raise NotImplementedError("simpson along other than the last axis")
    weights = xp.simpson(xp.eye(xp.shape(y)[-1]), **spacing(x, dx))
    return g * weights if rank(y) == 1 else xp.expand_dims(g, axis=-1) * weights


@linear(
    at=[(SAMPLES,), (TABLE,), probe(TABLE, axis=0, initial=0), probe(SAMPLES, x=PLACES, initial=0), probe(SAMPLES, dx=0.3)],
    shape=scanned,
)  # fmt: skip
def cumulative_trapezoid(y, /, x=None, dx=1.0, axis=-1, initial=None, *, g):
    how = spacing(x, dx) | ({} if initial is None else {"initial": initial})
    return transposed(lambda e: xp.cumulative_trapezoid(e, axis=0, **how), g, y, axis)
