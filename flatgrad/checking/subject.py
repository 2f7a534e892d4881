"""A file, a function of it and a point -> the function with its inputs and seeds, ready to be asked for numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flatgrad.checking.differences import Point
from flatgrad.checking.emitted import bound
from flatgrad.checking.objects import NO_OBJECT, Held
from flatgrad.checking.running import Program, sow
from flatgrad.checking.trees import (
    Array,
    Leaf,
    carries_gradient,
    copied,
    item,
    leaves,
    like,
    numbers,
    with_item,
)
from flatgrad.errors import Diagnostic, FlatgradError

Outputs = Callable[[Any], Sequence[Any]]


@dataclass(frozen=True)
class Subject:
    """A function that is called with `inputs`, and which parts of its value are outputs."""

    program: Program
    function: Callable[..., Any]
    inputs: Mapping[str, Any]
    outputs: Outputs  # of the value: what has a seed
    seed: int = 0
    held: Held = NO_OBJECT  # of a method
    whole: Any = None  # the object
    seeds: list[Any] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)  # the numbers of the seeds

    def sow_seeds(self, value: Any, count: int | None = None) -> None:
        """Choose the seeds, by what the outputs in the value look like: zeros after the first `count`."""
        outputs = self.outputs(value)
        self.seeds[:] = seeds_for(outputs[:count], self.seed)
        self.seeds.extend(_zeros(tree) for tree in outputs[len(self.seeds) :])
        self.weights[:] = [
            numbers(item(seed, leaf.keys))
            for tree, seed in zip(outputs, self.seeds, strict=True)
            for leaf in leaves("", tree)
            if carries_gradient(leaf.value)
        ]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def arguments(self) -> dict[str, Any]:
        """The inputs as the function itself is given them."""
        return self.held.joined(self.whole, self.inputs)

    def value(self, inputs: Mapping[str, Any], whole: bool = False) -> Any:
        """The value for inputs of which it gets copies; random numbers are drawn as the last time."""
        arguments = self.held.joined(self.whole, copied(dict(inputs)))
        args, keywords = bound(self.function, arguments, ())
        with self.program.failures(self.name, whole):
            sow(self.seed)
            return self.function(*args, **keywords)

    def seeded_numbers(self, value: Any) -> list[Array]:
        """The numbers of the outputs that carry a gradient."""
        outputs = self.outputs(value)
        return [n for tree in outputs for n in float_leaves(tree)]

    def point(self, name: str, leaf: Leaf, expected: Array | None = None) -> Point:
        """L as a function of one leaf of one input."""
        whole = self.inputs[name]

        def outputs(x: Array) -> list[Array]:
            changed = like(leaf.value, x)
            inputs = {**self.inputs, name: with_item(whole, leaf.keys, changed)}
            complete = x.dtype.kind == "c" and leaf.numbers.dtype.kind != "c"
            return self.seeded_numbers(self.value(inputs, complete))

        return Point(outputs, self.weights, leaf.numbers, expected)


def float_leaves(tree: Any) -> list[Array]:
    return [e.numbers for e in leaves("", tree) if carries_gradient(e.value)]


def seeds_for(outputs: Sequence[Any], seed: int) -> list[Any]:
    """1 for a single number; random numbers in the structure of each output else."""
    random = np.random.RandomState(seed + 1)
    alone = len(outputs) == 1 and np.ndim(_only_number(outputs[0])) == 0
    return [_seed(tree, random, alone) for tree in outputs]


def _only_number(tree: Any) -> Any:
    found = list(leaves("", tree))
    one = len(found) == 1 and not found[0].keys
    return found[0].numbers if one else np.zeros(1)


def _seed(tree: Any, random: np.random.RandomState, alone: bool) -> Any:
    for leaf in leaves("", tree):
        tree = with_item(tree, leaf.keys, _seed_of_leaf(leaf, random, alone))
    return tree


def _zeros(tree: Any) -> Any:
    for leaf in leaves("", tree):
        zero = like(leaf.value, np.zeros_like(leaf.numbers))
        tree = with_item(tree, leaf.keys, zero)
    return tree


def _seed_of_leaf(leaf: Leaf, random: np.random.RandomState, alone: bool) -> Any:
    shape, kind = leaf.numbers.shape, leaf.numbers.dtype.kind
    draw = np.ones(shape) if alone else random.randn(*shape)
    if kind == "c" and not alone:
        draw = draw + 1j * random.randn(*shape)
    if kind not in "fc":
        return like(leaf.value, np.zeros(shape))
    return like(leaf.value, np.asarray(draw).astype(leaf.numbers.dtype))


def refuse_infinite(outputs: Sequence[Array], name: str) -> None:
    """Differences say nothing where the function itself has no value."""
    if all(np.isfinite(o).all() for o in outputs):
        return
    what = f"the value of {name} is not finite at this point"
    step = 'choose another point: --at "x=..." or --seed 1'
    raise FlatgradError(Diagnostic("FG904", what, step))


def part(gradient: Any, keys: tuple[Any, ...]) -> Array | None:
    """The numbers of a gradient at a place; None if there is nothing of that kind."""
    try:
        return numbers(item(gradient, keys))
    except (KeyError, IndexError, TypeError):
        return None
