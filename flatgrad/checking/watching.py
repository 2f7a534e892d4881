"""A run of a function -> its variables after each statement that sets them."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np

from flatgrad.checking.derivatives import Line, statements, target_names, targets
from flatgrad.checking.trees import Array, is_numeric, leaves, numbers

MOST_STEPS = 200  # of one variable that are remembered: loops may run long


@dataclass
class Watched:
    """The variables of a function as it returned, and what each statement of it made of those that it sets."""

    values: dict[str, Array] = field(default_factory=dict)
    steps: dict[str, list[Step]] = field(default_factory=dict)

    def last(self, name: str) -> Array | None:
        """What the last statement that sets a variable made of it.

        Later its array may have gone on under another name: grad_x = grad_xc, and grad_x += grad_mu.
        """
        if steps := self.steps.get(name):
            return steps[-1].value
        return self.values.get(name)


@dataclass(frozen=True)
class Step:
    """A variable after a statement, which begins at this line."""

    line: int
    value: Array
    time: int = 0  # how many of them there were before


def watched(
    function: Callable[..., Any], node: ast.FunctionDef, call: Callable[[], Any]
) -> tuple[Any, Watched]:
    """The value of a call, and what happened in the function on the way; `node` is its text."""
    watch = _Watch(inspect.unwrap(function).__code__, node)
    before = sys.gettrace()
    sys.settrace(watch.enter)
    try:
        return call(), watch.seen
    finally:
        sys.settrace(before)


class _Watch:
    """What Python tells of each line that is run."""

    def __init__(self, code: CodeType, node: ast.FunctionDef):
        self.code, self.seen = code, Watched()
        self.sets: dict[int, tuple[int, set[str]]] = {}
        for statement in statements(node):
            named = {n for t in targets(statement) for n in target_names(t)}
            last = statement.end_lineno or statement.lineno
            for line in range(statement.lineno, last + 1):
                self.sets[line] = statement.lineno, named
        self.current = self.time = 0

    def enter(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code is not self.code:
            return None
        self.seen.values, self.seen.steps, self.current = {}, {}, 0
        return self.notice

    def notice(self, frame: FrameType, event: str, _: Any) -> Any:
        line = self.sets.get(frame.f_lineno, (frame.f_lineno, set()))[0]
        if line != self.current or event == "return":
            self._left(frame)
        self.current = line
        if event == "return":
            self.seen.values = dict(arrays_in(dict(frame.f_locals)))
        return self.notice

    def _left(self, frame: FrameType) -> None:
        """The statement that was being run is done."""
        line, names = self.sets.get(self.current, (0, set[str]()))
        self.time += 1
        if not names:
            return
        for name, value in arrays_in(_those(dict(frame.f_locals), names)):
            if name in names:
                steps = self.seen.steps.setdefault(name, [])
                steps.append(Step(line, value, self.time))
                del steps[:-MOST_STEPS]


def _those(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {n: v for n, v in values.items() if n in names}


def arrays_in(values: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """The arrays among variables, and those in dicts, as they are now."""
    for name, value in values.items():
        if is_numeric(value):
            yield name, numbers(value)
        elif isinstance(value, dict):
            for leaf in leaves(name, value):
                if len(leaf.keys) == 1 and isinstance(leaf.keys[0], str):
                    yield f"{name}[{leaf.keys[0]!r}]", leaf.numbers


def stages(seen: Watched, name: str, lines: list[Line]) -> list[Step]:
    """A variable after each of its lines; nothing where lines are run more than once, or not at all."""
    steps = seen.steps.get(name, [])
    if [s.line for s in steps] != [line.number for line in lines]:
        return []
    return steps if len({s.value.shape for s in steps}) == 1 else []


def contributions(seen: Watched, name: str, lines: list[Line]) -> list[Step]:
    """What each line adds to a variable; nothing where the lines do something else than to add."""
    if not all(line.adds for line in lines[1:]):
        return []
    steps = stages(seen, name, lines)
    before = [np.zeros(()), *(s.value for s in steps)]
    return [Step(s.line, s.value - b) for s, b in zip(steps, before, strict=False)]
