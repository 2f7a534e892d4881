"""A program with slots, lines `...`, and the values at one -> the expressions that can be written there."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np
from flow_statements import ATOMS, KEYS, PLACES, UNREAD
from programs import is_fine
from walking import ending, failing_at_warnings, kind_of

Shape = tuple[int, ...]


@functools.lru_cache(maxsize=2**14)
def expression(text: str) -> Any:
    return compile(text, "<expression>", "eval")


@dataclass(eq=False)
class Scope:
    """The values at the first and at the last visit of a place; what cannot be had at both cannot be had."""

    visits: list[dict[str, Any]]
    constants: Mapping[str, Any]
    axes: bool = True  # what stands here is known to be an array
    shapes: dict[str, Shape | None] = field(default_factory=dict)

    def values(self, text: str) -> list[Any]:
        with failing_at_warnings():
            return self._evaluated(text)

    def _evaluated(self, text: str) -> list[Any]:
        code = expression(text)
        calls = not self._functions.isdisjoint(code.co_names)
        with ending() if calls else contextlib.nullcontext():
            return [eval(code, names) for names in self._spaces]

    @functools.cached_property
    def _functions(self) -> set[str]:
        """The names of functions that were written, which may have loops without an end."""
        spaces = [self.constants, *self.visits]
        return {
            n
            for names in spaces
            for n, v in names.items()
            if isinstance(v, FunctionType)
        }

    @functools.cached_property
    def _spaces(self) -> list[dict[str, Any]]:
        return [{**self.constants, **visit} for visit in self.visits]

    def shape(self, text: str) -> Shape | None:
        """Of an expression that is a number or an array of them."""
        if text not in self.shapes:
            self._find_shapes([text])
        return self.shapes[text]

    def _find_shapes(self, texts: Sequence[str]) -> None:
        with failing_at_warnings():  # slow to enter
            self.shapes |= {t: self._shape(t) for t in texts if t not in self.shapes}

    def _shape(self, text: str) -> Shape | None:
        try:
            found = self._evaluated(text)
        except Exception:
            return None
        if not all(kind_of(v) in ("float", "int", "array") for v in found):
            return None
        shapes = {np.shape(v) for v in found}
        return shapes.pop() if len(shapes) == 1 and is_fine(found) else None

    def decides(self, text: str) -> bool:
        try:
            return all(kind_of(v) in ("bool", "int") for v in self.values(text))
        except Exception:
            return False

    def names(self, *kinds: str) -> list[str]:
        first, last = self.visits[0], self.visits[-1]
        return [
            n
            for n, v in first.items()
            if n not in UNREAD and kind_of(v) in kinds and kind_of(last.get(n)) in kinds
        ]

    def forms(self, table: Mapping[str, Sequence[str]]) -> list[str]:
        """Every text that the table makes of the names."""
        found = []
        for kind, forms in table.items():
            for name in self.names(kind):
                fields = {
                    "i": self.names("int")[-3:],
                    "y": self.names("array"),
                    "key": self._keys(name),
                }
                found += [text for f in forms for text in _every(f, fields, x=name)]
        return list(dict.fromkeys(found))

    def _keys(self, name: str) -> list[str]:
        value = self.visits[0][name]
        known = map(repr, value if isinstance(value, dict) else ())
        return [*known, *(k for k in KEYS if k in self.names("str"))]

    @functools.cached_property
    def atoms(self) -> dict[str, Shape]:
        texts = [*self.forms(ATOMS), "0.5", "C"]
        self._find_shapes(texts)
        return {
            text: shape
            for text in texts
            if (shape := self.shapes[text]) is not None
            if self.axes or "axis" not in text
            if self._is_within(text, shape)
        }

    def _is_within(self, text: str, shape: Shape) -> bool:
        """The bound of a slice lies within the array (docs/decisions/shapes.md)."""
        bound = re.search(r"\[:(\w+)\]$", text)
        return bound is None or self.values(bound[1])[-1] == shape[0]

    def arrays(self, rank: int) -> list[str]:
        return [n for n in self.names("array") if len(self.shape(n) or ()) == rank]

    def fitting(self, shape: Shape) -> list[Shape]:
        """The shapes of what can be broadcast to a shape."""
        return [s for s in self.atoms.values() if goes_into(s, shape)]

    @functools.cached_property
    def places(self) -> list[str]:
        """Where a value can be stored."""
        texts = self.forms(PLACES)
        self._find_shapes(texts)
        return [t for t in texts if self.shapes[t] is not None]


def goes_into(shape: Shape, other: Shape) -> bool:
    try:
        return np.broadcast_shapes(shape, other) == other
    except ValueError:
        return False


def _every(form: str, fields: Mapping[str, Sequence[str]], **given: str) -> list[str]:
    """`form` with each of the values that its open field can have; one field at most is open."""
    for name, values in fields.items():
        if f"{{{name}}}" in form:
            return [form.format(**given, **{name: value}) for value in values]
    return [form.format(**given)]


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def keyword_of(line: str) -> str:
    return re.split(r"\W", line.strip())[0]


def headers_around(lines: Sequence[str], at: int) -> Iterator[int]:
    """The headers of the blocks that a line stands in, inner ones first."""
    level = indent(lines[at])
    for number in reversed(range(at)):
        if indent(lines[number]) < level:
            level = indent(lines[number])
            yield number


def force(lines: Sequence[str], at: int) -> list[str]:
    """The same program, but it comes to the line whatever the conditions say."""
    found = list(lines)
    for number in headers_around(lines, at):
        found[number] = _taken(lines[number])
        if keyword_of(lines[number]) in ("elif", "else"):
            _pass_over(found, number)
    return found


def _taken(line: str) -> str:
    line = re.sub(r"\b(el)?if (.*):$", r"\1if [bool(\2)]:", line)
    line = re.sub(r"\bwhile (.*):$", r"for _ in [bool(\1)]:", line)
    return re.sub(r"\bfor (.*?) in (.*):$", r"for \1 in some(\2):", line)


def _pass_over(lines: list[str], at: int) -> None:
    """The conditions above an `elif` or `else` fail."""
    for number in reversed(range(at)):
        if indent(lines[number]) == indent(lines[at]):
            lines[number] = re.sub(r"\b(el)?if .*:$", r"\1if False:", lines[number])
            if keyword_of(lines[number]) in ("if", "for", "while"):
                return


def some(items: Any) -> Any:
    """What a loop goes over, or what it could go over if there was any."""
    if isinstance(items, range) and not len(items):
        return [items.start]
    if isinstance(items, np.ndarray) and not len(items):
        return np.zeros((1, *items.shape[1:]))
    return items


def filled_in(lines: Sequence[str]) -> list[str]:
    """Without slots."""
    kept = [line for line in lines if not line.strip().startswith("...")]
    found = []
    for line, following in zip(kept, [*kept[1:], ""], strict=True):
        found.append(line)
        if line.endswith(":") and indent(following) <= indent(line):
            found.append(" " * (indent(line) + 4) + "pass")
    return found
