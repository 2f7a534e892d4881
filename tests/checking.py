"""Source text and inputs -> whether what flatgrad emits for it agrees with central differences.

Each check transforms a text, executes the text and what was emitted for it, and compares value, gradients and
everything that a caller can observe besides: what happens to the arguments, to the seeds and to the cache.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from textwrap import dedent
from typing import Any

import numpy as np

from flatgrad.emit.module import layout
from flatgrad.errors import FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import Transformation, transform

Inputs = Mapping[str, Any]

AGREED, REFUSED = "agreed", "refused"


class Wrong(AssertionError):
    """What was emitted does something else than the forward function and its derivative."""


class Faults:
    """What is wrong with each of several checks that share their preparation: all are told, not the first one only."""

    def __init__(self) -> None:
        self.found: list[Exception] = []

    @contextmanager
    def of(self, *which: object) -> Iterator[None]:
        try:
            yield
        except Exception as fault:
            fault.add_note(f"where {which}")
            self.found.append(fault)

    def tell(self) -> None:
        if self.found:
            raise ExceptionGroup(f"{len(self.found)} faults", self.found)


@dataclass(frozen=True)
class Trial:
    """One function, what it is called with, and how close the numbers have to be."""

    source: str
    inputs: Inputs
    wrt: tuple[str, ...] = ()  # none: every floating-point input
    function: str = "f"
    shapes: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    emit: str = "grad"
    rtol: float = 1e-5
    step: float = 1e-4
    names: str = "grad_"

    @property
    def text(self) -> str:
        return dedent(self.source).strip("\n") + "\n"

    @property
    def asked(self) -> tuple[str, ...]:
        return self.wrt or tuple(n for n, v in self.inputs.items() if is_float(v))

    @property
    def options(self) -> Options:
        return Options((self.function,), self.asked, self.emit, self.names, self.shapes)

    def emitted(self) -> str:
        return transform(self.text, self.options)


class Subject:
    """A function that is tried, and what each kind of output is compared with: found once for all of them."""

    def __init__(self, trial: Trial):
        self.trial = trial

    @cached_property
    def transformation(self) -> Transformation:
        return transformed(self.trial)

    @cached_property
    def forward(self) -> Callable[..., Any]:
        return load(self.trial.text)[self.trial.function]

    @cached_property
    def called(self) -> tuple[dict[str, Any], Any]:
        """The arguments after a call of the function, and its value."""
        inputs = copy.deepcopy(dict(self.trial.inputs))
        return inputs, drawn(self.forward, *inputs.values())

    @cached_property
    def seeds(self) -> list[Any]:
        outs = as_tuple(self.called[1])
        return [cotangent(o, number) for number, o in enumerate(outs) if has_seed(o)]

    @cached_property
    def differences(self) -> dict[str, Any]:
        return central(self.forward, self.trial, self.seeds)


_read: dict[Any, Transformation] = {}  # the few texts that were read last


def transformed(trial: Trial) -> Transformation:
    """The text, read once for all inputs that it is tried with."""
    shapes = tuple(trial.shapes.items())
    key = (trial.text, trial.function, trial.asked, trial.names, shapes)
    if key not in _read:
        while len(_read) >= 4:
            _read.pop(next(iter(_read)))
        _read[key] = Transformation(trial.text, trial.options)
    return _read[key]


_last: list[Subject] = (
    []
)  # what was looked at last: the next kind of output is often of the same function


def subject_of(trial: Trial) -> Subject:
    """What serves every kind of output of one function, called with the same inputs."""
    if _last and _is_same(_last[0].trial, trial):
        return _last[0]
    _last[:] = [Subject(trial)]
    return _last[0]


def _is_same(one: Trial, other: Trial) -> bool:
    """The very same inputs, and nothing that differs but the kind of output."""
    inputs = one.inputs is other.inputs and one.shapes is other.shapes
    return inputs and replace(one, emit="", inputs={}, shapes={}) == replace(
        other, emit="", inputs={}, shapes={}
    )


def is_float(value: Any) -> bool:
    """What a gradient is asked of: numbers with fractions, real or complex."""
    return np.asarray(value).dtype.kind in "fc"


def agree(
    source: str, *, emits: Sequence[str] = ("grad", "pair", "jvp"), **inputs: Any
) -> None:
    """The emitted code must be there, and must be right."""
    subject = Subject(Trial(source, inputs))
    for emit in emits:
        examine(replace(subject.trial, emit=emit), subject=subject)


def agree_or_refuse(
    source: str, *, emits: Sequence[str] = ("grad", "pair", "jvp"), **inputs: Any
) -> None:
    """A correct gradient or a located refusal; never a wrong number, never a crash."""
    subject = Subject(Trial(source, inputs))
    for emit in emits:
        outcome(replace(subject.trial, emit=emit), subject)


def outcome(trial: Trial, subject: Subject | None = None) -> str:
    """`AGREED` or `REFUSED`; raises Wrong where it is neither."""
    subject = subject or subject_of(trial)
    try:
        emitted = subject.transformation.emitted(trial.emit)
    except FlatgradError as error:
        located(error, trial.text)
        return REFUSED
    examine(trial, emitted, subject)
    return AGREED


def judged(trial: Trial, emits: Sequence[str] = ("grad", "pair")) -> tuple[str, str]:
    """(agreed, refused, rough, wrong or crash; what is wrong) for these kinds of output."""
    found, subject = AGREED, Subject(trial)
    for emit in emits:
        one = replace(trial, emit=emit)
        try:
            found = outcome(one, subject)
        except Wrong as wrong:
            return ("rough", "") if rough(one) else ("wrong", f"[{emit}] {wrong}")
        except Exception as error:
            told = f"[{emit}] {type(error).__name__}: {error}\n\n{trial.text}"
            return ("crash", told) if runs(trial) else ("rough", "")
    return found, ""


def runs(trial: Trial) -> bool:
    """The forward function itself can be called."""
    try:
        forward = load(trial.text)[trial.function]
        drawn(forward, *copy.deepcopy(list(trial.inputs.values())))
    except Exception:
        return False
    return True


def located(error: FlatgradError, text: str) -> None:
    """Every diagnostic of a refused text has a place in it, a code and a sentence."""
    lines = text.split("\n")
    for found in error.diagnostics:
        if found.code == "FG999" or not found.what:
            raise Wrong(f"not a refusal: {found}")
        place = found.place
        if place is None or not 1 <= place.line <= len(lines):
            raise Wrong(f"a refusal without a place: {found}")
        if not 1 <= place.column <= len(lines[place.line - 1]) + 1:
            raise Wrong(f"a refusal whose column is outside of its line: {found}")


def examine(
    trial: Trial, emitted: str | None = None, subject: Subject | None = None
) -> None:
    """Raise Wrong, with the emitted text, where it does not agree with the forward function."""
    subject = subject or Subject(trial)
    if emitted is None:
        emitted = subject.transformation.emitted(trial.emit)
    try:
        _examine(trial, emitted, subject)
    except Wrong as wrong:
        raise Wrong(f"{wrong}\n\n{_shown(trial, emitted)}") from None
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise Wrong(f"does not run: {what}\n\n{_shown(trial, emitted)}") from error


def _shown(trial: Trial, emitted: str) -> str:
    """Both texts, laid out as far as they can be read at all."""
    with suppress(Exception):
        emitted = layout(emitted)
    return f"{trial.text}\n--- emitted ---\n{emitted}"


def _examine(trial: Trial, emitted: str, subject: Subject) -> None:
    module = load(emitted)
    expected_inputs, expected = subject.called
    if trial.emit == "jvp":
        _examine_tangents(trial, subject.forward, module, expected_inputs, expected)
        return
    given = copy.deepcopy(dict(trial.inputs))
    run = _run_pair if trial.emit == "pair" else _run_grad
    value, gradients = run(trial, module, given, copy.deepcopy(subject.seeds))
    _same("the value", value, expected)
    _arguments_after(trial, given, expected_inputs)
    gradients = gradients if len(trial.asked) > 1 else (gradients,)
    if len(gradients) != len(trial.asked):
        raise Wrong(f"{len(gradients)} gradients for {len(trial.asked)} names")
    for name, gradient in zip(trial.asked, gradients, strict=True):
        _close(name, gradient, subject.differences[name], trial)


def _arguments_after(trial: Trial, given: Inputs, expected: Inputs) -> None:
    for name, argument in given.items():
        untouched = trial.inputs[name]
        if not _equal(argument, untouched):  # it may do less than the forward, not more
            _same(f"the argument {name} after the call", argument, expected[name])


def _examine_tangents(
    trial: Trial,
    forward: Callable[..., Any],
    module: Mapping[str, Any],
    expected_inputs: Inputs,
    expected: Any,
) -> None:
    """Value and tangent along one direction against differences of each result along it."""
    given = copy.deepcopy(dict(trial.inputs))
    direction = {name: direction_of(trial.inputs[name]) for name in trial.asked}
    kept = copy.deepcopy(direction)
    function = module[f"{trial.function}_jvp"]
    value, tangent = drawn(function, *given.values(), *direction.values())
    _same("the value", value, expected)
    _same("a tangent after the call", [*direction.values()], [*kept.values()])
    _arguments_after(trial, given, expected_inputs)
    wanted = along(forward, trial, kept)
    tangents, outs = list(leaves(tangent)), list(leaves(expected))
    if len(tangents) != len(outs):
        raise Wrong(f"{len(tangents)} tangents for {len(outs)} results")
    for number, (found, out) in enumerate(zip(tangents, outs, strict=True)):
        if is_float(out):
            _close(f"result {number}", found, wanted[number], trial, "tangent")


def direction_of(value: Any) -> Any:
    """Fixed numbers in the structure of an input."""
    draw = np.random.default_rng(11)

    def one(part: Any) -> Any:
        match part:
            case dict():
                return {key: one(item) for key, item in part.items()}
            case list() | tuple():
                return type(part)(one(item) for item in part)
        found = draw.normal(size=np.shape(part))
        if np.asarray(part).dtype.kind == "c":
            found = found + 1j * draw.normal(size=np.shape(part))
            return complex(found) if np.ndim(part) == 0 else found
        return float(found) if np.ndim(part) == 0 else found.astype(_precision(part))

    return one(value)


def along(
    forward: Callable[..., Any], trial: Trial, direction: Mapping[str, Any]
) -> list[Any]:
    """The derivative of each result along a direction, by differences of the fourth order."""

    def moved(value: Any, dot: Any, step: float) -> Any:
        match value:
            case dict():
                return {key: moved(value[key], dot[key], step) for key in value}
            case list() | tuple():
                pairs = zip(value, dot, strict=True)
                return type(value)(moved(v, d, step) for v, d in pairs)
        return doubled(value) + step * doubled(dot)

    def outs(factor: int) -> list[Any]:
        args = {
            name: (
                moved(value, direction[name], factor * trial.step)
                if name in direction
                else copy.deepcopy(value)
            )
            for name, value in trial.inputs.items()
        }
        return list(leaves(drawn(forward, *args.values())))

    found = []
    for values in zip(*map(outs, (-2, -1, 1, 2)), strict=True):
        kinds = {np.asarray(v).dtype.kind for v in values}
        if not kinds <= set("fiubc"):
            found.append(None)
            continue
        number = complex if "c" in kinds else float
        a, b, c, d = (np.asarray(v, number) for v in values)
        found.append((a - 8 * b + 8 * c - d) / (12 * trial.step))
    return found


def _run_grad(
    trial: Trial, module: Mapping[str, Any], given: dict[str, Any], seeds: list[Any]
) -> tuple[Any, Any]:
    kept = copy.deepcopy(seeds)
    function = module[f"{trial.function}_grad"]
    value, gradients = drawn(function, *given.values(), *seeds)
    _same("a seed after the call", tuple(seeds), tuple(kept))
    return value, gradients


def _run_pair(
    trial: Trial, module: Mapping[str, Any], given: dict[str, Any], seeds: list[Any]
) -> tuple[Any, Any]:
    """The backward is called twice: it may destroy neither the cache nor what the forward returned."""
    *outs, cache = drawn(module[f"{trial.function}_forward"], *given.values())
    if not isinstance(cache, tuple):
        raise Wrong("the cache is no tuple")
    value = tuple(outs) if len(outs) > 1 else outs[0]
    kept = copy.deepcopy((value, cache, seeds))
    backward = module[f"{trial.function}_backward"]
    first = backward(*seeds, cache)
    remembered = copy.deepcopy(first)
    second = backward(*seeds, cache)
    _same("the gradient at the second call", second, remembered)
    _same("the gradient of the first call after the second", first, remembered)
    _same("value, cache and seeds after the backward", (value, cache, seeds), kept)
    return value, first


def load(text: str) -> dict[str, Any]:
    """The names that the module `text` defines."""
    module: dict[str, Any] = {"__name__": "tried"}
    exec(compile(text, "<tried>", "exec"), module)
    return module


def drawn(function: Callable[..., Any], *args: Any) -> Any:
    """Call `function` with the random numbers that every other call gets too."""
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    with np.errstate(all="ignore"):
        return function(*args)


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def has_seed(out: Any) -> bool:
    """A number, an array or a list of them; a tuple or dict among the results comes back whole."""
    return not isinstance(out, tuple | dict | str) and out is not None


def cotangent(out: Any, number: int) -> Any:
    """Fixed numbers in the shape of an output, no two alike; a plain number for a scalar."""
    shape = np.shape(out)
    rng = np.random.default_rng(1000 + number)
    draw = rng.uniform(0.5, 1.5, shape)
    if np.asarray(out).dtype.kind == "c":
        draw = draw - 1j * rng.uniform(0.5, 1.5, shape)
        return complex(draw) if shape == () else draw
    return float(draw) if shape == () else draw.astype(_precision(out))


def _precision(value: Any) -> Any:
    dtype = np.asarray(value).dtype
    return dtype if dtype.kind == "f" else np.dtype(float)


def pairing(seed: Any, out: Any) -> float:
    """The real inner product of a cotangent and what it is the cotangent of."""
    return float(np.sum(np.real(np.conj(np.asarray(seed)) * np.asarray(out))))


def central(
    forward: Callable[..., Any], trial: Trial, seeds: Sequence[Any]
) -> dict[str, Any]:
    """The derivative of the seeded sum of all outputs, by differences of the fourth order."""
    base = {
        n: doubled(v) if n in trial.asked else v
        for n, v in copy.deepcopy(dict(trial.inputs)).items()
    }

    def total(name: str, moved: Any) -> float:
        args = copy.deepcopy(base | {name: moved})
        outs = as_tuple(drawn(forward, *args.values()))
        pairs = zip(seeds, filter(has_seed, outs), strict=True)
        return sum(pairing(s, o) for s, o in pairs)

    return {
        name: slopes(base[name], partial(total, name), trial.step)
        for name in trial.asked
    }


def slopes(value: Any, total: Callable[[Any], float], step: float) -> Any:
    """The derivative of `total` in the structure of the value that it is called with."""
    match value:
        case dict():
            return {
                key: slopes(part, lambda m, key=key: total({**value, key: m}), step)
                for key, part in value.items()
            }
        case list() | tuple():
            items = list(value)
            return type(value)(
                slopes(
                    part,
                    lambda m, n=n: total(type(value)([*items[:n], m, *items[n + 1 :]])),
                    step,
                )
                for n, part in enumerate(items)
            )
    is_complex = np.asarray(value).dtype.kind == "c"
    start = np.asarray(value, dtype=complex if is_complex else float)
    slope = np.zeros(start.shape, start.dtype)
    plain = isinstance(value, float | complex)
    for unit in (1, 1j) if is_complex else (1,):  # dL/dx + i dL/dy
        for index in np.ndindex(start.shape):
            values = []
            for factor in (-2, -1, 1, 2):
                moved = start.copy()
                moved[index] += factor * step * unit
                values.append(total(moved.item() if plain else moved))
            a, b, c, d = values
            slope[index] += unit * (a - 8 * b + 8 * c - d) / (12 * step)
    return slope


def rough(trial: Trial) -> bool:
    """Differences at two distances contradict each other: there is a kink nearby, and they say nothing."""
    if not runs(trial):
        return True
    forward = load(trial.text)[trial.function]
    outs = as_tuple(drawn(forward, *copy.deepcopy(list(trial.inputs.values()))))
    seeds = [cotangent(out, number) for number, out in enumerate(outs) if has_seed(out)]
    try:
        far = central(forward, trial, seeds)
        near = central(forward, replace(trial, step=trial.step / 30), seeds)
    except Exception:  # a mask with another number of hits, a division by zero
        return True
    return not all(
        np.allclose(one, other, rtol=1e-5, atol=1e-6)
        for one, other in zip(leaves(far), leaves(near), strict=True)
    )


def leaves(value: Any) -> Iterator[Any]:
    """The arrays and numbers in dictionaries, lists and tuples, in order."""
    match value:
        case dict():
            yield from leaves(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from leaves(item)
        case _:
            yield value


def doubled(value: Any) -> Any:
    """`value` in double precision, a plain number where it was one."""
    match value:
        case dict():
            return {key: doubled(part) for key, part in value.items()}
        case list() | tuple():
            return type(value)(doubled(part) for part in value)
    if np.asarray(value).dtype.kind == "c":
        return complex(value) if np.ndim(value) == 0 else np.asarray(value, complex)
    if isinstance(value, np.ndarray):
        return value.astype(float)
    return float(value) if np.ndim(value) == 0 else np.asarray(value, float)


def _close(
    name: str, gradient: Any, expected: Any, trial: Trial, what: str = "gradient"
) -> None:
    match expected:
        case dict() if (
            isinstance(gradient, dict) and gradient.keys() == expected.keys()
        ):
            for key, part in expected.items():
                _close(f"{name}[{key!r}]", gradient[key], part, trial)
            return
        case list() | tuple() if isinstance(gradient, list | tuple):
            for n, (found, part) in enumerate(zip(gradient, expected, strict=True)):
                _close(f"{name}[{n}]", found, part, trial)
            return
        case dict() | list() | tuple():
            raise Wrong(
                f"the gradient of {name} is {gradient!r}, not a {type(expected)}"
            )
    found = np.asarray(gradient)
    kinds = "fiuc" if np.asarray(expected).dtype.kind == "c" else "fiu"
    if found.dtype.kind not in kinds:
        raise Wrong(f"the {what} of {name} is of kind {found.dtype}")
    if found.shape != np.shape(expected):
        raise Wrong(
            f"the {what} of {name} has shape {found.shape}, not {np.shape(expected)}"
        )
    scale = 1 + np.max(np.abs(expected), initial=0.0)
    if not np.allclose(found, expected, rtol=0, atol=trial.rtol * scale):
        raise Wrong(f"the {what} of {name} is\n{found}\nand should be\n{expected}")


def _equal(one: Any, other: Any) -> bool:
    try:
        _same("", one, other)
    except Wrong:
        return False
    return True


def _same(what: str, found: Any, expected: Any) -> None:
    """Equal but for rounding, whatever the nesting."""
    if isinstance(expected, dict):
        if not isinstance(found, dict) or found.keys() != expected.keys():
            raise Wrong(f"{what}: not the keys {[*expected]} but {found!r}")
        found, expected = list(found.values()), [expected[key] for key in found]
    if isinstance(expected, tuple | list):
        if not isinstance(found, tuple | list) or len(found) != len(expected):
            raise Wrong(f"{what}: not {len(expected)} items but {found!r}")
        for one, other in zip(found, expected, strict=True):
            _same(what, one, other)
        return
    one, other = np.asarray(found), np.asarray(expected)
    if one.dtype.kind not in "fiubc" or other.dtype.kind not in "fiubc":
        return
    same = one.shape == other.shape and np.allclose(
        one, other, rtol=1e-6, atol=1e-9, equal_nan=True
    )
    if not same:
        raise Wrong(f"{what} is\n{found!r}\nand should be\n{expected!r}")
