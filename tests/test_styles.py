"""Each style's output is run as its course runs it, and passes the gradient check of that course."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import layers
import numpy as np
import pytest

from flatgrad.errors import FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import transform

LAYERS = Path(layers.__file__).read_text()
TOLERANCE = 1e-7  # of the relative error of a layer, as courses have it
STEP = 1e-5


def relative_error(x: Any, y: Any) -> float:
    """The largest |x - y| / (|x| + |y|)."""
    x, y = np.asarray(x), np.asarray(y)
    assert x.shape == y.shape
    scale = np.maximum(1e-8, np.abs(x) + np.abs(y))
    return float(np.max(np.abs(x - y) / scale, initial=0.0))


def numerical_gradient(f: Callable[[], Any], x: Any, dout: Any) -> Any:
    """The gradient of sum(f() * dout) with respect to the array `x`, which `f` reads."""
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + STEP
        above = np.array(f())
        x[index] = kept - STEP
        below = np.array(f())
        x[index] = kept
        grad[index] = np.sum((above - below) * dout) / (2 * STEP)
    return grad


# --- what the layers are given ---------------------------------------------------------------------------------------


@dataclass
class Case:
    """A layer with arguments; `wrt` are the places of those that its backward returns a gradient of."""

    name: str
    make: Callable[[np.random.Generator], list[Any]]
    wrt: tuple[int, ...]
    outputs: int = 1

    def arguments(self) -> list[Any]:
        return self.make(np.random.default_rng(0))


CASES = [
    Case("affine_forward", lambda r: [r.normal(size=(3, 2, 2)), r.normal(size=(4, 5)), r.normal(size=5)], (0, 1, 2)),
    Case("relu_forward", lambda r: [r.normal(size=(3, 4))], (0,)),
    Case("batchnorm_forward", lambda r: [3 * r.normal(size=(5, 4)) + 2, r.normal(size=4), r.normal(size=4), {"mode": "train"}], (0, 1, 2)),
    Case("batchnorm_steps_forward", lambda r: [3 * r.normal(size=(5, 4)) + 2, r.normal(size=4), r.normal(size=4)], (0, 1, 2)),
    Case("layernorm_forward", lambda r: [3 * r.normal(size=(4, 5)) + 2, r.normal(size=5), r.normal(size=5), {}], (0, 1, 2)),
    Case("dropout_forward", lambda r: [r.normal(size=(4, 5)) + 9, {"mode": "train", "p": 0.6, "seed": 7}], (0,)),
    Case("dropout_forward", lambda r: [r.normal(size=(4, 5)) + 9, {"mode": "test", "p": 0.6, "seed": 7}], (0,)),
    Case("conv_forward_naive", lambda r: [r.normal(size=(2, 3, 5, 5)), r.normal(size=(2, 3, 3, 3)), r.normal(size=2), {"stride": 2, "pad": 1}], (0, 1, 2)),
    Case("max_pool_forward_naive", lambda r: [r.normal(size=(2, 2, 4, 6)), {"pool_height": 2, "pool_width": 3, "stride": 2}], (0,)),
    Case("max_pool_forward", lambda r: [r.normal(size=(2, 2, 4, 6)), {"pool_height": 2, "pool_width": 3, "stride": 2}], (0,)),
    Case("dropped_net_forward", lambda r: [r.normal(size=s) for s in ((4, 3), (3, 6), (6,), (6, 6), (6,))] + [{"mode": "train", "p": 0.7, "seed": 3}], (0, 1, 2, 3, 4)),
    Case("rnn_step_forward", lambda r: [r.normal(size=s) for s in ((4, 3), (4, 5), (3, 5), (5, 5), (5,))], (0, 1, 2, 3, 4)),
    Case("affine_relu_forward", lambda r: [r.normal(size=(3, 4)), r.normal(size=(4, 5)), r.normal(size=5)], (0, 1, 2)),
    Case("rnn_forward", lambda r: [r.normal(size=s) for s in ((2, 3, 4), (2, 5), (4, 5), (5, 5), (5,))], (0, 1, 2, 3, 4)),
    Case("lstm_step_forward", lambda r: [r.normal(size=s) for s in ((3, 4), (3, 5), (3, 5), (4, 20), (5, 20), (20,))], (0, 1, 2, 3, 4, 5), outputs=2),
    Case("lstm_forward", lambda r: [r.normal(size=s) for s in ((2, 3, 4), (2, 5), (4, 20), (5, 20), (20,))], (0, 1, 2, 3, 4)),
    Case("word_embedding_forward", lambda r: [r.integers(0, 6, size=(3, 4)), r.normal(size=(6, 2))], (1,)),
]  # fmt: skip


def emitted(
    name: str, style: str, text: str = LAYERS, **options: Any
) -> dict[str, Any]:
    """What the printed module defines."""
    space: dict[str, Any] = {}
    exec(transform(text, Options((name,), style=style, **options)), space)
    return space


def check_layer(forward: Any, backward: Any, case: Case) -> None:
    """The backward, given what the forward cached, against differences of the forward; called twice it says the same."""
    args, rng = case.arguments(), np.random.default_rng(231)
    *outs, cache = forward(*copy.deepcopy(args))
    assert len(outs) == case.outputs
    douts = [rng.normal(size=out.shape) for out in outs]
    given = copy.deepcopy(douts)
    first, again = (backward(*given, cache) for _ in range(2))
    gradients = first if len(case.wrt) > 1 else (first,)
    repeated = again if len(case.wrt) > 1 else (again,)
    assert len(gradients) == len(case.wrt)
    for one, other in zip(gradients, repeated, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(douts, given, strict=True):
        np.testing.assert_array_equal(one, other)
    for place, gradient in zip(case.wrt, gradients, strict=True):
        for number, dout in enumerate(douts):
            part = [
                dout if i == number else np.zeros_like(d) for i, d in enumerate(douts)
            ]
            expected = numerical_gradient(
                lambda n=number: forward(*args)[n], args[place], dout
            )
            found = backward(*part, cache)
            found = found[case.wrt.index(place)] if len(case.wrt) > 1 else found
            assert relative_error(found, expected) < TOLERANCE, (case.name, place)
        assert gradient.shape == args[place].shape


def backward_name(name: str) -> str:
    return name.replace("forward", "backward")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_layer_and_its_backward(case: Case) -> None:
    space = emitted(case.name, "cs231n")
    check_layer(space[case.name], space[backward_name(case.name)], case)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_backward_of_a_cache_that_is_there(case: Case) -> None:
    space = emitted(case.name, "cache")
    assert case.name not in space
    check_layer(getattr(layers, case.name), space[backward_name(case.name)], case)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_static_methods(case: Case) -> None:
    space = emitted(case.name, "eecs498")
    layer = space[
        "".join(w.capitalize() for w in case.name.split("_") if w != "forward")
    ]
    check_layer(layer.forward, layer.backward, case)


# --- losses ------------------------------------------------------------------------------------------------------------


def net(rng: np.random.Generator, sizes: tuple[int, ...]) -> dict[str, Any]:
    pairs = list(pairwise(sizes))
    weights = {f"W{i}": rng.normal(size=pair) for i, pair in enumerate(pairs, 1)}
    return weights | {f"b{i}": rng.normal(size=n) for i, (_, n) in enumerate(pairs, 1)}


LOSSES: list[tuple[str, Callable[[np.random.Generator], list[Any]]]] = [
    ("softmax_loss", lambda r: [r.normal(size=(5, 4)), r.integers(0, 4, size=5)]),
    ("svm_loss", lambda r: [r.normal(size=(5, 4)), r.integers(0, 4, size=5)]),
    ("two_layer_net", lambda r: [net(r, (4, 6, 3)), r.normal(size=(5, 4)), r.integers(0, 3, size=5), 0.3]),
    ("n_layer_net", lambda r: [net(r, (4, 5, 6, 3)), r.normal(size=(5, 4)), r.integers(0, 3, size=5), 3, 0.3]),
]  # fmt: skip


@pytest.mark.parametrize("style", ["cs231n", "cache", "eecs498"])
@pytest.mark.parametrize(("name", "make"), LOSSES, ids=[name for name, _ in LOSSES])
def test_a_loss_returns_its_gradient(name: str, make: Any, style: str) -> None:
    loss_of = emitted(name, style)[name]
    args = make(np.random.default_rng(1))
    loss, gradient = loss_of(*args)
    assert loss == pytest.approx(getattr(layers, name)(*args)[0])
    arrays = args[0] if isinstance(args[0], dict) else {"": args[0]}
    found = gradient if isinstance(args[0], dict) else {"": gradient}
    assert found.keys() == arrays.keys()
    for key, array in arrays.items():
        expected = numerical_gradient(lambda: loss_of(*args)[0], array, 1.0)
        assert relative_error(found[key], expected) < 1e-6, key


def test_a_loss_with_respect_to_several() -> None:
    loss, dx = emitted("softmax_loss", "cs231n", wrt=("x",))["softmax_loss"](
        np.eye(3), np.arange(3)
    )
    assert loss > 0
    assert dx.shape == (3, 3)


# --- torch -------------------------------------------------------------------------------------------------------------

TENSORS = '''
import torch


def linear_forward(x, w, b):
    """x: (N, d_1, ..., d_k)  w: (D, M)  b: (M,)"""
    out = x.reshape(x.shape[0], -1).mm(w) + b
    cache = (x, w, b)
    return out, cache


def softmax_loss(x, y):
    """x: (N, C)  y: (N,) labels"""
    loss, dx = None, None
    shifted = x - x.max(dim=1, keepdim=True).values
    log_probs = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    N = x.shape[0]
    loss = -log_probs[torch.arange(N), y].sum() / N
    return loss, dx
'''


def test_static_methods_on_tensors() -> None:
    torch = pytest.importorskip("torch")
    layer = emitted("linear_forward", "eecs498", TENSORS)["Linear"]
    rng = torch.Generator().manual_seed(0)
    shapes = ((3, 2, 2), (4, 5), (5,))
    args = [
        torch.randn(s, dtype=torch.float64, generator=rng, requires_grad=True)
        for s in shapes
    ]
    out, cache = layer.forward(*args)
    dout = torch.randn(out.shape, dtype=torch.float64, generator=rng)
    expected = torch.autograd.grad(out, args, dout)
    for one, other in zip(layer.backward(dout, cache), expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_loss_of_tensors() -> None:
    torch = pytest.importorskip("torch")
    loss_of = emitted("softmax_loss", "eecs498", TENSORS)["softmax_loss"]
    x = torch.randn((4, 3), dtype=torch.float64, requires_grad=True)
    loss, dx = loss_of(x, torch.tensor([0, 2, 1, 1]))
    torch.testing.assert_close(dx, torch.autograd.grad(loss, x)[0])


# --- scripts -----------------------------------------------------------------------------------------------------------

SCRIPTS = {
    "straight": "h = np.tanh(x @ w)\nout = h * x\nreturn out",
    "number": "loss = np.sum((x @ w) ** 2)\nreturn loss",
    "returns": "if x.sum() > 99:\n    return x @ w\nh = x\nfor _ in range(3):\n    h = np.tanh(h @ w)\nreturn h",
    "unnamed": "return np.exp(x) @ w",
    "handed on": "return x",
}


@pytest.mark.parametrize("body", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_script_leaves_the_gradients(body: str) -> None:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    text = (
        f'import numpy as np\n\n\ndef f(x, w):\n    """x: (N, D)  w: (D, D)"""\n{lines}'
    )
    script = transform(text, Options(style="script"))
    assert "def " not in script
    own: dict[str, Any] = {}
    exec(text, own)
    rng = np.random.default_rng(0)
    args = {"x": rng.normal(size=(3, 4)), "w": rng.normal(size=(4, 4))}
    space: dict[str, Any] = copy.deepcopy(args)
    exec(script, space)
    for name, array in args.items():
        expected = numerical_gradient(lambda: own["f"](**args), array, 1.0)
        np.testing.assert_allclose(
            space[f"grad_{name}"], expected, rtol=1e-6, atol=1e-8
        )


def left_by_script(name: str, args: list[Any], wrt: tuple[str, ...]) -> dict[str, Any]:
    """What a script that is given the arguments by their names leaves."""
    script = transform(LAYERS, Options((name,), wrt=wrt, style="script"))
    names = [*inspect.signature(getattr(layers, name)).parameters]
    space: dict[str, Any] = dict(zip(names, copy.deepcopy(args), strict=False))
    exec(script, space)
    return space


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_script_of_a_layer(case: Case) -> None:
    """The sum of all results, whose cotangents are ones."""
    function, args = getattr(layers, case.name), case.arguments()
    names = [*inspect.signature(function).parameters]
    space = left_by_script(case.name, args, tuple(names[i] for i in case.wrt))
    for place in case.wrt:
        expected = sum(
            numerical_gradient(lambda n=n: function(*args)[n], args[place], 1.0)
            for n in range(case.outputs)
        )
        found = space[f"grad_{names[place]}"]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "make"), LOSSES, ids=[name for name, _ in LOSSES])
def test_a_script_of_a_loss(name: str, make: Any) -> None:
    function = getattr(layers, name)
    parameters = inspect.signature(function).parameters.values()
    required = [p.name for p in parameters if p.default is p.empty]
    args, first = make(np.random.default_rng(1))[: len(required)], required[0]
    found = left_by_script(name, args, (first,))[f"grad_{first}"]
    arrays = args[0] if isinstance(args[0], dict) else {"": args[0]}
    for key, array in arrays.items():
        expected = numerical_gradient(lambda: function(*args)[0], array, 1.0)
        one = found[key] if key else found
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-8)


# --- layers that call layers ---------------------------------------------------------------------------------------------


def test_a_layer_is_the_same_wherever_it_is_called() -> None:
    """The caller knows two axes of x; the layer may be given four."""
    backward = emitted("affine_relu_forward", "cache")["affine_backward"]
    x, w, b = np.ones((2, 3, 2)), np.ones((6, 4)), np.ones(4)
    out, cache = layers.affine_forward(x, w, b)
    dx, dw, db = backward(np.ones_like(out), cache)
    assert (dx.shape, dw.shape, db.shape) == (x.shape, w.shape, b.shape)


def test_a_whole_file_of_layers() -> None:
    """Each layer once, whether it is called by others or not."""
    for style in ("cs231n", "cache"):
        tree = ast.parse(transform(LAYERS, Options(style=style)))
        names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
        assert len(names) == len({*names})
        assert {backward_name(case.name) for case in CASES} <= {*names}


WRITTEN = '''
import numpy as np


def tanh_forward(x):
    out = np.tanh(x)
    return out, (out,)


def net_forward(x, w):
    """x: (N, D)  w: (D, M)"""
    h, cache = tanh_forward(x @ w)
    h *= 2
    return h, (x, w, cache)
'''


@pytest.mark.parametrize("style", ["cs231n", "cache", "eecs498"])
def test_what_a_layer_keeps_is_not_written_into(style: str) -> None:
    with pytest.raises(FlatgradError, match="may keep an array in its cache"):
        emitted("net_forward", style, WRITTEN)


def test_an_unknown_mode_of_randomness_is_refused() -> None:
    text = LAYERS.replace("cache = (dropout_param, mask)", "cache = (dropout_param, x)")
    with pytest.raises(FlatgradError, match="mask is drawn by the forward"):
        emitted("dropout_forward", "cache", text)


# --- what courses leave to be written ---------------------------------------------------------------------------------

TRAINED = '''\
import numpy as np


class Net:
    def __init__(self, D=3, H=4, C=3, reg=0.1):
        self.params, self.reg = {}, reg
        self.params["W1"] = np.random.randn(D, H)
        self.params["b1"] = np.zeros(H)
        self.params["W2"] = np.random.randn(H, C)

    def loss(self, X, y=None):
        """
        - X: Input data of shape (N, D)
        - y: Vector of training labels. y[i] is the label for X[i].
        """
        W1, b1, W2 = self.params["W1"], self.params["b1"], self.params["W2"]
        N, D = X.shape
        hidden = np.maximum(0, X.dot(W1) + b1)
        scores = hidden.dot(W2)
        if y is None:
            return scores
        shifted = scores - scores.max(axis=1, keepdims=True)
        probs = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        loss = -np.log(probs[np.arange(N), y]).sum() / N
        loss += self.reg * np.sum(W1 * W1)
        grads = {}
        # TODO: Store the results in the grads dictionary.
        pass
        return loss, grads
'''


def test_shapes_of_a_method_are_known() -> None:
    """From __init__ and from words of the docstring: nothing is left of helpers, ones or tasks."""
    text = transform(TRAINED, Options(("Net.loss",), style="cs231n"))
    for line in ["dshifted /= N", "dhidden = dscores.dot(W2.T)", "db1 = da.sum(axis=0)"]:  # fmt: skip
        assert f"    {line}\n" in text
    for left in ["unbroadcast", "ones_like", "TODO", "pass", "scores, None"]:
        assert left not in text
    assert text.endswith('    grads = {"W1": dW1, "b1": db1, "W2": dW2}\n\n    return loss, grads\n')  # fmt: skip


@pytest.mark.parametrize("zeros", ["np.zeros_like(w)", "np.zeros(w.shape)", "None"])
def test_the_result_says_what_is_asked(zeros: str) -> None:
    text = f"import numpy as np\n\n\ndef f(x, w):\n    dw = {zeros}\n    loss = np.sum(x * w)\n    return loss, dw\n"
    space: dict[str, Any] = {}
    exec(transform(text, Options(style="cs231n")), space)
    x, w = np.arange(3.0), np.ones(3)
    loss, dw = space["f"](x, w)
    assert loss == 3.0
    np.testing.assert_array_equal(dw, x)


def test_a_backward_of_the_file_is_no_function_to_differentiate() -> None:
    text = "import numpy as np\n\n\ndef f_forward(x):\n    out = np.abs(x)\n    return out, x\n\n\ndef f_backward(dout, cache):\n    pass\n"
    assert transform(text, Options(style="cs231n")).count("def ") == 2


def test_a_cotangent_of_one_is_not_carried_through_loops() -> None:
    text = "import numpy as np\n\n\ndef f(x, n: int):\n    '''x: (N,)'''\n    loss, dx = np.sum(x**3), None\n    for i in range(n):\n        loss += np.sum(x * i)\n    return loss, dx\n"
    emitted = transform(text, Options(style="cs231n"))
    assert "dloss" not in emitted
    space: dict[str, Any] = {}
    exec(emitted, space)
    np.testing.assert_allclose(space["f"](np.array([2, 3]), 4)[1], [18.0, 33.0])
