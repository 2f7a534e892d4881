"""`flatgrad check`: files, a point and options -> the table, the first wrong line, diagnostics, exit status.

What is compared with differences here is compared for real; where the numbers are rounding, they are masked.
"""

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import numpy as np
import pytest

from flatgrad import cli
from flatgrad.checking import differences
from flatgrad.checking import emitted as emitting
from flatgrad.checking.differences import CENTRAL, COMPLEX, Point, slopes
from flatgrad.checking.hints import hint
from flatgrad.checking.verdicts import Verdict, compared
from flatgrad.pipeline import Transformation

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "checking.md"
BLOCK = re.compile(r"(<!-- (\$|file:) (.+?) -->\n```\w*\n)(.*?)(```\n)", re.DOTALL)
ROUNDING = re.compile(r"\b\d\.\de[-+]\d\d\b")


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


Check = Callable[..., Outcome]


@pytest.fixture
def check(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Check:
    """The command on a text in f.py; `other` is put into other.py."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *arguments: str, other: str = "") -> Outcome:
        Path("f.py").write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        Path("other.py").write_text(dedent(other).lstrip("\n"), encoding="utf-8")
        status = cli.run(["check", "f.py", *arguments])
        out, err = capsysbinary.readouterr()
        return Outcome(status, out.decode(), err.decode())

    return run


def row(outcome: Outcome, name: str) -> str:
    """The row of the table for one input, without what is rounding."""
    lines = [line for line in outcome.out.splitlines() if line.split()[:1] == [name]]
    assert len(lines) == 1, outcome.out + outcome.err
    return ROUNDING.sub("*", " ".join(lines[0].split()))


def mistake(outcome: Outcome) -> str:
    """The paragraph about the first wrong derivative."""
    found = outcome.out.partition("  first wrong: ")[2].partition("\n\n")[0]
    assert found, outcome.out + outcome.err
    return found


AFFINE = '''
import numpy as np


def affine(x, w, b):
    """x: (N, D)  w: (D, M)  b: (M,)"""
    return np.tanh(x @ w + b)
'''

LAYER = '''
import numpy as np


def affine_forward(x, w, b):
    """x: (N, D)  w: (D, M)  b: (M,)"""
    out = x @ w + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db
'''


# --- the emitted gradient --------------------------------------------------------------------------------------------


def test_whole_output(check: Check) -> None:
    outcome = check(AFFINE)
    assert outcome.status == 0, outcome.err
    assert ROUNDING.sub("0.0e+00", outcome.out) == dedent("""\
        affine_grad of f.py
          at x = randn(4,3)
          at w = randn(3,5)
          at b = randn(5)

          input  shape   largest |gradient|  relative error  of the whole  method        verdict
          x      (4, 3)  2.26                0.0e+00         0.0e+00       complex step  ok
          w      (3, 5)  4.12                0.0e+00         0.0e+00       complex step  ok
          b      (5,)    1.07                0.0e+00         0.0e+00       complex step  ok

          value                               0.0e+00  ok
          dot-product test, jvp and backward  0.0e+00  ok
          backward of the pair, called twice  0.0e+00  ok

        all ok
        """)


def test_the_seed_decides_the_point(check: Check) -> None:
    first, again, other = (check(AFFINE, "--seed", s).out for s in ("3", "3", "4"))
    assert first == again
    assert first != other


def test_values_are_given(check: Check) -> None:
    text = """
    import numpy as np

    def f(x, y, reg, scale=2.0):
        return scale * np.sum(x[np.arange(3), y]) + reg * np.sum(x * x)
    """
    outcome = check(
        text, "--at", "x=randn(3, 4); y=randint(0,4,size=3)", "--at", "reg=0.1"
    )
    assert outcome.status == 0, outcome.out + outcome.err
    assert "  at y = randint(0,4,size=3)\n" in outcome.out
    assert row(outcome, "y") == "y (3,) skipped: whole numbers"
    assert row(outcome, "reg").endswith("ok")
    assert row(outcome, "scale").endswith("ok")


def test_an_expression_may_use_names_of_the_file_and_earlier_ones(check: Check) -> None:
    text = """
    import numpy as np

    SIZE = 3

    def start(n):
        return {"W": np.ones((n, 2)), "b": np.arange(2.0)}

    def f(x, params):
        return np.sum(np.sin(x @ params["W"] + params["b"]))
    """
    at = "x=randn(5,SIZE); params=start(x.shape[1])"
    outcome = check(text, "--function", "f", "--at", at)
    assert outcome.status == 0, outcome.out + outcome.err
    assert row(outcome, "params.W").startswith("params.W (3, 2)")
    assert row(outcome, "params.b").startswith("params.b (2,)")


def test_lists_and_tuples(check: Check) -> None:
    text = """
    import numpy as np

    def f(layers, weights):
        h = 0.0
        for w, b in layers:
            h = h + np.sum(w * w) * np.sum(b)
        for v in weights:
            h = h * v
        return h
    """
    at = "layers=[(randn(2,2), randn(3)), (randn(2,2), randn(3))]; weights=[1.5, 2.0]"
    outcome = check(text, "--at", at)
    assert outcome.status == 0, outcome.out + outcome.err
    assert row(outcome, "layers[1][0]").startswith("layers[1][0] (2, 2)")
    assert row(outcome, "weights").startswith("weights (2,)")


def test_several_outputs_one_of_them_whole(check: Check) -> None:
    text = '''
    import numpy as np

    def f(x, y):
        """x: (N,)  y: (N,)"""
        a = np.sin(x) * y
        n = x.shape[0]
        return a, n, a.sum() * y
    '''
    outcome = check(text)
    assert outcome.status == 0, outcome.out + outcome.err
    assert row(outcome, "x").endswith("complex step ok")


def test_complex_numbers(check: Check) -> None:
    text = """
    import numpy as np

    def f(z: complex):
        return np.abs(z) ** 2 + (z * z).imag
    """
    outcome = check(text, "--at", "z=1+2j")
    assert outcome.status == 0, outcome.out + outcome.err
    assert "central differences  ok" in outcome.out


def test_single_precision(check: Check) -> None:
    outcome = check(AFFINE, "--at", "x=randn(4,3).astype(float32)")
    assert outcome.status == 0, outcome.out + outcome.err


def test_some_of_many_entries(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "MOST", 40)
    text = "import numpy as np\ndef f(x):\n    return np.sum(np.exp(x))\n"
    outcome = check(text, "--at", "x=randn(6,10)")
    assert outcome.status == 0, outcome.out + outcome.err
    assert "complex step, 40 of 60  ok" in outcome.out


def test_a_slow_function_is_looked_at_in_fewer_places(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "PATIENCE", 0.0)
    outcome = check(AFFINE)
    assert outcome.status == 0, outcome.out
    assert row(outcome, "x").endswith("complex step, 5 of 12 ok")


def test_inputs_far_from_one(check: Check) -> None:
    text = "import numpy as np\ndef f(x):\n    return np.sum(np.log(x))\n"
    for size in ("1e-9", "1e8"):
        outcome = check(text, "--at", f"x={size} * (1 + rand(5))")
        assert outcome.status == 0, outcome.out + outcome.err


def test_random_masks_are_the_same_in_each_call(check: Check) -> None:
    text = '''
    import numpy as np

    def f(x, rng):
        """x: (N, D)"""
        mask = np.random.rand(*x.shape) < 0.5
        other = rng.random(x.shape) < 0.5
        return np.sum(x**3 * mask * other)
    '''
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    outcome = check(text, "--at", "rng=default_rng(0)")
    assert outcome.status == 0, outcome.out + outcome.err
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_a_function_that_overwrites_its_input(check: Check) -> None:
    text = '''
    import numpy as np

    def f(x, s: float):
        """x: (N,)"""
        x *= s
        return np.sum(np.sin(x))
    '''
    outcome = check(text)
    assert outcome.status == 0, outcome.out + outcome.err
    assert "central differences" in row(outcome, "s")  # x holds no complex numbers


def test_with_respect_to_some(check: Check) -> None:
    outcome = check(AFFINE, "--wrt", "w")
    assert outcome.status == 0, outcome.err
    assert row(outcome, "x") == "x (4, 3) skipped: no gradient"
    assert row(outcome, "w").endswith("ok")


def test_forward_mode_is_refused(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Transformation.emitted

    def without_jvp(self: Transformation, emit: str) -> str:
        if emit == "jvp":
            raise emitting.FlatgradError(emitting.Diagnostic("FG201", "no such rule"))
        return whole(self, emit)

    monkeypatch.setattr(Transformation, "emitted", without_jvp)
    outcome = check(AFFINE)
    assert outcome.status == 0
    assert "skipped: --emit jvp is refused: FG201 no such rule\n" in outcome.out


def test_torch(check: Check) -> None:
    pytest.importorskip("torch")
    text = '''
    import torch
    import torch.nn.functional as F

    def f(x, w, y):
        """x: (N, D)  w: (D, C)  y: (N,)"""
        return F.cross_entropy(torch.tanh(x @ w), y)
    '''
    outcome = check(text, "--at", "y=array([0,1,1,0])")
    assert outcome.status == 0, outcome.out + outcome.err
    assert row(outcome, "x").startswith("x (4, 3)")
    assert row(outcome, "y") == "y (4,) skipped: whole numbers"


# --- what is wrong is found ------------------------------------------------------------------------------------------

CHANGES = {
    "a factor": ("grad_b = ", "grad_b = (1 + 1e-5) * "),
    "a sign": ("grad_w = ", "grad_w = -"),
    "one entry": ("    return ", "    grad_w[0, 0] *= 1.0001\n    return "),
    "no number": ("grad_w = ", "grad_w = np.nan * "),
    "a shape": ("grad_b = ", "grad_b = 1.0 * grad_a #"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_wrong_gradient_is_found(
    check: Check, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    whole, (old, new) = Transformation.emitted, CHANGES[change]

    def spoilt(self: Transformation, emit: str) -> str:
        text = whole(self, emit)
        assert emit != "grad" or old in text
        return text.replace(old, new) if emit == "grad" else text

    monkeypatch.setattr(Transformation, "emitted", spoilt)
    outcome = check(AFFINE)
    assert outcome.status == 1, outcome.out
    wrong = "b" if "grad_b" in old else "w"
    for name in "xwb":
        assert row(outcome, name).endswith("WRONG" if name == wrong else "ok")
    assert outcome.out.splitlines()[-1].startswith("WRONG: ")


def test_a_wrong_value_and_a_pair_that_differs(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Transformation.emitted
    spoilt = {
        "grad": ("return out,", "return out + 1,"),
        "pair": ("grad_w =", "grad_w = 2 *"),
    }

    def emitted(self: Transformation, emit: str) -> str:
        return whole(self, emit).replace(*spoilt.get(emit, ("", "")))

    monkeypatch.setattr(Transformation, "emitted", emitted)
    outcome = check(AFFINE)
    tests = [line.split()[-1] for line in outcome.out.splitlines()[-5:-2]]
    assert tests == ["WRONG", "ok", "WRONG"]
    assert outcome.status == 1


def test_forward_mode_that_does_not_fit(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Transformation.emitted

    def emitted(self: Transformation, emit: str) -> str:
        text = whole(self, emit)
        return text.replace(" + dot_b", "") if emit == "jvp" else text

    monkeypatch.setattr(Transformation, "emitted", emitted)
    outcome = check(AFFINE)
    assert outcome.status == 1
    assert re.search(r"dot-product test.* WRONG\n", outcome.out)


def test_emitted_code_that_fails(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Transformation.emitted
    monkeypatch.setattr(
        Transformation,
        "emitted",
        lambda self, emit: whole(self, emit).replace("grad_b = ", "grad_b = 1 / 0 + "),
    )
    outcome = check(AFFINE)
    assert outcome[:2] == (1, "")
    assert outcome.err.startswith(
        "f.py: FG905 the emitted affine_grad raises ZeroDivisionError: division by zero\n"
    )


# --- corners ---------------------------------------------------------------------------------------------------------

RELU = "import numpy as np\ndef f(x):\n    return np.sum(np.maximum(x, 0))\n"


def test_a_corner_is_no_mistake(check: Check) -> None:
    outcome = check(RELU, "--at", "x=array([0.0, 1.0, -1.0])")
    assert outcome.status == 1
    assert row(outcome, "x").endswith("central differences not differentiable here?")
    assert "  x[0]: the gradient is 0, differences say 0.5\n" in outcome.out
    last = "a kink is nearby: try another point, --at or --seed 1"
    assert outcome.out.splitlines()[-1] == last


def test_near_a_corner_smaller_steps_tell(check: Check) -> None:
    outcome = check(RELU, "--at", "x=array([1e-5, -1e-5, 1e-7])")
    assert outcome.status == 0, outcome.out


def test_beyond_both_sides_of_a_corner_is_wrong() -> None:
    point = Point(lambda x: [np.abs(x)], [np.ones(1)], np.zeros(1))
    found = slopes(point, np.random.RandomState(0))
    verdicts = [compared(np.array([a]), found, 1e-6).verdict for a in (0, 1, -1, 1.5)]
    assert verdicts == [Verdict.CORNER] * 3 + [Verdict.WRONG]


def test_a_tiny_entry_is_wrong_as_soon_as_differences_tell() -> None:
    weights = np.array([1.0, 1e-9])
    for function in (lambda x: x @ weights, lambda x: np.real(x) @ weights):
        point = single(function, 0.3, 0.7)
        found = slopes(point, np.random.RandomState(0))
        right, wrong = weights, weights * [1, 1.1]
        assert compared(right, found, 1e-6).verdict is Verdict.RIGHT
        assert compared(wrong, found, 1e-6).verdict is Verdict.WRONG


def test_where_the_function_ends(check: Check) -> None:
    text = "import numpy as np\ndef f(x):\n    return np.sum(np.sqrt(x))\n"
    outcome = check(text, "--at", "x=array([0.0, 1.0])")
    assert outcome.status == 1
    assert row(outcome, "x").endswith("not differentiable here?")


# --- differences alone -----------------------------------------------------------------------------------------------


def single(function: Callable[..., object], *x: float) -> Point:
    return Point(lambda v: [np.atleast_1d(function(v))], [np.ones(1)], np.array(x))


@pytest.mark.parametrize(
    ("function", "x", "derivative", "method"),
    [
        (np.exp, 0.3, np.exp(0.3), COMPLEX),
        (lambda x: np.abs(x) ** 3, -0.5, -0.75, CENTRAL),
        (lambda x: np.real(x) * x, 0.5, 1.0, CENTRAL),
        (lambda x: 1e6 + x**2, 1e-3, 2e-3, COMPLEX),
        (lambda x: np.sin(1e4 * x), 0.1, 1e4 * np.cos(1e3), COMPLEX),
        (lambda x: np.floor(np.real(x)), 0.5, 0.0, CENTRAL),
    ],
)
def test_differences(
    function: Callable[..., object], x: float, derivative: float, method: str
) -> None:
    found = slopes(single(function, x), np.random.RandomState(0))
    slope = found.entries[0]
    assert found.method == method
    assert abs(slope.value - derivative) <= slope.uncertainty + 1e-12 * abs(derivative)
    assert slope.uncertainty <= 1e-5 * max(abs(derivative), 1)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_an_input_without_a_value(check: Check) -> None:
    text = "def f(x, params, n):\n    return n * params['W'] * x\n"
    assert check(text, "--at", "n=3") == (
        1,
        "",
        "f.py: FG902 no value for the parameters x, params of f\n"
        "  give one, such as --at 'x=randn(3,4); params={\"W1\": randn(3,4)}', or say in the docstring what\n"
        "  shape it has; numpy's names and those of the file can be used, and\n"
        "  y=randint(0,10,size=3) for labels\n",
    )


def test_a_value_for_what_is_no_parameter(check: Check) -> None:
    outcome = check(AFFINE, "--at", "z=3")
    assert outcome == (
        1,
        "",
        "f.py: FG902 --at gives z a value, which is no parameter of affine\n"
        "  parameters: x, w, b\n",
    )


def test_an_expression_that_fails(check: Check) -> None:
    outcome = check(AFFINE, "--at", "x=foo(3)")
    assert outcome[:2] == (1, "")
    assert outcome.err.startswith(
        "f.py: FG902 --at x=foo(3) raises NameError: name 'foo' is not defined\n"
    )


@pytest.mark.parametrize("at", ["x", "x=", "3=x", "x=1; x=2", "x y=3", "import os", ""])
def test_wrong_usage_of_at(check: Check, at: str) -> None:
    outcome = check(AFFINE, "--at", at)
    assert outcome[:2] == (2, "")
    assert "Invalid value for '--at'" in outcome.err


@pytest.mark.parametrize("against", ["other.py", ":f", "other.py:", "other.py:3"])
def test_wrong_usage_of_against(check: Check, against: str) -> None:
    assert check(AFFINE, "--against", against)[:2] == (2, "")


def test_the_function_raises(check: Check) -> None:
    text = '''
    def f(x):
        """x: (N,)"""
        print("noise")
        y = x.reshape(7, 7)
        return y.sum()
    '''
    assert check(text) == (
        1,
        "",
        "noise\n"
        "f.py:4:9: FG901 f raises ValueError: cannot reshape array of size 4 into shape (7,7)\n"
        "    4 |     y = x.reshape(7, 7)\n"
        "      |         ^^^^^^^^^^^^^^^\n"
        "  called with x (4,); --at gives other values\n",
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        (
            "import no_such_module",
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
    ],
)
def test_the_file_raises(check: Check, line: str, told: str) -> None:
    outcome = check(f"{line}\ndef f(x: float):\n    return x * x\n")
    assert outcome[:2] == (1, "")
    first = outcome.err.splitlines()[0]
    assert re.fullmatch(rf"f.py:1:\d+: FG901 running f.py raises {told}", first), first


def test_a_refused_function_is_refused_as_ever(check: Check) -> None:
    outcome = check("def f(x):\n    return foo(x)\n")
    assert outcome[:2] == (1, "")
    assert outcome.err.startswith("f.py:2:12: FG109")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--function", "h"], "f.py: FG503 there is no function h at top level\n"),
        ([], "f.py: FG903 there is more than one function: one is checked at a time\n"),
        (["--function", "f", "--at", "x=arange(3)"], "f.py: FG903 no input of f holds"),
        (
            ["--function", "f", "--at", "x=array([nan])"],
            "f.py: FG904 the value of f is not",
        ),
    ],
)
def test_nothing_to_check(check: Check, arguments: list[str], message: str) -> None:
    text = "def f(x):\n    return (x * x).sum()\n\n\ndef g(x):\n    return x\n"
    outcome = check(text, *arguments)
    assert outcome[:2] == (1, "")
    assert outcome.err.startswith(message)


def test_a_name_that_is_bound_anew(check: Check) -> None:
    outcome = check("def f(x: float):\n    return x * x\n\n\nglobals().pop('f')\n")
    assert outcome[:2] == (1, "")
    assert outcome.err.startswith("f.py: FG903 f is no function any more once")


def test_the_file_is_not_main_and_leaves_nothing_behind(check: Check) -> None:
    Path("beside.py").write_text("FACTOR = 3.0\n")
    text = """
    import beside

    if __name__ == "__main__":
        raise SystemExit

    def f(x: float):
        return x * beside_factor(x)

    def beside_factor(x):
        return x + 1.0
    """
    path, modules = list(sys.path), set(sys.modules)
    assert check(text).status == 0
    assert sys.path == path
    assert {"beside", "flatgrad_checked"}.isdisjoint(set(sys.modules) - modules)


# --- a backward of one's own -----------------------------------------------------------------------------------------


def test_a_right_backward(check: Check) -> None:
    outcome = check(
        AFFINE.replace("np.tanh(x @ w + b)", "x @ w + b"),
        "--against",
        "other.py:affine_backward",
        other=LAYER,
    )
    assert outcome.status == 0, outcome.out + outcome.err
    assert outcome.out.startswith("affine_backward of other.py, for affine of f.py\n")
    assert [row(outcome, name).split()[-1] for name in "xwb"] == ["ok"] * 3
    assert outcome.out.splitlines()[-1] == "all ok"


MISTAKES = {
    "db = dout": (
        "db = dout.sum(axis=0)",
        "it has shape (4, 5) and not (5,): sum it over axis 0 and it is right",
    ),
    "dw = dout.T @ x": (
        "dw = x.T @ dout",
        "it has shape (5, 3) and not (3, 5): it is transposed, else right",
    ),
    "dx = 3 * dout @ w.T": (
        "dx = dout @ w.T",
        "it is 3 times too large: divide by x.shape[1]",
    ),
    "dx = dout @ w.T - 0.5 * x": (
        "dx = dout @ w.T",
        "the term 0.5 * x is missing: that of a regularization?",
    ),
}


@pytest.mark.parametrize("wrong", MISTAKES)
def test_a_wrong_line_is_shown_with_what_it_should_be(check: Check, wrong: str) -> None:
    right, said = MISTAKES[wrong]
    assert right in LAYER
    text = LAYER.replace(right, wrong)
    outcome = check(
        text, "--function", "affine_forward", "--against", "f.py:affine_backward"
    )
    assert outcome.status == 1
    variable = wrong.split()[0]
    number = text.lstrip("\n").splitlines().index(f"    {wrong}") + 1
    should = right.replace("dout", "grad_out").replace(
        variable, f"grad_{variable[1:]}", 1
    )
    place = f"f.py:{number}"
    assert mistake(outcome).splitlines() == [
        f"{variable}, the gradient of {variable[1:]}",
        f"    {place}    {wrong}" if len(place) == 6 else f"    {place}   {wrong}",
        f"    flatgrad  {should}",
        f"    {said}",
    ]
    for name in "xwb":
        assert row(outcome, name).endswith("WRONG" if name == variable[1:] else "ok")


BATCHNORM = next(
    text
    for _, kind, _, text, _ in BLOCK.findall(PAGE.read_text("utf-8"))
    if kind == "file:"
).replace("2 * xc * dvar", "2 / N * xc * dvar")

INTERMEDIATE = {
    "dxhat = dout * gamma -> dxhat = dout": (
        "dxhat",
        "grad_xhat = grad_out * gamma",
        "all of its entries differ",
    ),
    "dxc += 2 / N * xc * dvar -> dxc += 2 * xc * dvar": (
        "dxc",
        "grad_xc += 2 / x.shape[0] * grad_var * xc",
        "what it adds: it is 4 times too large: divide by x.shape[0]",
    ),
    "dstd = -( -> dstd = (": (
        "dstd",
        "grad_std = -(grad_xhat * xhat / std).sum(axis=0)",
        "its sign is wrong",
    ),
    "    dxc += 2 / N * xc * dvar\n -> ": (
        "dxc",
        "grad_xc += 2 / x.shape[0] * grad_var * xc",
        "you have no line that adds this",
    ),
    "dmu / N -> dmu": (
        "dx, the gradient of x",
        "grad_x = grad_xc",
        "all of its entries differ",
    ),
}


def against_batchnorm(check: Check, text: str) -> Outcome:
    arguments = (
        "--function",
        "batchnorm_forward",
        "--against",
        "f.py:batchnorm_backward",
    )
    return check(text, *arguments)


def test_batchnorm_is_right(check: Check) -> None:
    assert against_batchnorm(check, BATCHNORM).status == 0


@pytest.mark.parametrize("change", INTERMEDIATE)
def test_the_first_of_several_wrong_derivatives(check: Check, change: str) -> None:
    old, new = change.split(" -> ")
    name, should, said = INTERMEDIATE[change]
    assert BATCHNORM.count(old) == 1
    outcome = against_batchnorm(check, BATCHNORM.replace(old, new))
    assert outcome.status == 1
    found = mistake(outcome).splitlines()
    assert found[0] == name
    assert any(line.endswith(f"  {should}") for line in found)
    assert found[-1].strip().startswith(said)
    if new.strip():
        assert any(new in line for line in found[1:-1])


def test_a_name_that_is_used_again_is_not_blamed(check: Check) -> None:
    """dh is masked under its own name, which is right; what is wrong is dW."""
    text = '''
    import numpy as np

    def net(x, W, V, reg: float):
        """x: (N, D)  W: (D, H)  V: (H, C)"""
        h = np.maximum(0, x @ W)
        s = h @ V
        return np.sum(s**2) + reg * np.sum(W * W)

    def net_loss(x, W, V, reg):
        h = np.maximum(0, x @ W)
        s = h @ V
        loss = np.sum(s**2) + reg * np.sum(W * W)
        grads = {}
        ds = 2 * s
        grads["V"] = h.T @ ds
        dh = ds @ V.T
        dh[h <= 0] = 0
        grads["W"] = x.T @ dh + reg * W
        return loss, grads
    '''
    outcome = check(text, "--function", "net", "--against", "f.py:net_loss")
    assert outcome.status == 1
    found = mistake(outcome).splitlines()
    assert found[0] == "grads['W'], the gradient of W"
    assert '  grads["W"] = x.T @ dh + reg * W' in found[1]
    assert "* W is missing: that of a regularization?" in found[-1]
    assert row(outcome, "V").endswith("ok")
    assert row(outcome, "x") == "x (4, 3) skipped: no gradient"


def test_gradients_of_a_dict_of_parameters(check: Check) -> None:
    text = '''
    import numpy as np

    def net(params, x):
        """x: (N, D)"""
        W1 = params["W1"]  # (D, H)
        b1 = params["b1"]  # (H,)
        return np.sum(np.tanh(x @ W1 + b1))

    def net_backward(params, x):
        h = np.tanh(x @ params["W1"] + params["b1"])
        da = 1 - h**2
        grads = {"W1": x.T @ da, "b1": da.sum(axis=1)[:2]}
        return np.sum(h), grads
    '''
    at = "x=randn(4,3); params={'W1': randn(3,2), 'b1': randn(2)}"
    outcome = check(
        text, "--function", "net", "--against", "f.py:net_backward", "--at", at
    )
    assert outcome.status == 1
    assert row(outcome, "params.W1").endswith("ok")
    assert row(outcome, "params.b1").endswith("WRONG")
    assert mistake(outcome).splitlines()[:3] == [
        "grads['b1'], the gradient of params.b1",
        "    f.py:12   'b1': da.sum(axis=1)[:2]",
        "    flatgrad  grad_b1 = grad_a.sum(axis=0)",
    ]


def test_an_accumulation_that_overwrites(check: Check) -> None:
    text = '''
    import numpy as np

    def walk(x, w):
        """x: (T, D)  w: (D,)"""
        total = 0.0
        for t in range(x.shape[0]):
            total = total + np.sum(np.sin(x[t] * w))
        return total

    def walk_grad_by_hand(dtotal, x, w):
        dx = np.zeros_like(x)
        for t in reversed(range(x.shape[0])):
            dx[t] = dtotal * np.cos(x[t] * w) * w
            dw = dtotal * np.cos(x[t] * w) * x[t]
        return dx, dw
    '''
    outcome = check(text, "--function", "walk", "--against", "f.py:walk_grad_by_hand")
    assert outcome.status == 1
    assert row(outcome, "x").endswith("ok")
    said = "it is only what was added last: it should be added to what is there"
    assert mistake(outcome).splitlines()[-1].strip() == said
    assert "f.py:14   dw = dtotal * np.cos(x[t] * w) * x[t]" in mistake(outcome)


def test_gradients_in_another_order_are_told_by_their_names(check: Check) -> None:
    text = LAYER.replace("return dx, dw, db", "return db, dx, dw")
    arguments = ("--function", "affine_forward", "--against", "f.py:affine_backward")
    assert check(text, *arguments).status == 0


def test_a_cache_that_is_one_array_is_no_output(check: Check) -> None:
    text = '''
    import numpy as np

    def relu_forward(x):
        """x: (N, D)"""
        out = np.maximum(0, x)
        cache = x
        return out, cache

    def relu_backward(dout, cache):
        dx = dout * (cache > 0)
        return dx
    '''
    arguments = ("--function", "relu_forward", "--against", "f.py:relu_backward")
    outcome = check(text, *arguments)
    assert outcome.status == 0, outcome.out + outcome.err


def test_a_loss_that_returns_its_own_gradient(check: Check) -> None:
    text = '''
    import numpy as np

    def softmax_loss(x, y):
        """x: (N, C)  y: (N,)"""
        N = x.shape[0]
        p = np.exp(x - x.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(N), y]).sum() / N
        dx = p.copy()
        dx[np.arange(N), y] -= 1
        dx /= N
        return loss, dx
    '''
    arguments = ("--at", "y=array([0, 1, 2, 1])", "--against", "f.py:softmax_loss")
    right = check(text, *arguments)
    assert right.status == 0, right.out + right.err
    outcome = check(text.replace("dx /= N", "dx /= x.shape[1]"), *arguments)
    assert outcome.status == 1
    found = mistake(outcome)
    assert "  dx /= x.shape[1]\n" in found
    assert "  grad_x *= grad_loss / N\n" in found
    assert found.endswith("it is x.shape[0] / x.shape[1] times what it should be")


def test_a_large_array_that_is_wrong(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "MOST", 40)
    arguments = ("--function", "affine_forward", "--against", "f.py:affine_backward")
    text = LAYER.replace("dx = dout @ w.T", "dx = 2 * dout @ w.T")
    outcome = check(text, *arguments, "--at", "x=randn(5,10)")
    assert outcome.status == 1
    assert "complex step, 40 of 50  WRONG" in outcome.out
    assert "    it is 2 times what it should be\n" in outcome.out


def test_cotangent_and_inputs_of_which_one_has_a_default(check: Check) -> None:
    text = """\
def scale(x, w, eps=0.5):
    '''x: (N, D)  w: (D,)'''
    out = (x + eps) * w
    return out


def scale_backward(dout, x, w, eps=0.5):
    dx = dout * w
    dw = (dout * (x + eps)).sum(axis=0)
    return dx, dw
"""
    arguments = ("--function", "scale", "--against", "f.py:scale_backward")
    outcome = check(text, *arguments)
    assert outcome.status == 0
    assert row(outcome, "x").endswith("ok")
    assert row(outcome, "w").endswith("ok")


def test_where_flatgrad_has_no_line_to_show(check: Check) -> None:
    Path("beside.py").write_text("def square(x):\n    return x * x\n")
    text = '''
    import beside

    def f(x):
        """x: (N,)"""
        return beside.square(x)

    def g(dout, x):
        dx = dout * x
        return dx
    '''
    outcome = check(text, "--function", "f", "--against", "f.py:g")
    assert outcome.status == 1
    assert mistake(outcome).splitlines() == [
        "dx, the gradient of x",
        "    f.py:8    dx = dout * x",
        "    flatgrad  cannot write it: FG201 no derivative rule for beside.square",
        "    it is 2 times too small",
    ]


def test_a_backward_that_writes_into_its_cache_is_told(check: Check) -> None:
    text = LAYER.replace("    dw = x.T", "    x *= 2\n    dw = 0.5 * x.T")
    arguments = ("--function", "affine_forward", "--against", "f.py:affine_backward")
    outcome = check(text, *arguments)
    assert outcome.status == 0, outcome.out
    assert "a second time with the same cache it gives something else" in outcome.out


def test_a_forward_that_computes_something_else(check: Check) -> None:
    arguments = ("--against", "other.py:affine_backward")
    outcome = check(AFFINE, *arguments, other=LAYER)
    assert outcome.status == 1
    assert re.search(r"value of the forward .* WRONG\n", outcome.out)


def test_a_forward_with_a_parameter_of_its_own(check: Check) -> None:
    other = LAYER.replace("(x, w, b):", "(x, w, b, config):").replace(
        "out = x", "out = config['one'] * x"
    )
    text = AFFINE.replace("np.tanh(x @ w + b)", "x @ w + b")
    arguments = ("--against", "other.py:affine_backward")
    outcome = check(text, *arguments, "--at", "config={'one': 1}", other=other)
    assert outcome.status == 0, outcome.out + outcome.err
    missing = check(text, *arguments, other=other)
    assert missing == (
        1,
        "",
        "f.py: FG906 no value for config of affine_forward (in other.py)\n"
        '  give one with --at "config=..."\n',
    )


@pytest.mark.parametrize(
    ("other", "name", "message"),
    [
        ("", "g", "f.py: FG007|other.py: FG007"),
        ("x = 1\n", "g", "f.py: FG906 there is no function g"),
        ("def g(dout, cache):\n    return cache\n", "g", "f.py: FG906 g takes a cache"),
        (
            "def g(a, q):\n    return a\n",
            "g",
            "f.py: FG906 it is not clear how to call g",
        ),
        ("def g(x, w, b):\n    return x\n", "g", "f.py: FG906 g does not return"),
        (
            "def g(d, x, w, b, k):\n    return x\n",
            "g",
            "f.py: FG906 no value for k of g",
        ),
        (
            "def g(d, x):\n    return 1, 2, 3, 4\n",
            "g",
            "f.py: FG906 g returns 4 gradients",
        ),
        ("def g(d, x):\n    return {}\n", "g", "f.py: FG906 g returns no gradient of"),
        (
            "def g(d, x):\n    return 1 / 0\n",
            "g",
            "f.py: FG901 g raises ZeroDivisionError",
        ),
        ("import nothing_such\n", "g", "f.py: FG901 running other.py raises Module"),
        ("def g(:\n", "g", "f.py: FG901 running other.py raises SyntaxError"),
    ],
)
def test_a_backward_that_cannot_be_called(
    check: Check, other: str, name: str, message: str
) -> None:
    outcome = check(AFFINE, "--against", f"other.py:{name}", other=other)
    assert outcome[:2] == (1, "")
    assert re.match(message, outcome.err), outcome.err
    assert "Traceback" not in outcome.err


def test_an_exception_in_the_other_file_is_located(check: Check) -> None:
    other = "def g(d, x):\n    y = 1\n    return y / 0\n"
    outcome = check(AFFINE, "--against", "other.py:g", other=other)
    what = (
        "f.py: FG901 g raises ZeroDivisionError: division by zero (in other.py, line 3)"
    )
    assert outcome.err.splitlines()[0] == what


NET = """
    import numpy as np

    class Net:
        rate = 0.5

        def __init__(self, D, C, reg=0.1):
            self.params = {}
            self.params["W"] = np.random.randn(D, C)
            self.params["b"] = np.zeros(C)
            self.reg = reg

        def loss(self, X, y=None):
            scores = self.scores(X)
            if y is None:
                return scores
            picked = scores[np.arange(len(y)), y]
            return np.sum((picked - 1) ** 2) + self.reg * np.sum(self.params["W"] ** 2)

        def scores(self, X):
            return X @ self.params["W"] + self.params["b"]

        def step(self, x):
            self.h = np.tanh(x * self.reg)
            return self.h * 2

        @classmethod
        def decay(cls, t):
            return np.exp(-cls.rate * t)

    class Squared(Net):
        def scores(self, X):
            return (X @ self.params["W"]) ** 2
"""
AT = "X=randn(5,4); y=randint(0,3,size=5)"


@pytest.mark.parametrize("kind", ["Net", "Squared"])
def test_methods(check: Check, kind: str) -> None:
    at = f"self={kind}(4, 3); {AT}"
    outcome = check(NET, "--function", f"{kind}.loss", "--at", at)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith(f"loss_grad of f.py\n  at self = {kind}(4, 3)\n")
    for name in ("self.params['W']", "self.reg", "X"):
        assert row(outcome, name).endswith("ok")
    assert row(outcome, "y").endswith("skipped: whole numbers")
    assert outcome.out.endswith("\nall ok\n")


def test_methods_that_store_or_are_of_the_class(check: Check) -> None:
    at = "self=Net(4, 3); x=randn(3)"
    outcome = check(NET, "--function", "Net.step", "--at", at, "--wrt", "reg")
    assert outcome.status == 0
    assert row(outcome, "self.reg").endswith("ok")
    assert row(outcome, "x").endswith("skipped: no gradient")
    outcome = check(NET, "--function", "Net.decay", "--at", "t=0.5")
    assert outcome.status == 0
    assert row(outcome, "cls.rate").endswith("ok")


def test_a_wrong_gradient_of_an_attribute_is_found(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = Transformation.emitted

    def wrong(self: Transformation, emit: str) -> str:
        return printed(self, emit).replace("['b'] = ", "['b'] = 2 * ")

    monkeypatch.setattr(Transformation, "emitted", wrong)
    at = f"self=Net(4, 3); {AT}"
    outcome = check(NET, "--function", "Net.loss", "--at", at)
    assert outcome.status == 1
    assert row(outcome, "self.params['b']").endswith("WRONG")
    assert row(outcome, "self.params['W']").endswith("ok")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--at", AT), "FG902 no value for the parameter self of loss\n  give one, such as --at 'self=Net(...)'"),
        (("--at", f"self=Net(4); {AT}"), "FG902 --at self=Net(4) raises TypeError"),
        (("--at", f"self=Squared(4, 3); {AT}"), "FG902 self is a Squared, and the gradient is that of a Net\n"
         "  give a Net, or check --function Squared.loss"),
        (("--at", f"self=3; {AT}"), "FG902 self is a int"),
        (("--at", f"self=Net(4, 3); {AT}", "--against", "other.py:f_backward"), "FG903 a backward is compared with"),
    ],
)  # fmt: skip
def test_methods_that_cannot_be_checked(
    check: Check, arguments: tuple[str, ...], message: str
) -> None:
    other = "def f_backward(d, cache):\n    return d\n"
    outcome = check(NET, "--function", "Net.loss", *arguments, other=other)
    assert (outcome.status, outcome.out) == (1, "")
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_static_methods_of_torch(check: Check) -> None:
    pytest.importorskip("torch")
    text = '''
    import torch

    def linear(x, w, b):
        """x: (N, D)  w: (D, M)  b: (M,)"""
        return torch.tanh(x @ w + b)

    class Linear:
        @staticmethod
        def forward(x, w, b):
            out = torch.tanh(x @ w + b)
            return out, (x, w, out)

        @staticmethod
        def backward(dout, cache):
            x, w, out = cache
            da = dout * (1 - out)
            return da @ w.T, x.T @ da, da.sum(dim=0)
    '''
    arguments = ("--function", "linear", "--against", "f.py:Linear.backward")
    outcome = check(text, *arguments)
    assert outcome.status == 1
    assert mistake(outcome).splitlines()[1].endswith("da = dout * (1 - out)")
    right = check(text.replace("(1 - out)", "(1 - out**2)"), *arguments)
    assert right.status == 0, right.out + right.err


# --- hints -----------------------------------------------------------------------------------------------------------

G = np.array([[1.0, 2.0], [3.0, 5.0]])


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (G.T, "it is transposed"),
        (-G, "its sign is wrong"),
        (0 * G, "it is zero everywhere: is it ever filled in?"),
        (G[None], "it has shape (1, 2, 2) and not (2, 2): reshape it"),
        (2.5 * G, "it is 2.5 times what it should be"),
        (G / 0.3, "a factor s is missing"),
        (G * 0.3, "it has a factor s too many"),
        (G / 7, "it is 7 times too small: x.shape[0] divides it once too often"),
        (np.full((2, 2), np.nan), "it holds values that are not finite"),
        (G + np.eye(2) * [1, 0], "1 of its 4 entries differ: [0, 0] is 2 and not 1"),
        (G.reshape(4), "it has shape (4,) and not (2, 2): reshape it and it is right"),
        (
            np.stack([G, G]) / 2,
            "it has shape (2, 2, 2) and not (2, 2): sum it over axis 0 and it is right",
        ),
        (np.ones(3), "it has shape (3,) and not (2, 2)"),
    ],
)
def test_hints(got: np.ndarray, said: str) -> None:
    assert hint(got, G, {"x": np.zeros((7, 1)), "s": 0.3}) == said


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_shows_what_is_printed(check: Check, update: bool) -> None:
    def shown(block: re.Match[str]) -> str:
        start, kind, command, text, end = block.groups()
        if kind == "file:":
            Path(command).write_text(text, encoding="utf-8")
            return block[0]
        program, check_, file, *arguments = shlex.split(command)
        assert (program, check_) == ("flatgrad", "check")
        outcome = check(Path(file).read_text(), *arguments)
        return start + outcome.out.replace("f.py", file) + outcome.err + end

    text = PAGE.read_text(encoding="utf-8")
    found = BLOCK.sub(shown, text)
    if update:
        PAGE.write_text(found, encoding="utf-8")
    assert ROUNDING.sub("*", PAGE.read_text(encoding="utf-8")) == ROUNDING.sub(
        "*", found
    )
