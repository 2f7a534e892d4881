"""What torch's layers compute, with NumPy: by their definition, for small arrays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

Array = Any


def gather(x: Array, index: Array, axis: int) -> Array:
    """An axis other than `axis` may be longer than that of the index."""
    return np.asarray(x)[_places(index, axis)]


def scatter(x: Array, index: Array, value: Array, axis: int) -> Array:
    x = np.array(x)
    x[_places(index, axis)] = value
    return x


def scatter_add(x: Array, index: Array, value: Array, axis: int) -> Array:
    x = np.array(x)
    np.add.at(x, _places(index, axis), value)
    return x


def add_along(x: Array, index: Array, value: Array, axis: int) -> Array:
    x = np.array(x)
    place: Any = (*[slice(None)] * axis, np.asarray(index))
    np.add.at(x, place, value)
    return x


def _places(index: Array, axis: int) -> tuple[Array, ...]:
    index = np.asarray(index)
    places: list[Array] = list(np.indices(index.shape, sparse=True))
    places[axis] = index
    return tuple(places)


# --- losses ------------------------------------------------------------------------------------------------------


def bernoulli_loss(p: Array, target: Array) -> Array:
    p, target = np.asarray(p), np.asarray(target)
    log_p, log_rest = (np.maximum(np.log(q), -100) for q in (p, 1 - p))
    return -(target * log_p + (1 - target) * log_rest)


def logistic_loss(x: Array, target: Array) -> Array:
    x = np.asarray(x)
    return np.maximum(x, 0) - x * target + np.log1p(np.exp(-np.abs(x)))


def one_hot(target: Array, count: int) -> Array:
    return np.eye(count, dtype=int)[np.asarray(target)]


def _log_softmax(x: Array, axis: int) -> Array:
    top = x - np.max(x, axis=axis, keepdims=True)
    return top - np.log(np.sum(np.exp(top), axis=axis, keepdims=True))


def cross_entropy(x: Array, target: Array, reduction: str = "mean", label_smoothing: float = 0.0) -> Array:  # fmt: skip
    x, target = np.asarray(x), np.asarray(target)
    axis = 0 if x.ndim == 1 else 1
    count = x.shape[axis]
    if target.ndim != x.ndim:
        target = np.moveaxis(one_hot(target, count), -1, axis)
    target = (1 - label_smoothing) * target + label_smoothing / count
    losses = -np.sum(target * _log_softmax(x, axis), axis=axis)
    return _reduced(losses, reduction)


def nll_loss(x: Array, target: Array, reduction: str = "mean") -> Array:
    x = np.asarray(x)
    axis = 0 if x.ndim == 1 else 1
    chosen = np.moveaxis(one_hot(target, x.shape[axis]), -1, axis)
    return _reduced(-np.sum(chosen * x, axis=axis), reduction)


def _reduced(losses: Array, reduction: str) -> Array:
    ways: dict[str, Any] = {"mean": np.mean, "sum": np.sum, "none": np.asarray}
    return ways[reduction](losses)


# --- activations and normalization -------------------------------------------------------------------------------


def gelu(x: Array, approximate: str = "none") -> Array:
    from scipy.special import ndtr

    x = np.asarray(x)
    if approximate == "none":
        return x * ndtr(x)
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


def selu(x: Array) -> Array:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))


def smooth_relu(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    z = beta * np.asarray(x)
    return np.where(z > threshold, x, np.logaddexp(0, z) / beta)


def standard(x: Array, axes: Any, eps: float) -> Array:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=axes, keepdims=True) + eps)


def _affine(y: Array, weight: Array, bias: Array, like: tuple[int, ...]) -> Array:
    y = y if weight is None else y * np.reshape(weight, like)
    return y if bias is None else y + np.reshape(bias, like)


def layer_norm(x: Array, weight: Array = None, bias: Array = None, shape: Any = (), eps: float = 1e-5) -> Array:  # fmt: skip
    sizes = shape if isinstance(shape, tuple) else (shape,)
    axes = tuple(range(-len(sizes), 0))
    return _affine(standard(np.asarray(x), axes, eps), weight, bias, sizes)


def batch_norm_of_batch(x: Array, weight: Array = None, bias: Array = None, eps: float = 1e-5) -> Array:  # fmt: skip
    x = np.asarray(x)
    axes = tuple(i for i in range(x.ndim) if i != 1)
    return _affine(standard(x, axes, eps), weight, bias, (-1, *[1] * (x.ndim - 2)))


def group_norm(x: Array, weight: Array = None, bias: Array = None, groups: int = 1, eps: float = 1e-5) -> Array:  # fmt: skip
    x = np.asarray(x)
    parts = standard(x.reshape(len(x), groups, -1), -1, eps).reshape(x.shape)
    return _affine(parts, weight, bias, (-1, *[1] * (x.ndim - 2)))


# --- windows -----------------------------------------------------------------------------------------------------


def _each(value: Any, n: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * n


def _windows(
    x: Array, sizes: tuple[int, ...], stride: Any, padding: Any, dilation: Any, fill: float = 0.0
) -> Iterator[tuple[tuple[int, ...], tuple[Any, ...]]]:  # fmt: skip
    """(place in the kernel, the slices of the padded x that it meets)"""
    n = len(sizes)
    steps, holes, frame = (_each(v, n) for v in (stride, dilation, padding))
    long = [s + 2 * p for s, p in zip(x.shape[-n:], frame, strict=True)]
    counts = [
        (m - h * (k - 1) - 1) // s + 1
        for m, h, k, s in zip(long, holes, sizes, steps, strict=True)
    ]
    for place in product(*map(range, sizes)):
        yield place, (
            ...,
            *(
                slice(i * h, i * h + s * (c - 1) + 1, s)
                for i, h, s, c in zip(place, holes, steps, counts, strict=True)
            ),
        )


def _padded(x: Array, n: int, padding: Any, fill: float = 0.0) -> Array:
    frame = [(0, 0)] * (x.ndim - n) + [(p, p) for p in _each(padding, n)]
    return np.pad(x, frame, constant_values=fill)


def conv(x: Array, weight: Array, bias: Array = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Array:  # fmt: skip
    x, weight = np.asarray(x), np.asarray(weight)
    n = x.ndim - 2
    padded = _padded(x, n, padding)
    total: Array = 0
    for place, part in _windows(x, weight.shape[2:], stride, padding, dilation):
        inputs = np.split(padded[part], groups, axis=1)
        taps = np.split(weight[(slice(None), slice(None), *place)], groups)
        total = total + np.concatenate(
            [np.einsum("nc...,mc->nm...", a, w) for a, w in zip(inputs, taps, strict=True)], axis=1
        )  # fmt: skip
    return total if bias is None else total + np.reshape(bias, (-1, *[1] * n))


def conv_input(shape: tuple[int, ...], weight: Array, g: Array, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Array:  # fmt: skip
    weight, n = np.asarray(weight), len(shape) - 2
    total = _padded(np.zeros(shape), n, padding)
    for place, part in _windows(np.zeros(shape), weight.shape[2:], stride, padding, dilation):  # fmt: skip
        gs = np.split(np.asarray(g), groups, axis=1)
        taps = np.split(weight[(slice(None), slice(None), *place)], groups)
        total[part] += np.concatenate(
            [np.einsum("nm...,mc->nc...", a, w) for a, w in zip(gs, taps, strict=True)], axis=1
        )  # fmt: skip
    return _unpadded(total, n, padding)


def conv_weight(x: Array, shape: tuple[int, ...], g: Array, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Array:  # fmt: skip
    x, n = np.asarray(x), len(shape) - 2
    padded = _padded(x, n, padding)
    found: Array = np.zeros(shape)
    for place, part in _windows(x, tuple(shape[2:]), stride, padding, dilation):
        gs, inputs = np.split(np.asarray(g), groups, axis=1), np.split(padded[part], groups, axis=1)  # fmt: skip
        found[(slice(None), slice(None), *place)] = np.concatenate(
            [np.tensordot(a, v, axes=([0, *range(2, n + 2)],) * 2) for a, v in zip(gs, inputs, strict=True)]
        )  # fmt: skip
    return found


def _unpadded(x: Array, n: int, padding: Any) -> Array:
    return x[(..., *(slice(p, m - p) for p, m in zip(_each(padding, n), x.shape[-n:], strict=True)))]  # fmt: skip


def _stacked(x: Array, n: int, kernel_size: Any, stride: Any, padding: Any, fill: float) -> tuple[Array, list[Any]]:  # fmt: skip
    sizes = _each(kernel_size, n)
    padded = _padded(np.asarray(x, float), n, padding or 0, fill)
    windows = list(_windows(np.asarray(x), sizes, stride or sizes, padding or 0, 1))
    return np.stack([padded[part] for _, part in windows]), windows


def max_pool(n: int, x: Array, kernel_size: Any, stride: Any = None, padding: Any = None) -> Array:  # fmt: skip
    return _stacked(x, n, kernel_size, stride, padding, -np.inf)[0].max(axis=0)


def max_pool_places(n: int, x: Array, kernel_size: Any, stride: Any = None, padding: Any = None) -> Array:  # fmt: skip
    """Where each maximum stands, counted over the last n axes together."""
    stacked, windows = _stacked(x, n, kernel_size, stride, padding, -np.inf)
    shape = np.shape(x)
    numbers = np.broadcast_to(np.arange(np.prod(shape[-n:])).reshape(shape[-n:]), shape)
    padded = _padded(numbers, n, padding or 0)
    places = np.stack([padded[part] for _, part in windows])
    return np.take_along_axis(places, stacked.argmax(axis=0)[None], axis=0)[0]


def avg_pool(n: int, x: Array, kernel_size: Any, stride: Any = None, padding: Any = None) -> Array:  # fmt: skip
    return _stacked(x, n, kernel_size, stride, padding, 0.0)[0].mean(axis=0)


def frame(x: Array, widths: tuple[int, ...], value: float = 0.0) -> Array:
    pairs = [widths[i : i + 2] for i in range(0, len(widths), 2)][::-1]
    pairs = [(0, 0)] * (np.ndim(x) - len(pairs)) + pairs
    return np.pad(x, pairs, constant_values=value)


def nearest(x: Array, times: tuple[int, ...]) -> Array:
    for i, n in enumerate(times):
        x = np.repeat(x, n, axis=i - len(times))
    return x


def unfold(x: Array, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:  # fmt: skip
    x, sizes = np.asarray(x), _each(kernel_size, 2)
    padded = _padded(x, 2, padding)
    parts = [padded[p] for _, p in _windows(x, sizes, stride, padding, dilation)]
    columns = np.stack(parts, axis=2)  # images, channels, places in the kernel, ...
    return columns.reshape(len(x), x.shape[1] * len(parts), -1)


def fold(x: Array, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:  # fmt: skip
    x, sizes = np.asarray(x), _each(kernel_size, 2)
    channels = x.shape[1] // (sizes[0] * sizes[1])
    image = np.zeros((len(x), channels, *output_size))
    total, windows = _padded(image, 2, padding), _windows(image, sizes, stride, padding, dilation)  # fmt: skip
    columns = x.reshape(len(x), channels, sizes[0] * sizes[1], -1)
    for i, (_, part) in enumerate(windows):
        total[part] += columns[:, :, i].reshape(total[part].shape)
    return _unpadded(total, 2, padding)


def attention(query: Array, key: Array, value: Array, mask: Array = None, is_causal: bool = False, scale: Any = None) -> Array:  # fmt: skip
    query, key, value = map(np.asarray, (query, key, value))
    scale = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ np.swapaxes(key, -1, -2) * scale
    scores = scores if mask is None else scores + mask
    if is_causal:
        scores = np.where(np.tril(np.ones_like(scores)) == 0, -np.inf, scores)
    return np.exp(_log_softmax(scores, -1)) @ value


def replaced(x: Array, index: Any, value: Array) -> Array:
    x = np.array(x)
    x[index] = value
    return x


def increased(x: Array, index: Any, value: Array) -> Array:
    x = np.array(x)
    np.add.at(x, index, value)
    return x


def chunk(x: Array, chunks: int, axis: int) -> tuple[Array, ...]:
    length = np.shape(x)[axis]
    each = -(-length // chunks)
    return tuple(np.split(x, range(each, length, each), axis))


OPERATIONS: dict[str, Any] = {
    "chunk": chunk,
    "gather": gather, "scatter": scatter, "scatter_add": scatter_add, "add_along": add_along,
    "bernoulli_loss": bernoulli_loss, "logistic_loss": logistic_loss, "one_hot": one_hot,
    "cross_entropy": cross_entropy, "nll_loss": nll_loss,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "silu": lambda x: x / (1 + np.exp(-np.asarray(x))), "gelu": gelu, "selu": selu, "smooth_relu": smooth_relu,
    "leaky_relu": lambda x, slope=0.01: np.where(np.asarray(x) > 0, x, slope * np.asarray(x)),
    "elu": lambda x, alpha=1.0: np.where(np.asarray(x) > 0, x, alpha * np.expm1(x)),
    "celu": lambda x, alpha=1.0: np.where(np.asarray(x) > 0, x, alpha * np.expm1(np.asarray(x) / alpha)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "layer_norm": layer_norm, "batch_norm_of_batch": batch_norm_of_batch, "group_norm": group_norm,
    "conv1d": conv, "conv2d": conv, "conv1d_input": conv_input, "conv2d_input": conv_input,
    "conv1d_weight": conv_weight, "conv2d_weight": conv_weight,
    "max_pool1d": lambda x, **o: max_pool(1, x, **o), "max_pool2d": lambda x, **o: max_pool(2, x, **o),
    "max_pool1d_places": lambda x, **o: max_pool_places(1, x, **o),
    "max_pool2d_places": lambda x, **o: max_pool_places(2, x, **o),
    "avg_pool1d": lambda x, **o: avg_pool(1, x, **o), "avg_pool2d": lambda x, **o: avg_pool(2, x, **o),
    "scaled_dot_product_attention": attention, "replaced": replaced, "increased": increased, "nearest": nearest, "frame": frame, "unfold": unfold, "fold": fold,
    "full_of": lambda like, shape, value: np.full(shape, value),
    "flatten_last": lambda x, count: np.reshape(x, (*np.shape(x)[:-count], -1)),
    "squeeze_if_single": lambda x, axis: np.squeeze(x, axis) if np.shape(x)[axis] == 1 else np.asarray(x),
    "to": lambda x, kind=None: x, "to_like": lambda x, other: x,
    "to_integers": lambda x, kind="int": np.asarray(x).astype(kind),
}  # fmt: skip
