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
        return type(value)(moved(v, step, d) for v, d in zip(value, along, strict=True))
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
# Of these the gradient is not read again yet: where one array is shown by two names, with a name that it gives twice.
NOT_YET = {"diagonal_view_write-f", "walrus_in_assert-f"}


@functools.cache
def second_of_case(name: str) -> Second | None:
    case = STRAIGHT[name]
    text = (FOLDER / case.file).read_text()
    forward = executed(text, case.function)
    parameters = inspect.signature(forward).parameters
    given = case.inputs(np.random.default_rng(7))
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters.values()):
        return None
    inputs = inputs_of(text, case.function, given)
    if not is_number(forward(**inputs)):
        return None
    told = shapes_of(inputs) | parse_shapes(case.shapes) | {"return": ()}
    return Second(text, case.function, case.wrt or tuple(inputs), inputs, told)


def needs(name: str) -> Second:
    found = second_of_case(name)
    if found is None:
        pytest.skip("no function of one number")
    return found


CHOSEN = [name for number, name in enumerate(sorted(STRAIGHT.keys() - NOT_YET)) if number % 4 == 0]  # fmt: skip


@pytest.mark.parametrize("name", CHOSEN)
def test_hessian_vector_products_of_cases(name: str) -> None:
    needs(name).check_forward()


@pytest.mark.parametrize("name", CHOSEN)
def test_reverse_over_reverse_of_cases(name: str) -> None:
    needs(name).check_reverse()


SAMPLES = {
    p.stem: p
    for p in FORWARDS
    if p.stem
    in {
        "black_scholes",
        "dict_net",
        "gaussian_log_density",
        "logistic_regression",
        "newton_sqrt",
        "rosenbrock",
        "softmax_loss",
        "two_layer_net",
    }
}


def second_of_sample(name: str) -> Second:
    text = SAMPLES[name].read_text()
    values = ARGUMENTS[name](np.random.default_rng(7))
    defined = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    main = name if name in defined else defined[-1]
    parameters = inspect.signature(executed(text, main)).parameters
    inputs = dict(zip(parameters, values, strict=False))
    wrt = tuple(n for n, v in inputs.items() if all(x.dtype.kind == "f" for x in leaves(v)))  # fmt: skip
    return Second(text, main, wrt, inputs, shapes_of(inputs))


@pytest.mark.parametrize("name", SAMPLES)
def test_hessian_vector_products_of_samples(name: str) -> None:
    second_of_sample(name).check_forward()


# --- what else is asked of it ------------------------------------------------------------


def test_a_gradient_penalty() -> None:
    """A function of the user's that reads the gradient of another is a function like any other."""
    text = HEAD + "def f(w, x):\n    return np.sum(np.tanh(w * x) ** 2)\n"
    shapes: dict[str, Shape] = {"w": ("N",), "x": ("N",)}
    first = gradient_of(Derived(text, "f", shapes), ["x"])
    more = "\n\ndef penalty(w, x):\n    g = f_gradient(w, x)\n    return np.sum((g - 1) ** 2)\n"
    penalty = Derived(first.text + more, "penalty", shapes)
    w, x = np.array([0.3, -0.8, 1.1]), np.array([0.5, 0.2, -0.6])
    Second(penalty.text, "penalty", ("w", "x"), {"w": w, "x": x}, shapes).check_forward()  # fmt: skip
    made, step = function(gradient_of(penalty, ["w"])), 1e-5
    value = function(penalty)
    for i, e in enumerate(np.eye(3)):
        want = (value(w + step * e, x) - value(w - step * e, x)) / (2 * step)
        assert made(w, x)[i] == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize("value", [2, -3, np.array([1, -2, 3])], ids=str)
@pytest.mark.parametrize(
    "body", ["np.maximum(x, 0)", "(x > 0) * x", "x * x / 2", "-np.maximum(0, x)", "x * 3"]
)  # fmt: skip
def test_integers_and_comparisons_give_floating_point_gradients(
    body: str, value: Any
) -> None:
    text = f"{HEAD}def f(x):\n    return np.sum({body})\n"
    made = gradient_of(Derived(text, "f", {"x": shape_of("x", value)}), ["x"])
    found, step = function(made)(value), 1e-6
    assert np.result_type(found).kind == "f" or isinstance(value, int)
    assert not isinstance(found, bool | np.bool_)
    forward = executed(text, "f")
    for e in np.eye(np.size(value)):
        along = step * (e if np.ndim(value) else e[0])
        want = (forward(value + along) - forward(value - along)) / (2 * step)
        assert np.sum(found * along) / step == pytest.approx(want, abs=1e-6)


def test_items_of_lists_that_are_arrays_in_a_file_without_numpy() -> None:
    text = 'def rows(M):\n    "M: (N, D)"\n    A = M * 1.0\n    for row in A:\n        row *= 2 * row\n    return (A**2).sum()\n'
    M = np.array([[0.3, -0.7], [1.1, 0.4], [0.2, -0.9]])
    second = Second(text, "rows", ("M",), {"M": M}, {})
    second.check_forward()
    second.check_reverse()


def test_an_array_in_a_list_is_not_written_into_beside_it() -> None:
    """dot_x was put into a list, and `dot_x += ...` was printed for the next line."""
    text = HEAD + (
        'def f(x, A):\n    """x: (N,)  A: (N, N)"""\n    xs = []\n    for t in range(3):\n        x = A @ x\n'
        "        xs.append(x)\n        x = x + A @ x\n    total = 0.0\n    for v in xs:\n        total += np.sum(v**2)\n"
        "    return total\n"
    )
    inputs = {"x": np.array([0.3, 0.4]), "A": np.array([[1, 0.2], [0.3, 0.4]])}
    Second(text, "f", ("x", "A"), inputs, {}).check_forward()


def test_a_dict_that_is_returned_has_a_gradient() -> None:
    text = HEAD + 'def f(p, x):\n    """x: (N,)"""\n    return {"a": p["a"] * x, "b": np.sum(np.sin(x))}\n'  # fmt: skip
    made = executed(transform(text, Options(wrt=("p", "x"))), "f_grad")
    x, a = np.array([0.3, -0.4]), np.array([1.2, 0.7])
    value, (grad_p, grad_x) = made({"a": a}, x, {"a": np.array([2.0, 3.0]), "b": 5.0})
    assert value["b"] == np.sum(np.sin(x))
    np.testing.assert_allclose(grad_p["a"], [2 * x[0], 3 * x[1]])
    np.testing.assert_allclose(grad_x, [2 * a[0], 3 * a[1]] + 5 * np.cos(x))


UNKNOWN = (
    "def f(x, w, b):\n    h = np.tanh(x @ w + b)\n    return np.sum((h @ w) ** 2)\n"
)


def test_helpers_that_were_printed_are_read_again_and_printed_once() -> None:
    """No shape is known, so that the text asks for them when it is run."""
    first = gradient_of(Derived(HEAD + UNKNOWN, "f"), ["w", "b"])
    assert "def matmul_grad_right(" in first.text
    second = hessian_vector(Derived(HEAD + UNKNOWN, "f"), ["w", "b"])
    assert second.text.count("def unbroadcast(") == 1
    assert "unbroadcast_" not in second.text
    random = np.random.default_rng(2)
    inputs = {"x": random.normal(size=(2, 3)), "w": random.normal(size=(3, 3)), "b": random.normal(size=3)}  # fmt: skip
    of_arrays = Second(HEAD + UNKNOWN, "f", ("x", "w", "b"), inputs, {})
    of_arrays.check_forward()
    of_arrays.check_reverse()


def test_a_function_of_the_users_with_the_name_of_a_helper_stays_the_users() -> None:
    text = HEAD + (
        "def unbroadcast(g, like):\n    return 3 * g * like\n\n\n"
        "def f(x):\n    return np.sum(unbroadcast(x, x) ** 2)\n"
    )
    x = np.array([0.4, -0.7])
    made = function(gradient_of(Derived(text, "f", {"x": (2,)}), ["x"]))
    np.testing.assert_allclose(made(x), 36 * x**3)


# --- the text ----------------------------------------------------------------------------

TEXTS: dict[str, tuple[str, str]] = {
    "gradient": ("gradient", """\
def f_gradient(x: float, y: float):
    # out = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    grad_y = 200 * (y - x**2)
    grad_x = -2 * grad_y * x - 2 * (1 - x)

    return grad_x, grad_y
"""),
    "hvp": ("hvp", """\
def f_hvp(x: float, y: float, dot_x=1.0, dot_y=1.0):
    # out = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    grad_y = 200 * (y - x**2)
    dot_grad_y = 200 * (dot_y - 2 * dot_x * x)
    dot_grad_x = -2 * dot_grad_y * x - 2 * dot_x * grad_y + 2 * dot_x

    return dot_grad_x, dot_grad_y
"""),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_it_reads_as_one_would_write_it(name: str) -> None:
    text = (
        "def f(x: float, y: float):\n    return (1 - x) ** 2 + 100 * (y - x**2) ** 2\n"
    )
    make = {"gradient": gradient_of, "hvp": hessian_vector}[TEXTS[name][0]]
    found = make(Derived(text, "f"), ["x", "y"])
    assert found.text == f"# Made by flatgrad.\n\n\n{TEXTS[name][1]}"


@pytest.mark.parametrize("name", ORDERS)
def test_no_line_is_left_over(name: str) -> None:
    """What a line of straight-line code computes is read by another, or returned."""
    for derived in orders(name)[1:4]:
        last = ast.parse(derived.text).body[-1]
        assert isinstance(last, ast.FunctionDef)
        names = [n for n in ast.walk(last) if isinstance(n, ast.Name)]
        read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
        assert {n.id for n in names if isinstance(n.ctx, ast.Store)} <= read | {"i"}
        assert "unbroadcast" not in derived.text


# In these a tangent reads what the line after it computes, or a helper has a parameter dot_t.
TWICE = {
    "a loop": "for w in (x, 2 * x):\n        v = np.tanh(w)\n        h = h * (1 - v**2) + v",
    "a loop in a branch": "if h > 0:\n        for w in (x, 2 * x):\n            v = np.tanh(w)\n            h = h * (1 - v**2) + v",
    "a helper": "def g(t, n):\n        for i in range(n):\n            t = np.tanh(t * x)\n        return t\n    for w in (h, x):\n        h = h + g(w, n=2)",
}  # fmt: skip


@pytest.mark.parametrize("names", ["dot_", "d2_"])
@pytest.mark.parametrize("name", TWICE)
def test_a_printed_tangent_has_a_tangent(name: str, names: str) -> None:
    """Forward over forward, by the command line's own texts and with the prefix that the first has used, too."""
    text = f"{HEAD}def f(x: float, h: float):\n    {TWICE[name]}\n    return h\n"
    once = transform(text, Options(functions=("f",), emit="jvp"))
    along = ("x", "h", "dot_x", "dot_h")
    options = Options(functions=("f_jvp",), emit="jvp", wrt=along, names=names)
    twice = executed(transform(once, options), "f_jvp_jvp")
    first, at, step = executed(once, "f_jvp"), np.array([0.4, 0.7, 1.1, -0.3]), 1e-5
    for e in np.eye(4):
        want = (first(*at + step * e)[1] - first(*at - step * e)[1]) / (2 * step)
        assert twice(*at, *e)[1][1] == pytest.approx(want, rel=1e-7, abs=1e-8)


EMPTIED = {
    "an if in an else": ("if n:\n        y = x\n    else:\n        if n > 3:\n            pass\n        y = 2 * x\n    if n:\n        y *= 2\n    else:\n        if n > 3:\n            k = 1", 2),
    "an elif": ("y = x\n    if n:\n        y = y * x\n    elif n > 3:\n        k = 2", 1),
    "an else of a loop": ("y = x\n    for i in range(3):\n        y = y * x\n    else:\n        # not read\n        k = 2", 0),
    "the first way": ("y = x\n    if n:\n        k = 2\n    else:\n        y = y * x", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTIED)
def test_a_suite_without_lines_goes(name: str) -> None:
    body, branches = EMPTIED[name]
    text = f"def f(x: float, n: int):\n    {body}\n    return y * y\n"
    made = gradient_of(Derived(text, "f"), ["x"])
    forward = executed(text, "f")
    for n in (0, 2):
        want = (forward(0.7 + 1e-6, n) - forward(0.7 - 1e-6, n)) / 2e-6
        assert function(made)(0.7, n) == pytest.approx(want, rel=1e-8)
    before = made.text.partition("# y")[0].partition("# out")[0]
    assert before.count("if ") == branches
    assert "not read" not in made.text


def test_the_documented_results_go_with_the_result() -> None:
    text = HEAD + (
        'def loss(x, y):\n    """\n    A loss.\n\n    Inputs:\n    - x: (N,)\n    - y: (N,)\n\n    Returns:\n'
        '    - out: Scalar\n    """\n    return np.sum((x - y) ** 2)\n'
    )
    found = gradient_of(Derived(text, "loss"), ["x"]).text
    assert "- y: (N,)\n" in found
    assert "Returns" not in found
    assert "Scalar" not in found


def test_what_does_more_than_compute_stays() -> None:
    text = HEAD + (
        "def noisy(x):\n    print(x)\n    return x * x\n\n\n"
        "def f(x: float):\n    y = noisy(x)\n    print(y)\n    assert x > 0\n    z = y + np.random.rand()\n    return z\n"
    )
    found = gradient_of(Derived(text, "f"), ["x"]).text
    for kept in ("print", "assert x > 0", "np.random.rand()"):
        assert kept in found


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return x * 2", "may be an array"),
        ("return np.ones(3) * x.sum()", "an array of shape (3,)"),
        ("return np.sum(x), np.sum(2 * x)", "2 results"),
    ],
)
def test_a_gradient_is_that_of_one_number(body: str, what: str) -> None:
    with pytest.raises(FlatgradError) as caught:
        gradient_of(Derived(f"{HEAD}def f(x):\n    {body}\n", "f"), ["x"])
    (problem,) = caught.value.diagnostics
    assert problem.code == "FG508"
    assert what in problem.what
    assert problem.place is not None
    assert problem.place.line == 5


def test_the_names_of_higher_derivatives_tell_their_order() -> None:
    names = [d.name for d in orders("a polynomial")]
    assert names == ["f", "f_gradient", "f_gradient2", "f_gradient3", "f_gradient4"]
    assert "grad3_x" in orders("a polynomial")[3].text
