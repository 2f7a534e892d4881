"""Attention: Vaswani et al., Attention is all you need, 2017."""

from functools import reduce
from operator import add

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.registry import general, probe
from flatgrad.rules.arithmetic import absent, kind_of
from flatgrad.rules.axes import CUBE

QUERIES, KEYS = CUBE[0], CUBE[1]
VALUES = ((0.3, 0.9, 0.1), (-0.5, 0.2, 0.8), (1.1, -0.6, 0.4))
BIASES = ((0.1, -0.4, 0.3), (0.7, 0.2, -0.5), (-0.2, 0.6, 0.9))


def masked(scores, mask):
    """Where a mask of truth values is false, or of numbers is -inf, nothing is looked at."""
    if absent(mask):
        return scores
    match kind_of(mask) if isinstance(mask, Expr) else "float":
        case "bool":
            return xp.where(mask, scores, -float("inf"))
        case "float":
            return scores + mask
        case _:
            raise NotImplementedError(
                "a mask that may be of truth values or of numbers"
            )


@general(
    at=[probe(QUERIES, KEYS, VALUES), probe(QUERIES, KEYS, VALUES, scale=0.3), probe(QUERIES, KEYS, VALUES, is_causal=True),
        probe(QUERIES, KEYS, VALUES, BIASES)],
    shape=shapes.giving("float", shapes.anything),
)  # fmt: skip
def scaled_dot_product_attention(query, key, value, mask=None, /, is_causal=False, scale=None):  # fmt: skip
    """What is masked has the probability 0, and no gradient."""

    def scaled(scores):
        return (
            scores / xp.sqrt(xp.shape(query)[-1]) if scale is None else scores * scale
        )

    scores = masked(scaled(query @ key.mT), mask)
    if is_causal:
        scores = xp.where(xp.tril(xp.ones_like(scores)) == 0, -float("inf"), scores)
    p = xp.softmax(scores, axis=-1)

    def both(v):
        return p * (v - xp.sum(v * p, axis=-1, keepdims=True))

    def jvp(dquery, dkey, dvalue, dmask=None):
        moved = [] if dquery is None else [scaled(dquery @ key.mT)]
        moved += [] if dkey is None else [scaled(query @ dkey.mT)]
        moved += [] if dmask is None else [dmask]
        terms = [both(m) @ value for m in moved]
        terms += [] if dvalue is None else [p @ dvalue]
        return reduce(add, terms)

    def vjp(g):
        to_scores = both(g @ value.mT)
        inner = scaled(to_scores)
        return (
            fitted(inner @ key, query),
            fitted(inner.mT @ query, key),
            fitted(p.mT @ g, value),
            (
                None
                if absent(mask) or kind_of(mask) == "bool"
                else fitted(to_scores, mask)
            ),
        )

    return jvp, vjp
