"""A gradient and its differences -> how far they are apart, and whether that is more than can be.

An entry is right where |a - n| <= tolerance * max(|a|, |n|) + u. Here a is the gradient, n the number that differences
give, and u how far n itself may be off: by rounding, and by what the step leaves out. So a tiny entry between large
ones is not wrong for being drowned in rounding, and is wrong as soon as differences can tell that it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from flatgrad.checking.differences import Slope, Slopes
from flatgrad.checking.trees import Array

FLOOR = 1e-8  # in the relative error of the course
ROUGH = 1e-3  # of the largest entry: what differences must tell apart to mean anything


class Verdict(Enum):
    """What the table says of a row; the better ones first."""

    RIGHT = "ok"
    SKIPPED = "skipped"
    ROUGH = "differences too rough"
    CORNER = "not differentiable here?"
    WRONG = "WRONG"

    @property
    def passes(self) -> bool:
        return self in (Verdict.RIGHT, Verdict.SKIPPED)


@dataclass(frozen=True)
class Comparison:
    """One leaf: the errors of all entries that were looked at, and the worst entry of those that do not pass."""

    verdict: Verdict
    relative: float
    whole: float
    checked: int
    worst: int | None = None  # its flat index
    got: complex = 0.0
    wanted: complex = 0.0


def relative_error(a: Array, n: Array) -> float:
    """max |a - n| / max(1e-8, |a| + |n|), as CS231n measures it."""
    if a.size == 0:
        return 0.0
    return float(np.max(np.abs(a - n) / np.maximum(FLOOR, np.abs(a) + np.abs(n))))


def whole_error(a: Array, n: Array) -> float:
    """The same of the arrays as wholes, so that small entries count little."""
    size = float(np.linalg.norm(a) + np.linalg.norm(n))
    return float(np.linalg.norm(a - n)) / size if size else 0.0


def compared(gradient: Array, found: Slopes, tolerance: float) -> Comparison:
    """The gradient of a leaf against its differences."""
    indices = list(found.entries)
    a = np.array([gradient.flat[i] for i in indices])
    n = np.array([found.entries[i].value for i in indices])
    scale = float(np.max(np.abs(n), initial=0.0))
    verdicts = [
        _verdict(got, found.entries[i], scale, tolerance)
        for i, got in zip(indices, a.tolist(), strict=True)
    ]
    verdict = max(verdicts, key=_gravity, default=Verdict.RIGHT)
    errors = relative_error(a, n), whole_error(a, n)
    if verdict.passes:
        return Comparison(verdict, *errors, len(indices))
    worst = _worst(a, n, lambda k: verdicts[k] is verdict)
    return Comparison(
        verdict, *errors, len(indices), indices[worst], a[worst], n[worst]
    )


def _gravity(verdict: Verdict) -> int:
    return list(Verdict).index(verdict)


def _worst(a: Array, n: Array, counts: Callable[[int], bool]) -> int:
    apart = np.nan_to_num(np.abs(a - n), nan=np.inf)
    return max(filter(counts, range(len(a))), key=lambda k: float(apart[k]))


def _verdict(got: complex, slope: Slope, scale: float, tolerance: float) -> Verdict:
    if not np.isfinite(slope.value):
        return Verdict.CORNER
    if slope.corner:
        between = _between(got, slope, tolerance)
        return Verdict.CORNER if between else Verdict.WRONG
    size = max(abs(got), abs(slope.value))
    if abs(got - slope.value) > tolerance * size + slope.uncertainty or got != got:
        return Verdict.WRONG
    if slope.uncertainty > ROUGH * max(scale, abs(got)) + FLOOR:
        return Verdict.ROUGH
    return Verdict.RIGHT


def _between(got: complex, slope: Slope, tolerance: float) -> bool:
    """At a corner anything between left and right is as good."""
    room = tolerance * max(abs(slope.left), abs(slope.right), 1.0)
    room += 1e-3 * abs(slope.right - slope.left)
    sides = [(np.real(s), np.imag(s)) for s in (slope.left, slope.right, got)]
    (l_re, l_im), (r_re, r_im), (re, im) = sides
    return bool(
        min(l_re, r_re) - room <= re <= max(l_re, r_re) + room
        and min(l_im, r_im) - room <= im <= max(l_im, r_im) + room
    )
