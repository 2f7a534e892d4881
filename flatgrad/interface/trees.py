"""Structures of arrays: a tree -> its leaves, and a tree of other leaves."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def mapped(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The tree with `function` of each leaf, and of the leaves of the others at the same place."""
    if isinstance(tree, Mapping):
        found = {
            k: mapped(function, v, *(o[k] for o in others)) for k, v in tree.items()
        }
        return rebuilt(tree, found)
    if isinstance(tree, list | tuple):
        return rebuilt(tree, _each(function, tree, others))
    return function(tree, *others)


def rebuilt(like: Any, items: Any) -> Any:
    """Items as a container of the kind of another one; of a kind of dict that is not Python's, as a dict."""
    match like:
        case defaultdict():
            return defaultdict(like.default_factory, items)
        case OrderedDict():
            return OrderedDict(items)
        case Mapping():
            return items
        case _:
            kind: Any = type(like)
            return kind(*items) if hasattr(like, "_fields") else kind(items)


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
        items = {
            k: as_gradient(g, of[k]) if k in of else g for k, g in gradient.items()
        }
        return rebuilt(of, items)
    if (
        isinstance(of, list | tuple)
        and isinstance(gradient, list | tuple)
        and len(of) == len(gradient)
    ):
        parts = [as_gradient(g, o) for g, o in zip(gradient, of, strict=True)]
        return rebuilt(of, parts)
    return _as_precise(as_float(gradient), of)


def _as_precise(gradient: Any, of: Any) -> Any:
    """Fractions as they are in the structure: zeros that gradients are added to have more digits."""
    numbers = np.ndarray | np.generic
    if not (isinstance(of, numbers) and isinstance(gradient, numbers)):
        return gradient
    fractions = of.dtype.kind == gradient.dtype.kind == "f"
    return gradient.astype(of.dtype, copy=False) if fractions else gradient


def as_float(gradient: Any) -> Any:
    """Integers, which are gradients where an argument was one, as fractions."""
    return mapped(_float, gradient)


def _float(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.astype(float) if leaf.dtype.kind in "iub" else leaf
    return float(leaf) if isinstance(leaf, int) else leaf


__all__ = ["apart", "as_float", "as_gradient", "leaves", "mapped", "owner", "rebuilt"]
