"""Emitted text means what the graph means; simplified means what plain means.

For each source the gradient block is run as a graph, and as the text that was printed for it, on the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from checking import Trial, as_tuple, cotangent, drawn, examine, load
from programs import Dice, program

from flatgrad.errors import FlatgradError
from flatgrad.evaluate import run
from flatgrad.frontend import lower, read_module
from flatgrad.patterns import recognise
from flatgrad.pipeline import differentiate
from flatgrad.reverse import reverse
from flatgrad.simplify import simplify

X = np.array([0.3, 1.2, 0.7])
Y = np.array([0.5, 0.2, 0.9])
M = np.arange(6.0).reshape(2, 3) / 7 + 0.2
LABELS = np.array([0, 2])

SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "neuron": ("s = w * x + b; return 1 / (1 + np.exp(-s))", {"w": 0.4, "x": 2.0, "b": -0.3}),
    "affine": ("return x @ w + b", {"x": M, "w": M.T, "b": X[:2]}),
    "softmax": (
        "e = np.exp(x - x.max(axis=1, keepdims=True)); p = e / e.sum(axis=1, keepdims=True); "
        "return -np.log(p[np.arange(2), y]).mean()",
        {"x": M, "y": LABELS},
    ),
    "hinge": ("m = np.maximum(0, x - x[np.arange(2), y][:, None] + 1); m[np.arange(2), y] = 0; return m.sum() / 2", {"x": M, "y": LABELS}),
    "layernorm": ("m = x.mean(axis=-1, keepdims=True); v = x.var(axis=-1, keepdims=True); return g * (x - m) / np.sqrt(v + 1e-5) + b", {"x": M, "g": X, "b": Y}),
    "rebinding": ("x = x * y; x = np.sin(x) * x; y = x + y; return x * y, y.sum()", {"x": X, "y": Y}),
    "stores": ("z = np.zeros((2, 3)); z[0] = x; z[1, 1:] = y[:2] * x[0]; z[:, 0] *= 2; return (z * z).sum(axis=0)", {"x": X, "y": Y}),
    "scatter": ("z = x * 1.0; np.add.at(z, [0, 0, 2], y); return z * z, z[[1, 1]]", {"x": X, "y": Y}),
    "reductions": ("return x.sum(axis=0).max() * x.mean() + np.linalg.norm(x) - x.prod(axis=1).sum() + x.std()", {"x": M}),
    "shaping": ("a = np.concatenate([x.reshape(-1), y]); b = np.stack([a, a[::-1]]); return (b.T @ b).sum(axis=1)", {"x": M, "y": Y}),
    "linear algebra": ("a = x @ x.T + 2 * np.eye(2); return np.linalg.inv(a) @ y + np.linalg.solve(a, y), np.linalg.det(a)", {"x": M, "y": Y[:2]}),
    "where": ("return np.where(x > 0.5, x * y, y / x) + np.clip(x, 0.4, 1.0) + np.abs(x - 0.6)", {"x": X, "y": Y}),
    "powers": ("return x ** 3 + 2 ** x + x ** y - (x / y) ** -2", {"x": X, "y": Y}),
    "einsum": ("return np.einsum('ij,j->i', x, y) @ np.einsum('ij,kj->ik', x, x)", {"x": M, "y": Y}),
    "scalars": ("s = x * y; t = s - x / y; return s * t + np.tanh(t), t", {"x": 1.3, "y": 0.7}),
    "sorting": ("return np.sort(x * y) * x + np.cumsum(y) - np.diff(x * y).sum()", {"x": X, "y": Y}),
}  # fmt: skip
MODES = {"no shapes": False, "all shapes": True}


def source(name: str, stated: bool = True) -> Trial:
    body, inputs = SOURCES[name]
    lines = "\n".join("    " + line for line in body.split("; "))
    text = f"import numpy as np\n\n\ndef f({', '.join(inputs)}):\n{lines}\n"
    shapes = {n: np.shape(v) for n, v in inputs.items()} if stated else {}
    return Trial(text, inputs, shapes=shapes)


def gradient(trial: Trial) -> Any:
    function = lower(read_module(trial.text), "f", trial.shapes)
    return differentiate(function, [function.params[n] for n in trial.asked])


def seeds_of(trial: Trial) -> list[Any]:
    outs = as_tuple(drawn(load(trial.text)["f"], *map(np.copy, trial.inputs.values())))
    return [cotangent(out, number) for number, out in enumerate(outs)]


def by_text(trial: Trial, seeds: list[Any]) -> list[Any]:
    inputs = [np.copy(v) if np.ndim(v) else v for v in trial.inputs.values()]
    value, gradients = load(trial.emitted())["f_grad"](*inputs, *seeds)
    several = gradients if len(trial.asked) > 1 else (gradients,)
    return [*as_tuple(value), *several]


def same(one: list[Any], other: list[Any]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stated", MODES)
@pytest.mark.parametrize("name", SOURCES)
def test_the_text_means_what_the_graph_means(name: str, stated: str) -> None:
    trial = source(name, MODES[stated])
    seeds = seeds_of(trial)
    try:
        block = gradient(trial).block
    except FlatgradError:
        assert stated == "no shapes"
        pytest.skip("cannot do without shapes")
    same(by_text(trial, seeds), run(block, *trial.inputs.values(), *seeds))


@pytest.mark.parametrize("name", SOURCES)
def test_simplified_means_what_plain_means(name: str) -> None:
    trial = source(name)
    function = lower(read_module(trial.text), "f", trial.shapes)
    primal = recognise(function.block)
    for seed, out in zip(function.seeds, primal.outs, strict=True):
        seed.type = out.type
    wrt = [function.params[n] for n in trial.asked]
    plain = reverse(primal, wrt, function.seeds)
    short = simplify(plain, len(primal.eqns))
    assert len(short.eqns) <= len(plain.eqns)
    inputs = [*trial.inputs.values(), *seeds_of(trial)]
    same(run(short, *inputs), run(plain, *inputs))


@pytest.mark.parametrize("name", SOURCES)
def test_recognised_means_what_was_written(name: str) -> None:
    trial = source(name)
    written = lower(read_module(trial.text), "f", trial.shapes).block
    inputs = list(trial.inputs.values())
    same(run(recognise(written), *inputs), run(written, *inputs))
    outs = as_tuple(drawn(load(trial.text)["f"], *map(np.copy, inputs)))
    same(run(written, *inputs), [np.asarray(o) for o in outs])


@pytest.mark.parametrize("seed", range(40))
def test_written_programs_mean_the_same_as_text_and_as_graph(seed: int) -> None:
    trial = program(Dice(500 + seed), ("arithmetic", "overwriting")[seed % 2], 4)
    try:
        found = gradient(trial)
        text = by_text(trial, seeds := seeds_of(trial))
    except FlatgradError:
        pytest.skip("refused")
    inputs = [np.copy(v) if np.ndim(v) else v for v in trial.inputs.values()]
    if any(eqn.op == "opaque" for eqn in found.block.eqns):
        pytest.skip("a part that is only passed through")
    same(text, run(found.block, *inputs, *seeds))


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("prefix", ["d", "grad_", "bar_"])
def test_names_and_comments_change_no_number(name: str, prefix: str) -> None:
    from flatgrad.options import Options
    from flatgrad.pipeline import transform

    trial = source(name)
    seeds = seeds_of(trial)
    expected = by_text(trial, seeds)
    options = Options(("f",), trial.asked, "grad", prefix, trial.shapes, False)
    text = transform(trial.text, options)
    assert text.count("#") == 1
    value, gradients = load(text)["f_grad"](
        *map(np.copy, trial.inputs.values()), *seeds
    )
    several = gradients if len(trial.asked) > 1 else (gradients,)
    same([*as_tuple(value), *several], expected)


# --- imports -------------------------------------------------------------------------------------------------------

IMPORTS = [
    ("import scipy.special\nimport scipy.interpolate", "scipy.special.expit(x)", "import scipy.special"),
    ("import scipy.interpolate\nimport scipy.special", "scipy.special.expit(x)", "import scipy.special"),
    ("import scipy.special\nimport scipy.linalg", "scipy.special.expit(x) * scipy.linalg.norm(x)",
     "import scipy.special\nimport scipy.linalg"),
    ("import scipy\nimport scipy.special", "scipy.special.expit(x)", "import scipy\nimport scipy.special"),
    ("import scipy.linalg as scipy\nimport scipy.special as special", "special.expit(x)", "import scipy.special as special"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "value", "kept"), IMPORTS)
def test_the_imports_that_are_used_stay(lines: str, value: str, kept: str) -> None:
    text = f"{lines}\n\n\ndef f(x):\n    'x: (N,)'\n    return {value}\n"
    trial = Trial(text, {"x": X})
    emitted = trial.emitted()
    head = emitted.split("def ")[0]
    found = [line for line in head.splitlines() if line.startswith("import scipy")]
    assert "\n".join(found) == kept
    examine(trial)
