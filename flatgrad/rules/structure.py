"""Operations that only name, hold or pass values on."""

import numpy as np

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import constant, general, linear, probe
from flatgrad.rules.arithmetic import absent
from flatgrad.types import join

VECTOR = (1.3, -0.4, 0.7)


@linear(at=(VECTOR,), shape=shapes.same)
def alias(x, /, *, g):
    return g


constant("text", shape=shapes.giving("str", shapes.anything))
constant("test", shape=shapes.giving("bool", shapes.anything))
constant("external", shape=shapes.external)
constant("constant_array", shape=shapes.cast)


def _picked_log_softmax_shape(eqn):
    index = eqn.args[2].type
    if index.items:
        join(eqn.out.type.shape, index.items[0].shape)


SCORES = [[0.2, -0.4, 1.1], [0.9, 0.3, -0.5]]
NORMALISED = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
PICKED = ([0, 1], [2, 0])


@general(
    at=[
        (SCORES, NORMALISED.tolist(), PICKED),
        probe(SCORES, np.log(NORMALISED).tolist(), PICKED, logarithm=True),
    ],
    shape=_picked_log_softmax_shape,
)
def picked_log_softmax(x, p, index, /, logarithm=False):
    """log(p[arange(N), y]) where p = softmax(x); `p` is given, or its logarithm, and carries no gradient."""

    def jvp(dx, dp, di):
        if absent(dx):
            return 0
        q = xp.exp(p) if logarithm else p
        return dx[index] - xp.sum(q * dx, axis=1)

    def vjp(g):
        q = xp.exp(p) if logarithm else p
        return (
            xp.index_add(q, index, -1, repeats=False) * xp.expand_dims(-g, axis=1),
            None,
            None,
        )

    return jvp, vjp
