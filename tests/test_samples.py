"""Each sample and the golden beside it: the text is what flatgrad prints, and its numbers are right.

samples/x.py is a forward function, samples/x_grad.py its gradient, samples/pair/x.py its forward and
backward; samples/styles/x_style.py is samples/styles/forward/x_style.py in the style x. `make samples` rewrites the goldens; the numbers are then checked like any others.
"""

import inspect
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flatgrad.options import STYLES, Options
from flatgrad.pipeline import transform

SAMPLES = Path(__file__).parents[1] / "samples"
FORWARDS = sorted(p for p in SAMPLES.glob("*.py") if not p.stem.endswith("_grad"))
STYLED = sorted((SAMPLES / "styles" / "forward").glob("*_style.py"))
USES = sorted((SAMPLES / "uses").glob("*.py"))
PAIRS = ("affine_relu", "batchnorm", "rnn", "two_layer_net")
STEP = 1e-6


def symmetric_positive(random: np.random.Generator, n: int) -> np.ndarray:
    a = random.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


# The arguments of each sample. Whatever is made of floats has a gradient.
ARGUMENTS: dict[str, Callable[[np.random.Generator], tuple[Any, ...]]] = {
    "affine": lambda r: (
        r.normal(size=(4, 3)),
        r.normal(size=(3, 2)),
        r.normal(size=2),
    ),
    "affine_relu": lambda r: (
        r.normal(size=(4, 2, 3)),
        r.normal(size=(6, 5)),
        r.normal(size=5),
    ),
    "attention": lambda r: (
        r.normal(size=(3, 4)),
        r.normal(size=(5, 4)),
        r.normal(size=(5, 2)),
    ),
    "bag_of_words": lambda r: (
        np.array([[0, 2, 2], [5, 0, 1]]),
        r.normal(size=(6, 4)),
        r.normal(size=(4, 3)),
        r.normal(size=3),
    ),
    "batchnorm": lambda r: (
        r.normal(size=(5, 3)),
        r.normal(size=3),
        r.normal(size=3),
        0.1,
    ),
    "black_scholes": lambda r: (1.1, 1.0, 0.7, 0.05, 0.3),
    "conv_naive": lambda r: (
        r.normal(size=(2, 2, 4, 5)),
        r.normal(size=(3, 2, 3, 3)),
        r.normal(size=3),
        2,
        1,
    ),
    "deep_net": lambda r: (
        r.normal(size=(4, 3)),
        r.normal(size=(3, 5)),
        r.normal(size=(5, 5)),
        r.normal(size=(5, 2)),
    ),
    "dict_net": lambda r: (
        r.normal(size=(4, 3)),
        r.normal(size=(4, 2)),
        {
            "W1": r.normal(size=(3, 5)),
            "b1": r.normal(size=5),
            "W2": r.normal(size=(5, 2)),
            "b2": r.normal(size=2),
        },
        0.1,
    ),
    "diffusion": lambda r: (r.normal(size=5), r.uniform(0.1, 0.4, size=5), 7),
    "gaussian_log_density": lambda r: (
        r.normal(size=(4, 3)),
        r.normal(size=3),
        symmetric_positive(r, 3),
    ),
    "heat_step": lambda r: (r.normal(size=7), 0.3, 1.5, -0.5),
    "huber": lambda r: (2.5, 1.1, 0.7),
    "kalman_filter": lambda r: (
        r.normal(size=(4, 2)),
        r.normal(size=3),
        symmetric_positive(r, 3),
        r.normal(size=(3, 3)),
        r.normal(size=(2, 3)),
        symmetric_positive(r, 3),
        symmetric_positive(r, 2),
    ),
    "layernorm": lambda r: (
        r.normal(size=(5, 3)),
        r.normal(size=3),
        r.normal(size=3),
        0.1,
    ),
    "logistic_regression": lambda r: (
        r.normal(size=3),
        0.4,
        r.normal(size=(5, 3)),
        np.array([0.0, 1.0, 1.0, 0.0, 1.0]),
        0.1,
    ),
    "lotka_volterra_rk4": lambda r: (
        np.array([1.2, 0.7]),
        0.1,
        6,
        1.1,
        0.4,
        0.9,
        0.3,
    ),
    "lstm": lambda r: (
        r.normal(size=(3, 4, 2)),
        r.normal(size=(3, 2)),
        r.normal(size=(2, 8)),
        r.normal(size=(2, 8)),
        r.normal(size=8),
    ),
    "lstm_step": lambda r: (
        r.normal(size=(3, 4)),
        r.normal(size=(3, 2)),
        r.normal(size=(3, 2)),
        r.normal(size=(4, 8)),
        r.normal(size=(2, 8)),
        r.normal(size=8),
    ),
    "max_pool": lambda r: (r.normal(size=(2, 2, 4, 6)), 2, 2),
    "neuron": lambda r: (2.0, -1.0, -3.0, -2.0, -3.0),
    "newton_sqrt": lambda r: (1.7,),
    "rnn": lambda r: (
        r.normal(size=(2, 4, 3)),
        r.normal(size=(2, 5)),
        r.normal(size=(3, 5)),
        r.normal(size=(5, 5)),
        r.normal(size=5),
    ),
    "rosenbrock": lambda r: (r.normal(size=5),),
    "softmax_loss": lambda r: (r.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])),
    "svm_loss": lambda r: (
        r.normal(size=(4, 3)),
        r.normal(size=(5, 4)),
        np.array([0, 2, 1, 1, 0]),
        0.1,
    ),
    "svm_loss_naive": lambda r: (
        r.normal(size=(4, 3)),
        r.normal(size=(5, 4)),
        np.array([0, 2, 1, 1, 0]),
        0.1,
    ),
    "two_layer_net": lambda r: (
        r.normal(size=(4, 3)),
        r.normal(size=(4, 2)),
        r.normal(size=(3, 5)),
        r.normal(size=(5, 2)),
    ),
}


# ---------------------------------------------------------------------------------------------- the text


def emitted(forward: Path, emit: str = "grad") -> str:
    text = forward.read_text(encoding="utf-8")
    return transform(text, Options(emit=emit, filename=forward.name))


@pytest.mark.parametrize("forward", FORWARDS, ids=lambda p: p.stem)
def test_gradient_is_the_golden(forward, golden):
    golden(SAMPLES / f"{forward.stem}_grad.py", emitted(forward))


@pytest.mark.parametrize("name", PAIRS)
def test_pair_is_the_golden(name, golden):
    golden(SAMPLES / "pair" / f"{name}.py", emitted(SAMPLES / f"{name}.py", "pair"))


def test_every_golden_has_its_sample():
    stems = {p.stem for p in FORWARDS}
    goldens = {p.stem.removesuffix("_grad") for p in SAMPLES.glob("*_grad.py")}
    assert goldens == stems == set(ARGUMENTS)
    assert {p.stem for p in (SAMPLES / "pair").glob("*.py")} == set(PAIRS)


# ------------------------------------------------------------------------------------------- the numbers


def defined_in(path: Path) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return names


def ending(names: dict[str, Any], suffix: str) -> Callable[..., Any]:
    """The one function whose name ends so."""
    (found,) = (v for k, v in names.items() if k.endswith(suffix))
    return found


def forward_of(name: str) -> Callable[..., Any]:
    """The function that is differentiated stands last in its file."""
    names = defined_in(SAMPLES / f"{name}.py")
    return [v for v in names.values() if inspect.isfunction(v)][-1]


def copied(argument: Any) -> Any:
    if isinstance(argument, dict):
        return {key: copied(part) for key, part in argument.items()}
    return np.copy(argument)[()]


def has_gradient(argument: Any) -> bool:
    return isinstance(argument, dict) or np.asarray(argument).dtype.kind == "f"


def case(name: str) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    """Arguments, value as a tuple of outputs, and a cotangent for each."""
    random = np.random.default_rng(0)
    arguments = ARGUMENTS[name](random)
    value = forward_of(name)(*map(copied, arguments))
    outputs = value if isinstance(value, tuple) else (value,)
    return arguments, outputs, tuple(random.normal(size=np.shape(v)) for v in outputs)


def differences(name: str, seeds: tuple[Any, ...]) -> list[Any]:
    """Central differences of the sum of seed * output in each element of each float argument."""
    arguments, _, _ = case(name)
    forward = forward_of(name)

    def total(position: int, x: Any) -> float:
        given = [copied(x if i == position else a) for i, a in enumerate(arguments)]
        value = forward(*given)
        outputs = value if isinstance(value, tuple) else (value,)
        return float(sum(np.sum(s * v) for s, v in zip(seeds, outputs, strict=True)))

    return [
        slope(partial(total, position), x)
        for position, x in enumerate(arguments)
        if has_gradient(x)
    ]


def slope(total: Callable[[Any], float], x: Any) -> Any:
    """The derivative of the number `total(x)`, in the structure of x."""
    if isinstance(x, dict):
        return {
            key: slope(lambda part, key=key: total(x | {key: part}), x[key])
            for key in x
        }
    found = np.zeros(np.shape(x))
    for at in np.ndindex(np.shape(x)):
        step = np.zeros(np.shape(x))
        step[at] = STEP
        there, back = (total((x + s)[()]) for s in (step, -step))
        found[at] = (there - back) / (2 * STEP)
    return found


def agree(gradients: Any, expected: list[Any]) -> None:
    listed = gradients if isinstance(gradients, tuple) else (gradients,)
    assert len(listed) == len(expected)
    for gradient, difference in zip(listed, expected, strict=True):
        if isinstance(difference, dict):
            assert gradient.keys() == difference.keys()
            for key, part in difference.items():
                agree(gradient[key], [part])
            continue
        assert np.shape(gradient) == np.shape(difference)
        np.testing.assert_allclose(gradient, difference, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_gradient_agrees_with_differences(name):
    arguments, outputs, seeds = case(name)
    gradient = ending(defined_in(SAMPLES / f"{name}_grad.py"), "_grad")
    given = [copied(a) for a in (*arguments, *seeds)]
    value, gradients = gradient(*given)
    listed = value if isinstance(value, tuple) else (value,)
    for found, output in zip(listed, outputs, strict=True):
        np.testing.assert_allclose(found, output, rtol=1e-12)
    agree(gradients, differences(name, seeds))
    for left, was in zip(given, (*arguments, *seeds), strict=True):
        np.testing.assert_equal(left, was)


@pytest.mark.parametrize("name", PAIRS)
def test_pair_agrees_with_differences(name):
    arguments, outputs, seeds = case(name)
    names = defined_in(SAMPLES / "pair" / f"{name}.py")
    forward, backward = (ending(names, s) for s in ("_forward", "_backward"))
    *values, cache = forward(*arguments)
    for found, output in zip(values, outputs, strict=True):
        np.testing.assert_allclose(found, output, rtol=1e-12)
    expected = differences(name, seeds)
    for _ in range(2):  # the backward must not destroy its cache
        agree(backward(*seeds, cache), expected)


@pytest.mark.parametrize("path", STYLED, ids=lambda path: path.stem)
def test_style(path, golden):
    """One sample for each style; that such texts are right is tested with the styles."""
    options = Options(style=path.stem.removesuffix("_style"))
    golden(SAMPLES / "styles" / path.name, transform(path.read_text(), options))


def test_every_style_has_a_sample():
    assert {f"{style}_style" for style in STYLES if style != "flat"} == {
        path.stem for path in STYLED
    }


@pytest.mark.parametrize("path", USES, ids=lambda path: path.stem)
def test_use(path):
    """What is run as a script ends well."""
    run = [sys.executable, "-W", "error", str(path)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
