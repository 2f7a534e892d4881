"""Recognised spellings: the backward is the line an expert writes, its numbers are right, look-alikes are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from checking import Trial, examine

VECTOR = np.array([0.3, -1.2, 0.7, 2.1])
MATRIX = np.array([[0.3, -1.2, 0.7], [1.4, 0.2, -0.5]])
SQUARE = np.array([[0.3, -1.2, 0.7], [1.4, 0.2, -0.5], [-0.8, 0.6, 1.1]])
LABELS = np.array([2, 0])
SHAPES = {1: "(N,)", 2: "(N, C)"}


def trial(body: str, emit: str = "grad", **inputs: np.ndarray) -> Trial:
    """A function whose docstring states the shapes; its lines are separated by `; `."""
    said = "  ".join(f"{name}: {_stated(name, v)}" for name, v in inputs.items())
    lines = "".join(f"    {line}\n" for line in body.split("; "))
    text = f'import numpy as np\n\n\ndef f({", ".join(inputs)}):\n    "{said}"\n{lines}'
    return Trial(text, inputs, emit=emit)


def _stated(name: str, value: np.ndarray) -> str:
    if value is SQUARE:
        return "(N, N)"
    return SHAPES[value.ndim] + (" int" if name == "y" else "")


def backward(body: str, **inputs: np.ndarray) -> list[str]:
    """The lines below the forward part, without comments and the return."""
    text = trial(body, **inputs).emitted()
    below = text[text.index("\n    # ") :].split("\n\n    return")[0]
    lines = [line.strip() for line in below.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


# --- what is recognised ------------------------------------------------------------------------------------------------

SIGMOID = ["grad_x = grad_out * out * (1 - out)"]
TANH = ["grad_x = grad_out * (1 - out**2)"]
RELU = ["grad_x = grad_out * (out > 0)"]
SOFTMAX = ["grad_x = out * (grad_out - (grad_out * out).sum(axis=1, keepdims=True))"]
LOG_SOFTMAX = ["grad_x = grad_out - np.exp(out) * grad_out.sum(axis=1, keepdims=True)"]
LOGSUMEXP = ["grad_x = grad_out * np.exp(x - out)"]
OF_ROWS = ["grad_x = grad_out[:, None] * np.exp(x - out[:, None])"]
NORM = ["grad_x = grad_out / (out + (out == 0)) * x"]

RECOGNISED: dict[str, list[str]] = {
    "return 1 / (1 + np.exp(-x))": SIGMOID,
    "return 1.0 / (1.0 + np.exp(-x))": SIGMOID,
    "return 1 / (np.exp(-x) + 1)": SIGMOID,
    "return 1 / (1 + np.exp(-1 * x))": SIGMOID,
    "return np.exp(x) / (1 + np.exp(x))": SIGMOID,
    "return np.exp(x) / (np.exp(x) + 1)": SIGMOID,
    "return 1 / (1 + np.exp(x))": ["grad_x = -(grad_out * out * (1 - out))"],
    "return np.tanh(x)": TANH,
    "return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))": TANH,
    "return np.maximum(0, x)": RELU,
    "return np.maximum(x, 0.0)": RELU,
    "return x * (x > 0)": RELU,
    "return (0 < x) * x": RELU,
    "return np.where(x > 0, x, 0)": RELU,
    "return np.sqrt(x**2)": ["grad_x = grad_out * np.sign(x)"],
    "return np.sqrt(x * x)": ["grad_x = grad_out * np.sign(x)"],
    "return np.sqrt((x**2).sum())": NORM,
    "return np.sqrt(np.sum(x * x))": NORM,
    "return np.sqrt(np.sum(np.square(x)))": NORM,
    "return np.log(np.exp(x).sum())": LOGSUMEXP,
    "m = x.max(); return m + np.log(np.exp(x - m).sum())": LOGSUMEXP,
    "m = np.max(x); return np.log(np.sum(np.exp(x - m))) + m": LOGSUMEXP,
}  # fmt: skip
OF_A_MATRIX: dict[str, list[str]] = {
    "return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)": SOFTMAX,
    "e = np.exp(x); return e / e.sum(axis=1, keepdims=True)": SOFTMAX,
    "e = np.exp(x); return e / e.sum(axis=1)[:, None]": SOFTMAX,
    "e = np.exp(x); return e / e.sum(axis=1).reshape(-1, 1)": SOFTMAX,
    "e = np.exp(x - x.max(axis=1, keepdims=True)); return e / e.sum(axis=1, keepdims=True)": SOFTMAX,
    "e = np.exp(x - x.max()); return e / e.sum(axis=1, keepdims=True)": SOFTMAX,
    "e = np.exp(x - x.max(axis=1)[:, None]); return e / e.sum(axis=1, keepdims=True)": SOFTMAX,
    "return x - np.log(np.exp(x).sum(axis=1, keepdims=True))": LOG_SOFTMAX,
    "e = np.exp(x); return np.log(e / e.sum(axis=1, keepdims=True))": LOG_SOFTMAX,
    "s = x - x.max(axis=1, keepdims=True); return s - np.log(np.exp(s).sum(axis=1, keepdims=True))": [
        LOG_SOFTMAX[0].replace("grad_x", "grad_s"), "grad_x = grad_s",
    ],
    "return np.log(np.exp(x).sum(axis=1))": OF_ROWS,
    "m = x.max(axis=1); return m + np.log(np.exp(x - m[:, None]).sum(axis=1))": OF_ROWS,
    "m = x.max(axis=1, keepdims=True); return m + np.log(np.exp(x - m).sum(axis=1, keepdims=True))": LOGSUMEXP,
    "m = x.max(axis=1, keepdims=True); return m[:, 0] + np.log(np.exp(x - m).sum(axis=1))": OF_ROWS,
    "m = x.max(axis=1, keepdims=True); return m[:, -1] + np.log(np.exp(x - m).sum(axis=1))": OF_ROWS,
    "return np.sqrt((x**2).sum(axis=1, keepdims=True))": ["grad_x = x * grad_out / (out + (out == 0))"],
}  # fmt: skip
SOFTMAXED = "e = np.exp(x); p = e / e.sum(axis=1, keepdims=True)"
PICKED: dict[str, list[str]] = {
    f"{SOFTMAXED}; return np.log(p[np.arange(len(x)), y])": [
        "grad_x = p.copy()",
        "grad_x[np.arange(len(x)), y] -= 1",
        "grad_x *= -grad_out[:, None]",
    ],
    f"{SOFTMAXED}; return -np.log(p[np.arange(len(y)), y]).sum()": [
        "grad_x = p.copy()",
        "grad_x[np.arange(len(y)), y] -= 1",
        "grad_x *= grad_out",
    ],
    "q = x - np.log(np.exp(x).sum(axis=1, keepdims=True)); return -q[np.arange(len(y)), y].sum()": [
        "grad_x = np.exp(q)",
        "grad_x[np.arange(len(y)), y] -= 1",
        "grad_x *= grad_out",
    ],
}  # fmt: skip
GOLDEN = [
    *((body, lines, {"x": VECTOR}) for body, lines in RECOGNISED.items()),
    *((body, lines, {"x": MATRIX}) for body, lines in OF_A_MATRIX.items()),
    *((body, lines, {"x": MATRIX, "y": LABELS}) for body, lines in PICKED.items()),
]
each = pytest.mark.parametrize(
    ("body", "lines", "inputs"), GOLDEN, ids=[body for body, _, _ in GOLDEN]
)


@each
def test_the_backward_is_what_an_expert_writes(
    body: str, lines: list[str], inputs: dict[str, np.ndarray]
) -> None:
    assert backward(body, **inputs) == lines


@each
@pytest.mark.parametrize("emit", ["grad", "pair"])
def test_its_numbers_are_right(
    body: str, lines: list[str], inputs: dict[str, np.ndarray], emit: str
) -> None:
    examine(trial(body, emit, **inputs))


# --- far out, where the plain formula overflows ----------------------------------------------------------------------

FAR = {
    "m = x.max(); return m + np.log(np.exp(x - m).sum())": [0.0, 1.0],
    "e = np.exp(x - x.max()); p = e / e.sum(); return np.log(p[0] + p[1])": [0.0, 0.0],
}


@pytest.mark.parametrize("body", FAR)
def test_a_stable_forward_has_a_stable_backward(body: str) -> None:
    module: dict[str, object] = {}
    exec(trial(body, x=VECTOR).emitted(), module)
    _, gradient = module["f_grad"](np.array([-900.0, 900.0]), 1.0)  # type: ignore[operator]
    np.testing.assert_allclose(gradient, FAR[body], atol=1e-12)


# --- look-alikes -----------------------------------------------------------------------------------------------------

SOFTMAX_LINE = SOFTMAX[0].removeprefix("grad_x = ")
# body: a piece that the backward of the true pattern would have
LOOKALIKES: dict[str, str] = {
    "return 1 / (2 + np.exp(-x))": "(1 - out)",
    "return 2 / (1 + np.exp(-x))": "(1 - out)",
    "return 1 / (1 - np.exp(-x))": "(1 - out)",
    "return 1 / (1 + np.exp(-x) * x)": "out * (1 - out)",
    "return np.exp(x) / (1 + np.exp(2 * x))": "(1 - out)",
    "return (np.exp(x) + np.exp(-x)) / (np.exp(x) - 3 * np.exp(-x))": "1 - out**2",
    "return (np.exp(x) - np.exp(-2 * x)) / (np.exp(x) + np.exp(-2 * x))": "1 - out**2",
    "return np.maximum(0.5, x)": "out > 0)",
    "return x * (x > 0.2)": "(out > 0)",
    "return x * (x < 0)": "(out > 0)",
    "return np.where(x > 0, x, 0.1)": "(out > 0)",
    "return np.where(x > 0, 0, x)": "(out > 0)",
    "return np.sqrt(x**2 + 1)": "np.sign",
    "return np.sqrt(x**4)": "np.sign",
    "return np.sqrt((x**2).mean() + 1)": "grad_out / out / np.size(x) * x",
    "return np.log(1 + np.exp(x).sum())": "np.exp(x - out)",
    "m = x.max(); return m + np.log(np.exp(x - 2 * m).sum())": "grad_x = grad_out * np.exp(x - out)",
    "m = x.max(); return 2 * m + np.log(np.exp(x - m).sum())": "grad_x = grad_out * np.exp(x - out)",
    "return x + np.log(np.exp(x).sum())": "np.exp(out) * grad_out.sum",
}  # fmt: skip
OF_A_SQUARE: dict[str, str] = {
    # without keepdims a square array is divided by the sums of the wrong rows
    "e = np.exp(x); return e / e.sum(axis=1)": SOFTMAX_LINE,
    "e = np.exp(x); return e / e.sum(axis=1)[None, :]": SOFTMAX_LINE,
    "e = np.exp(x); return e / np.exp(x.T).sum(axis=1, keepdims=True)": SOFTMAX_LINE,
    "e = np.exp(x); return e / np.exp(2 * x).sum(axis=1, keepdims=True)": SOFTMAX_LINE,
    "e = np.exp(x); return e.T / e.sum(axis=1, keepdims=True)": SOFTMAX_LINE,
    "return x - np.log(np.exp(x).sum(axis=1))": "np.exp(out) * grad_out.sum",
    "return x - np.log(np.exp(x.T).sum(axis=1, keepdims=True))": "np.exp(out) * grad_out.sum",
    "m = x.max(axis=0); return m + np.log(np.exp(x - m).sum(axis=1))": "np.exp(x - out[:, None])",
    "m = x.max(axis=1, keepdims=True); return m[0] + np.log(np.exp(x - m).sum(axis=1))": "np.exp(x - out[:, None])",
    "m = x.max(axis=1); return m + np.log(np.exp(x - m).sum(axis=1))": "np.exp(x - out[:, None])",
}  # fmt: skip
OF_PICKED: dict[str, str] = {
    # normalised along the other axis, picked along another, or from another array
    f"{SOFTMAXED.replace('axis=1', 'axis=0')}; return np.log(p[np.arange(len(y)), y])": "-= 1",
    f"{SOFTMAXED}; return np.log(p[y, y])": "-= 1",
    f"{SOFTMAXED}; return np.log(p[np.arange(2), y] + 1)": "-= 1",
    f"{SOFTMAXED}; return np.log(e[np.arange(2), y])": "-= 1",
}  # fmt: skip
WRONG = [
    *((body, piece, {"x": VECTOR}) for body, piece in LOOKALIKES.items()),
    *((body, piece, {"x": SQUARE}) for body, piece in OF_A_SQUARE.items()),
    *(
        (body, piece, {"x": MATRIX, "y": np.array([1, 0])})
        for body, piece in OF_PICKED.items()
    ),
]


@pytest.mark.parametrize(
    ("body", "piece", "inputs"), WRONG, ids=[body for body, _, _ in WRONG]
)
def test_a_look_alike_is_not_taken_for_it(
    body: str, piece: str, inputs: dict[str, np.ndarray]
) -> None:
    assert piece not in " ".join(backward(body, **inputs))
    examine(trial(body, **inputs))


# --- the maximum that is subtracted ------------------------------------------------------------------------------------

SHIFTED = "m = x.max(axis=1, keepdims=True); e = np.exp(x - m); p = e / e.sum(axis=1, keepdims=True)"
LEFT_OUT = [f"{SHIFTED}; return p", f"{SHIFTED}; return np.log(p)"]
KEPT = [
    f"{SHIFTED}; return p * m",
    f"{SHIFTED}; return p, m",
    f"{SHIFTED}; return p, e",
    f"{SHIFTED}; return p + e",
    f"{SHIFTED.replace('x.max(axis=1', 'x.max(axis=0')}; return p",
    f"{SHIFTED.replace('x - m', 'x - 2 * m')}; return p + e",
]


@pytest.mark.parametrize("body", LEFT_OUT)
def test_a_shift_that_cancels_has_no_gradient(body: str) -> None:
    assert not any("grad_m" in line for line in backward(body, x=SQUARE))
    examine(trial(body, x=SQUARE))


@pytest.mark.parametrize("body", KEPT)
def test_a_shift_that_shows_has_its_gradient(body: str) -> None:
    assert any("grad_m" in line for line in backward(body, x=SQUARE))
    examine(trial(body, x=SQUARE))
