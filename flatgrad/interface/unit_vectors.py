"""A tree of numbers -> trees with a single 1; what a linear map gives for each of these -> its matrix, as trees.

The matrix has the structure of the result, with the structure of the argument in place of each array of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from flatgrad.interface.arguments import library_of_value
from flatgrad.interface.trees import leaves, mapped


def size(*trees: Any) -> int:
    """How many numbers the trees hold."""
    return sum(int(np.prod(np.shape(leaf))) for leaf in leaves(list(trees)))


def zeros(tree: Any) -> Any:
    return mapped(lambda leaf: _as(leaf, np.zeros(np.shape(leaf))), tree)


def units(tree: Any) -> Iterator[Any]:
    """Trees of zeros with a single 1, in the order of the leaves."""
    for position, leaf in enumerate(leaves(tree)):
        for index in np.ndindex(np.shape(leaf)):
            unit = np.zeros(np.shape(leaf))
            unit[index] = 1.0
            yield _with_leaf(tree, position, _as(leaf, unit))


def _as(leaf: Any, array: Any) -> Any:
    """Fractions as an array of the library of the leaf, as precise as those of the leaf."""
    library, dtype = _library(leaf), getattr(leaf, "dtype", None)
    exact = any(word in str(dtype) for word in ("int", "bool", "complex", "object"))
    if library is np:
        kept = isinstance(dtype, np.dtype) and dtype.kind == "f"
        return array.astype(dtype if kept else float)[()]
    if library.__name__ == "torch":
        own = library.get_default_dtype() if exact else dtype
        return library.as_tensor(array, dtype=own, device=leaf.device)
    return library.asarray(array, dtype=None if exact else dtype)


def _library(leaf: Any) -> Any:
    """numpy, torch or jax.numpy."""
    name = {"torch": "torch", "jax": "jax.numpy"}.get(library_of_value(type(leaf)))
    return sys.modules.get(name or "numpy", np)


def _with_leaf(tree: Any, position: int, unit: Any) -> Any:
    numbers = count()
    return mapped(lambda leaf: unit if next(numbers) == position else zeros(leaf), tree)


def of_rows(rows: Sequence[Any], result: Any, like: Any) -> Any:
    """From gradients, which are arranged like `like`, one for each number of the result."""
    remaining = iter(rows)

    def of_leaf(leaf: Any) -> Any:
        shape = np.shape(leaf)
        own = [next(remaining) for _ in range(size(leaf))]

        def stacked(argument: Any, *parts: Any) -> Any:
            return _stacked(parts, 0, (*shape, *np.shape(argument)))

        return mapped(stacked, like, *own)

    return mapped(of_leaf, result)


def of_columns(
    columns: Sequence[Any],
    result: Any,
    arguments: Sequence[Any],
    arranged: Callable[[tuple[Any, ...]], Any],
) -> Any:
    """From tangents of the result, one for each number of the arguments, which are then arranged."""

    def of_leaf(leaf: Any, *tangents: Any) -> Any:
        if leaf is None:
            return None
        remaining = iter(tangents)

        def stacked(argument: Any) -> Any:
            whole = (*np.shape(leaf), *np.shape(argument))
            parts = [next(remaining) for _ in range(size(argument))]
            return _stacked(parts, -1, whole)

        return arranged(tuple(mapped(stacked, argument) for argument in arguments))

    return mapped(of_leaf, result, *columns)


def _stacked(parts: Sequence[Any], axis: int, shape: tuple[int, ...]) -> Any:
    if not parts:
        return np.zeros(shape)
    return _library(parts[0]).stack(tuple(parts), axis).reshape(shape)


__all__ = ["of_columns", "of_rows", "size", "units", "zeros"]
