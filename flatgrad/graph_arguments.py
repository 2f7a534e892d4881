"""The arguments of a run -> nodes in the structure that the arguments have; and their gradients in the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flatgrad.graph_nodes import Constant, Held, Node, mapped, nodes_in
from flatgrad.options import Shape
from flatgrad.tracing import has_fractions


def held(name: str, value: Any, label: bool) -> Held:
    """A list, tuple or dict has a node for each number or array in it; a label has no gradient."""
    match value:
        case dict():
            return {k: held(f"{name}[{k!r}]", v, label) for k, v in value.items()}
        case list() | tuple():
            whole = value if label else _as_floats(value)
            items = [held(f"{name}[{n}]", v, label) for n, v in enumerate(whole)]
            return items if isinstance(value, list) else tuple(items)
        case bool() | np.bool_() | str() | None:
            return Constant(value, name)
        case int() | float() | complex() | np.generic() | np.ndarray():
            number = own(value if label else _as_float(value))
            return Node(
                name,
                "input",
                number,
                differentiable=has_fractions(number),
            )
        case _:
            return Constant(value, name)


def _as_float(value: Any) -> Any:
    """Integers as floats, so that they have a gradient."""
    if isinstance(value, int):
        return float(value)
    integer = isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "iu"
    return value.astype(float) if integer else value


def _as_floats(values: Sequence[Any]) -> Sequence[Any]:
    numbers = all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in values
    )
    return [*map(_as_float, values)] if numbers else values


def shapes_of(given: Mapping[str, Any]) -> dict[str, Shape]:
    numeric = (int, float, complex, np.ndarray, np.generic)
    return {n: np.shape(v) for n, v in given.items() if isinstance(v, numeric)}


def gradients(argument: Held) -> Any:
    """The gradient of an argument, in its structure; None for what has none."""
    return mapped(
        argument, lambda leaf: own(leaf.gradient) if isinstance(leaf, Node) else None
    )


def carries(argument: Held) -> bool:
    """Whether something in the argument has a gradient."""
    return any(node.differentiable for node in nodes_in(argument))


def own(value: Any) -> Any:
    """A copy of an array, which whoever has it may change; a plain number for one of NumPy's of the same precision."""
    if isinstance(value, np.float64):
        return float(value)
    return value.copy() if isinstance(value, np.ndarray) else value
