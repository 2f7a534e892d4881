"""Structures of arrays: a tree -> its leaves, and a tree of other leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def mapped(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The tree with `function` of each leaf, and of the leaves of the others at the same place."""
    if isinstance(tree, Mapping):
        return {
            k: mapped(function, v, *(o[k] for o in others)) for k, v in tree.items()
        }
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*_each(function, tree, others))
    if isinstance(tree, list | tuple):
        return type(tree)(_each(function, tree, others))
    return function(tree, *others)


def _each(function: Callable[..., Any], tree: Any, others: Any) -> list[Any]:
    return [mapped(function, *parts) for parts in zip(tree, *others, strict=True)]


def apart(gradient: Any, *others: Any) -> Any:
    """Arrays that share their memory with no other one of the gradient, nor with what is given besides."""
    seen = {id(owner(leaf)) for other in others for leaf in leaves(other)}

    def own(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        shared = id(owner(leaf)) in seen or not leaf.flags.writeable
        seen.add(id(owner(leaf)))
        return leaf.copy() if shared else leaf

    return mapped(own, gradient)


def owner(leaf: Any) -> Any:
    """The array whose memory a view shows."""
    while isinstance(leaf, np.ndarray) and isinstance(leaf.base, np.ndarray):
        leaf = leaf.base
    return leaf


def leaves(tree: Any) -> list[Any]:
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def as_gradient(gradient: Any, of: Any) -> Any:
    """A gradient in the very structure of the argument, of fractions where that holds integers."""
    if isinstance(of, Mapping) and isinstance(gradient, Mapping):
        return {k: as_gradient(g, of[k]) if k in of else g for k, g in gradient.items()}
    if (
        isinstance(of, list | tuple)
        and isinstance(gradient, list | tuple)
        and len(of) == len(gradient)
    ):
        parts = [as_gradient(g, o) for g, o in zip(gradient, of, strict=True)]
        return type(of)(*parts) if hasattr(of, "_fields") else type(of)(parts)
    return as_float(gradient)


def as_float(gradient: Any) -> Any:
    """Integers, which are gradients where an argument was one, as fractions."""
    return mapped(_float, gradient)


def _float(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.astype(float) if leaf.dtype.kind in "iub" else leaf
    return float(leaf) if isinstance(leaf, int) else leaf


__all__ = ["apart", "as_float", "as_gradient", "leaves", "mapped", "owner"]
