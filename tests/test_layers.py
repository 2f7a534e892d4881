"""Layers and losses as homework has them: (out, cache), (loss, dx), modes, running averages, masks, early returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from checking import Trial, agree, examine, load
from layer_programs import LAYERS

from flatgrad.options import Options
from flatgrad.pipeline import transform


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def running() -> dict[str, Any]:
    return {"running_mean": normal(8, 3), "running_var": abs(normal(9, 3)) + 0.5}


X, GAMMA, BETA = normal(0, 4, 3), normal(1, 3), normal(2, 3)
IMAGES = normal(3, 2, 3, 4, 4)
RNN = {"Wx": normal(4, 3, 4), "Wh": normal(5, 4, 4), "b": normal(6, 4)}
LSTM = {"Wx": normal(4, 3, 8), "Wh": normal(5, 2, 8), "b": normal(6, 8)}
LABELS = np.array([0, 2, 1, 1])
TRIALS: dict[str, dict[str, Any]] = {
    "affine_forward": {"x": IMAGES, "w": normal(4, 48, 2), "b": normal(5, 2)},
    "relu_forward": {"x": X},
    "batchnorm_forward": {"x": X, "gamma": GAMMA, "beta": BETA, "bn_param": {"mode": "train"}},
    "batchnorm_forward in use": {"x": X, "gamma": GAMMA, "beta": BETA, "bn_param": {"mode": "test", **running()}},
    "layernorm_forward": {"x": X, "gamma": GAMMA, "beta": BETA, "ln_param": {}},
    "dropout_forward": {"x": X, "dropout_param": {"p": 0.6, "mode": "train", "seed": 3}},
    "dropout_forward in use": {"x": X, "dropout_param": {"p": 0.6, "mode": "test"}},
    "conv_forward_naive": {"x": IMAGES, "w": normal(4, 2, 3, 2, 2), "b": normal(5, 2), "conv_param": {"stride": 2, "pad": 1}},
    "max_pool_forward_naive": {"x": IMAGES, "pool_param": {"pool_height": 2, "pool_width": 2, "stride": 2}},
    "spatial_batchnorm_forward": {"x": IMAGES, "gamma": GAMMA, "beta": BETA, "bn_param": {"mode": "train"}},
    "spatial_groupnorm_forward": {"x": IMAGES, "gamma": GAMMA.reshape(1, 3, 1, 1), "beta": BETA.reshape(1, 3, 1, 1),
                                  "G": 3, "gn_param": {}},
    "rnn_step_forward": {"x": X, "prev_h": normal(7, 4, 4), **RNN},
    "lstm_step_forward": {"x": X, "prev_h": normal(7, 4, 2), "prev_c": normal(8, 4, 2), **LSTM},
    "word_embedding_forward": {"x": np.array([[0, 3, 1], [2, 2, 1]]), "W": normal(4, 5, 2)},
    "temporal_affine_forward": {"x": normal(4, 2, 3, 4), "w": normal(5, 4, 2), "b": normal(6, 2)},
    "softmax_loss": {"x": X, "y": LABELS},
    "softmax_loss_stub": {"x": X, "y": LABELS},
    "svm_loss": {"x": X, "y": LABELS},
    "temporal_softmax_loss": {"x": normal(4, 2, 2, 3), "y": np.array([[0, 2], [1, 1]]), "mask": np.array([[1, 1], [1, 0]]),
                              "verbose": False},
    "affine_relu_forward": {"x": X, "w": normal(4, 3, 2), "b": normal(5, 2)},
    "affine_bn_relu_forward": {"x": normal(5, 4, 2), "w": normal(4, 2, 3), "b": normal(5, 3), "gamma": GAMMA,
                               "beta": BETA, "bn_param": {"mode": "train"}},
}  # fmt: skip


@pytest.mark.parametrize("name", TRIALS)
def test_a_layer_agrees_with_differences(name: str) -> None:
    function = name.partition(" ")[0]
    for emit in ("grad", "pair", "jvp"):
        examine(Trial(LAYERS, TRIALS[name], function=function, emit=emit))


def test_running_averages_are_stored_once() -> None:
    """A dict of settings has no gradient, and what the layer stores into it is there after the call."""
    text = transform(LAYERS, Options(("batchnorm_forward",)))
    assert text.endswith("return (out, cache), (grad_x, grad_gamma, grad_beta)\n")
    mine, theirs = {"mode": "train"}, {"mode": "train"}
    load(text)["batchnorm_forward_grad"](X, GAMMA, BETA, mine, np.ones_like(X))
    load(LAYERS)["batchnorm_forward"](X, GAMMA, BETA, theirs)
    np.testing.assert_equal(mine, theirs)


# --- results without a seed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "seeds"),
    [
        ("relu_forward", "grad_out"),
        ("rnn_forward", "grad_h"),
        ("softmax_loss", "grad_loss=1.0"),
    ],
)
def test_what_is_aside_has_no_seed(function: str, seeds: str) -> None:
    text = transform(LAYERS, Options((function,), aside=("cache", "dx")))
    head = text[text.index(f"def {function}_grad(") :].partition(":\n")[0]
    assert head.endswith(f", {seeds})")


def test_a_loss_beside_its_gradient() -> None:
    """grad_x of the loss alone is the gradient that the function returns besides."""
    text = transform(LAYERS, Options(("softmax_loss",), aside=("dx",)))
    (_, dx), grad_x = load(text)["softmax_loss_grad"](X, LABELS)
    np.testing.assert_allclose(grad_x, dx)


def test_a_list_of_caches_is_aside() -> None:
    x, h0 = normal(0, 2, 3, 3), normal(1, 2, 4)
    text = transform(LAYERS, Options(("rnn_forward",), aside=("cache",)))
    plain = transform(LAYERS, Options(("rnn_forward",)))
    seed = normal(2, 2, 3, 4)
    step = [np.zeros_like(v) for v in (x[:, 0], h0, RNN["Wx"], RNN["Wh"], h0)]
    _, grads = load(text)["rnn_forward_grad"](x, h0, *RNN.values(), seed)
    _, expected = load(plain)["rnn_forward_grad"](x, h0, *RNN.values(), seed, [step] * 3)  # fmt: skip
    for found, wanted in zip(grads, expected, strict=True):
        np.testing.assert_allclose(found, wanted)


@pytest.mark.parametrize("made", ["{}", "[]", "{'a': 1, 'b': 'train', 'c': None}", "()"])  # fmt: skip
def test_what_holds_nothing_comes_back_whole(made: str) -> None:
    """loss, grads = ..., {}: neither a seed nor a tangent belongs to it."""
    source = f"import numpy as np\n\n\ndef f(x):\n    g = {made}\n    return np.sum(x * x), g\n"
    x, dot = np.array([1.0, 2.0]), np.array([0.5, 0.25])
    value, grad = load(transform(source, Options()))["f_grad"](x)
    expected = load(source)["f"](x)
    assert value == expected
    np.testing.assert_allclose(grad, 2 * x)
    emitted = load(transform(source, Options(emit="jvp")))
    value, (tangent, nothing) = emitted["f_jvp"](x, dot)
    assert value == expected
    assert tangent == 2.0
    assert type(nothing) is type(expected[1])


# --- early returns -------------------------------------------------------------------------------------------------

LOSS = """
import numpy as np


def loss(w, x, y=None):
    '''w: (D, C)  x: (N, D)'''
    scores = x @ w
    mode = "test" if y is None else "train"
    if {test}:
        return scores
    diff = scores - y
    return np.sum(diff * diff)
"""


@pytest.mark.parametrize("test", ["y is None", "mode == 'test'", "not (y is not None)", "mode != 'train'"])  # fmt: skip
def test_an_early_return_of_another_kind(test: str) -> None:
    source = LOSS.format(test=test)
    w, x, y = normal(0, 3, 2), normal(1, 4, 3), normal(2, 4, 2)
    for emit in ("grad", "pair", "jvp"):
        inputs = {"w": w, "x": x, "y": y}
        examine(Trial(source, inputs, function="loss", emit=emit))
    grad = load(transform(source, Options()))["loss_grad"]
    scores, nothing = grad(w, x)
    np.testing.assert_allclose(scores, x @ w)
    assert nothing is None


def test_an_early_return_of_the_same_kind_has_a_gradient() -> None:
    """What a missing argument leaves out is a way like others."""
    source = """
    import numpy as np


    def f(x, gamma=None):
        '''x: (N, D)'''
        x_hat = x - x.mean(axis=0)
        if gamma is None:
            return x_hat
        return gamma * x_hat
    """
    agree(source, x=X, gamma=None)
    agree(source, x=X, gamma=GAMMA)


def test_an_early_return_of_several_results() -> None:
    source = """
    import numpy as np


    def f(x, y=None):
        '''x: (N,)'''
        p = np.sin(x)
        if y is None:
            return p, x
        return np.sum(p * y)
    """
    agree(source, x=GAMMA, y=BETA)
    text = transform(Trial(source, {}).text, Options(("f",)))
    assert "        return (p, x), None\n" in text
    text = transform(Trial(source, {}).text, Options(("f",), emit="pair"))
    assert "        return p, x, None\n" in text


def test_the_lengths_of_a_helper_are_its_own() -> None:
    """D of the one docstring is M of the other."""
    source = """
    import numpy as np


    def centred(x, b):
        '''x: (N, D)  b: (D,)'''
        for _ in range(2):
            x = np.tanh(x - x.mean(axis=0) + b)
        return x


    def f(x, w, b):
        '''x: (N, D)  w: (D, M)  b: (M,)'''
        return centred(x @ w, b)
    """
    agree(source, x=normal(0, 4, 3), w=normal(1, 3, 2), b=normal(2, 2))
