"""Choices -> programs with loops, branches, stores, containers and helpers, as source text, with inputs.

A program is a text with slots, lines `...`, and runs as it is. A statement is written before a slot and may bring
slots of its own. The whole function is run after each: a statement is taken back where the function then fails, does not
end, becomes large or undefined, or does not take the same path when its inputs move a little.
"""

from __future__ import annotations

import ast
import copy
import functools
import itertools
import re
import string
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from checking import Trial
from programs import LENGTHS, Choices, Declared, T, is_fine

FAR = 1e-2  # how far the inputs move without another path
NEAR = 1e-4  # and how far without a kink
LONGEST = 6000  # instructions
NESTED = 3  # loops

SHAPES = ["", "D", "D", "N,D", "N,D", "D,D"]
NAMES = ["u", "v", "w", "z", "h", "out", "s", "total"]
INDEXES = ["i", "j", "k", "t"]
ITEMS = ["row", "q", "e", "r"]
KEYS = ["key", "part"]
FLAGS: dict[str, list[Any]] = {
    "n": [0, 1, 2, 3, 4],
    "mode": ["a", "b", "c"],
    "flag": [True, False],
    "order": [None, 1, 2],
}
DEFAULTS = {"bias": [None], **FLAGS}
HELPER_KINDS = ("assign", "rebind", "augment", "loop", "loop", "while", "leave", "branch", "branch", "ternary", "early", "store", "make", "call")  # fmt: skip

# --- expressions: {x} the name, {i} an integer, {y} another array, {key} a key ----------------------------------------

PLACES = {
    "array": [
        "{x}[{i}]", "{x}[0]", "{x}[-1]", "{x}[1:]", "{x}[:-1]", "{x}[::2]", "{x}[:, {i}]", "{x}[:, 0]", "{x}[{i}, 1:]", "{x}[{i}, {i}]",
        "{x}[{i} - 1]", "{x}[{i} + 1]", "{x}[-{i}]", "{x}[0, {i}]", "{x}[idx]", "{x}[{x} > 0.2]", "{x}[...]", "{x}[::-1]", "{x}[:{i}]",
        "{x}[[1, 0]]", "{x}[{y} < 0]",
    ],
    "list": ["{x}[0]", "{x}[-1]", "{x}[{i}]", "{x}[0][1]", "{x}[{i}][0]"],
    "dict": ["{x}[{key}]", "{x}[{i}]", "{x}[{key}][0]"],
}  # fmt: skip
ATOMS = {
    "float": ["{x}"],
    "int": ["{x} + 1"],
    "array": [
        "{x}", *PLACES["array"], "{x}.T", "{x}.sum()", "np.sum({x} ** 2)", "{x}.mean(axis=0)", "{x}.sum(axis=-1)", "{x} @ {y}", "{x}.max()",
        "np.dot({x}, {y})", "{x}.reshape(-1)", "{x}[0] @ {x}[1]", "np.outer({x}, {y})", "np.cumsum({x}, axis=0)", "{x}[:, None]", "np.mean({x})",
    ],
    "list": [
        *PLACES["list"], "sum({x})", "np.stack({x})", "np.array({x})", "np.concatenate({x})", "np.sum({x})", "np.mean({x}, axis=0)", "np.stack({x}, axis=1)",
        "sum(np.sum(m) for m in {x})", "np.sum({x}[-1])", "{x}[0] * {x}[1]",
    ],
    "tuple": ["{x}[0]", "{x}[1]", "{x}[-1]", "np.sum({x}[0])", "sum({x})"],
    "dict": [*PLACES["dict"], "sum({x}.values())", "sum(np.sum(m) for m in {x}.values())", "np.sum({x}[{key}])"],
}  # fmt: skip
# {a} has the shape that is wanted and {b} can be broadcast to it; {A} and {B} need no parentheses.
FORMS = [
    "{a} * {b}", "{a} + {b}", "{a} - {b}", "{a} * {b} + {a}", "0.5 * {a}", "{a} / ({b} ** 2 + 1)", "-{a}", "{a} ** 2", "np.tanh({A})", "np.sin({A}) * {b}",
    "np.exp(-{a} ** 2)", "np.sqrt({a} ** 2 + 1)", "1 / (1 + np.exp(-{a}))", "({A} - {b}) ** 2", "np.maximum({A}, {B})", "np.where({a} > 0.1, {A}, {B})",
    "{a} * ({b} > 0)", "np.tanh({a} + {b})", "np.cos({A}) + {b}", "abs({A})", "np.log({a} ** 2 + 1)", "{b} - {a}", "np.exp(0.3 * {a})", "1 - {a}",
    "np.clip({A}, -0.9, 0.9)", "max({A}, {B})", "min({A}, 0.7)",
]  # fmt: skip
CALLS = {
    "power": ["power({A})", "power({A}, 3)"],
    "local": ["local({A})", "local({A}, {B})"],
    "act": ["act({A})", "act({A}, k={B})"],
}

# --- conditions -------------------------------------------------------------------------------------------------------

TESTS = {
    "flag": [
        'mode == "a"', 'mode != "b"', 'mode in ("a", "c")', "flag", "not flag", "flag is True", "bias is None", "bias is not None", "n > 1", "n == 2",
        "n % 2 == 0", "0 < n <= 3", "n", "order is None", "order == 1", "order", "order is not None and order > 1", "C > 0.5",
    ],
    "index": ["{int} == 1", "{int} > 0", "{int} % 2 == 0", "{int} != 2", "0 < {int} < 3", "{int} % 2", "{int} >= 1 and {int} != 3", "{int} == {int2}"],
    "data": [
        "{scalar} > 0.1", "{scalar} < {scalar2}", "-1 < {scalar} < 0.3", "abs({scalar}) < 1.5", "np.sum({array}) > 0.3", "np.all({array} > -9)",
        "({array} > 0.4).any()", "{array}.max() < 1", "{array}.ndim == 2", "len({array}) > 2", "{array}.shape[0] == 3", "np.linalg.norm({array}) < 1.5",
        "{scalar} <= 0 or {scalar} > 0.4",
    ],
    "joined": ["{test} and {test2}", "{test} or {test2}", "not ({test})", "not ({test} and {test2})", "({test} or {test2}) and {test3}"],
}  # fmt: skip

# --- statements -------------------------------------------------------------------------------------------------------

KINDS = {
    "assign": ["{new} = {value}", "{new} = {value}", "{new} = {new2} = {value}", "{new} = 0.0", "{new} = 0", "{new} = {scalar}  # a comment"],
    "rebind": ["{name} = {like}", "{name} = {name} * {fits}", "{name} = {name} + {fits}", "{float} = {float} + {scalar}"],
    "augment": [
        "{float} += {scalar}", "{float} *= {scalar}", "{array} += {fits}", "{array} -= {fits}", "{array} *= {fits}", "{array} *= 0.5",
        "{array} /= 1 + {fits} ** 2", "{float} -= {scalar}",
    ],
    "swap": ["{name}, {name2} = {name2}, {name}", "{float}, {float2} = {float2}, {float} + 0.5 * {float2}", "{array}, {array2} = {array2} * 0.5, {array}"],
    "loop": [
        "for {index} in range({count}):\n    ...", "for {index} in range({count}):\n    ...", "for {index} in range(1, {count}):\n    ...",
        "for {index} in range({count} - 1, -1, -1):\n    ...", "for {index} in range(0, {count}, 2):\n    ...", "for {index} in range(3, 0, -1):\n    ...",
        "for {index} in reversed(range({count})):\n    ...", "for _ in range({count}):\n    ...", "for {index} in (2, 0, 1):\n    ...",
        "for {item} in {array}:\n    ...", "for {item} in {matrix}.T:\n    ...", "for {item} in {array}[::-1]:\n    ...", "for {item} in {array}[:0]:\n    ...",
        "for {index}, {item} in enumerate({array}):\n    ...", "for {index}, {item} in enumerate({array}, 1):\n    ...", "for {item} in [0.3, 0.8]:\n    ...",
        "for {item}, {item2} in zip({array}, {array2}):\n    ...", "for {index}, ({item}, {item2}) in enumerate(zip({array}, {array2})):\n    ...",
        "for {item} in ({value}, {like}):\n    ...", "for {index} in idx:\n    ...", "for {index} in np.arange({count}):\n    ...",
        "for {index} in range({count}):\n    ...\n    if {test}:\n        break\nelse:\n    ...", "for {item} in {array}:\n    ...\nelse:\n    ...",
        "{new} = 0.0\nfor {index} in range({count}):\n    ...\n    {new} += {scalar}", "{new} = 0\nfor {item} in {vector}:\n    ...\n    {new} = {new} + {item} * {scalar}",
    ],
    "while": [
        "{index} = 0\nwhile {index} < {count}:\n    ...\n    {index} += 1", "{index} = {count}\nwhile {index} > 0:\n    {index} -= 1\n    ...",
        "{index} = 0\nwhile True:\n    ...\n    {index} += 1\n    if {index} >= {count}:\n        break", "{index} = {count}\nwhile {index}:\n    ...\n    {index} = {index} - 1",
        "{new} = {scalar} ** 2 + 0.5\nwhile {new} < 4.3:\n    ...\n    {new} = {new} * 1.7 + 0.2", "{new} = {value}\nwhile np.sum({new} ** 2) > 0.37:\n    ...\n    {new} = {new} * 0.6",
        "{new} = {scalar} ** 2 + 3\nwhile {new} > 1.2:\n    ...\n    {new} *= 0.5\nelse:\n    ...", "{index} = 0\nwhile {index} < 4 and {scalar} < 2:\n    ...\n    {index} += 1",
        "{index} = 0\nwhile {index} < {count}:\n    {index} += 1\n    if {test}:\n        continue\n    ...",
    ],
    "leave": ["if {test}:\n    break", "if {test}:\n    continue", "if {test}:\n    ...\n    break", "if {test}:\n    ...\n    continue", "if {test}:\n    ...\nelse:\n    break"],
    "branch": [
        "if {test}:\n    ...", "if {test}:\n    ...\nelse:\n    ...", "if {test}:\n    ...\nelif {test2}:\n    ...\nelse:\n    ...",
        "if {test}:\n    ...\nelif {test2}:\n    ...", "if {test}:\n    {new} = {value}\nelse:\n    {new} = {like}", "if {test}:\n    pass\nelse:\n    ...",
        "if {test}:\n    {new} = {value}\n    ...\nelse:\n    {new} = {like}\n    ...", "if {test}:\n    if {test2}:\n        ...\n    ...",
        "if bias is None:\n    bias = {value}", "if bias is not None:\n    {name} = {name} + bias",
    ],
    "ternary": ["{new} = {value} if {test} else {like}", "{name} = {like} if {test} else {like2}", "{float} += {scalar} if {test} else 0.0",
                "{new} = {scalar} * ({scalar2} if {test} else {scalar3}) - 0.1", "{array} *= {fits} if {test} else 0.5",
                "{new} = {scalar} if bias is None else bias", "{new} = ({value} if {test2} else {like}) if {test} else {like2}"],
    "early": ["if {test}:\n    return {like}", "if {test}:\n    ...\n    return {like}"],
    "make": ["{new} = np.zeros(3)", "{new} = np.zeros((2, 3))", "{new} = np.zeros_like({array})", "{new} = np.zeros({array}.shape)", "{new} = {array}.copy()",
             "{new} = np.ones_like({array})", "{new} = np.zeros(({count}, 3))", "{new} = np.empty_like({array})\n{new}[:] = 0.3", "{new} = {array} * 1.0"],
    "store": ["{place} = {fits}", "{place} = {fits}", "{place} = {like}", "{place} += {fits}", "{place} *= {fits}", "{place} = 0", "{place} -= {fits}", "{place} = {place} * {scalar}",
              "np.add.at({array}, [1, 0, 1], {scalar})", "{array}[{array} > 0.3] = 0", "{place}, {place2} = {place2}, {place}"],
    "view": ["{new} = {array}", "{new} = {place}", "{new} = {matrix}.T", "{new} = {array}.reshape(-1)", "{new} = {array}[::-1]", "{new} = {array}.ravel()", "{new} = {array}[1:]"],
    "fill": [
        "{new} = np.zeros_like({array})\nfor {index} in range(len({array})):\n    ...\n    {new}[{index}] = {array}[{index}] * {scalar}",
        "{new} = np.zeros(({count} + 1,) + {array}.shape)\n{new}[0] = {array}\nfor {index} in range({count}):\n    ...\n    {new}[{index} + 1] = np.tanh({new}[{index}] + {scalar})",
        "for {index} in range(1, len({array})):\n    {array}[{index}] += 0.5 * {array}[{index} - 1]\n    ...",
        "for {index} in range(len({vector}) - 1):\n    {vector}[{index}], {vector}[{index} + 1] = {vector}[{index} + 1], {vector}[{index}]",
        "{new} = np.zeros(({matrix}.shape[0], 3))\nfor {index} in range({matrix}.shape[0]):\n    for {index2} in range(3):\n        {new}[{index}, {index2}] = {matrix}[{index}, {index2}] * {scalar}\n        ...",
        "for {item} in {matrix}:\n    {item} *= {scalar}\n    ...", "for {index}, {item} in enumerate({array}):\n    {array}[{index}] = {item} * {item} - {scalar}",
    ],
    "list": [
        "{new} = []\nfor {index} in range({count}):\n    ...\n    {new}.append({value})", "{new} = []\nfor {item} in {array}:\n    ...\n    {new}.append({item} * {scalar})",
        "{new} = [{value}, {like}]", "{list}.append({element})", "{list}.insert(0, {element})", "{list}.extend([{element}, {element2}])", "{list} += [{element}]",
        "{new} = {list}.pop()", "{new} = {list}.pop(0)", "{list}[0] = {element}", "{list}[-1] = {element}", "{list}[0] *= 0.5", "{new} = {list}[1:]", "{new} = {list} + [{element}]",
        "{new} = [{value}]\nfor {index} in range({count}):\n    {new}.append(np.tanh({new}[-1]))\n    ...", "{list}.reverse()", "{new}, *{new2} = {list}",
    ],
    "comprehension": [
        "{new} = [{item} * {scalar} for {item} in {array}]", "{new} = [np.tanh({item}) for {item} in {list}]", "{new} = np.array([{item} ** 2 for {item} in {array}])",
        "{new} = sum({item} * {item2} for {item}, {item2} in zip({array}, {array2}))", "{new} = np.stack([{array}[{index}] * ({index} + 1) for {index} in range(2)])",
        "{new} = [{item} for {item} in {vector} if {item} > 0.1]", "{new} = [[{scalar} * ({index} + 1) for {index} in range(2)] for {index2} in range(2)]",
        "{new} = {{{key}: 0.5 * {item} for {key}, {item} in {dict}.items()}}", "{new} = sum([{value} for _ in range({count})])",
        "{new} = [{item} if {test} else {item} * 0.5 for {item} in {array}]",
    ],
    "loop_over": [
        "for {item} in {list}:\n    ...", "for {item} in reversed({list}):\n    ...", "for {index}, {item} in enumerate({list}):\n    ...", "for {key} in {dict}:\n    ...",
        "for {item}, {item2} in zip({list}, {array}):\n    ...", "for {key}, {item} in {dict}.items():\n    ...", "for {item} in {dict}.values():\n    ...",
        "for {key} in sorted({dict}):\n    ...", "for {index} in range(len({list})):\n    ...", "while {list}:\n    {item} = {list}.pop()\n    ...",
    ],
    "struct": [
        "{new} = ({value}, {value2})", "{new}, {new2} = {tuple}", '{new} = {{"w": {value}, "b": {value2}}}', "{new} = dict(w={value}, b={value2})", "{dict}[{member}] = {value}",
        "{new} = {{}}\n{new}[0] = {value}\nfor {index} in range({count}):\n    ...\n    {new}[{index} + 1] = np.tanh({new}[{index}])", "{new} = {dict}.copy()",
        "{new} = {dict}.get({member}, 0.5)", "{new} = {dict}.pop({member})", "{place} = {like}", "{place} += {fits}",
    ],
    "call": ["{new} = {called}", "{new} = {called}", "{name} = {called}", "{float} += np.sum({called})", "{new}, {new2} = both({value}, {value2})", "shrink({array})", "{array}[0] = np.sum({called})"],
    "closure": [
        "def local(t):\n    for {index} in range({count}):\n        t = t * {scalar} + 0.1\n    return t",
        "def local(t, scale={scalar}):\n    return np.tanh(t) * scale if {test} else t - {scalar2}",
        "def local(t, *, power=2):\n    found = t * {scalar}\n    if {test}:\n        found = found ** power\n    return found",
        "act = lambda t: t * {scalar}\n{new} = act({value})", "act = lambda t, k={scalar}: np.sin(t) * k\n{new} = act({value}, k={scalar2})",
        "act = np.tanh if {test} else np.sin\n{new} = act({value})", "act = lambda t: t if {test} else t * t\n{new} = {new2} = act({value})",
        "def local(t):\n    for {index} in range(3):\n        if {index} == 1:\n            continue\n        t = t * {scalar}\n    return t\n{new} = local({value}) + {scalar2}",
    ],
}  # fmt: skip

HELPERS = {
    "power": "def power(t, n=2):\n    if n == 0:\n        return 1.0\n    return t * power(t, n - 1)",
    "both": "def both(t, u):\n    s = t * u\n    for _ in range(2):\n        s = 0.5 * s + u\n    return s, t - u",
    "shrink": "def shrink(t):\n    for i in range(len(t)):\n        t[i] *= 0.5",
}
UNTOLD = Declared("nothing", {})


class Impossible(Exception):
    """Nothing here is of the kind that a statement asks for."""


# --- running ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Walk:
    """One call: which instructions ran, the values of the names at the end, what came back."""

    path: list[tuple[str, int]]
    names: dict[str, Any]
    result: Any


@functools.lru_cache(maxsize=64)
def _compiled(text: str) -> Any:
    return compile(text, "<written>", "exec")


def walk(
    text: str, function: str, inputs: Mapping[str, Any], **more: Callable[..., Any]
) -> Walk:
    """Call `function`; raises where it fails, warns or goes on for too long."""
    path: list[tuple[str, int]] = []
    names: dict[str, Any] = {}

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != "<written>":
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            path.append((frame.f_code.co_name, frame.f_lasti))
        elif event == "return" and frame.f_code.co_name == function:
            names.clear()
            names.update(frame.f_locals)
        if len(path) > LONGEST:
            raise TimeoutError
        return trace

    module: dict[str, Any] = {"__name__": "written", **more}
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        exec(_compiled(text), module)
        arguments = copy.deepcopy(list(inputs.values()))
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            result = module[function](*arguments)
        finally:
            sys.settrace(before)
    return Walk(path, names, result)


def ends(trial: Trial) -> bool:
    """The forward function can be called, and comes back."""
    try:
        walk(trial.text, trial.function, trial.inputs)
    except Exception:
        return False
    return True


def moved(value: Any, step: float, signs: np.random.Generator) -> Any:
    """`value` with all floating-point numbers in it moved by `step`, up or down."""
    match value:
        case dict():
            return {k: moved(v, step, signs) for k, v in value.items()}
        case list() | tuple():
            return type(value)(moved(v, step, signs) for v in value)
        case float():
            return value + step * float(signs.choice([-1, 1]))
        case np.ndarray() if value.dtype.kind == "f":
            return value + step * signs.choice([-1, 1], value.shape)
    return value


def numbers(value: Any) -> Iterator[np.ndarray]:
    """All floating-point numbers in a value, in order."""
    match value:
        case dict():
            yield from numbers(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from numbers(item)
        case float() | np.ndarray():
            yield np.ravel(value)


def _flat(found: Walk) -> np.ndarray:
    return np.concatenate([np.zeros(0), *numbers([found.names, found.result])])


def is_sound(text: str, function: str, inputs: Mapping[str, Any]) -> bool:
    """It runs, everything is small, and it is smooth around its inputs: the same path, and no kink."""

    def at(step: float, seed: int) -> Walk:
        signs = np.random.default_rng(seed)
        near = {name: moved(v, step, signs) for name, v in inputs.items()}
        return walk(text, function, near)

    steps = np.array([-NEAR, -NEAR / 100, 0, NEAR / 100, NEAR])
    try:
        start = at(0, 0)
        if not is_fine([*start.names.values(), start.result]):
            return False
        for seed in range(2):
            if any(at(step, seed).path != start.path for step in (-FAR, FAR)):
                return False
            values = np.array([_flat(at(step, seed)) for step in steps])
            slopes = np.diff(values, axis=0) / np.diff(steps)[:, None]
            if np.any(np.ptp(slopes, axis=0) > 0.03 * (1 + np.abs(slopes).max(axis=0))):
                return False
    except Exception:
        return False
    return True


# --- what can be read at a slot ---------------------------------------------------------------------------------------


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


@dataclass(eq=False)
class Scope:
    """The values at the first and at the last visit of a place; what cannot be had at both cannot be had."""

    visits: list[dict[str, Any]]
    constants: Mapping[str, Any]
    shapes: dict[str, tuple[int, ...] | None] = field(default_factory=dict)

    def values(self, text: str) -> list[Any]:
        code = compile(text, "<expression>", "eval")
        with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
            warnings.simplefilter("error")
            return [eval(code, {**self.constants, **visit}) for visit in self.visits]

    def shape(self, text: str) -> tuple[int, ...] | None:
        """Of an expression that is a number or an array of them."""
        if text not in self.shapes:
            self.shapes[text] = self._shape(text)
        return self.shapes[text]

    def _shape(self, text: str) -> tuple[int, ...] | None:
        try:
            found = self.values(text)
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
            if n not in ("_", "order")
            and kind_of(v) in kinds
            and kind_of(last.get(n)) in kinds
        ]

    def forms(self, table: Mapping[str, Sequence[str]]) -> list[str]:
        """Every text that the table makes of the names."""
        found = []
        for kind, forms in table.items():
            for name in self.names(kind):
                keys = self._keys(name) if kind == "dict" else [""]
                fields = {
                    "i": self.names("int")[-3:],
                    "y": self.names("array"),
                    "key": keys,
                }
                found += [text for f in forms for text in _every(f, fields, x=name)]
        return list(dict.fromkeys(found))

    def _keys(self, name: str) -> list[str]:
        return [
            *map(repr, self.visits[0][name]),
            *(k for k in KEYS if k in self.names("str")),
        ]

    @functools.cached_property
    def atoms(self) -> dict[str, tuple[int, ...]]:
        found = {text: self.shape(text) for text in [*self.forms(ATOMS), "0.5", "C"]}
        return {text: shape for text, shape in found.items() if shape is not None}

    @functools.cached_property
    def places(self) -> list[str]:
        """Where a value can be stored."""
        return [t for t in self.forms(PLACES) if self.shape(t) is not None]


def _every(form: str, fields: Mapping[str, Sequence[str]], **given: str) -> list[str]:
    """`form` with each of the values that its open field can have; one field at most is open."""
    for name, values in fields.items():
        if f"{{{name}}}" in form:
            return [form.format(**given, **{name: value}) for value in values]
    return [form.format(**given)]


# --- the text and its slots -------------------------------------------------------------------------------------------


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _header(line: str) -> str:
    return re.split(r"\W", line.strip())[0]


def _around(lines: Sequence[str], at: int) -> Iterator[int]:
    """The headers of the blocks that a line stands in, inner ones first."""
    level = _indent(lines[at])
    for number in reversed(range(at)):
        if _indent(lines[number]) < level:
            level = _indent(lines[number])
            yield number


def _forced(lines: Sequence[str], at: int) -> list[str]:
    """The same program, but it comes to the line whatever the conditions say."""
    found = list(lines)
    for number in _around(lines, at):
        found[number] = _taken(lines[number])
        if _header(lines[number]) in ("elif", "else"):
            _pass_over(found, number)
    return found


def _taken(line: str) -> str:
    line = re.sub(r"\b(el)?if .*:$", r"\1if True:", line)
    line = re.sub(r"\bwhile .*:$", "for _ in range(1):", line)
    return re.sub(r"\bfor (.*?) in (.*):$", r"for \1 in some(\2):", line)


def _pass_over(lines: list[str], at: int) -> None:
    """The conditions above an `elif` or `else` fail."""
    for number in reversed(range(at)):
        if _indent(lines[number]) == _indent(lines[at]):
            lines[number] = re.sub(r"\bif .*:$", "if False:", lines[number])
            if _header(lines[number]) in ("if", "for", "while"):
                return


def some(items: Any) -> Any:
    """What a loop goes over, or what it could go over if there was any."""
    if isinstance(items, range) and not len(items):
        return [items.start]
    if isinstance(items, np.ndarray) and not len(items):
        return np.zeros((1, *items.shape[1:]))
    return items


def _filled_in(lines: Sequence[str]) -> list[str]:
    """Without slots."""
    kept = [line for line in lines if not line.strip().startswith("...")]
    found = []
    for line, following in zip(kept, [*kept[1:], ""], strict=True):
        found.append(line)
        if line.endswith(":") and _indent(following) <= _indent(line):
            found.append(" " * (_indent(line) + 4) + "pass")
    return found


# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class FlowWriter:
    """Writes one function, and before it those that it calls."""

    choices: Choices
    kinds: Sequence[str]
    name: str = "f"
    inputs: dict[str, Any] = field(default_factory=dict)
    helpers: dict[str, str] = field(default_factory=lambda: dict(HELPERS))
    calls: dict[str, list[str]] = field(default_factory=lambda: dict(CALLS))
    lines: list[str] = field(default_factory=lambda: ["    ...  # 0"])
    slots: int = 1
    subject: tuple[int, ...] = ()

    def pick(self, options: Sequence[T]) -> T:
        if not len(options):
            raise Impossible
        return self.choices.pick(options)

    def chance(self, one_in: int) -> bool:
        return self.pick(range(one_in)) == 0

    def add_helper(self, name: str) -> None:
        """Write a function for this one to call."""
        values = [0.4, np.array([0.5, -0.3, 0.8]), np.array([[0.2, -0.6, 0.9], [0.7, 0.1, -0.4]])]  # fmt: skip
        known = {"t": self.pick(values), "u": self.pick(values), "n": 2, "flag": self.pick([True, False])}  # fmt: skip
        kept = self.pick(["t", "tu", "tu", "tn", "tuf", "tunf"])
        inputs = {n: v for n, v in known.items() if n[0] in kept}
        writer = FlowWriter(
            self.choices, HELPER_KINDS, name, inputs, self.helpers, dict(self.calls)
        )
        writer.grow(self.pick([1, 2, 3]))
        self.helpers = {**self.helpers, name: writer.finished(keep=True)}
        arguments = ", ".join(["{A}", "{B}"][: 1 + ("u" in kept)])
        forms = [f"{name}({arguments})", f"{name}(t={arguments.replace(', ', ', u=')})"]
        options = {"n": f"{name}({arguments}, n=3)", "flag": f"{name}({arguments}, flag=False)"}  # fmt: skip
        self.calls[name] = forms[:1] * 2 + forms + [f for n, f in options.items() if n in inputs]  # fmt: skip

    def grow(self, length: int) -> None:
        for _ in range(length):
            inside = self.pick(range(self.slots))
            self._grow(self.pick([0, inside, inside]))

    # --- statements ---------------------------------------------------------------------------------------------

    def _grow(self, slot: int) -> None:
        """Write a statement before a slot, if one can be, and into the slots that it brings."""
        for _ in range(4):
            try:
                scope, forced = self._scope(slot)
                kind = self.pick(self._kinds(slot))
                text = self._fill(self.pick(KINDS[kind]), scope)
            except Impossible:
                continue
            first = self.slots
            if self._write(slot, text, forced):
                for new in range(first, self.slots):
                    self._grow(new)
                return

    def _kinds(self, slot: int) -> list[str]:
        around = [_header(self.lines[n]) for n in _around(self.lines, self._at(slot))]
        loops = sum(header in ("for", "while") for header in around)
        left_out = set() if loops else {"leave"}
        if loops >= NESTED or len(around) > NESTED:
            left_out |= {"loop", "while", "fill", "loop_over", "list"}
        if len(around) > NESTED:
            left_out |= {"branch", "leave", "closure"}
        return [k for k in self.kinds if k not in left_out and k != "early"]

    def _at(self, slot: int) -> int:
        marks = [line.strip() for line in self.lines]
        return marks.index(f"...  # {slot}")

    def _write(self, slot: int, text: str, forced: bool) -> bool:
        at, before = self._at(slot), (self.lines, self.slots)
        new = textwrap.indent(text, " " * _indent(self.lines[at])).split("\n")
        self.lines = [*self.lines[:at], *map(self._numbered, new), *self.lines[at:]]
        if is_sound(self.text(self.lines), self.name, self.inputs) and (
            not forced or self._visits(slot, forced)
        ):
            return True
        self.lines, self.slots = before
        return False

    def _numbered(self, line: str) -> str:
        if line.strip() != "...":
            return line
        self.slots += 1
        return f"{line}  # {self.slots - 1}"

    def text(self, lines: Sequence[str]) -> str:
        helpers = "".join(f"\n\n{text}\n" for text in self.helpers.values())
        body = "\n".join(lines)
        return f"import numpy as np\n\nC = 0.7\n{helpers}\n\ndef {self.name}({', '.join(self.inputs)}):\n{body}\n"

    # --- the end ------------------------------------------------------------------------------------------------

    def finished(self, told: Declared = UNTOLD, keep: bool = False) -> str:
        """The definition, with what it returns and where it may return early."""
        result = self._result()
        self.lines = [*self.lines, f"    return {result}"]
        if "early" in self.kinds or self.chance(8):
            self._return_early(result)
        body = _filled_in(self.lines)
        used = _words("\n".join(body))
        self.inputs = {n: v for n, v in self.inputs.items() if keep or n in used}
        told = told.of(self.inputs)
        docstring = [f"    {line}" for line in told.docstring]
        header = f"def {self.name}({self._parameters(told)}):"
        return "\n".join([header, *docstring, *body])

    def _result(self) -> str:
        for _ in range(6):
            result = self._tried_result()
            if self._moves([*self.lines, f"    return {result}"]):
                return result
        scope, _ = self._scope(0)
        return " + ".join(f"np.sum({n})" for n in scope.names("float", "array"))

    def _tried_result(self) -> str:
        scope, _ = self._scope(0)
        names = scope.names("float", "array")
        written = [n for n in names if n not in self.inputs] or names
        kept = [self.pick(self.pick([written, names])) for _ in range(3)]
        structs = [a for a in scope.atoms if a.split("[")[0] in scope.names("list", "dict", "tuple")]  # fmt: skip
        kept = kept[: self.pick([1, 2, 3, 3])] + structs[-1:] * self.chance(2)
        found = " + ".join(f"np.sum({name})" for name in kept)
        every = " + ".join(f"np.sum({name})" for name in written)
        alone = [kept[0], f"({found}) * {kept[0]}", ", ".join(kept)]
        return self.pick([found, every, every, *alone])

    def _moves(self, lines: Sequence[str]) -> bool:
        """What comes back is different where the inputs are."""
        text, signs = self.text(lines), np.random.default_rng(0)
        if not is_sound(text, self.name, self.inputs):
            return False
        near = {n: moved(v, FAR, signs) for n, v in self.inputs.items()}
        one, other = (walk(text, self.name, given) for given in (self.inputs, near))
        return not np.array_equal(*(np.concatenate([*numbers([w.result])]) for w in (one, other)))  # fmt: skip

    def _return_early(self, result: str) -> None:
        for _ in range(2):
            slot = self.pick(range(self.slots))
            try:
                shape = self._scope(0)[0].shape(result)
                scope, forced = self._scope(slot)
                if shape is not None:
                    self.subject = shape
                    text = self._fill(self.pick(KINDS["early"]), scope)
                    self._write(slot, text, forced)
            except Impossible:
                continue

    def _parameters(self, told: Declared) -> str:
        """With defaults from some parameter on."""
        optional = [n for n in self.inputs if n in DEFAULTS]
        first = self.pick([*range(len(optional)), len(optional)])
        return ", ".join(
            (
                f"{n}={self.pick(DEFAULTS[n])!r}"
                if n in optional[first:]
                else told.annotated(n)
            )
            for n in self.inputs
        )

    # --- what can be read ---------------------------------------------------------------------------------------

    def _scope(self, slot: int) -> tuple[Scope, bool]:
        """And whether the function comes there only by force."""
        constants: dict[str, Any] = {}
        exec(_compiled(self.text(["    pass"])), constants)
        for forced in (False, True):
            visits = self._visits(slot, forced)
            if visits:
                return Scope(visits[:1] + visits[1:][-1:], constants), forced
        raise Impossible

    def _visits(self, slot: int, forced: bool) -> list[dict[str, Any]]:
        at = self._at(slot)
        lines = _forced(self.lines, at) if forced else list(self.lines)
        lines[at] = lines[at].replace("...", "here(locals())")
        visits: list[dict[str, Any]] = []

        def here(names: Mapping[str, Any]) -> None:
            visits.append(copy.deepcopy(dict(names)))

        try:
            found = walk(self.text(lines), self.name, self.inputs, here=here, some=some)
        except Exception:
            return []
        return visits if is_fine(list(found.names.values())) else []

    # --- holes --------------------------------------------------------------------------------------------------

    def _fill(self, template: str, scope: Scope) -> str:
        """Every hole of the template with what its name says."""
        filled: dict[str, str] = {}
        text = ""
        for literal, hole, after in _pieces(template):
            text += literal
            if hole and hole not in filled:
                kind = hole.rstrip("0123456789")
                filled[hole] = getattr(self, f"_{kind}")(scope, filled)
            is_part = re.search(r"[-+*/] $", literal) or re.match(r" [-+*/] ", after)
            text += _operand(filled[hole]) if is_part else filled.get(hole, "")
        return text

    def _of(self, scope: Scope, filled: Mapping[str, str], names: list[str]) -> str:
        """One of the names, which is what the statement is about from here on."""
        name = self.pick([n for n in names if n not in filled.values()])
        self.subject = scope.shape(name) or ()
        return name

    def _name(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._of(scope, filled, scope.names("float", "array"))

    def _float(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._of(scope, filled, scope.names("float"))

    def _array(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._of(scope, filled, scope.names("array"))

    def _vector(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._ranked(1, scope, filled)

    def _matrix(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._ranked(2, scope, filled)

    def _ranked(self, rank: int, scope: Scope, filled: Mapping[str, str]) -> str:
        names = scope.names("array")
        return self._of(
            scope, filled, [n for n in names if len(scope.shape(n) or ()) == rank]
        )

    def _place(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._of(scope, filled, scope.places)

    def _int(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self.pick([n for n in scope.names("int") if n not in filled.values()])

    def _list(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self.pick(scope.names("list"))

    def _tuple(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self.pick(scope.names("tuple"))

    def _dict(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self.pick(scope.names("dict"))

    def _member(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self.pick([*map(repr, scope.visits[0][filled["dict"]]), '"w"'])

    def _element(self, scope: Scope, filled: Mapping[str, str]) -> str:
        self.subject = scope.shape(f"{filled['list']}[0]") or ()
        return self._like(scope, filled)

    def _new(self, scope: Scope, filled: Mapping[str, str]) -> str:
        unused = [n for n in NAMES if n not in scope.visits[0]]
        return self._fresh(unused if unused and not self.chance(4) else NAMES, filled)

    def _index(self, scope: Scope, filled: Mapping[str, str]) -> str:
        unused = [n for n in INDEXES if n not in scope.visits[0]]
        return self._fresh(unused or INDEXES, filled)

    def _item(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._fresh(ITEMS, filled)

    def _key(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._fresh(KEYS, filled)

    def _fresh(self, names: Sequence[str], filled: Mapping[str, str]) -> str:
        return self.pick([n for n in names if n not in filled.values()])

    def _count(self, scope: Scope, filled: Mapping[str, str]) -> str:
        lengths = [f"len({n})" for n in scope.names("array", "list")]
        lengths += [f"{n}.shape[0]" for n in scope.names("array")]
        given = ["n"] * 4 if "n" in scope.names("int") else []
        return self.pick(["2", "3", "3", "4", "1", "0", *given, *lengths[:3]])

    def _test(self, scope: Scope, filled: Mapping[str, str]) -> str:
        subject = self.subject
        family = self.pick(["flag", "flag", "index", "index", "data", "joined"])
        tests = [t for t in TESTS[family] if family != "flag" or scope.decides(t)]
        text = self._fill(self.pick(tests or TESTS["data"]), scope)
        if not scope.decides(text):
            raise Impossible
        self.subject = subject
        return text

    # --- expressions --------------------------------------------------------------------------------------------

    def _value(self, scope: Scope, filled: Mapping[str, str]) -> str:
        self.subject = scope.atoms[self.pick(self._plain(scope, list(scope.atoms)))]
        return self._like(scope, filled)

    def _scalar(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._expression(scope, ())

    def _like(self, scope: Scope, filled: Mapping[str, str]) -> str:
        return self._expression(scope, self.subject)

    def _fits(self, scope: Scope, filled: Mapping[str, str]) -> str:
        shapes = [s for s in scope.atoms.values() if _goes_into(s, self.subject)]
        return self._expression(scope, self.pick(shapes))

    def _called(self, scope: Scope, filled: Mapping[str, str]) -> str:
        shape = scope.atoms[self.pick(self._plain(scope, list(scope.atoms)))]
        text = self._composed(scope, shape, 1, self._call_forms(scope))
        if scope.shape(text) is None:
            raise Impossible
        return text

    def _plain(self, scope: Scope, atoms: Sequence[str]) -> Sequence[str]:
        """The names among them, or now and then all."""
        names = [a for a in atoms if a.isidentifier() and a != "C"]
        return names if names and not self.chance(3) else atoms

    def _call_forms(self, scope: Scope) -> list[str]:
        known = {**scope.constants, **scope.visits[0]}
        return [f for name, forms in self.calls.items() if name in known for f in forms]

    def _expression(self, scope: Scope, shape: tuple[int, ...]) -> str:
        forms = [*FORMS, *self._call_forms(scope) * 3]
        for _ in range(4):
            text = self._composed(scope, shape, self.pick([0, 1, 1, 2]), forms)
            if scope.shape(text) == shape:
                return text
        return self._atom(scope, shape)

    def _composed(
        self, scope: Scope, shape: tuple[int, ...], depth: int, forms: Sequence[str]
    ) -> str:
        if depth == 0:
            return self._atom(scope, shape)
        form = self.pick(forms)
        first = self._composed(scope, shape, self.pick(range(depth)), forms)
        fitting = [
            a for a, s in scope.atoms.items() if a != first and _goes_into(s, shape)
        ]
        second = self.pick(self._plain(scope, fitting))
        return form.format(a=_operand(first), A=first, b=_operand(second), B=second)

    def _atom(self, scope: Scope, shape: tuple[int, ...]) -> str:
        exact = [a for a, s in scope.atoms.items() if s == shape]
        return self.pick(self._plain(scope, exact))


def _goes_into(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, other) == other
    except ValueError:
        return False


def _operand(text: str) -> str:
    """In parentheses, where it needs them."""
    tree = ast.parse(text, mode="eval").body
    simple = ast.Name | ast.Call | ast.Subscript | ast.Attribute | ast.Constant
    return text if isinstance(tree, simple) else f"({text})"


def _pieces(template: str) -> Iterator[tuple[str, str, str]]:
    """Text, the hole after it, and the text after that."""
    parts = [(p[0], p[1] or "") for p in string.Formatter().parse(template)]
    for (literal, hole), (after, _) in zip(parts, [*parts[1:], ("", "")], strict=True):
        yield literal, hole, after


# --- whole programs ---------------------------------------------------------------------------------------------------


def flow_program(choices: Choices, kinds: Sequence[str], length: int) -> Trial:
    shapes = {name: choices.pick(SHAPES) for name in ("x", "y")}
    writer = FlowWriter(choices, kinds, inputs=_inputs(choices, kinds, shapes))
    if "call" in kinds:
        for name in ("step", "score")[: choices.pick([1, 1, 2])]:
            writer.add_helper(name)
    writer.grow(length)
    told = Declared(choices.pick(["docstring", "nothing", "option", "nothing"]), shapes)
    definition = writer.finished(told)
    inputs = writer.inputs
    asked = tuple(n for n, v in inputs.items() if any(True for _ in numbers(v)))
    source = "\n\n\n".join(["import numpy as np\n\nC = 0.7", *_used(writer.helpers, definition), definition])  # fmt: skip
    return Trial(source + "\n", inputs, asked, shapes=told.of(inputs).options)


def _inputs(
    choices: Choices, kinds: Sequence[str], shapes: Mapping[str, str]
) -> dict[str, Any]:
    drawn = np.random.default_rng(choices.pick(range(50)))

    def array(text: str) -> Any:
        value = drawn.uniform(-1.2, 1.2, [LENGTHS[d] for d in text.split(",") if d])
        return value if text else float(value)

    found = {name: array(text) for name, text in shapes.items()}
    if {"list", "struct"} & set(kinds):
        found["xs"] = [array("D") for _ in range(choices.pick([1, 2, 3]))]
        found["p"] = {"w": array(choices.pick(["D", "N,D", ""])), "b": array("D")}
    if "store" in kinds:
        found["idx"] = np.array(choices.pick([[0, 2], [1, 1, 0], [2]]))
    if "branch" in kinds:
        found["bias"] = choices.pick([None, array(choices.pick(["", "D"]))])
    return found | {name: choices.pick(values) for name, values in FLAGS.items()}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _used(helpers: Mapping[str, str], text: str) -> list[str]:
    """The helpers that a text calls, and those that they call."""
    found: list[str] = []
    for name, helper in reversed(helpers.items()):
        if name in _words("\n".join([text, *found])):
            found.insert(0, helper)
    return found


# --- shorter programs -------------------------------------------------------------------------------------------------


def shortened(trial: Trial, fails: Callable[[Trial], bool]) -> Trial:
    """Cut out what can be cut out, until nothing can."""
    again = True
    while again:
        again, number = False, 0
        while number < len(cuts := list(_cuts(trial.text))):
            tried = replace(trial, source=cuts[number])
            if ends(tried) and fails(tried):
                trial, again = tried, True
            else:
                number += 1
    return trial


def _cuts(text: str) -> Iterator[str]:
    """Shorter texts: without a block, with a block in the place of its statement, with a part of an expression."""
    lines = text.split("\n")
    for start in reversed([n for n, line in enumerate(lines) if line]):
        end = _end(lines, start)
        first, last = _chain(lines, start)
        yield "\n".join(lines[:start] + lines[end:])
        if (first, last) != (start, end):
            yield "\n".join(lines[:first] + lines[last:])
        if end > start + 1:
            body = textwrap.dedent("\n".join(lines[start + 1 : end]))
            body = textwrap.indent(body, " " * _indent(lines[start]))
            yield "\n".join([*lines[:first], body, *lines[last:]])
    yield from _parts(text)


def _end(lines: Sequence[str], start: int) -> int:
    """After the block that a line heads."""
    inside = (not n or _indent(n) > _indent(lines[start]) for n in lines[start + 1 :])
    return start + 1 + sum(1 for _ in itertools.takewhile(bool, inside))


def _chain(lines: Sequence[str], start: int) -> tuple[int, int]:
    """From the `if` or the loop to the last `else` of the statement that a header belongs to."""
    first, last = start, _end(lines, start)
    while _header(lines[first]) in ("elif", "else"):
        first = next(
            n
            for n in reversed(range(first))
            if _indent(lines[n]) <= _indent(lines[start])
        )
    while (
        last < len(lines)
        and _header(lines[last]) in ("elif", "else")
        and _indent(lines[last]) == _indent(lines[start])
    ):
        last = _end(lines, last)
    return first, last


def _parts(text: str) -> Iterator[str]:
    """With an expression replaced by one of those that it is made of."""
    lines = text.split("\n")
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        for part in ast.iter_child_nodes(node) if isinstance(node, ast.expr) else ():
            if isinstance(part, ast.expr) and part is not getattr(node, "func", None):
                line = lines[node.lineno - 1]
                short = (
                    line[: node.col_offset]
                    + ast.get_source_segment(text, part)
                    + line[node.end_col_offset :]
                )
                yield "\n".join(
                    [*lines[: node.lineno - 1], short, *lines[node.lineno :]]
                )
