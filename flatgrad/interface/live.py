"""Where the live value of a name is, and what of a value decides the text of a gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import CellType, FunctionType, ModuleType
from typing import Any, Protocol

import numpy as np


class Missing:
    """There is no value."""


MISSING = Missing()


class Entry(Protocol):
    """A place that holds a value, which may be another one tomorrow."""

    def get(self) -> Any: ...

    @property
    def place(self) -> object:
        """Equal for the same place."""


@dataclass(frozen=True, eq=False)
class Global:
    namespace: Mapping[str, Any]
    name: str

    def get(self) -> Any:
        return self.namespace.get(self.name, MISSING)

    @property
    def place(self) -> object:
        return id(self.namespace), self.name


@dataclass(frozen=True, eq=False)
class Cell:
    cell: CellType

    def get(self) -> Any:
        try:
            return self.cell.cell_contents
        except ValueError:
            return MISSING

    @property
    def place(self) -> object:
        return id(self.cell)


@dataclass(frozen=True, eq=False)
class Attribute:
    owner: Entry
    names: tuple[str, ...]

    def get(self) -> Any:
        value = self.owner.get()
        for name in self.names:
            value = getattr(value, name, MISSING)
        return value

    @property
    def place(self) -> object:
        return self.owner.place, self.names


@dataclass(frozen=True, eq=False)
class HoldsComplex:
    """Whether there is a complex number at a place, or in what is there."""

    entry: Entry

    def get(self) -> bool:
        return holds_complex(self.entry.get())

    @property
    def place(self) -> object:
        return HoldsComplex, self.entry.place


def holds_complex(value: Any) -> bool:
    """A complex number or array, or a structure that has one."""
    if isinstance(value, dict):
        return any(map(holds_complex, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_complex, value))
    return isinstance(value, complex) or "complex" in str(getattr(value, "dtype", ""))


@dataclass(frozen=True, eq=False)
class Fixed:
    """A value that has no place, such as the default of a parameter."""

    value: Any

    def get(self) -> Any:
        return self.value

    @property
    def place(self) -> object:
        return id(self)


def token(value: Any, exact: bool = False) -> object:
    """Equal for values between which the text makes no difference; `exact` tells numbers apart, too."""
    kind = type(value)
    if kind in (int, bool, str, bytes) or value is None:
        return kind, value
    if kind in (float, complex):
        return (kind, repr(value)) if exact else kind
    if kind is FunctionType:
        return (
            _same(value), _same(value.__code__), _same(value.__defaults__), _same(value.__kwdefaults__),
        )  # fmt: skip
    if isinstance(value, np.ndarray):
        seen = (value.shape, value.dtype.str)
        return (*seen, value.tobytes()) if exact else seen
    if kind in (list, tuple):
        kinds = {*map(type, value)}
        if kinds == {float} and not exact:
            return kind, float, len(value)
        if kinds == {int}:
            return kind, int, tuple(value)
        return kind, tuple(token(item, exact) for item in value)
    if kind is dict:
        return kind, tuple((k, token(item, exact)) for k, item in value.items())
    if isinstance(value, np.generic):
        return (kind, repr(value)) if exact else kind
    if (
        hasattr(value, "shape")
        and hasattr(value, "dtype")
        and not isinstance(value, ModuleType)
    ):
        seen = (tuple(value.shape), str(value.dtype))
        return (*seen, id(value)) if exact else seen
    return _same(value)


@dataclass(frozen=True)
class _Same:
    """Equal to itself alone; it keeps the object, so that no other takes its place in memory."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


_same = _Same


@dataclass(frozen=True, eq=False)
class Watched:
    """A place whose value was of a certain kind when the text was made."""

    entry: Entry
    seen: object
    exact: bool = False

    def is_current(self) -> bool:
        return token(self.entry.get(), self.exact) == self.seen


def watched(entry: Entry, exact: bool = False) -> Watched:
    return Watched(entry, token(entry.get(), exact), exact)


__all__ = [
    "MISSING",
    "Attribute",
    "Cell",
    "Entry",
    "Fixed",
    "Global",
    "HoldsComplex",
    "Watched",
    "holds_complex",
    "token",
    "watched",
]
