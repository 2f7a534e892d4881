"""Rows and tests -> the text of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flatgrad.checking.differences import Slopes
from flatgrad.checking.trees import Array, Leaf
from flatgrad.checking.verdicts import Comparison, Verdict

HEAD = (
    "input",
    "shape",
    "largest |gradient|",
    "relative error",
    "of the whole",
    "method",
    "verdict",
)


@dataclass(frozen=True)
class Row:
    """What was found for one array among the inputs."""

    parameter: str
    leaf: Leaf
    verdict: Verdict
    method: str = ""
    gradient: Array | None = None
    comparison: Comparison | None = None
    note: str = ""
    found: Slopes | None = None

    @classmethod
    def skipped(cls, parameter: str, leaf: Leaf, why: str) -> Row:
        return cls(parameter, leaf, Verdict.SKIPPED, note=why)

    @classmethod
    def misshapen(cls, parameter: str, leaf: Leaf, gradient: Array | None) -> Row:
        shape = None if gradient is None else gradient.shape
        found = "there is none" if gradient is None else f"its gradient is {shape}"
        note = f"{found}, the input is {leaf.numbers.shape}"
        return cls(parameter, leaf, Verdict.WRONG, "shape", gradient, note=note)

    @classmethod
    def measured(
        cls,
        parameter: str,
        leaf: Leaf,
        gradient: Array,
        found: Slopes,
        comparison: Comparison,
    ) -> Row:
        size, some = gradient.size, comparison.checked
        method = found.method if some == size else f"{found.method}, {some} of {size}"
        verdict = comparison.verdict
        return cls(parameter, leaf, verdict, method, gradient, comparison, found=found)

    def cells(self) -> list[str]:
        c = self.comparison
        return [
            self.leaf.name,
            str(self.leaf.numbers.shape),
            "" if self.gradient is None else f"{largest(self.gradient):.3g}",
            "" if c is None else f"{c.relative:.1e}",
            "" if c is None else f"{c.whole:.1e}",
            self.method,
            f"skipped: {self.note}" if self.method == "" else self.verdict.value,
        ]

    def worst(self) -> str:
        """The entry that is furthest off, with both numbers."""
        c = self.comparison
        if c is None or c.worst is None:
            return f"{self.leaf.name}: {self.note}"
        index = np.unravel_index(c.worst, self.leaf.numbers.shape)
        where = f"[{', '.join(map(str, index))}]" if index else ""
        got, wanted = (number(v) for v in (c.got, c.wanted))
        return (
            f"{self.leaf.name}{where}: the gradient is {got}, differences say {wanted}"
        )


def number(value: complex) -> str:
    value = complex(value)
    return f"{value.real:.8g}" if value.imag == 0 else f"{value:.8g}"


def largest(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0))


@dataclass(frozen=True)
class Test:
    """What was found by one test of the whole."""

    label: str
    error: float | None
    verdict: Verdict
    note: str = ""

    def cells(self) -> list[str]:
        error = "" if self.error is None else f"{self.error:.1e}"
        said = f"skipped: {self.note}" if self.note else self.verdict.value
        return [self.label, error, said]


def table(rows: Sequence[Row]) -> list[str]:
    return aligned([list(HEAD), *(row.cells() for row in rows)])


def tests(found: Sequence[Test]) -> list[str]:
    return aligned([test.cells() for test in found])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns two spaces apart, two from the margin."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return [f"  {line}".rstrip() for line in lines]
