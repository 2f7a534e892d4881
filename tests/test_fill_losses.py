"""Losses and networks that lack their gradient, filled in and checked as a course checks them."""

# ruff: noqa: NPY002
from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from homework_files import FULLY_CONNECTED, LOSSES, OWN_LAYERS, RECURRENT, STATIC

from flatgrad.cli import run
from flatgrad.options import Options
from flatgrad.pipeline import transform

STEP = 1e-6


def filled(tmp_path: Path, text: str, *options: str) -> str:
    file = tmp_path / "homework.py"
    file.write_text(text)
    assert run(["fill", str(file), *options]) == 0
    return file.read_text()


def defined(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "homework"}
    exec(compile(text, "homework", "exec"), names)
    return names


def slope_along(
    value: Callable[[], float], arrays: Mapping[str, Any], moves: Mapping[str, Any]
) -> float:
    """The derivative of a value as all arrays move at once, by central differences."""

    def at(step: float) -> float:
        for key, array in arrays.items():
            array += step * moves[key]
        found = value()
        for key, array in arrays.items():
            array -= step * moves[key]
        return found

    return (at(STEP) - at(-STEP)) / (2 * STEP)


def check_loss(run_loss: Callable[[], tuple[float, Any]], arrays: Any) -> None:
    """Each gradient along directions of its own, so that none can hide behind another."""
    rng = np.random.default_rng(3)
    _, grads = run_loss()
    assert grads.keys() == arrays.keys()
    for key, array in arrays.items():
        move = {key: rng.normal(size=array.shape)}
        expected = slope_along(lambda: run_loss()[0], {key: array}, move)
        assert grads[key].shape == array.shape
        np.testing.assert_allclose(np.sum(grads[key] * move[key]), expected, rtol=1e-5, atol=1e-8)  # fmt: skip


def only_added(before: str, after: str) -> None:
    """Nothing but the placeholders goes."""
    gone = [x[2:].strip() for x in difflib.ndiff(before.split("\n"), after.split("\n")) if x[0] == "-"]  # fmt: skip
    assert {*gone} <= {"pass"}


# --- losses ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    text = filled(tmp_path_factory.mktemp("losses"), LOSSES)
    only_added(LOSSES, text)
    return defined(text)


RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 5)), RNG.normal(size=(5, 3))
Y = np.array([0, 2, 1, 2])


@pytest.mark.parametrize(
    ("name", "arguments", "of"),
    [
        ("svm_loss", (X, Y), 0),
        ("svm_loss_naive", (W, X, Y, 0.3), 0),
        ("softmax_loss", (X, Y, W), 2),
    ],
)
def test_loss(losses: Any, name: str, arguments: Any, of: int) -> None:
    def run_loss() -> tuple[float, Any]:
        loss, gradient = losses[name](*arguments)
        return loss, {"": gradient}

    check_loss(run_loss, {"": arguments[of]})


def test_loss_of_a_dict(losses: Any) -> None:
    rng = np.random.default_rng(2)
    params = {"W1": rng.normal(size=(5, 6)), "b1": rng.normal(size=6), "W2": rng.normal(size=(6, 3))}  # fmt: skip
    check_loss(lambda: losses["net_loss"](params, X, Y), params)
    assert losses["net_loss"](params, X).shape == (4, 3)


def test_an_unfinished_end_comes_before_other_lines(tmp_path: Path) -> None:
    """The END of the forward's own task is not where the gradient belongs."""
    text = """\
def f(x):
    loss, dx = None, None
    # START OF YOUR CODE
    a = x * x
    # END OF YOUR CODE
    loss = (a * a).sum()
    return loss, dx
"""
    loss, dx = defined(filled(tmp_path, "import numpy as np\n\n\n" + text))["f"](X)
    np.testing.assert_allclose(dx, 4 * X**3)
    assert loss == pytest.approx(np.sum(X**4))


def test_what_is_overwritten_is_computed_again(tmp_path: Path) -> None:
    """And the loss that is returned stays what it is."""
    text = '''\
import numpy as np


def f(x, w):
    """x: (N,)  w: (N,)"""
    dw = np.zeros_like(w)
    a = x * w
    a = np.sin(a)
    loss = np.sum(a)
    loss = loss * np.sum(w * np.exp(x * w))
    return loss, dw
'''
    f = defined(filled(tmp_path, text))["f"]
    x, w = RNG.normal(size=4), RNG.normal(size=4)
    own = defined(text)["f"]
    assert f(x, w)[0] == own(x, w)[0]

    def run_loss() -> tuple[float, Any]:
        loss, dw = f(x, w)
        return loss, {"": dw}

    check_loss(run_loss, {"": w})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "import numpy as np\n\n\ndef f(w):\n    dw = np.zeros_like(w)\n    w = w * 2\n    w[0] = w[1]\n    loss = np.sum(w**2)\n    return loss, dw\n",
            "",
        ),
        (
            "import numpy as np\n\n\ndef f(x):\n    dx = None\n    loss = np.unknown(x)\n    return loss, dx\n",
            ":4: left f: no derivative rule for numpy.unknown",
        ),
        (
            "import numpy as np\n\n\ndef f(X, w):\n    gradient = None\n    cost = np.sum((X @ w) ** 2)\n    return cost, gradient\n",
            "of which parameter gradient is the gradient, its name does not tell",
        ),
        (
            "def f(x):\n    dx = None\n    return x * 2, dx\n",
            "no empty backward function",
        ),
    ],
)
def test_left(tmp_path: Path, text: str, expected: str, capsys: Any) -> None:
    """What cannot be filled in is told, and nothing of it is written."""
    after = filled(tmp_path, text)
    assert expected in capsys.readouterr().out
    if expected:
        assert after == text


# --- networks --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fully_connected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    text = filled(tmp_path_factory.mktemp("nets"), FULLY_CONNECTED)
    only_added(FULLY_CONNECTED, text)
    for line in [
        "dh1, dW2_, db2 = affine_backward(dscores, cache2)",
        "fc_cache, bn_cache, relu_cache, dropout_cache = caches.pop()",
        "dout, dgamma, dbeta = batchnorm_backward(dout, bn_cache)",
    ]:
        assert f" {line}\n" in text
    assert "def zeros_like_tree" not in text
    return defined(text)


def test_two_layer_net(fully_connected: Any) -> None:
    np.random.seed(0)
    net = fully_connected["TwoLayerNet"](5, 6, 3, weight_scale=0.5, reg=0.3)
    check_loss(lambda: net.loss(X, Y), net.params)
    assert net.loss(X).shape == (4, 3)


@pytest.mark.parametrize("keep", [1, 0.6])
@pytest.mark.parametrize("normalization", [None, "batchnorm"])
def test_fully_connected_net(fully_connected: Any, keep: float, normalization: Any) -> None:  # fmt: skip
    np.random.seed(0)
    net = fully_connected["FullyConnectedNet"]([6, 4], 5, 3, keep, normalization, 0.2, 0.5, np.float64, 3)  # fmt: skip
    check_loss(lambda: net.loss(X, Y), net.params)
    assert net.loss(X).shape == (4, 3)


def test_captioning_rnn(tmp_path: Path) -> None:
    text = filled(tmp_path, RECURRENT)
    assert "np.zeros(b.shape)" in text.partition("class ")[2]  # of a cell that is none
    np.random.seed(0)
    words = {"<NULL>": 0, "a": 1, "b": 2}
    net = defined(text)["CaptioningRNN"](words, 4, 3, 5, dtype=np.float64)
    features, captions = RNG.normal(size=(2, 4)), np.array([[1, 2, 0, 1], [2, 1, 1, 0]])
    check_loss(lambda: net.loss(features, captions), net.params)


@pytest.mark.parametrize(
    ("method", "make"),
    [
        ("TwoLayerNet", (5, 6, 3, 0.5, 0.3)),
        ("FullyConnectedNet", ([6, 4], 5, 3, 0.6, "batchnorm", 0.2, 0.5, np.float64, 3)),
    ],
)  # fmt: skip
def test_the_same_as_a_style(method: str, make: Any) -> None:
    """--style cs231n prints the whole function, with the layers that it calls."""
    text = transform(FULLY_CONNECTED, Options((f"{method}.loss",), style="cs231n"))
    assert "return scores\n" in text
    assert "TODO" not in text
    names, net = defined(text), defined(FULLY_CONNECTED)
    np.random.seed(0)
    one = net[method](*make)
    check_loss(lambda: names["loss"](one, X, Y), one.params)


# --- layers of the file ----------------------------------------------------------------------------------------------


def test_layers_in_their_own_order(tmp_path: Path) -> None:
    """What they return is told apart by names, and what they write into is a copy."""
    text = filled(tmp_path, OWN_LAYERS)
    assert re.search(r"relu_backward\(\w+\.copy\(\), relu_cache\)", text)
    names = defined(text)
    x, w, b = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4)), RNG.normal(size=4)
    dout = RNG.normal(size=(3, 4))

    def run_loss() -> tuple[float, Any]:
        out, cache = names["block_forward"](x, w, b)
        gradients = names["block_backward"](dout.copy(), cache)
        return float(np.sum(out * dout)), dict(zip("xwb", gradients, strict=True))

    check_loss(run_loss, {"x": x, "w": w, "b": b})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("return dw, dx, db", "return first, second, third", "which gradient is which"),
        ("return dw, dx, db", "return dw, dx", "does not return all gradients"),
        ("dx = dout @", "x[0] = 1\n    dx = dout @", "writes into what lies in its cache"),
        ("affine_backward(dout, cache)", "affine_backward(cache, dout)", "does not take dout, cache"),
        ("dx, dw, db = None, None, None\n    return dx, dw, db", "a, c, e = None, None, None\n    return a, c, e", "has no parameter of such a name"),
    ],
)  # fmt: skip
def test_layers_that_are_not_called(
    tmp_path: Path, capsys: Any, old: str, new: str, expected: str
) -> None:
    assert old in OWN_LAYERS
    text = OWN_LAYERS.replace(old, new)
    file = tmp_path / "homework.py"
    file.write_text(text)
    assert run(["fill", str(file)]) == 1
    assert expected in " ".join(capsys.readouterr().err.split())
    assert file.read_text() == text


def test_static_methods(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    text = filled(tmp_path, STATIC)
    only_added(STATIC, text)
    assert "        dx, dw, db = Linear.backward(da, fc_cache)\n" in text
    torch.manual_seed(0)
    net = defined(text)["TwoLayerNet"]()
    x, y = torch.randn(6, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 2, 1, 0])
    _, grads = net.loss(x, y)
    assert net.loss(x).shape == (6, 3)
    for value in net.params.values():
        value.requires_grad_(True)
    net.loss(x, y)[0].backward()
    for key, value in net.params.items():
        torch.testing.assert_close(grads[key], value.grad)


# --- checks ----------------------------------------------------------------------------------------------------------


def shown_errors(text: str, capsys: Any) -> list[float]:
    capsys.readouterr()
    exec(compile(text, "check", "exec"), {"__name__": "__main__"})
    return [float(x) for x in re.findall(r"error: (\S+)", capsys.readouterr().out)]


def test_checks_of_losses(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    filled(tmp_path, LOSSES, "--with-check")
    errors = shown_errors((tmp_path / "homework_check.py").read_text(), capsys)
    monkeypatch.delitem(sys.modules, "homework")
    assert len(errors) == 6
    assert max(errors) < 1e-6


@pytest.mark.parametrize("text", [LOSSES, FULLY_CONNECTED], ids=["losses", "layers"])
def test_checks_of_a_style(tmp_path: Path, text: str, capsys: Any) -> None:
    """They stand below, and run with the file alone."""
    file, out = tmp_path / "homework.py", tmp_path / "out.py"
    file.write_text(text)
    assert run([str(file), "--style", "cs231n", "--with-check", "-o", str(out)]) == 0
    errors = shown_errors(out.read_text(), capsys)
    assert len(errors) >= 6
    assert max(errors) < 1e-6
    wrong = out.read_text().replace("db = dout.sum(axis=0)", "db = dout.sum(axis=0) + 1").replace("dx = dmargins *", "dx = 2 * dmargins *")  # fmt: skip
    assert max(shown_errors(wrong, capsys)) > 0.01


def test_checks_need_their_style(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "homework.py"
    file.write_text(LOSSES)
    assert run([str(file), "--style", "torch", "--with-check"]) == 2
    assert "--with-check needs --style cs231n" in capsys.readouterr().err
