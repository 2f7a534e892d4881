"""Values that a function takes or returns -> their arrays of numbers, one by one, and back.

A tree is a number, an array, a tensor, or a dict, list or tuple of trees. A list of plain numbers is one leaf.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Tree = Any
Array = np.ndarray[Any, Any]
Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Leaf:
    """One array of numbers of a tree: what a table calls it, the way to it, and itself."""

    name: str
    keys: Keys
    value: Any

    @property
    def numbers(self) -> Array:
        return numbers(self.value)


def leaves(
    name: str, tree: Tree, keys: Keys = (), attribute: bool = False
) -> Iterator[Leaf]:
    """Every number and array of the tree, in order; p.w of a dict p, self.p['w'] of one that is an attribute."""
    if is_numeric(tree):
        yield Leaf(name, keys, tree)
        return
    attribute = attribute or (not keys and "." in name)
    for key, item in items(tree):
        longer = f"{name}[{key!r}]" if attribute else _name_of_item(name, key)
        yield from leaves(longer, item, (*keys, key), attribute)


def items(tree: Tree) -> list[tuple[Any, Tree]]:
    match tree:
        case dict():
            return list(tree.items())
        case list() | tuple():
            return list(enumerate(tree))
        case _:
            return []


def _name_of_item(name: str, key: Any) -> str:
    return f"{name}.{key}" if isinstance(key, str) else f"{name}[{key!r}]"


def item(tree: Tree, keys: Keys) -> Any:
    """What lies at the end of the way; KeyError, IndexError or TypeError if nothing does."""
    for key in keys:
        tree = tree[key]
    return tree


def with_item(tree: Tree, keys: Keys, value: Any) -> Tree:
    """The tree with another value at one place; what is not on the way to it is shared."""
    if not keys:
        return value
    key, *rest = keys
    changed = with_item(tree[key], tuple(rest), value)
    if isinstance(tree, dict):
        return _same_type(tree, {**tree, key: changed})
    parts = [*tree]
    parts[key] = changed
    return _same_type(tree, parts)


def _same_type(tree: Tree, parts: Any) -> Tree:
    if hasattr(tree, "_fields"):
        return type(tree)(*parts)
    if isinstance(tree, dict):
        made = copy.copy(tree)
        made.update(parts)
        return made
    return type(tree)(parts)


def copied(tree: Tree) -> Tree:
    """A copy that shares no array: of a random generator, too, so that it draws the same again."""
    return copy.deepcopy(tree)


def is_numeric(value: Any) -> bool:
    """A number, an array of numbers, or a list of plain numbers; not a string, flag or object."""
    match value:
        case bool() | np.bool_() | None | str():
            return False
        case int() | float() | complex() | np.number():
            return True
        case dict() | tuple():
            return False
        case list():
            return bool(value) and _is_rectangle(value)
        case _:
            return is_array(value) and numbers(value).dtype.kind in "iufc"


def _is_rectangle(value: list[Any]) -> bool:
    """A list of plain numbers, or of such lists of one length."""
    if all(type(v) in (int, float, complex) for v in value):
        return True
    nested = all(isinstance(v, list) and v and _is_rectangle(v) for v in value)
    return nested and len({np.shape(v) for v in value}) == 1


def is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or is_tensor(value) or _is_of(value, "jax")


def is_tensor(value: Any) -> bool:
    return _is_of(value, "torch") and hasattr(value, "detach")


def _is_of(value: Any, library: str) -> bool:
    root = type(value).__module__.split(".")[0]
    return root in (library, f"{library}lib") and hasattr(value, "dtype")


def numbers(value: Any) -> Array:
    """The value as an array of its own."""
    if is_tensor(value):
        value = value.detach().cpu().resolve_conj().resolve_neg().numpy()
    return np.array(value)


def carries_gradient(value: Any) -> bool:
    return is_numeric(value) and numbers(value).dtype.kind in "fc"


def like(value: Any, array: Array) -> Any:
    """The numbers of `array` as the kind of value that `value` is; complex where they are."""
    if is_tensor(value):
        import torch

        return torch.from_numpy(np.array(array)).to(value.device)
    match value:
        case np.generic():
            return np.asarray(array)[()]
        case int() | float() | complex():
            return np.asarray(array).item()
        case list():
            return np.asarray(array).tolist()
        case np.ndarray():
            return np.asarray(array)
    import jax.numpy

    return jax.numpy.asarray(array)


def shape_of(value: Any) -> tuple[int, ...]:
    return tuple(numbers(value).shape)


def precision(values: list[Array]) -> float:
    """The unit of rounding of the coarsest of these arrays."""
    kinds = [v.dtype for v in values if v.dtype.kind in "fc"]
    return max((float(np.finfo(k).eps) for k in kinds), default=np.finfo(float).eps)
