"""A program as text -> what a call of it does, within bounds; whether it is smooth around its inputs."""

from __future__ import annotations

import contextlib
import copy
import functools
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from checking import as_tuple
from programs import is_fine

FAR = 1e-2  # how far the inputs move without another path
NEAR = 1e-4  # and how far without a kink
LONGEST = 6000  # instructions


@dataclass(frozen=True)
class Walk:
    """One call: which instructions ran, the values of the names at the end, what came back."""

    path: list[tuple[str, int]]
    names: dict[str, Any]
    result: Any

    @property
    def values(self) -> list[Any]:
        return [*self.names.values(), self.result]


def run(text: str, names: dict[str, Any]) -> None:
    """Execute a module, definition by definition: most of them were there before."""
    for definition in text.split("\n\n\n"):
        exec(_compiled(definition), names)


@functools.lru_cache(maxsize=1024)
def _compiled(definition: str) -> Any:
    return compile(definition, "<written>", "exec")


@contextlib.contextmanager
def failing_at_warnings() -> Iterator[None]:
    """What would be a warning is an error."""
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        yield


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """What was written raises where it goes on for too long."""
    steps = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps > LONGEST:
            raise TimeoutError
        return trace if frame.f_code.co_filename == "<written>" else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def walk(
    text: str, function: str, inputs: Mapping[str, Any], **more: Callable[..., Any]
) -> Walk:
    """Call `function`; raises where it fails, warns or goes on for too long."""
    path: list[tuple[str, int]] = []
    names: dict[str, Any] = {}

    def trace(frame: Any, event: str, _: Any) -> Any:
        if event == "opcode":  # by far the most of them; only of what was written
            path.append((frame.f_code.co_name, frame.f_lasti))
            if len(path) > LONGEST:
                raise TimeoutError
        elif frame.f_code.co_filename != "<written>":
            return None
        elif event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "return" and frame.f_code.co_name == function:
            names.clear()
            names.update(frame.f_locals)
        return trace

    module: dict[str, Any] = {"__name__": "written", **more}
    with failing_at_warnings():
        run(text, module)
        arguments = copy.deepcopy(list(inputs.values()))
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            result = module[function](*arguments)
        finally:
            sys.settrace(before)
    return Walk(path, names, result)


def ends(text: str, function: str, inputs: Mapping[str, Any]) -> bool:
    """The function can be called, and comes back with numbers."""
    try:
        outs = as_tuple(walk(text, function, inputs).result)
    except Exception:
        return False
    return all(kind_of(out) in ("float", "int", "array") for out in outs)


def moved(value: Any, step: float, signs: np.random.Generator) -> Any:
    """`value` with all floating-point numbers in it moved by `step`, up or down."""
    match value:
        case dict():
            return {k: moved(v, step, signs) for k, v in value.items()}
        case list() | tuple():
            return type(value)(moved(v, step, signs) for v in value)
        case float():
            return value + step * (2 * int(signs.integers(0, 2)) - 1)
        case np.ndarray() if value.dtype.kind == "f":
            return value + step * (2 * signs.integers(0, 2, value.shape) - 1)
    return value


def numbers(value: Any) -> Iterator[np.ndarray]:
    """All floating-point numbers in a value, in order."""
    match value:
        case dict():
            yield from numbers(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from numbers(item)
        case float():
            yield np.array([value])
        case np.ndarray() if value.dtype.kind == "f":
            yield value.ravel()


def flat(value: Any) -> np.ndarray:
    return np.concatenate([np.zeros(0), *numbers(value)])


def is_sound(
    text: str, function: str, inputs: Mapping[str, Any], directions: int = 2
) -> bool:
    """It runs, everything is small, and it is smooth around its inputs: the same path, and no kink."""

    def at(step: float, seed: int) -> Walk:
        signs = np.random.default_rng(seed)
        near = {name: moved(v, step, signs) for name, v in inputs.items()}
        return walk(text, function, near)

    steps = np.array([-NEAR, -NEAR / 100, 0, NEAR / 100, NEAR])
    try:
        start = at(0, 0)
        if not is_fine(start.values):
            return False
        for seed in range(directions):
            if any(at(step, seed).path != start.path for step in (-FAR, FAR)):
                return False
            found = (at(step, seed) if step else start for step in steps)
            values = np.array([flat(walked.values) for walked in found])
            slopes = np.diff(values, axis=0) / np.diff(steps)[:, None]
            if np.any(np.ptp(slopes, axis=0) > 0.03 * (1 + np.abs(slopes).max(axis=0))):
                return False
    except Exception:
        return False
    return True


def kind_of(value: Any) -> str:
    match value:
        case bool() | np.bool_():
            return "bool"
        case int() | np.integer():
            return "int"
        case np.ndarray():
            return "array" if value.dtype.kind == "f" and value.ndim else "other"
        case float() | list() | tuple() | dict() | str():
            return type(value).__name__.removesuffix("64")
    return "other"
