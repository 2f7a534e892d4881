"""The attributes of an object -> what they tell of shapes and kinds, like the arguments of a call.

A dict is looked into, since a network keeps its parameters in one. What lies in it is said as __init__ would say it,
by an expression that has its structure and shapes: {"W": np.zeros((_2, _3)), "b": np.zeros((_3,))}.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence, Set
from typing import Any

import numpy as np

from flatgrad.interface.arguments import Told, labels, numbered, pattern, told_of
from flatgrad.interface.live import holds_complex
from flatgrad.interface.readings import CLASS, Reading

ABSENT = object()  # an attribute that the object does not have yet
DEEPEST = 4
NOTHING = "[]"
LABEL = re.compile(r"\b_\d+\b")
PLAIN: dict[type, str] = {int: "0", bool: "True", str: '""', type(None): "None"}


def values_of(held: Any, names: Sequence[str]) -> list[Any]:
    return [getattr(held, name, ABSENT) for name in names]


def names_of(reading: Reading, names: Sequence[str]) -> tuple[str, ...]:
    """What a text depends on: the parameters; of a method, the attributes in place of the object."""
    if not reading.held:
        return tuple(names)
    return (*reading.told_of_attributes, *names[1:])


def spread(reading: Reading, values: Sequence[Any]) -> Sequence[Any]:
    """The values of those."""
    if not reading.held:
        return values
    return (*values_of(values[0], reading.attributes), *values[1:])


def told_of_values(
    reading: Reading, values: Sequence[Any], sizes: Set[int]
) -> tuple[Told, ...]:
    """What those tell."""
    if not reading.held:
        return pattern(values, sizes)
    known = numbered(sizes)
    attributes = values_of(values[0], reading.attributes)
    own = [told_of_attribute(value, known) for value in attributes]
    return (*own, *(told_of(value, known) for value in values[1:]))


def told_of_attribute(value: Any, lengths: dict[int, int]) -> Told:
    """Of a dict with names for keys, a list of settings or a type of numbers, the expression is the kind."""
    if (dtype := _dtype(value)) is not None:
        return dtype, None
    if type(value) is list and not value:
        return NOTHING, None
    if isinstance(value, dict | list) and holds_complex(value):
        return told_of(value, lengths)
    if type(value) in (dict, list) and value and _has_names(value):
        found = _expression(value, lengths, 0)
        if type(value) is dict or not ("np." in found or "object" in found):
            return found, None
    return told_of(value, lengths)


def _dtype(value: Any) -> str | None:
    """np.float64, torch.float64"""
    if isinstance(value, type):
        return f"np.{value.__name__}" if issubclass(value, np.generic) else None
    if isinstance(value, np.dtype):
        return f"np.{value.name}"
    return str(value) if type(value).__name__ == "dtype" else None


def _expression(value: Any, lengths: dict[int, int], depth: int) -> str:
    kind: Any = type(value)
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is list and depth < DEEPEST:
        return f"[{', '.join(_expression(v, lengths, depth + 1) for v in value)}]"
    if kind is dict and depth < DEEPEST:
        return "{" + ", ".join(_items(value, lengths, depth)) + "}"
    shape = () if kind in (float, complex) else getattr(value, "shape", None)
    if (
        shape is None
        or isinstance(value, type)
        or not all(isinstance(n, int) for n in shape)
    ):
        return "object()"
    axes = "".join(f"{_length(n)}, " for n in labels(shape, lengths))
    return f"np.zeros(({axes.strip()}))"


def _has_names(value: Any) -> bool:
    """The keys of dicts are texts that can be told apart from beginnings of others."""
    if type(value) is list:
        return all(map(_has_names, value))
    if type(value) is not dict:
        return True
    named = all(type(k) is str and "*" not in k for k in value)
    return named and all(map(_has_names, value.values()))


def _items(held: dict[Any, Any], lengths: dict[int, int], depth: int) -> list[str]:
    """Averages over all calls come and go, and carry no gradient."""
    from flatgrad.frontend.settings import RUNNING

    return [
        f"{key!r}: {_expression(value, lengths, depth + 1)}"
        for key, value in held.items()
        if not (isinstance(key, str) and RUNNING.search(key))
    ]


def _length(label: int) -> str:
    return str(abs(label)) if label <= 1 else f"_{label}"


def with_attributes(reading: Reading, told: Sequence[Told]) -> Reading:
    """The class begins with an __init__ that says what the dicts of the object hold."""
    name = reading.function.partition(".")[0]
    own = zip(reading.attributes, told, strict=False)
    lines = [f"        self.{n} = {kind}\n" for n, (kind, _) in own if _is_text(kind)]
    init = "    def __init__(self):\n" + "".join(lines) if lines else ""
    return reading.with_class(f"class {name}:\n{init}")


def _is_text(kind: str) -> bool:
    return kind[0] in "{[" or "." in kind


def with_settings(reading: Reading) -> Reading:
    """What is empty now is for settings, not for arrays."""
    head = next((p.text for p in reading.pieces if p.order == CLASS), "")
    return reading.with_class(head.replace(f" = {NOTHING}\n", ' = [""]\n'))


def with_lengths_apart(reading: Reading) -> Reading:
    """No two lengths of what the dicts hold are said to be the same."""
    if not reading.held:
        return reading
    head = next(p.text for p in reading.pieces if p.order == CLASS)
    numbers = itertools.count(1000)
    return reading.with_class(LABEL.sub(lambda _: f"_{next(numbers)}", head))


__all__ = [
    "ABSENT",
    "names_of",
    "spread",
    "told_of_values",
    "with_attributes",
    "with_lengths_apart",
    "with_settings",
]
