"""A tuple with no word "shape" before it: is it one, or does it list values?"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flatgrad.frontend.declarations.dims import NAME
from flatgrad.frontend.declarations.words import word_set

# ---- Tuples that stand alone ---------------------------------------------------------

# Names that look like a dimension: N, d_1, HH, tq, H1, n_samples, batch_size.
DIMENSION_NAME = re.compile(r"[a-zA-Z]{1,2}\d*'*|[A-Z]{3}\d*'*|[a-zA-Z]+_\w+'*")

DIMENSION_WORDS = word_set(
    "batch seq time hidden features feature channels height width heads classes "
    "samples vocab rows cols columns tokens embed embedding dim points steps"
)

# Coordinates, indices and functions, which more often stand in a pair than in a shape.
PAIRED = word_set("x y z X Y Z i j u v e f g")

# Two-letter words that are no dimension.
SHORT_WORDS = word_set(
    "an as at be by do go he if in is it me my no of on or so to up us we eq vs"
)


@dataclass(frozen=True)
class Variables:
    """The names that a tuple would list if it were no shape."""

    parameters: frozenset[str]
    others: frozenset[str] = frozenset()
    integers: frozenset[str] = frozenset()

    def listed(self, names: Collection[str]) -> set[str]:
        """Those of the names that are variables, and not whole numbers."""
        return (set(names) & (self.parameters | self.others)) - self.integers


def is_plausible(text: str, variables: Variables) -> bool:
    """Whether a tuple, with no word "shape" before it, can be nothing but a shape."""
    names = NAME.findall(text)
    return "," in text and bool(names) and not lists_values(names, variables)


def lists_values(names: Sequence[str], variables: Variables) -> bool:
    """Whether the names may be those of values: (x, y), (mean, std), (h, c)."""
    if not all(map(is_dimension_name, names)) or PAIRED.intersection(names):
        return True
    if set(names) in ({"a", "b"}, {"a", "b", "c"}, {"h", "c"}, {"s", "t"}):
        return True
    listed = variables.listed(names)
    one_size = len(listed) == 1 and all(name.isupper() for name in listed)
    return bool(listed) and not (one_size and len(set(names)) > 1)


def is_dimension_name(name: str) -> bool:
    """Whether people call a dimension so."""
    if name in SHORT_WORDS:
        return False
    return name in DIMENSION_WORDS or DIMENSION_NAME.fullmatch(name) is not None
