"""Derivatives of derivatives: the text of each is executed, and agrees with differences of the one before.

`ORDERS` goes up to the fourth derivative of one variable, the cases and samples to Hessian-vector products and to
the reverse of the reverse. `TEXTS` says what a reader is to see, and what not.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CASES
from test_samples import ARGUMENTS, FORWARDS

from flatgrad.again import Derived, gradient_of, hessian_vector, tangent_of
from flatgrad.errors import FlatgradError
from flatgrad.options import Options, Shape, parse_shapes
from flatgrad.pipeline import transform

FOLDER = Path(__file__).parent / "cases"
HEAD = "import math\nimport numpy as np\n\n\n"


def executed(text: str, name: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(text, f"<{name}>", "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


def function(derived: Derived) -> Callable[..., Any]:
    return executed(derived.text, derived.name)


def shape_of(name: str, value: Any) -> Shape:
    """A length that is not 1 is told by a name that may turn out to be another's."""
    return tuple(1 if n == 1 else f"_{name}{i}" for i, n in enumerate(np.shape(value)))


def shapes_of(inputs: Mapping[str, Any]) -> dict[str, Shape]:
    numbers = int | float | np.ndarray
    found = {n: v for n, v in inputs.items() if isinstance(v, numbers) and not isinstance(v, bool)}  # fmt: skip
    return {n: shape_of(n, v) for n, v in found.items()}


# --- one variable ------------------------------------------------------------------------

ORDERS: dict[str, tuple[str, float]] = {
    "a polynomial": ("return x**5 - 3 * x**3 / 7", 0.7),
    "a power": ("return x**2.5 + 2**x", 0.7),
    "a sigmoid": ("return 1 / (1 + np.exp(-x)) * np.sin(x * x)", 0.7),
    "logarithms": ("a = math.log(x) * x\n    b = math.sqrt(a + 2)\n    return b / (1 + a * a) + math.tanh(b)", 0.8),
    "a quotient that is read twice": ("a = x * x\n    b = np.cos(a) / x\n    return b * b + b", 0.9),
    "a branch": ("if x > 0.5:\n        y = x**4\n    else:\n        y = x**3\n    return y * x", 0.8),
    "a loop": ("y = x\n    for i in range(3):\n        y = np.sin(y) * x\n    return y", 0.8),
    "a sum over an array": ("t = np.linspace(0.1, 1.0, 4)\n    return np.sum(np.exp(-x * t) * np.cos(x * t))", 0.6),
    "a product with itself": ("a = np.array([0.3, -0.7]) * x\n    return a @ np.tanh(a)", 0.9),
    "a helper": ("def g(t):\n        return t * np.exp(t)\n    return g(x) * g(2 * x)", 0.4),
}  # fmt: skip


@functools.cache
def orders(name: str) -> list[Derived]:
    body, _ = ORDERS[name]
    found = [Derived(f"{HEAD}def f(x: float):\n    {body}\n", "f")]
    while len(found) < 5:
        found.append(gradient_of(found[-1], ["x"]))
    return found


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ORDERS)
def test_each_order_is_the_derivative_of_the_one_before(name: str, order: int) -> None:
    x, step = ORDERS[name][1], 1e-4
    before, after = (function(d) for d in orders(name)[order - 1 : order + 1])
    one, two = (before(x + k * step) - before(x - k * step) for k in (1, 2))
    want = (8 * one - two) / (12 * step)
    assert after(x) == pytest.approx(want, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("name", ORDERS)
def test_the_tangent_of_the_gradient_is_the_second_derivative(name: str) -> None:
    first, second = orders(name)[1:3]
    x = ORDERS[name][1]
    along = function(tangent_of(first, ["x"]))
    assert along(x, 2.0) == pytest.approx(2 * function(second)(x), rel=1e-12)


@pytest.mark.parametrize("name", ORDERS)
def test_four_modes_agree(name: str) -> None:
    """Of the second derivative: forward and reverse, over forward and over reverse."""
    start, x = orders(name)[0], ORDERS[name][1]
    pushed = tangent_of(start, ["x"])
    twice = tangent_of(pushed, ["x"])
    pulled = gradient_of(pushed, ["x"])
    want = function(orders(name)[2])(x)
    assert function(twice)(x, 1.0, 1.0) == pytest.approx(want, rel=1e-12)
    assert function(pulled)(x, 1.0) == pytest.approx(want, rel=1e-12)


# --- many variables: cases and samples ---------------------------------------------------


def is_straight(text: str) -> bool:
    flow = (ast.For, ast.While, ast.If, ast.IfExp, ast.comprehension, ast.Try)
    return not any(isinstance(node, flow) for node in ast.walk(ast.parse(text)))


def is_number(value: Any) -> bool:
    return isinstance(value, float | np.floating) or (
        isinstance(value, np.ndarray) and value.ndim == 0
    )


def inputs_of(text: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(executed(text, name)).parameters.values()
    return {p.name: given.get(p.name, p.default) for p in parameters}


def drawn(value: Any, random: np.random.Generator) -> Any:
    if isinstance(value, dict):
        return {key: drawn(v, random) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(drawn(v, random) for v in value)
    made = random.normal(size=np.shape(value))
    return made if isinstance(value, np.ndarray) else float(made)


def leaves(tree: Any) -> list[np.ndarray]:
    if isinstance(tree, dict):
        return [leaf for key in tree for leaf in leaves(tree[key])]
    if isinstance(tree, list | tuple):
        return [leaf for item in tree for leaf in leaves(item)]
    return [np.asarray(tree)]


def moved(value: Any, step: float, along: Any) -> Any:
    if isinstance(value, dict):
        return {key: moved(v, step, along[key]) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(
            moved(v, step, d) for v, d in zip(value, along, strict=True)
        )
    return value + step * along


class Second:
    """A function of one number, and what its Hessian is by differences of its gradient."""

    def __init__(
        self,
        text: str,
        name: str,
        wrt: tuple[str, ...],
        inputs: Mapping[str, Any],
        shapes: Mapping[str, Shape],
    ):
        self.start, self.wrt, self.inputs = Derived(text, name, shapes), wrt, inputs
        self.gradient = gradient_of(self.start, wrt)
        random = np.random.default_rng(3)
        self.along = {n: drawn(inputs[n], random) for n in wrt}

    def at(self, step: float) -> list[np.ndarray]:
        given = dict(self.inputs)
        for name, direction in self.along.items():
            given[name] = moved(given[name], step, direction)
        return leaves(function(self.gradient)(*given.values()))

    def differences(self) -> list[np.ndarray]:
        step = 1e-4
        points = zip(*(self.at(k * step) for k in (1, -1, 2, -2)), strict=True)
        return [(8 * (a - b) - (c - d)) / (12 * step) for a, b, c, d in points]

    def check_forward(self) -> None:
        made = function(hessian_vector(self.start, self.wrt))
        found = leaves(made(*self.inputs.values(), *self.along.values()))
        for got, want in zip(found, self.differences(), strict=True):
            scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-6 * scale)

    def check_reverse(self) -> None:
        """Reverse over reverse: <v, H w> for two directions."""
        derived = self.gradient
        options = Options((derived.name,), self.wrt, shapes=derived.shapes, inline=True)
        made = executed(transform(derived.text, options), f"{derived.name}_grad")
        seeds = [drawn(self.inputs[n], np.random.default_rng(5)) for n in self.wrt]
        _, grads = made(*self.inputs.values(), *seeds)
        grads = grads if len(self.wrt) > 1 else (grads,)
        pairs = zip(leaves(grads), leaves(list(self.along.values())), strict=True)
        got = sum(float(np.vdot(a, b)) for a, b in pairs)
        terms = zip(leaves(seeds), self.differences(), strict=True)
        parts = [float(np.vdot(a, b)) for a, b in terms]
        assert got == pytest.approx(sum(parts), rel=1e-6, abs=1e-6 * max(1.0, *map(abs, parts)))  # fmt: skip


STRAIGHT = {
    f"{Path(c.file).stem}-{c.function}": c
    for c in CASES
    if is_straight((FOLDER / c.file).read_text())
}
