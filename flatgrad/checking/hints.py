"""A wrong gradient and the right one -> what is probably the matter, as far as the numbers show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, permutations
from typing import Any

import numpy as np

from flatgrad.checking.trees import Array, leaves

CLOSE = 1e-5  # of the largest entry: more than rounding, less than a mistake


def hint(got: Array, right: Array, inputs: Mapping[str, Any]) -> str:
    """One sentence about the difference."""
    if got.shape != right.shape:
        return _about_shape(got, right)
    found = next(_about_numbers(got, right, inputs), None)
    return found or _about_entries(got, right)


def same(a: Array, b: Array) -> bool:
    """Equal up to rounding, of the largest entry."""
    if a.shape != b.shape:
        return False
    scale = max(_size(a), _size(b))
    return bool(np.all(np.abs(a - b) <= CLOSE * scale))


def _size(a: Array) -> float:
    return float(np.max(np.abs(a), initial=0.0))


def _about_shape(got: Array, right: Array) -> str:
    shapes = f"it has shape {got.shape} and not {right.shape}"
    if got.ndim == right.ndim and got.T.shape == right.shape:
        return f"{shapes}: it is transposed" + (", else right" * same(got.T, right))
    summed = _summed(got, right)
    if summed is not None:
        axes, agrees = summed
        named = f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"
        if got.size == right.size:
            return f"{shapes}: reshape it"
        rest = " and it is right" if agrees else ""
        return f"{shapes}: sum it over {named}{rest}"
    if got.size == right.size:
        agrees = same(got.reshape(right.shape), right)
        return f"{shapes}: reshape it" + (" and it is right" * agrees)
    return shapes


def _summed(got: Array, right: Array) -> tuple[tuple[int, ...], bool] | None:
    """The axes over which the sum has the right shape, those first that give the right numbers."""
    fits = []
    for count in range(1, got.ndim + 1):
        for axes in combinations(range(got.ndim), count):
            for keep in (False, True):
                total = got.sum(axis=axes, keepdims=keep)
                if total.shape == right.shape:
                    fits.append((axes, same(total, right)))
    return max(fits, key=lambda fit: fit[1], default=None)


def _about_numbers(
    got: Array, right: Array, inputs: Mapping[str, Any]
) -> Iterator[str]:
    if not np.isfinite(got).all():
        yield "it holds values that are not finite"
        return
    if _size(got) == 0:
        yield "it is zero everywhere: is it ever filled in?"
        return
    if _size(right) == 0:
        yield "it should be zero everywhere"
        return
    if same(got, -right):
        yield "its sign is wrong"
    if (factor := _factor(got, right)) is not None:
        yield _about_factor(factor, inputs)
    if got.ndim >= 2 and same(got.swapaxes(-1, -2), right):
        yield "it is transposed"
    yield from _about_offsets(got, right, inputs)


def _factor(got: Array, right: Array) -> float | None:
    """The one number by which it is too large."""
    factor = float(np.real(np.vdot(right, got) / np.vdot(right, right)))
    return factor if factor and same(got, factor * right) else None


def _about_factor(factor: float, inputs: Mapping[str, Any]) -> str:
    for name, length in _lengths(inputs):
        if np.isclose(factor, length, rtol=CLOSE):
            return f"it is {length} times too large: divide by {name}"
        if np.isclose(factor * length, 1, rtol=CLOSE):
            return f"it is {length} times too small: {name} divides it once too often"
    for name, value in _plain_numbers(inputs):
        if np.isclose(factor, value, rtol=CLOSE):
            return f"it has a factor {name} too many"
        if np.isclose(factor * value, 1, rtol=CLOSE):
            return f"a factor {name} is missing"
    for (name, length), (other, shorter) in permutations(_lengths(inputs), 2):
        plain = length % shorter == 0 or shorter % length == 0
        if not plain and np.isclose(factor, length / shorter, rtol=CLOSE):
            return f"it is {name} / {other} times what it should be"
    if abs(factor) >= 1:
        return f"it is {factor:.6g} times what it should be"
    return f"it is {1 / factor:.6g} times too small"


def _lengths(inputs: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """x.shape[0] and the like; each length once, and 1 not at all."""
    seen = {1}
    for leaf in _arrays(inputs):
        for axis, length in enumerate(leaf[1].shape):
            if length not in seen and length:
                seen.add(length)
                yield f"{leaf[0]}.shape[{axis}]", length
    for leaf in _arrays(inputs):
        if leaf[1].size not in seen and leaf[1].size:
            seen.add(leaf[1].size)
            yield f"{leaf[0]}.size", leaf[1].size


def _arrays(inputs: Mapping[str, Any]) -> Iterable[tuple[str, Array]]:
    for name, value in inputs.items():
        for leaf in leaves(name, value):
            yield leaf.name, leaf.numbers


def _plain_numbers(inputs: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in _arrays(inputs):
        if value.ndim == 0 and value.dtype.kind == "f" and abs(value) not in (0, 1):
            yield name, float(value)


def _about_offsets(
    got: Array, right: Array, inputs: Mapping[str, Any]
) -> Iterator[str]:
    """What is missing is a multiple of one of the inputs, as with a regularization."""
    missing = right - got
    for name, value in _arrays(inputs):
        if value.shape != right.shape or not value.ndim or value.dtype.kind != "f":
            continue
        factor = float(np.vdot(value, missing) / max(np.vdot(value, value), 1e-300))
        if factor and same(missing, factor * value):
            yield f"the term {factor:.6g} * {name} is missing: that of a regularization?"


def _about_entries(got: Array, right: Array) -> str:
    """How many entries differ, and where the first one is."""
    apart = np.abs(got - right) > CLOSE * _size(right)
    if got.ndim == 0:
        return f"it is {got.item():.8g} and not {right.item():.8g}"
    first = tuple(int(i) for i in np.argwhere(apart)[0]) if apart.any() else ()
    where = ", ".join(map(str, first))
    if not first:
        return "it differs by little more than rounding"
    told = f"[{where}] is {got[first]:.6g} and not {right[first]:.6g}"
    count = int(apart.sum())
    if count == got.size:
        return f"all of its entries differ: {told}"
    return f"{count} of its {got.size} entries differ: {told}"
