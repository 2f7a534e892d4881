"""Vectors scaled to length one, and values moved and scaled to mean 0 and variance 1, as layers of networks do."""

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.registry import composed, general, probe
from flatgrad.rules.arithmetic import absent, static
from flatgrad.rules.axes import CUBE, MATRIX, VECTOR, rank, together, written_down

OTHER = ((0.4, -0.6, 1.3), (0.9, 0.2, -0.7))
real = shapes.giving("float", shapes.same)


def length(x, p, axis):
    if written_down("p", p) != 2:
        raise NotImplementedError(f"a norm with p={p!r}")
    return xp.norm(x, axis=axis, keepdims=True)


@composed(at=[probe(MATRIX), probe(MATRIX, axis=0), probe(VECTOR, axis=0)], shape=real)
def normalize(x, /, p=2, axis=1, eps=1e-12):
    return x / xp.maximum(length(x, p, axis), eps)


@composed(
    at=[probe(MATRIX, OTHER), probe(MATRIX, OTHER, axis=0)],
    shape=shapes.giving("float", shapes.anything),
)
def cosine_similarity(x, other, /, axis=1, eps=1e-8):
    a, b = (xp.maximum(xp.norm(v, axis=axis), eps) for v in (x, other))
    return xp.sum(x * other, axis=axis) / (a * b)


@composed(
    at=[probe(MATRIX, OTHER), probe(MATRIX, OTHER, keepdims=True)],
    shape=shapes.giving("float", shapes.anything),
)
def pairwise_distance(x, other, /, p=2, eps=1e-6, keepdims=False):
    if written_down("p", p) != 2:
        raise NotImplementedError(f"a norm with p={p!r}")
    return xp.norm(x - other + eps, axis=-1, keepdims=keepdims)


# --- mean 0 and variance 1 ---------------------------------------------------------------------------------------


def standard(x, axes, eps):
    """(the values with mean 0 and variance 1 over the axes, both modes of how they move)

    Ioffe and Szegedy, Batch normalization, 2015; the matrix of derivatives is symmetric.
    """

    def mean(v):
        return xp.mean(v, axis=axes, keepdims=True)

    scale = xp.sqrt(xp.var(x, axis=axes, keepdims=True) + eps)
    y = (x - mean(x)) / scale

    def both(v):
        return (v - mean(v) - y * mean(v * y)) / scale

    return y, both


def placed(v, n, axis):
    """A vector of one number for each place along an axis of n."""
    return xp.expand_dims(v, axis=tuple(i for i in range(n - axis) if i)) if n - axis > 1 else v  # fmt: skip


def scaled(y, both, weight, bias, summed, spread):
    """Both modes of y * weight + bias, where weight and bias are spread over y."""

    def jvp(dx, dweight=None, dbias=None):
        moved = 0 if dx is None else both(dx)
        moved = moved if absent(weight) else moved * spread(weight)
        moved = moved if dweight is None else moved + y * spread(dweight)
        return moved if dbias is None else moved + spread(dbias)

    def vjp(g):
        to_weight = None if absent(weight) else summed(g * y, weight)
        to_bias = None if absent(bias) else summed(g, bias)
        return both(g if absent(weight) else g * spread(weight)), to_weight, to_bias

    return jvp, vjp


def normalized_axes(shape):
    """How many of the last axes are normalized together."""
    known = static(shape)
    if isinstance(known, Expr):
        items = known.atom.type.items
        if items is None and not known.atom.type.shape.is_scalar:
            raise NotImplementedError("a normalized shape of unknown length")
        return 1 if items is None else len(items)
    return len(known) if isinstance(known, tuple | list) else 1


WEIGHTS, BIASES = (0.7, 1.2, -0.4), (0.1, -0.3, 0.2)


@general(
    at=[probe(MATRIX, WEIGHTS, BIASES, shape=(3,)), probe(MATRIX, shape=3), probe(CUBE, shape=(3, 2)),
        probe(CUBE, ((0.7, 1.2), (-0.4, 0.3), (0.9, 0.5)), shape=(3, 2))],
    shape=real,
)  # fmt: skip
def layer_norm(x, weight=None, bias=None, /, shape=..., eps=1e-5):
    axes = together(range(-normalized_axes(shape), 0))
    y, both = standard(x, axes, eps)
    return scaled(y, both, weight, bias, fitted, lambda v: v)


@general(
    at=[probe(CUBE, WEIGHTS, BIASES), probe(MATRIX), probe(MATRIX, WEIGHTS, BIASES)],
    shape=real,
)
def batch_norm_of_batch(x, weight=None, bias=None, /, eps=1e-5):
    """With the mean and variance of the batch itself, for each place along axis 1."""
    n = rank(x)
    axes = together(i for i in range(n) if i != 1)
    y, both = standard(x, axes, eps)
    return scaled(
        y,
        both,
        weight,
        bias,
        lambda v, _: xp.sum(v, axis=axes),
        lambda v: placed(v, n, 1),
    )


@composed(
    at=[probe(CUBE, BIASES, (0.7, 1.2, 0.4), WEIGHTS, BIASES), probe(MATRIX, BIASES, (0.7, 1.2, 0.4))],
    shape=real,
)  # fmt: skip
def batch_norm(x, mean, var, weight=None, bias=None, /, eps=1e-5):
    """With a mean and a variance that are given."""
    n = rank(x)
    y = (x - placed(mean, n, 1)) / xp.sqrt(placed(var, n, 1) + eps)
    y = y if absent(weight) else y * placed(weight, n, 1)
    return y if absent(bias) else y + placed(bias, n, 1)


CHANNELS = tuple((m[0], m[1], m[2], m[0][::-1]) for m in CUBE)


@general(
    at=[probe(CHANNELS, (0.7, 1.2, -0.4, 0.5), (0.1, -0.3, 0.2, 0.6), groups=2), probe(CHANNELS, groups=1)],
    shape=real,
)  # fmt: skip
def group_norm(x, weight=None, bias=None, /, groups=..., eps=1e-5):
    n = rank(x)
    parts = xp.reshape(x, xp.tuple(xp.shape(x)[0], groups, -1) if isinstance(x, Expr) else (len(x), groups, -1))  # fmt: skip
    y, inner = standard(parts, -1, eps)
    shape = xp.shape(x)

    def both(v):
        return xp.reshape(inner(xp.reshape(v, xp.shape(parts))), shape)

    axes = together(i for i in range(n) if i != 1)
    return scaled(
        xp.reshape(y, shape),
        both,
        weight,
        bias,
        lambda v, _: xp.sum(v, axis=axes),
        lambda v: placed(v, n, 1),
    )
