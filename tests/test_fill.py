"""A file with empty backward functions -> the same file with these filled in: their gradients, and every other byte."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flatgrad.cli import run
from flatgrad.filling.stubs import stubs_of

SAMPLES = Path(__file__).parents[1] / "samples" / "homework"
LAYERS = (SAMPLES / "layers.py").read_text()
STUBS, LEFT = stubs_of(LAYERS)
STEP, TOLERANCE = 1e-5, 1e-7

Draw = np.random.Generator

# The arguments of each forward function of the file.
ARGUMENTS: dict[str, Callable[[Draw], tuple[Any, ...]]] = {
    "affine_forward": lambda r: (normal(r, 4, 2, 3), normal(r, 6, 5), normal(r, 5)),
    "relu_forward": lambda r: (normal(r, 4, 2, 3),),
    "batchnorm_forward": lambda r: (
        normal(r, 5, 3),
        normal(r, 3),
        normal(r, 3),
        {"mode": "train"},
    ),
    "layernorm_forward": lambda r: (
        normal(r, 4, 5),
        normal(r, 5),
        normal(r, 5),
        {"eps": 1e-3},
    ),
    "dropout_forward": lambda r: (
        normal(r, 6, 7),
        {"p": 0.6, "mode": "train", "seed": 3},
    ),
    "conv_forward_naive": lambda r: (
        normal(r, 2, 3, 5, 4),
        normal(r, 2, 3, 3, 2),
        normal(r, 2),
        {"stride": 1, "pad": 1},
    ),
    "max_pool_forward_naive": lambda r: (
        normal(r, 2, 3, 4, 6),
        {"pool_height": 2, "pool_width": 3, "stride": 1},
    ),
    "rnn_step_forward": lambda r: (
        normal(r, 3, 4),
        normal(r, 3, 5),
        normal(r, 4, 5),
        normal(r, 5, 5),
        normal(r, 5),
    ),
    "lstm_step_forward": lambda r: (
        normal(r, 3, 4),
        normal(r, 3, 5),
        normal(r, 3, 5),
        normal(r, 4, 20),
        normal(r, 5, 20),
        normal(r, 20),
    ),
    "word_embedding_forward": lambda r: (
        np.array([[0, 2, 2], [5, 0, 1]]),
        normal(r, 6, 4),
    ),
}


def normal(random: Draw, *shape: int) -> np.ndarray:
    return random.normal(size=shape)


def relative_error(x: np.ndarray, y: np.ndarray) -> float:
    """The largest difference of two entries, of their size: the formula of the courses."""
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y))))


def numerical_gradient(function: Any, x: np.ndarray, douts: list[Any]) -> np.ndarray:
    """The sum of the outputs' differences, each weighed by what flows into it."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        kept = x[index]
        x[index] = kept + STEP
        above = function()
        x[index] = kept - STEP
        below = function()
        x[index] = kept
        changes = zip(above, below, douts, strict=True)
        gradient[index] = sum(np.sum((a - b) * d) for a, b, d in changes) / (2 * STEP)
    return gradient


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("homework") / "layers.py"
    file.write_text(LAYERS)
    assert run(["fill", str(file)]) == 0
    return file.read_text()


def test_ten_stubs(filled: str) -> None:
    assert len(STUBS) == 10
    assert not LEFT
    assert stubs_of(filled) == ([], [])


def test_golden(filled: str, golden: Any) -> None:
    golden(SAMPLES / "layers_filled.py", filled)


def test_everything_else_stays(filled: str) -> None:
    """Lines are added, and the only ones that go are those that said that there was nothing."""
    gone = [x for x in difflib.ndiff(LAYERS.split("\n"), filled.split("\n")) if x[0] == "-"]  # fmt: skip
    assert {x[2:].strip() for x in gone} <= {"pass", "raise NotImplementedError"}


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.name)
def test_gradient_check(filled: str, stub: Any) -> None:
    """What a course runs over a student's solution."""
    random = np.random.default_rng(1)
    functions: dict[str, Any] = {}
    exec(filled, functions)
    forward, backward = functions[stub.forward], functions[stub.name]
    arguments = ARGUMENTS[stub.forward](random)
    *outs, cache = forward(*arguments)
    douts = [random.normal(size=np.shape(out)) for out in outs]
    gradients = backward(*douts, cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    wanted = [a for a in arguments if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    assert len(gradients) == len(wanted)
    for gradient, x in zip(gradients, wanted, strict=True):
        expected = numerical_gradient(lambda: forward(*arguments)[:-1], x, douts)
        assert gradient.shape == x.shape
        assert relative_error(gradient, expected) < TOLERANCE


def test_checks_beside_it(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """They run as they are, and the errors are those of differences."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("filled_layers.py").write_text(LAYERS)
    assert run(["fill", "filled_layers.py", "--with-check"]) == 0
    capsys.readouterr()
    code = Path("filled_layers_check.py").read_text()
    exec(compile(code, "check", "exec"), {"__name__": "__main__"})
    monkeypatch.delitem(sys.modules, "filled_layers")
    shown = capsys.readouterr().out
    errors = [float(x) for x in re.findall(r"error: (\S+)", shown)]
    assert len(errors) == sum(len(s.results or "123") for s in STUBS)
    assert max(errors) < 1e-6
    assert re.findall(r"^(\w+)$", shown, re.MULTILINE) == [s.name for s in STUBS]


def test_a_check_shows_a_mistake(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("wrong_layers.py").write_text(LAYERS)
    assert run(["fill", "wrong_layers.py", "--with-check"]) == 0
    filled = Path("wrong_layers.py").read_text()
    Path("wrong_layers.py").write_text(filled.replace("(x > 0)", "(x > 0.5)"))
    capsys.readouterr()
    names: dict[str, Any] = {}
    exec(Path("wrong_layers_check.py").read_text(), names)
    names["check_relu_backward"]()
    monkeypatch.delitem(sys.modules, "wrong_layers")
    assert "dx error: 1.0" in capsys.readouterr().out


def test_a_file_of_the_users_is_not_replaced(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("layers.py").write_text(LAYERS)
    Path("layers_check.py").write_text("print('mine')\n")
    assert run(["fill", "layers.py", "--with-check"]) == 1
    assert "FG802 layers_check.py is there already" in capsys.readouterr().err
    assert Path("layers.py").read_text() == LAYERS


# --- one stub at a time

FORWARD = "import numpy as np\n\n\ndef f_forward(x, w):\n    out = x * w\n    return out, (x, w)\n\n\n"


def fill(tmp_path: Path, data: str | bytes, *options: str) -> tuple[int, bytes]:
    file = tmp_path / "layers.py"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    status = run(["fill", str(file), *options])
    return status, file.read_bytes()


STUB_BODIES = {
    "pass": "def f_backward(dout, cache):\n    pass\n",
    "dots": "def f_backward(dout, cache):\n    ...\n",
    "one line": "def f_backward(dout, cache): pass\n",
    "not implemented": "def f_backward(dout, cache):\n    raise NotImplementedError('yours')\n",
    "docstring only": 'def f_backward(dout, cache):\n    """Yours."""\n',
    "docstring only, no end of line": 'def f_backward(dout, cache):\n    """Yours."""',
    "no end of line": "def f_backward(dout, cache):\n    pass",
    "none": "def f_backward(dout, cache):\n    return None\n",
    "two none": "def f_backward(dout, cache):\n    return None, None\n",
    "names": "def f_backward(dout, cache):\n    dx, dw = None, None\n    return dx, dw\n",
    "chained": "def f_backward(dout, cache):\n    dx = dw = None\n    return dx, dw\n",
    "grad_ names": "def f_backward(dout, cache):\n    grad_x = grad_w = None\n    return grad_x, grad_w\n",
    "other cotangent": "def f_backward(upstream, kept):\n    dx, dw = None, None\n    pass\n    return dx, dw\n",
    "names in the way": "def f_backward(x, w):\n    dx, dw = None, None\n    pass\n    return dx, dw\n",
    "unpacked": "def f_backward(dout, cache):\n    x, w = cache\n    dx, dw = None, None\n    pass\n    return dx, dw\n",
    "tabs": "def f_backward(dout, cache):\n\tdx, dw = None, None\n\tpass\n\treturn dx, dw\n",
    "two spaces": "def f_backward(dout, cache):\n  dx, dw = None, None\n  pass\n  return dx, dw\n",
    "something below": "def f_backward(dout, cache):\n    pass\n\n\nprint('below')\n",
}  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("stub", STUB_BODIES)
def test_stub(tmp_path: Path, stub: str, newline: str) -> None:
    before = (FORWARD + STUB_BODIES[stub]).replace("\n", newline).encode()
    status, after = fill(tmp_path, before)
    assert status == 0
    assert newline == "\n" or not re.search(rb"(?<!\r)\n", after)
    assert after.endswith(b"\n") == before.endswith(b"\n")
    functions: dict[str, Any] = {}
    exec(after, functions)
    x, w, dout = (np.random.default_rng(seed).normal(size=3) for seed in range(3))
    dx, dw = functions["f_backward"](dout, functions["f_forward"](x, w)[1])
    np.testing.assert_allclose(dx, dout * w)
    np.testing.assert_allclose(dw, dout * x)


@pytest.mark.parametrize(
    "start",
    [
        b"\xef\xbb\xbf",
        b"# -*- coding: latin-1 -*-\n# \xe9\xe8\n",
        b"# trailing blanks   \n\t\n",
        b"\x0c\n",
    ],
    ids=["mark", "latin-1", "blanks", "form feed"],
)
def test_other_bytes_stay(tmp_path: Path, start: bytes) -> None:
    before = start + (FORWARD + STUB_BODIES["names"]).encode()
    status, after = fill(tmp_path, before)
    kept = b"    dx, dw = None, None\n"
    assert status == 0
    assert after.startswith(before[: before.index(kept) + len(kept)])
    assert after.endswith(b"    return dx, dw\n")


@pytest.mark.parametrize(
    ("results", "first"), [("dw, dx", "dw"), ("dx", "dx"), ("dw", "dw")]
)
def test_results_are_those_of_the_stub(
    tmp_path: Path, results: str, first: str
) -> None:
    names = results.split(", ")
    stub = f"def f_backward(dout, cache):\n    {' = '.join(names)} = None\n    return {results}\n"
    status, after = fill(tmp_path, FORWARD + stub)
    functions: dict[str, Any] = {}
    exec(after, functions)
    found = functions["f_backward"](1.0, (2.0, 3.0))
    assert status == 0
    assert (found[0] if len(names) > 1 else found) == {"dx": 3.0, "dw": 2.0}[first]


def test_difference_is_shown_first(tmp_path: Path, capsysbinary: Any) -> None:
    before = FORWARD + STUB_BODIES["names"]
    status, after = fill(tmp_path, before, "--diff")
    shown = capsysbinary.readouterr().out.decode()
    assert (status, after.decode()) == (0, before)
    assert "+    x, w = cache\n" in shown
    assert not [x for x in shown.split("\n") if x[:1] == "-" and x[:3] != "---"]


def test_only_the_one_asked_for(tmp_path: Path) -> None:
    second = FORWARD.replace("f_forward", "g_forward").partition("\n\n\n")[2]
    text = FORWARD + STUB_BODIES["pass"] + "\n\n" + second
    text += STUB_BODIES["pass"].replace("f_backward", "g_backward")
    status, after = fill(tmp_path, text, "--function", "g_backward")
    assert status == 0
    assert [s.name for s in stubs_of(after.decode())[0]] == ["f_backward"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(x):\n    return x\n", "no empty backward function"),
        (
            "def f_backward(dout, cache):\n    pass\n",
            ":1: left f_backward: there is no f_forward in this file",
        ),
        (
            "def f_forward(x):\n    pass\n\n\ndef f_backward(dout, cache):\n    pass\n",
            ":5: left f_backward: f_forward is not written yet",
        ),
    ],
)
def test_nothing_to_fill(tmp_path: Path, text: str, expected: str, capsys: Any) -> None:
    assert fill(tmp_path, text) == (0, text.encode())
    assert capsys.readouterr().out.rstrip().endswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            FORWARD + "def f_backward(dout, dother, cache):\n    pass\n",
            "layers.py:9:5: FG801 f_backward takes dout, dother, cache",
        ),
        (
            FORWARD.replace("x * w", "np.unknown(x) * w") + STUB_BODIES["pass"],
            "layers.py:5:11: FG",
        ),
        (
            FORWARD.replace("(x, w)", "None") + STUB_BODIES["pass"],
            "layers.py:",
        ),
    ],
    ids=["cotangents", "no rule", "not in the cache"],
)
def test_refused(tmp_path: Path, text: str, expected: str, capsys: Any) -> None:
    status, after = fill(tmp_path, text)
    assert (status, after.decode()) == (1, text)
    assert expected in capsys.readouterr().err
