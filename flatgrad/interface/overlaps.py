"""Arguments that share memory: harmless while they are read, and no longer different inputs once one is overwritten.

What is emitted takes inputs for different arrays. Where two of them are one, it is looked whether a call changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flatgrad.errors import FlatgradError
from flatgrad.interface.refusing import refusal
from flatgrad.interface.trees import leaves, owner

Seen = list[tuple[str, str, Any, Any]]  # two names, the array, and what it held


def overlapping(names: Sequence[str], values: Sequence[Any]) -> Seen:
    """The arrays that are to be had by two names, as they are now."""
    first: dict[int, str] = {}
    found: Seen = []
    for name, value in zip(names, values, strict=True):
        for leaf in _arrays(value):
            memory = id(owner(leaf))
            if memory in first:
                found.append((first[memory], name, leaf, leaf.copy()))
            first.setdefault(memory, name)
    return found


def _arrays(value: Any) -> list[Any]:
    if type(value) is np.ndarray:
        return [value]
    if type(value) not in (dict, list, tuple):
        return []
    return [leaf for leaf in leaves(value) if type(leaf) is np.ndarray]


def refuse_overwritten(seen: Seen, function: str) -> None:
    for one, other, array, before in seen:
        if not np.array_equal(array, before, equal_nan=array.dtype.kind in "fc"):
            raise _overwritten(one, other, function)


def _overwritten(one: str, other: str, function: str) -> FlatgradError:
    what = f"{function} overwrites an array that is both {one} and {other}"
    return refusal("FG401", what, f"give it a copy: {other}.copy()")


__all__ = ["overlapping", "refuse_overwritten"]
