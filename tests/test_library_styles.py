"""--style class, torch, jax and scipy: what is printed runs in the library's own way, and its gradients are right."""

from __future__ import annotations

import inspect
import re
import types
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flatgrad.errors import FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import transform

HERE = Path(__file__).parent
COURSE = 1e-7  # what a relative error has to stay below, as courses have it


def text_of(name: str) -> str:
    return (HERE / f"{name}.py").read_text()


def written(text: str, style: str, **options: Any) -> str:
    return transform(text, Options(style=style, **options))


def ran(text: str) -> types.SimpleNamespace:
    names: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(text, "<emitted>", "exec"), names)
    return types.SimpleNamespace(**names)


@cache
def styled(name: str, style: str) -> str:
    """Every function of a file in one style."""
    return written(text_of(name), style)


@cache
def module(name: str, style: str) -> types.SimpleNamespace:
    return ran(styled(name, style))


@cache
def plain(name: str) -> types.SimpleNamespace:
    return ran(text_of(name))


def rel_error(x: Any, y: Any) -> float:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    assert x.shape == y.shape
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y))))


def numerical_gradient(f: Any, x: Any, dout: Any, h: float = 1e-5) -> Any:
    """Of sum(f() * dout), by central differences: each element of the array `x`, or of each array of a list."""
    if isinstance(x, list):
        return [numerical_gradient(f, part, dout, h) for part in x]
    found = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        ends = []
        for step in (h, -h):
            x[index] = old + step
            ends.append(sum(np.sum(o * d) for o, d in zip(f(), dout, strict=True)))
        x[index] = old
        found[index] = (ends[0] - ends[1]) / (2 * h)
    return found


def several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def draw(seed: int = 7) -> Any:
    return np.random.default_rng(seed).standard_normal


r = draw()
LABELS = np.array([0, 2, 1])
LSTM = {"Wx": r((3, 16)), "Wh": r((4, 16)), "b": r(16)}
NET = {"W1": r((4, 5)), "b1": r(5), "W2": r((5, 3)), "b2": r(3)}

# The name of a layer: what it is made with, and what its forward is given.
LAYERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "affine": ({"w": r((4, 5)), "b": r(5)}, {"x": r((3, 2, 2))}),
    "relu": ({}, {"x": r((3, 4))}),
    "batchnorm": ({"gamma": r(3), "beta": r(3)}, {"x": r((5, 3))}),
    "layernorm": ({"gamma": r(3), "beta": r(3), "eps": 1e-4}, {"x": r((5, 3))}),
    "dropout": ({"p": 0.6}, {"x": r((4, 5))}),
    "conv": ({"w": r((3, 2, 3, 3)), "b": r(3), "stride": 2, "pad": 1}, {"x": r((2, 2, 4, 4))}),
    "max_pool": ({}, {"x": r((2, 2, 4, 4))}),
    "rnn": ({"Wx": r((4, 5)), "Wh": r((5, 5)), "b": r(5)}, {"x": r((2, 3, 4)), "h0": r((2, 5))}),
    "lstm_step": (LSTM, {"x": r((2, 3)), "prev_h": r((2, 4)), "prev_c": r((2, 4))}),
    "word_embedding": ({"W": r((4, 3))}, {"x": np.array([[0, 1, 1], [2, 1, 0]])}),
    "softmax_loss": ({}, {"x": r((3, 4)), "y": LABELS}),
    "svm_loss": ({}, {"x": r((3, 4)), "y": LABELS}),
    "two_layer_net": ({**NET, "reg": 0.1}, {"X": r((3, 4)), "y": LABELS}),
}  # fmt: skip
DEEP = {"weights": [r((4, 5)), r((5, 5)), r((5, 3))], "biases": [r(5), r(5), r(3)]}
OF_ARRAYS = {**LAYERS, "n_layer_net": ({**DEEP, "reg": 0.1}, {"X": r((3, 4)), "y": LABELS})}  # fmt: skip
WITH_TENSORS = {"W_in": r((4, 5)), "W_hidden": r((2, 5, 5)), "b_hidden": r((2, 5)), "W_out": r((5, 3)), "reg": 0.1}  # fmt: skip
OF_TENSORS = {**LAYERS, "n_layer_net": (WITH_TENSORS, {"X": r((3, 4)), "y": LABELS})}
LOSSES = ("softmax_loss", "svm_loss", "two_layer_net", "n_layer_net")
AGAIN = {"relu", "word_embedding"}  # nothing between the inputs and the result is kept


def differentiable(value: Any) -> bool:
    first = value[0] if isinstance(value, list) else value
    return isinstance(first, np.ndarray) and first.dtype == float


# ------------------------------------------------------------------------------------------------------------- class


def class_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_a_layer_object_passes_its_gradient_check(name: str) -> None:
    settings, inputs = OF_ARRAYS[name]
    layer = getattr(module("array_layers", "class"), class_name(name))(**settings)

    def forward() -> tuple[Any, ...]:
        np.random.seed(3)  # noqa: NPY002
        return several(layer.forward(**inputs))

    np.random.seed(3)  # noqa: NPY002
    expected = several(getattr(plain("array_layers"), name)(**inputs, **settings))
    outs = forward()
    assert all(map(np.array_equal, outs, expected))
    dout = [draw(1)(np.shape(out)) for out in outs]
    given = () if name in LOSSES else dout
    dout = [1.0] if name in LOSSES else dout
    found = several(layer.backward(*given))
    carrying = [v for v in inputs.values() if differentiable(v)]
    pairs = list(zip(found, carrying, strict=True)) if carrying else []
    weights = {n: v for n, v in settings.items() if differentiable(v)}
    pairs += [(getattr(layer, f"d{n}"), value) for n, value in weights.items()]
    for gradient, value in pairs:
        expected = numerical_gradient(forward, value, dout)
        for got, by_differences in zip(*map(parts, (gradient, expected)), strict=True):
            assert rel_error(got, by_differences) < COURSE


def parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_a_layer_object_goes_back_twice_the_same_way(name: str) -> None:
    settings, inputs = OF_ARRAYS[name]
    layer = getattr(module("array_layers", "class"), class_name(name))(**settings)
    outs = several(layer.forward(**inputs))
    dout = [np.ones(np.shape(out)) for out in outs]
    first = several(layer.backward(*dout))
    kept = {n: np.copy(v) for n, v in vars(layer).items() if isinstance(v, np.ndarray)}
    again = several(layer.backward(*dout))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(np.array_equal(getattr(layer, n), v) for n, v in kept.items())


def test_a_layer_object_reads_like_one() -> None:
    text = """
import numpy as np


def affine(x, w, b):
    # x: (N, D)  w: (D, M)  b: (M,)
    a = x @ w + b  # before the bend
    return np.tanh(a)
"""
    assert written(text, "class", shapes={"x": ("N", "D"), "w": ("D", "M"), "b": ("M",)}) == """\
# Made by flatgrad.

import numpy as np


class Affine:
    def __init__(self, w, b):
        self.w = w
        self.b = b

    def forward(self, x):
        # x: (N, D)  w: (D, M)  b: (M,)
        a = x @ self.w + self.b  # before the bend
        out = np.tanh(a)

        self.out = out
        self.x = x
        return out

    def backward(self, dout):
        # out = np.tanh(a)
        da = dout * (1 - self.out**2)
        # a = x @ w + b
        dx = da @ self.w.T
        self.dw = self.x.T @ da
        self.db = da.sum(axis=0)

        return dx
"""  # fmt: skip


# Weights that the forward gives another value, or reads where another variable has the name.
ODD = {
    "rebound": "w = w * 2\n    w = w * x\n    return w.sum(axis=1)",
    "shadowed": "total = sum([w for w in [1.0, 2.0]])\n    return x * w * total",
    "called": "g = lambda w: w * w\n    return g(x) * w",
    "shown": 'label = f"{w.shape}"\n    return x * w + len(label)',
    "methods": "forward = np.exp(w)\n    backward = np.sin(x)\n    return forward * backward",
    "self": "self = np.exp(w)\n    return self * x",
    "written": "out = x.copy()\n    out[0] *= w[0]\n    return out * w",
    "returns": "if x.shape[0] > 5:\n        return x * 2\n    return np.exp(x * w)",
    "branch": "if x.shape[0] > 1:\n        scale = w * 2\n    else:\n        scale = w\n    return x * scale",
    "loop": "h = x\n    for i in range(3):\n        h = 0.5 * h * w + i\n    return h",
    "gradient": "dw = np.tanh(w)\n    return dw * x * dw",
    "text": "note = '''w\nw'''\n    return x * w * len(note)",
}


@pytest.mark.parametrize("name", ODD)
def test_a_weight_is_read_from_the_object_whatever_its_name_does(name: str) -> None:
    text = f'import numpy as np\n\n\ndef odd(x, w):\n    """x: (N, D)  w: (D,)"""\n    {ODD[name]}\n'
    x, w = draw(2)((3, 2)), draw(3)(2)
    layer = ran(written(text, "class")).Odd(w)
    own = layer.w
    out = layer.forward(x)
    assert np.array_equal(out, ran(text).odd(x, w))
    dout = [1.0 + draw(4)(out.shape) ** 2]
    dx = layer.backward(*dout)
    assert layer.w is own
    assert (
        rel_error(dx, numerical_gradient(lambda: (layer.forward(x),), x, dout)) < COURSE
    )
    dw = layer.dw
    assert (
        rel_error(dw, numerical_gradient(lambda: (layer.forward(x),), w, dout)) < COURSE
    )


# ------------------------------------------------------------------------------------------------------------- torch


def as_tensor(value: Any) -> Any:
    import torch

    if not isinstance(value, np.ndarray):
        return value
    return torch.tensor(value, requires_grad=value.dtype == float)


def torch_case(name: str) -> tuple[Any, list[Any]]:
    """The emitted function of its arguments in order, without what has a default."""
    pytest.importorskip("torch")
    function = getattr(module("tensor_layers", "torch"), name)
    values = {k: v for part in OF_TENSORS[name] for k, v in part.items()}
    names = [n for n in inspect.signature(function).parameters if n in values]
    positional = [as_tensor(values[n]) for n in names]

    def called(*args: Any) -> Any:
        import torch

        torch.manual_seed(3)
        return function(**dict(zip(names, args, strict=True)))

    return called, positional


@pytest.mark.parametrize("name", OF_TENSORS)
def test_a_function_of_torch_passes_gradcheck(name: str) -> None:
    torch = pytest.importorskip("torch")
    called, args = torch_case(name)
    assert torch.autograd.gradcheck(called, args)
    torch.manual_seed(3)
    values = {k: as_tensor(v) for part in OF_TENSORS[name] for k, v in part.items()}
    expected = several(getattr(plain("tensor_layers"), name)(**values))
    assert all(torch.equal(a, b) for a, b in zip(several(called(*args)), expected, strict=True))  # fmt: skip


@pytest.mark.parametrize("name", OF_TENSORS)
def test_static_methods_and_losses_of_tensors(name: str) -> None:
    """--style eecs498: a layer is a class, and a loss returns its gradient; both say what torch says."""
    torch = pytest.importorskip("torch")
    function = getattr(plain("tensor_layers"), name)
    given = {k: as_tensor(v) for part in OF_TENSORS[name] for k, v in part.items()}
    values = {n: given[n] for n in inspect.signature(function).parameters if n in given}
    torch.manual_seed(3)
    outs = several(function(**values))
    wrt = [v for v in values.values() if getattr(v, "requires_grad", False)]
    space, layer = module("tensor_layers", "eecs498"), name.title().replace("_", "")
    torch.manual_seed(3)
    if hasattr(space, layer):
        *results, cache = getattr(space, layer).forward(**values)
        douts = [torch.randn_like(out) for out in outs]
        found = several(getattr(space, layer).backward(*douts, cache))
        expected = torch.autograd.grad(outs, wrt, douts)
    else:
        *results, gradient = getattr(space, name)(**values)
        found, expected = (gradient,), torch.autograd.grad(outs, wrt[:1])
    for one, other in zip([*results, *found], [*outs, *expected], strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", OF_TENSORS)
def test_a_second_derivative_in_torch_is_right_or_refused(name: str) -> None:
    torch = pytest.importorskip("torch")
    called, args = torch_case(name)
    if name in AGAIN:
        assert torch.autograd.gradgradcheck(called, args)
        return
    total = sum(out.sum() for out in several(called(*args)))
    wrt = [a for a in args if getattr(a, "requires_grad", False)]
    with pytest.raises(RuntimeError, match=f"^{name} cannot be differentiated twice$"):
        torch.autograd.grad(total, wrt, create_graph=True)


def test_a_second_derivative_where_only_inputs_and_outputs_are_kept() -> None:
    torch = pytest.importorskip("torch")
    text = 'import torch\n\n\ndef gated(x, w, s):\n    """x: (N, D)  w: (D, M)  s: scalar"""\n    out = torch.tanh(x @ w) * s\n    return torch.exp(out * 0.1)\n'
    emitted = ran(written(text, "torch"))
    x, w = as_tensor(draw(1)((3, 4))), as_tensor(draw(2)((4, 2)))
    assert torch.autograd.gradcheck(emitted.gated, (x, w, 0.3))
    s = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(emitted.gated, (x, w, s))
    text = 'import torch\n\n\ndef scaled(x, s):\n    """x: (N, D)  s: scalar"""\n    out = torch.exp(x * s)\n    return out\n'
    emitted = ran(written(text, "torch"))
    assert torch.autograd.gradgradcheck(emitted.scaled, (x, s))
    assert torch.autograd.gradgradcheck(emitted.scaled, (x, 0.3))


def test_torch_notices_that_a_kept_input_was_written_into() -> None:
    torch = pytest.importorskip("torch")
    called, args = torch_case("rnn")
    total = called(*args).sum()
    with torch.no_grad():
        args[0] += 1.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_a_loss_trains_in_torch() -> None:
    torch = pytest.importorskip("torch")
    called, args = torch_case("two_layer_net")
    weights = [a for a in args[2:] if getattr(a, "requires_grad", False)]
    optimizer = torch.optim.SGD(weights, lr=0.5)
    first = float(called(*args).detach())
    for _ in range(20):
        optimizer.zero_grad()
        loss = called(*args)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.7 * first


ODD_IN_TORCH = {
    "view": ("x: (N, D)", "return x.t()[0]", {"x": r((3, 4))}),
    "same": ("x: (N, D)  w: (N, D)", "return x, x * w", {"x": r((3, 4)), "w": r((3, 4))}),
    "early": ("x: (N, D)  w: (D,)", "if x.shape[0] > 9:\n        return x * 2\n    return torch.exp(x * w)", {"x": r((3, 4)), "w": r(4)}),
    "unsaid": ("", "return torch.exp(x @ w)", {"x": r((3, 4)), "w": r((4, 2))}),
    "masked": ("x: (N, D)  mask: (N, D) bool", "return x.masked_fill(mask, 0.3).sum(dim=0)", {"x": r((3, 4)), "mask": r((3, 4)) > 0}),
    "counted": ("x: (N, D)", "n = (x > 0).sum()\n    return x * x / n, n", {"x": r((3, 4))}),
    "constant": ("x: (N, D)  t: scalar", "if x.shape[0] > 9:\n        x = x * t\n    return torch.sin(x)", {"x": r((3, 4)), "t": np.array(0.5)}),
    "number": ("x: (N, D)  t: scalar", "return torch.sin(x * t)", {"x": r((3, 4)), "t": 0.5}),
    "looped": ("x: (N, D)  W: (D, D)", "for _ in range(x.shape[0]):\n        x = torch.tanh(x @ W) + x\n    return x", {"x": r((3, 4)), "W": r((4, 4))}),
    "without": ("x: (N, D)", "return torch.sin(x) if b is None else torch.sin(x) * b.sum()", {"x": r((3, 4)), "b": r(2)}),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_IN_TORCH)
def test_whatever_a_function_of_torch_does(name: str) -> None:
    torch = pytest.importorskip("torch")
    shapes, body, values = ODD_IN_TORCH[name]
    params = ", ".join(f"{n}=None" if n == "b" else n for n in values)
    text = f'import torch\n\n\ndef odd({params}):\n    """{shapes}"""\n    {body}\n'
    args = [*map(as_tensor, values.values())]
    assert torch.autograd.gradcheck(ran(written(text, "torch")).odd, args)


def test_labels_and_results_without_a_gradient_in_torch() -> None:
    torch = pytest.importorskip("torch")
    text = 'import torch\n\n\ndef best(x, w):\n    """x: (N, D)  w: (N, D)"""\n    y = x * w\n    return y, y.argmax(dim=1)\n'
    emitted = ran(written(text, "torch"))
    x, w = as_tensor(draw(1)((3, 4))), as_tensor(draw(2)((3, 4)))
    y, places = emitted.best(x, w)
    assert y.requires_grad
    assert not places.requires_grad
    y.sum().backward()
    assert torch.equal(x.grad, w.detach())


# --------------------------------------------------------------------------------------------------------------- jax


def jax_case(name: str) -> tuple[Any, Any, dict[str, Any], list[str]]:
    """The emitted function, the user's, their arguments, and which of them are arrays of real numbers."""
    import inspect

    values = {k: v for part in OF_TENSORS[name] for k, v in part.items()}
    if name == "dropout":
        values["mask"] = draw(5)((4, 5)) < 0
    if name == "two_layer_net":
        values["params"] = {k: values.pop(k) for k in NET}
    made, own = (getattr(m, name) for m in (module("jax_layers", "jax"), plain("jax_layers")))  # fmt: skip
    order = [n for n in inspect.signature(own).parameters if n in values]
    values = {n: values[n] for n in order}
    wrt = [n for n, v in values.items() if isinstance(v, dict) or differentiable(v)]
    return made, own, values, wrt


EAGER = ["relu", "dropout"]  # where nothing is compiled, which takes longer
WAYS = [*((name, True) for name in OF_TENSORS), *((name, False) for name in EAGER)]


@pytest.mark.parametrize(("name", "compiled"), WAYS)
def test_a_derivative_for_jax_agrees_with_that_of_jax(
    name: str, compiled: bool
) -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        made, own, values, wrt = jax_case(name)
        chosen = jax.tree.map(jax.numpy.asarray, {n: values[n] for n in wrt})
        outs = several(
            jax.eval_shape(lambda chosen: own(**{**values, **chosen}), chosen)
        )
        dout = [draw(1)(out.shape) for out in outs]

        def total(function: Any, chosen: dict[str, Any]) -> Any:
            def called(chosen: dict[str, Any]) -> Any:
                return function(*{**values, **chosen}.values())

            found = several((jax.jit(called) if compiled else called)(chosen))
            return sum((o * d).sum() for o, d in zip(found, dout, strict=True))

        def both(chosen: dict[str, Any]) -> Any:
            ways = (jax.value_and_grad(total, 1)(f, chosen) for f in (made, own))
            return tuple(ways)

        found, expected = (jax.jit(both) if compiled else both)(chosen)
        leaves = zip(*map(jax.tree.leaves, (found, expected)), strict=True)
        assert all(rel_error(a, b) < COURSE for a, b in leaves)


ODD_IN_JAX = {
    "halves": ("x, k: int", "n = x.shape[1] // k\n    m = n + 1\n    return x[:, :n].sum() * jnp.ones(m) * x[:, n:].mean()", (r((3, 4)), 2)),
    "listed": ("x, ws: list", "for w in ws:\n        x = jnp.tanh(x @ w)\n    return x", (r((3, 4)), [r((4, 4)), r((4, 2))])),
    "several": ("x, w: (N, D)", "return x, x * w, x.argmax(axis=1)", (r((3, 4)), r((3, 4)))),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_IN_JAX)
def test_whatever_a_function_of_jax_does(name: str) -> None:
    jax = pytest.importorskip("jax")
    params, body, args = ODD_IN_JAX[name]
    params = params.replace(": (N, D)", "")
    text = f'import jax.numpy as jnp\n\n\ndef odd({params}):\n    """x: (N, D)  w: (N, D)"""\n    {body}\n'
    wrt = [i for i, a in enumerate(args) if not isinstance(a, int)]

    def total(function: Any) -> Any:
        return lambda *args: sum((o * (i + 1.5)).sum() for i, o in enumerate(several(function(*args))[:2]))  # fmt: skip

    static = [i for i, a in enumerate(args) if isinstance(a, int)]
    with jax.enable_x64(True):
        args = tuple(a if isinstance(a, int) else jax.tree.map(jax.numpy.asarray, a) for a in args)  # fmt: skip
        found, expected = (
            jax.jit(jax.grad(total(ran(made).odd), wrt), static_argnums=static)(*args)
            for made in (written(text, "jax"), text)
        )
        leaves = zip(*map(jax.tree.leaves, (found, expected)), strict=True)
        assert all(rel_error(a, b) < COURSE for a, b in leaves)


def test_jax_says_so_where_a_setting_has_no_derivative() -> None:
    jax = pytest.importorskip("jax")
    made = module("jax_layers", "jax").batchnorm
    x, gamma, beta = (jax.numpy.asarray(draw(i)(s)) for i, s in enumerate([(5, 3), 3, 3]))  # fmt: skip
    with pytest.raises(jax.errors.UnexpectedTracerError, match="nondiff_argnums"):
        jax.grad(lambda eps: made(x, gamma, beta, eps).sum())(1e-5)


def test_numbers_that_follow_from_shapes_are_computed_again_under_jit() -> None:
    """They would be arrays among the residuals, of which no shape can be made."""
    text = written(text_of("jax_layers"), "jax", functions=("softmax_loss",))
    backward = text.partition("_bwd(")[2]
    assert "N = x.shape[0]" in backward
    assert re.search(r"\bN\b", backward.partition(" = residuals")[0]) is None


# ------------------------------------------------------------------------------------------------------------- scipy

LOSSES_TO_MINIMISE = '''
import numpy as np


def rosenbrock(x):
    """x: (n,)"""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def ridge(X, y, w, strength=0.1):
    """X: (N, D)  y: (N,)  w: (D,)"""
    residual = X @ w - y
    loss = np.mean(residual**2) + strength * np.sum(w**2)
    return loss


def logistic_loss(w, b, X, y, reg=0.01):
    """w: (D,)  b: scalar  X: (N, D)  y: (N,) signs"""
    margins = y * (X @ w + b)
    loss = np.mean(np.logaddexp(0, -margins)) + reg * np.sum(w**2)
    return loss


def hill(x: float, y: float):
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def net_loss(params, X, y):
    """X: (N, D)  y: (N,)"""
    hidden = np.tanh(X @ params["W1"] + params["b1"])
    pred = hidden @ params["w2"] + params["b2"]
    loss = np.mean((pred - y) ** 2) + 0.01 * sum(np.sum(params[k] ** 2) for k in ["W1", "w2"])
    return loss


def matrix_loss(W, X, Y):
    """W: (D, M)  X: (N, D)  Y: (N, M)"""
    loss = np.mean((np.tanh(X @ W) - Y) ** 2) + 0.01 * np.sum(W**2)
    return loss


def looped_loss(w, X):
    """w: (D,)  X: (N, D)"""
    h = X @ w
    for _ in range(3):
        h = np.tanh(h * w.sum()) + h
    loss = np.mean(h**2) + np.sum((w - 0.3) ** 2)
    return loss


def chain_loss(weights: list, X):
    """X: (N, D)"""
    h = X
    for W in weights:
        h = np.tanh(h @ W)
    loss = np.mean((h - 0.5) ** 2) + 0.01 * sum(np.sum(W**2) for W in weights)
    return loss
'''
WITH_RESPECT_TO = {"rosenbrock": "x", "ridge": "w", "logistic_loss": "w,b", "hill": "x,y", "net_loss": "params", "matrix_loss": "W", "looped_loss": "w", "chain_loss": "weights"}  # fmt: skip
X, SIGNS = r((20, 3)), np.sign(r(20))
TO_MINIMISE: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "rosenbrock": ((np.array([-1.2, 1.0, 0.5]),), ()),
    "ridge": ((np.zeros(3),), (X, X @ np.array([1.0, 2.0, -1.0]))),
    "logistic_loss": ((np.zeros(3), 0.0), (X, SIGNS)),
    "hill": ((0.0, 0.0), ()),
    "matrix_loss": ((np.zeros((3, 2)),), ((3, 2), X, r((20, 2)))),
    "looped_loss": ((np.zeros(3),), (X,)),
    "net_loss": (({"W1": 0.3 * r((3, 4)), "b1": np.zeros(4), "w2": 0.3 * r(4), "b2": 0.0},), (X, SIGNS)),
    "chain_loss": (([0.3 * r((3, 4)), 0.3 * r((4, 2))],), (X,)),
}  # fmt: skip
PACKED = ("logistic_loss", "net_loss", "chain_loss")


def minimiser(name: str) -> tuple[Any, Any, tuple[Any, ...]]:
    """fun, theta0 and what else fun is given."""
    wrt = tuple(WITH_RESPECT_TO[name].split(","))
    emitted = ran(written(LOSSES_TO_MINIMISE, "scipy", functions=(name,), wrt=wrt))
    start, data = TO_MINIMISE[name]
    fun = getattr(emitted, f"{name}_fun")
    if name not in PACKED:
        return fun, np.hstack([np.ravel(part) for part in start]), data
    theta, shapes = getattr(emitted, f"{name}_pack")(*start)
    back = getattr(emitted, f"{name}_unpack")(theta, shapes)
    again = getattr(emitted, f"{name}_pack")(*(back if wrt[1:] else [back]))
    assert np.array_equal(again[0], theta)
    assert again[1] == shapes
    return fun, theta, (shapes, *data)


@pytest.mark.parametrize("name", TO_MINIMISE)
def test_a_packed_gradient_passes_check_grad(name: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    fun, theta, data = minimiser(name)
    at = theta + 0.1 * draw(9)(theta.shape)
    value, gradient = fun(at, *data)
    assert np.ndim(value) == 0
    assert gradient.shape == theta.shape
    off = optimize.check_grad(lambda t: fun(t, *data)[0], lambda t: fun(t, *data)[1], at)  # fmt: skip
    assert off < 1e-6 * (1 + np.linalg.norm(gradient))
    differences = numerical_gradient(lambda: (fun(at, *data)[0],), at, [1.0])
    assert rel_error(gradient, differences) < COURSE


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B"])
@pytest.mark.parametrize("name", TO_MINIMISE)
def test_scipy_minimises_with_it(name: str, method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    fun, theta, data = minimiser(name)
    found = optimize.minimize(fun, theta, args=data, jac=True, method=method, options={"maxiter": 300})  # fmt: skip
    without = optimize.minimize(lambda t: fun(t, *data)[0], found.x, method=method)
    assert np.linalg.norm(found.jac) < 1e-2
    assert found.fun <= without.fun + 1e-4
    assert found.fun < fun(theta, *data)[0]


def test_a_vector_is_taken_as_it_is() -> None:
    text = written(LOSSES_TO_MINIMISE, "scipy", functions=("ridge",), wrt=("w",))
    assert text == '''\
# Made by flatgrad.

import numpy as np


def ridge_fun(w, X, y, strength=0.1):
    """X: (N, D)  y: (N,)  w: (D,)"""
    residual = X @ w - y
    loss = np.mean(residual**2) + strength * np.sum(w**2)

    # loss = np.mean(residual**2) + strength * np.sum(w**2)
    grad_residual = 2 / y.size * residual
    grad_w = 2 * strength * w
    # residual = X @ w - y
    grad_w += X.T @ grad_residual

    return loss, grad_w
'''


# ----------------------------------------------------------------------------------------------------------- refusals

NUMPY = "import numpy as np\n\n\ndef f(x):\n    return np.exp(x)\n"
TORCH = "import torch\n\n\n"
JAX = "import jax.numpy as jnp\n\n\n"
STARS = "def f(*xs):\n    return xs[0] * 2.0\n"
REFUSED = [
    ("torch", NUMPY, "--style torch: f is not written with torch"),
    ("jax", NUMPY, "--style jax: f is not written with jax.numpy"),
    ("scipy", NUMPY, "--style scipy: f is not known to return one number"),
    ("scipy", f"{TORCH}def f(x):\n    return torch.exp(x).sum()\n", "--style scipy: scipy.optimize works with arrays of NumPy, and f with torch"),
    ("scipy", "def f(x: float):\n    return x * x, x\n", "--style scipy: f is not known to return one number"),
    ("scipy", 'import numpy as np\n\n\ndef f(x):\n    """x: (N,)"""\n    x[0] = 1.0\n    return np.sum(x**2)\n', "--style scipy: f writes into its parameter x"),
    ("torch", f'{TORCH}def f(x):\n    """x: (N,)"""\n    x[0] = 1.0\n    return torch.exp(x)\n', "--style torch: f writes into its parameter x"),
    ("torch", f"{TORCH}def f(xs: list):\n    return torch.exp(xs[0])\n", "--style torch: xs is a list, and torch finds no tensors in one"),
    ("jax", f"{JAX}def f(x, *, w):\n    return jnp.exp(x) * w\n", "--style jax: w is given by name only, which jax.custom_vjp does not take"),
    ("class", STARS, "--style class: f takes any number of arguments"),
]  # fmt: skip


@pytest.mark.parametrize(("style", "text", "what"), REFUSED)
def test_what_does_not_fit_a_style_is_refused_at_its_place(
    style: str, text: str, what: str
) -> None:
    with pytest.raises(FlatgradError) as refused:
        written(text, style)
    (problem,) = refused.value.diagnostics
    assert (problem.code, problem.what) == ("FG509", what)
    line = text.split("def f")[0].count("\n") + 1
    assert problem.place is not None
    assert problem.place.line == line


# ------------------------------------------------------------------------------------------------------ on every text


@pytest.mark.parametrize(
    ("style", "name"),
    [("class", "array_layers"), ("torch", "tensor_layers"), ("jax", "jax_layers")],
)
def test_the_text_stands_alone(style: str, name: str) -> None:
    """Nothing of flatgrad, and not the user's function beside the one of its name."""
    text = styled(name, style)
    assert re.search(r"(import|from) flatgrad", text) is None
    for line in {x for x in text.splitlines() if x.startswith(("def ", "class "))}:
        assert text.splitlines().count(line) == 1
