"""Methods: what is emitted for them is called with the object, and agrees with differences of the method itself."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import method_programs as programs
import numpy as np
import pytest
from checking import drawn, load

from flatgrad.errors import FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import Transformation, transform

STEP = 1e-5


@dataclass(frozen=True)
class Case:
    """A method, the object that it is called on, and what a gradient is asked of."""

    source: str
    method: str
    make: Callable[[Mapping[str, Any]], Any]
    arguments: Mapping[str, Any]
    wrt: tuple[str, ...]  # self.params, X; the order in which they come
    emitted: str = ""  # the name of the functions, where it is not that of the method
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.emitted or self.method.rpartition(".")[2]

    def called(self, target: Any, arguments: Mapping[str, Any]) -> Any:
        name = self.method.rpartition(".")[2]
        method = getattr(type(target), name) if target is not None else None
        return drawn(method, target, *arguments.values())

    def __str__(self) -> str:
        return self.method


def leaves(value: Any) -> Iterator[Any]:
    """The numbers and arrays of a structure; dicts in the order of their keys."""
    match value:
        case dict():
            for key in sorted(value):
                yield from leaves(value[key])
        case list() | tuple():
            for part in value:
                yield from leaves(part)
        case _:
            yield value


def replaced(value: Any, numbers: Iterator[Any]) -> Any:
    """The structure with other numbers."""
    match value:
        case dict():
            found = {key: replaced(value[key], numbers) for key in sorted(value)}
            return {key: found[key] for key in value}
        case list() | tuple():
            return type(value)(replaced(part, numbers) for part in value)
        case _:
            return next(numbers)


def direction_of(value: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    drawn_numbers = [
        rng.normal(size=np.shape(v)) if np.ndim(v) else float(rng.normal())
        for v in leaves(value)
    ]
    return replaced(value, iter(drawn_numbers))


def moved(value: Any, direction: Any, step: float) -> Any:
    pairs = zip(leaves(value), leaves(direction), strict=True)
    return replaced(value, iter([v + step * d for v, d in pairs]))


def pairing(a: Any, b: Any) -> float:
    return float(sum(np.sum(x * y) for x, y in zip(leaves(a), leaves(b), strict=True)))


def held(target: Any, arguments: Mapping[str, Any], name: str) -> Any:
    if name.startswith("self."):
        return getattr(target, name.removeprefix("self."))
    return arguments[name]


def with_held(
    target: Any, arguments: Mapping[str, Any], name: str, value: Any
) -> tuple[Any, dict[str, Any]]:
    target, changed = copy.deepcopy(target), copy.deepcopy(dict(arguments))
    if name.startswith("self."):
        setattr(target, name.removeprefix("self."), value)
    else:
        changed[name] = value
    return target, changed


def results(value: Any) -> list[Any]:
    """What a cotangent belongs to."""
    parts = value if isinstance(value, tuple) else (value,)
    return [p for p in parts if not isinstance(p, tuple | dict | str) and p is not None]


def seeds_of(value: Any) -> list[Any]:
    rng = np.random.default_rng(5)
    return [
        (
            rng.uniform(0.5, 1.5, np.shape(p))
            if np.ndim(p)
            else float(rng.uniform(0.5, 1.5))
        )
        for p in results(value)
    ]


def slope(case: Case, name: str, direction: Any, seeds: Sequence[Any]) -> float:
    """The derivative of the seeded results along a direction of one input."""
    target, arguments = case.make(load(case.source)), case.arguments
    base = held(target, arguments, name)

    def total(step: float) -> float:
        there = with_held(target, arguments, name, moved(base, direction, step))
        outs = results(case.called(*there))
        return sum(float(np.sum(s * o)) for s, o in zip(seeds, outs, strict=True))

    return (total(-2 * STEP) - 8 * total(-STEP) + 8 * total(STEP) - total(2 * STEP)) / (
        12 * STEP
    )


def same(left: Any, right: Any) -> None:
    """The same structure with the same numbers, names and types in it."""
    for a, b in zip(leaves(left), leaves(right), strict=True):
        if np.asarray(a).dtype.kind in "fc":
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            assert np.array_equal(a, b), (a, b)


def state(target: Any) -> dict[str, Any]:
    return {k: v for k, v in vars(target).items() if not callable(v)}


def examine(case: Case) -> None:
    """Value, gradients, tangents and what happens to the object."""
    options = Options((case.method,), case.wrt, **case.options)
    work = Transformation(case.source, options)
    target = case.make(load(case.source))
    plain, arguments = copy.deepcopy(target), copy.deepcopy(dict(case.arguments))
    value = case.called(plain, arguments)
    seeds = seeds_of(value)
    directions = {n: direction_of(held(target, case.arguments, n), i) for i, n in enumerate(case.wrt)}  # fmt: skip
    wanted = {n: slope(case, n, d, seeds) for n, d in directions.items()}
    found = [
        gradients(case, work.emitted("grad"), "grad", plain, value, seeds),
        gradients(case, work.emitted("pair"), "pair", plain, value, seeds),
    ]
    for grads in found:
        grads = grads if len(case.wrt) > 1 else (grads,)
        for name, gradient in zip(case.wrt, grads, strict=True):
            told = pairing(gradient, directions[name])
            assert told == pytest.approx(wanted[name], rel=1e-6, abs=1e-8), name
    tangents(case, work.emitted("jvp"), value, seeds, directions, wanted)


def gradients(
    case: Case, text: str, emit: str, after: Any, value: Any, seeds: Sequence[Any]
) -> Any:
    module = load(text)
    target = case.make(load(case.source))
    arguments = copy.deepcopy(dict(case.arguments))
    first = [] if target is None else [target]
    if emit == "grad":
        found, grads = drawn(module[f"{case.name}_grad"], *first, *arguments.values(), *seeds)  # fmt: skip
    else:
        *outs, cache = drawn(module[f"{case.name}_forward"], *first, *arguments.values())  # fmt: skip
        found = tuple(outs) if len(outs) > 1 else outs[0]
        grads = module[f"{case.name}_backward"](*seeds, cache)
    same(found, value)
    if target is not None:
        same(state(target), state(after))
    return grads


def tangents(
    case: Case,
    text: str,
    value: Any,
    seeds: Sequence[Any],
    directions: Mapping[str, Any],
    wanted: Mapping[str, float],
) -> None:
    target = case.make(load(case.source))
    first = [] if target is None else [target]
    arguments = copy.deepcopy(dict(case.arguments))
    function = load(text)[f"{case.name}_jvp"]
    found, dots = drawn(function, *first, *arguments.values(), *directions.values())
    same(found, value)
    parts = zip(value if isinstance(value, tuple) else (value,), dots if isinstance(value, tuple) else (dots,), strict=True)  # fmt: skip
    kept = [dot for out, dot in parts if results(out)]
    told = sum(float(np.sum(s * d)) for s, d in zip(seeds, kept, strict=True))
    assert told == pytest.approx(sum(wanted.values()), rel=1e-6, abs=1e-8)


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def filled(target: Any) -> Any:
    """Parameters of ordinary size, so that differences are accurate."""
    for i, key in enumerate(sorted(target.params)):
        target.params[key] = 0.5 * normal(i, *target.params[key].shape) + 0.1
    return target


def two_layers(module: Mapping[str, Any]) -> Any:
    return filled(module["TwoLayerNet"](5, 4, 3, reg=0.3))


def layers(**options: Any) -> Callable[[Mapping[str, Any]], Any]:
    def make(module: Mapping[str, Any]) -> Any:
        net = module["FullyConnectedNet"]
        return filled(net([4, 4], 5, 3, reg=0.2, dtype=np.float64, **options))

    return make


def captions(module: Mapping[str, Any]) -> Any:
    words = {"<NULL>": 0, "<START>": 1, "<END>": 2, "cat": 3}
    return filled(module["CaptioningRNN"](words, 5, 3, 4, dtype=np.float64))


def estimator(module: Mapping[str, Any]) -> Any:
    made = module["LogisticRegression"](3, 0.2)
    made.coef_, made.intercept_ = normal(3, 3), 0.4
    return made


def pendulum(module: Mapping[str, Any]) -> Any:
    return module["Pendulum"](0.8, 1.3, 0.1)


def cell(module: Mapping[str, Any]) -> Any:
    made = module["Cell"](0.4 * normal(1, 2, 3), 0.4 * normal(2, 3, 3))
    made.h = normal(4, 3)
    return made


DATA = {"X": normal(0, 6, 5), "y": np.array([0, 1, 2, 2, 1, 0])}
PARAMS = ("self.params", "X")
SWING = ("self.g", "self.length", "self.damping", "self.mass", "theta", "omega", "dt")
NET = "FullyConnectedNet.loss"
CASES = {
    "two layers": Case(programs.NETS, "TwoLayerNet.loss", two_layers, DATA, ("self.params", "self.reg", "X")),
    "layers": Case(programs.NETS, NET, layers(), DATA, PARAMS),
    "batchnorm": Case(programs.NETS, NET, layers(normalization="batchnorm"), DATA, PARAMS),
    "dropout": Case(programs.NETS, NET, layers(dropout_keep_ratio=0.7, seed=3), DATA, PARAMS),
    "all of it": Case(programs.NETS, NET, layers(normalization="batchnorm", dropout_keep_ratio=0.7), DATA, PARAMS),
    "captions": Case(programs.CAPTIONING, "CaptioningRNN.loss", captions,
                     {"features": normal(5, 2, 5), "captions": np.array([[1, 3, 3, 2], [1, 3, 2, 0]])},
                     ("self.params", "features")),
    "estimator": Case(programs.ESTIMATOR, "LogisticRegression.loss", estimator,
                      {"X": normal(6, 4, 3), "y": np.array([0.0, 1.0, 1.0, 0.0])},
                      ("self.coef_", "self.intercept_", "self.alpha", "X")),
    "physics": Case(programs.PENDULUM, "Pendulum.simulate", pendulum,
                    {"theta": 0.3, "omega": 0.7, "dt": 0.05, "steps": 7}, SWING),
    "a state that a method steps": Case(programs.CELL, "Cell.run", cell, {"xs": normal(7, 4, 2)},
                                        ("self.W", "self.U", "self.h", "xs")),
    "a state that is reset": Case(programs.CELL, "Cell.run2", cell, {"xs": normal(7, 4, 2)}, ("self.W", "self.U", "xs"),
                                  options={"shapes": {"self.W": ("D", "H"), "self.U": ("H", "H")}}),
    "the step itself": Case(programs.CELL, "Cell.step", cell, {"x": normal(7, 2)}, ("self.W", "self.h", "x")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_method_agrees_with_differences(name: str) -> None:
    examine(CASES[name])
