"""The same input gives the same bytes: on every run, under every hash seed, in every Python; and can be read again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import black
import numpy as np
import pytest
from checking import Trial, as_tuple, load
from programs import FEATURES, Dice, program

from flatgrad.emit.module import layout
from flatgrad.errors import FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import Transformation, transform

ROOT = Path(__file__).parents[1]
SAMPLES = sorted(
    p for p in (ROOT / "samples").glob("*.py") if not p.stem.endswith("_grad")
)
PROBE = """
import hashlib, json, sys
sys.path[:0] = [{root!r}, {tests!r}]
from test_determinism import texts
print(hashlib.sha256("".join(texts(json.load(sys.stdin))).encode()).hexdigest())
"""
EMITS = ("grad", "pair", "jvp")


def sources() -> list[tuple[str, list[str]]]:
    """Every sample, and some written programs with what is asked of them."""
    found: list[tuple[str, list[str]]] = [(p.read_text(), []) for p in SAMPLES]
    for number, features in enumerate(FEATURES):
        for seed in range(6):
            trial = program(Dice(100 * number + seed), features, 6)
            found.append((trial.text, list(trial.asked)))
    return found


def texts(sources: list[tuple[str, list[str]]]) -> list[str]:
    """What flatgrad makes of them in every kind, where one reading serves them all."""
    return [text for s, wrt in sources for text in _of_one_reading(s, tuple(wrt))]


def _of_one_reading(source: str, wrt: tuple[str, ...]) -> list[str]:
    shared = Transformation(source, Options((), wrt))
    return [_told(source, lambda e=e: layout(shared.emitted(e))) for e in EMITS]  # type: ignore[misc]


def _text(source: str, wrt: tuple[str, ...], emit: str) -> str:
    return _told(source, lambda: transform(source, Options((), wrt, emit)))


def _told(source: str, made: Callable[[], str]) -> str:
    try:
        return made()
    except FlatgradError as error:
        return "\n".join(d.render("f.py", source) for d in error.diagnostics)
    except Exception as error:  # other tests tell; here it has to be the same one
        return type(error).__name__


@pytest.mark.parametrize("features", FEATURES)
def test_one_reading_serves_every_kind(features: str) -> None:
    """What is not laid out is the same program, and no kind of output leaves a trace in another."""
    for seed in range(3):
        trial = program(Dice(700 + seed), features, 5)
        options = Options((), trial.asked)
        shared = Transformation(trial.text, options)
        for emit in ("pair", "grad", "jvp", "pair"):
            expected = _text(trial.text, trial.asked, emit)
            try:
                plain = shared.emitted(emit)
            except FlatgradError as error:
                found = [d.render("f.py", trial.text) for d in error.diagnostics]
                assert "\n".join(found) == expected
            else:
                black.assert_equivalent(plain, expected)
                assert layout(plain) == expected


def digest_of(python: str, given: Any, **environment: str) -> str:
    probe = PROBE.format(root=str(ROOT), tests=str(Path(__file__).parent))
    done = subprocess.run(
        [python, "-c", probe],
        env={**os.environ, **environment},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_run_the_hash_seed_and_the_version_of_python_do_not_matter() -> None:
    """A first reading for each kind, one for all kinds, and other processes, of another Python too if there is one."""
    given = sources()
    first = [_text(s, tuple(wrt), emit) for s, wrt in given for emit in EMITS]
    assert texts(given) == first
    here = hashlib.sha256("".join(first).encode()).hexdigest()
    for seed in ("0", "1", "4242"):
        assert digest_of(sys.executable, given, PYTHONHASHSEED=seed) == here, seed
    for python in able_pythons():
        assert digest_of(python, given) == here, python


def other_pythons() -> list[str]:
    own = f"python3.{sys.version_info.minor}"
    names = [f"python3.{minor}" for minor in range(11, 16)]
    return [p for n in names if n != own and (p := shutil.which(n))]


def able_pythons() -> list[str]:
    """One other Python on the machine that has the dependencies; none is no failure."""
    needed = "import astor, black, click, libcst, numpy"
    for python in other_pythons():
        able = subprocess.run([python, "-c", needed], capture_output=True, check=False)
        if able.returncode == 0:
            return [python]
    return []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
@pytest.mark.parametrize("emit", ["grad", "pair"])
def test_emitted_text_is_stable_under_black(path: Path, emit: str) -> None:
    text = transform(path.read_text(), Options(emit=emit))
    assert black.format_str(text, mode=black.Mode()) == text


# --- emitted text is valid input: the derivative of the derivative -----------------------------------------------

X = np.array([0.3, 1.2, 0.7])
Y = np.array([0.5, 0.2, 0.9])
M = np.arange(6.0).reshape(2, 3) / 7 + 0.2

TWICE: dict[str, tuple[str, dict[str, Any]]] = {
    "product": ("return x * y", {"x": 1.3, "y": 0.4}),
    "neuron": ("s = w * x + b; return 1 / (1 + np.exp(-s))", {"w": 0.4, "x": 2.0, "b": -0.3}),
    "powers": ("return (x ** 3 / y).sum()", {"x": X, "y": Y}),
    "elementary": ("return (np.sin(x) * np.exp(y) + np.tanh(x * y) + np.log(x)).sum()", {"x": X, "y": Y}),
    "quadratic form": ("return x @ A @ x", {"x": X, "A": np.outer(X, Y)}),
    "affine": ("h = np.tanh(x @ w + b); return (h * h).sum()", {"x": M, "w": M.T, "b": X[:2]}),
    "softmax": ("e = np.exp(x); p = e / e.sum(axis=1, keepdims=True); return (p * p).sum()", {"x": M}),
    "logsumexp": ("m = x.max(); return m + np.log(np.exp(x - m).sum())", {"x": X}),
    "mean and variance": ("return ((x - x.mean()) ** 2).mean() * x.var()", {"x": X}),
    "reuse": ("x = x * y; x = x * x; y = x + y; return (x * y).sum()", {"x": X, "y": Y}),
    "picked": ("return (x[[0, 2]] * x[1:]).sum() * y[0]", {"x": X, "y": Y}),
    "stored": ("z = np.zeros(3); z[0] = x[1] * y[0]; z[1:] = x[:2] * x[0]; return (z * z).sum()", {"x": X, "y": Y}),
    "norm": ("return np.linalg.norm(x) * np.sqrt((y * y).sum())", {"x": X, "y": Y}),
    "division": ("a = x / y; b = a / (x + a); return (b - a / b).sum()", {"x": X, "y": Y}),
}  # fmt: skip


@pytest.mark.parametrize("stated", [False, True], ids=["unstated", "stated"])
@pytest.mark.parametrize("name", TWICE)
def test_emitted_text_can_be_transformed_again(name: str, stated: bool) -> None:
    """The gradient of <gradient, v> is H v, by differences of the first gradient.

    A helper that looks at shapes when it runs cannot be read again yet: that has to be a refusal.
    """
    body, inputs = TWICE[name]
    lines = "\n".join("    " + line for line in body.split("; "))
    text = f"import numpy as np\n\n\ndef f({', '.join(inputs)}):\n{lines}\n"
    shapes = {n: np.shape(v) for n, v in inputs.items()} if stated else {}
    first = Trial(text, inputs, shapes=shapes).emitted()
    try:
        second = _along(first, tuple(inputs), shapes)
    except FlatgradError as error:
        if "def unbroadcast" not in first:
            raise
        pytest.skip(f"a helper that runs: {error}")
    rng = np.random.default_rng(5)
    vs = [rng.uniform(0.5, 1.5, np.shape(v)) for v in inputs.values()]
    _, found = load(second)["along_grad"](*inputs.values(), *vs)
    gradient = load(first)["f_grad"]
    step = 1e-5
    up, down = (
        gradient(*(x + s * v for x, v in zip(inputs.values(), vs, strict=True)), 1.0)[1]
        for s in (step, -step)
    )
    for a, b, h in zip(*map(as_tuple, (up, down, found)), strict=True):
        expected = (np.asarray(a) - np.asarray(b)) / (2 * step)
        assert np.shape(h) == np.shape(expected)
        np.testing.assert_allclose(h, expected, rtol=1e-5, atol=1e-6)


def _along(first: str, names: tuple[str, ...], shapes: dict[str, Any]) -> str:
    """The gradient of <gradient, v>, made of the text `first` that the first transformation printed."""
    gradients = ", ".join(f"g_{n}" for n in names)
    unpacked = f"({gradients})" if len(names) > 1 else gradients
    directions = ", ".join(f"v_{n}" for n in names)
    terms = " + ".join(f"np.sum(g_{n} * v_{n})" for n in names)
    needed = "" if "import numpy as np" in first else "import numpy as np\n\n"
    text = (
        f"{needed}{first}\n\ndef along({', '.join(names)}, {directions}):\n"
        f"    value, {unpacked} = f_grad({', '.join(names)}, 1.0)\n    return {terms}\n"
    )
    both = shapes | {f"v_{n}": shape for n, shape in shapes.items()}
    return transform(text, Options(("along",), names, shapes=both))
