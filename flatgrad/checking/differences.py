"""A function of arrays, at a point -> its derivative by numbers alone, with how far each number can be trusted.

The derivative is that of L = <seeds, outputs>, with respect to one leaf of the inputs. Three ways: central
differences with two steps, extrapolated; smaller steps where the first ones say too little; and the complex step
f(x + ih), which has no rounding to speak of, where the function computes the same for complex numbers. It is used
where every entry of a leaf agrees with the central differences, and nowhere else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from flatgrad.checking.trees import Array, precision
from flatgrad.errors import FlatgradError

MOST, FEWEST = 400, 5  # entries of one leaf that are looked at
PATIENCE = 10.0  # seconds for one leaf
CENTRAL, COMPLEX = "central differences", "complex step"
TINY = 1e-30  # the complex step: no difference is taken, so that none is lost
CORNER = 1e-3  # how far left and right must be apart, of their size
ROUNDINGS = 8  # of the outputs, that a difference may hold

Outputs = Callable[[Array], Sequence[Array]]


@dataclass(frozen=True)
class Slope:
    """One entry of the derivative: the number, how far it may be off, and what lies left and right of it."""

    value: complex
    uncertainty: float
    left: complex = 0.0
    right: complex = 0.0
    corner: bool = False


@dataclass(frozen=True)
class Slopes:
    """The entries of one leaf that were looked at, by flat index."""

    entries: dict[int, Slope]
    method: str

    def whole(self, shape: tuple[int, ...]) -> Array | None:
        """The derivative as an array; None if not all of it was looked at."""
        values = np.array([slope.value for slope in self.entries.values()])
        return values.reshape(shape) if values.size == math.prod(shape) else None


@dataclass(frozen=True)
class Point:
    """L as a function of one leaf, at `x`; `expected` only says where to stop looking closer."""

    outputs: Outputs
    seeds: Sequence[Array]
    x: Array
    expected: Array | None = None

    def at(self, x: Array) -> Sequence[Array]:
        return self.outputs(x)

    def between(self, upper: Sequence[Array], lower: Sequence[Array]) -> float:
        """<seeds, upper - lower>: outputs are subtracted first, which loses least."""
        pairs = zip(self.seeds, upper, lower, strict=True)
        return float(sum(np.real(np.vdot(s, u - v)) for s, u, v in pairs))

    def size(self, outputs: Sequence[Array]) -> float:
        pairs = zip(self.seeds, outputs, strict=True)
        return float(sum(np.sum(np.abs(s) * np.abs(o)) for s, o in pairs))


def slopes(point: Point, chosen: np.random.RandomState) -> Slopes:
    """The derivative with respect to the leaf, at all of its entries, or at as many as there is time for."""
    order = chosen.permutation(point.x.size)[:MOST].tolist()
    start, found = time.monotonic(), dict[int, Slope]()
    for index in order:
        found[index] = _slope(point, index)
        if time.monotonic() - start > PATIENCE and len(found) >= FEWEST:
            break
    found = dict(sorted(found.items()))
    sharper = _complex_steps(point, found)
    if sharper is not None:
        return Slopes(sharper, COMPLEX)
    return Slopes(found, CENTRAL)


def _slope(point: Point, index: int) -> Slope:
    """dL/dx, and for a complex entry dL/dRe + i dL/dIm."""
    real = _along(point, index, 1.0)
    if point.x.dtype.kind != "c":
        return real
    imaginary = _along(point, index, 1j)
    return Slope(
        real.value + 1j * imaginary.value,
        real.uncertainty + imaginary.uncertainty,
        real.left + 1j * imaginary.left,
        real.right + 1j * imaginary.right,
        real.corner or imaginary.corner,
    )


def _along(point: Point, index: int, direction: complex) -> Slope:
    """The derivative along one entry: larger steps first, smaller ones while it is not clear."""
    middle = point.at(point.x)
    tried = []
    for step in _steps(point, index, precision([*middle, point.x])):
        tried.append(_difference(point, index, direction * step, step, middle))
        if _settles(tried[-1], point, index, direction):
            return tried[-1]
    best = min(tried, key=lambda s: s.uncertainty)
    apart = [abs(s.right - s.left) for s in tried if s.corner]
    corner = len(apart) == len(tried) and min(apart) > 0.5 * max(apart[:1])
    return replace(best, corner=corner)


def _steps(point: Point, index: int, rounding: float) -> Iterator[float]:
    """By the size of the entry, then by that of its array where all of it is small."""
    entry = abs(point.x.flat[index])
    largest = float(np.max(np.abs(point.x)))
    unit = rounding**0.25
    whole = max(entry, 1.0)
    for factor in (1.0, 1e-2, 1e-4):
        yield unit * factor * whole
    if 0 < largest < 0.1:
        yield unit * max(entry, largest)


def _settles(slope: Slope, point: Point, index: int, direction: complex) -> bool:
    """No corner, and as clear as it need be to tell a right entry from a wrong one."""
    if slope.corner or not np.isfinite(slope.uncertainty):
        return False
    size = abs(slope.value)
    if point.expected is not None:
        size = max(size, 1e-2 * float(np.max(np.abs(point.expected))))
    return slope.uncertainty <= 1e-7 * size


def _difference(
    point: Point, index: int, move: complex, step: float, middle: Sequence[Array]
) -> Slope:
    """Central differences with a step and with half of it, extrapolated to none."""
    sides = [_sides(point, index, move * part, middle) for part in (1.0, 0.5)]
    (right, left), (near_right, near_left) = (
        (r / (step * part), l / (step * part))
        for (r, l), part in zip(sides, (1.0, 0.5), strict=True)
    )
    wide, narrow = (right + left) / 2, (near_right + near_left) / 2
    value = (4 * narrow - wide) / 3
    noise = ROUNDINGS * precision([*middle, point.x]) * point.size(middle) / step
    uncertainty = abs(narrow - wide) + noise
    apart, wide_apart = abs(near_right - near_left), abs(right - left)
    shown = apart > CORNER * (abs(near_right) + abs(near_left)) + 10 * noise
    corner = shown and apart > 0.75 * wide_apart
    if not np.isfinite(value):
        return Slope(value, np.inf, near_left, near_right, False)
    return Slope(value, uncertainty, near_left, near_right, bool(corner))


def _sides(
    point: Point, index: int, move: complex, middle: Sequence[Array]
) -> tuple[float, float]:
    """What L gains to the right, and what it loses to the left."""
    right = point.at(_moved(point.x, index, move))
    left = point.at(_moved(point.x, index, -move))
    return point.between(right, middle), point.between(middle, left)


def _moved(x: Array, index: int, move: complex) -> Array:
    moved = x.copy()
    moved.flat[index] += move if x.dtype.kind == "c" else np.real(move)
    return moved


def _complex_steps(point: Point, found: dict[int, Slope]) -> dict[int, Slope] | None:
    """The same by the complex step; None where one entry does not agree."""
    if point.x.dtype.kind != "f":
        return None
    sharper = {}
    for index, slope in found.items():
        value = _complex_step(point, index)
        if value is None or slope.corner or not np.isfinite(slope.value):
            return None
        if abs(value - slope.value) > slope.uncertainty + 1e-8 * abs(value):
            return None
        rounding = 64 * precision([point.x]) * abs(value)
        sharper[index] = replace(slope, value=value, uncertainty=rounding)
    return sharper


def _complex_step(point: Point, index: int) -> float | None:
    """Im L(x + ih) / h; None where the function does not compute with complex numbers."""
    x = point.x.astype(np.result_type(point.x.dtype, np.complex64))
    x.flat[index] += 1j * TINY
    try:
        outputs = point.at(x)
    except FlatgradError:
        return None
    if all(o.dtype.kind != "c" for o in outputs):
        return None
    pairs = zip(point.seeds, outputs, strict=True)
    total = sum(np.sum(s * np.imag(o)) for s, o in pairs if s.dtype.kind != "c")
    value = float(np.real(total)) / TINY
    return value if np.isfinite(value) else None
