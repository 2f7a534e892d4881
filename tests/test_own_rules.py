"""@flatgrad.rule: the derivative that the user gives is the one that is printed, and it is right or refused."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from checking import AGREED, Trial, Wrong, examine, load, outcome
from click.testing import CliRunner

import flatgrad
from flatgrad.builder import Builder
from flatgrad.cli import command
from flatgrad.errors import FlatgradError
from flatgrad.evaluate import run
from flatgrad.frontend import read_module
from flatgrad.frontend.own_rules import read_rules
from flatgrad.graph import Var
from flatgrad.options import Options
from flatgrad.pipeline import transform
from flatgrad.registry import RULES

X = np.array([0.3, 1.2, 0.7])
Y = np.array([[0.5], [0.2]])
A = np.array([[1.3, 0.2, 0.4], [0.3, 1.1, 0.5], [0.6, 0.1, 1.2]])

# A library whose functions nobody can look into.
LIBRARY = """
import numpy as np

def softclip(x, low=0.0, high=1.0):
    return low + (high - low) / (1 + np.exp(-x))

def blend(a, b):
    return np.sin(a) * np.exp(b)

def running(x, axis=None):
    return np.cumsum(x, axis=axis)

def inverse(a):
    return np.linalg.inv(a)

def solve(a, b, tol=1e-6):
    return np.linalg.solve(a, b)

def polar(x, y):
    return np.hypot(x, y), np.arctan2(y, x)

def scaled(x, n=2, mode="up"):
    return x * n if mode == "up" else x / n

def outer(a, b):
    return np.outer(a, b)

def root(f, a):
    return np.cbrt(a)
"""

IMPORTS = "import flatgrad\nimport numpy as np\nimport ownlib\nfrom ownlib import softclip\n\n\n"

SOFTCLIP = """
@flatgrad.rule("ownlib.softclip")
def _(x, /, low=0.0, high=1.0, *, y):
    s = (y - low) / (high - low)
    return (high - low) * s * (1 - s)


"""
BLEND = """
@flatgrad.rule("ownlib.blend")
def _(a, b, /, *, y):
    return np.cos(a) * np.exp(b), y


"""
RUNNING = """
@flatgrad.rule("ownlib.running", kind="linear")
def _(x, /, axis=None, *, g):
    if axis is None:
        return np.cumsum(g[::-1])[::-1].reshape(x.shape)
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


"""
INVERSE = """
@flatgrad.rule("ownlib.inverse", kind="general")
def _(a, /, *, y):
    def jvp(da):
        return -y @ da @ y

    def vjp(g):
        return -y.T @ g @ y.T

    return jvp, vjp


"""
INVERSE_VJP = """
@flatgrad.rule("ownlib.inverse", kind="vjp")
def inverse_vjp(a, /, *, y, g):
    yt = y.T
    return -yt @ g @ yt


@flatgrad.rule("ownlib.inverse", kind="jvp")
def inverse_jvp(a, /, *, y, da):
    return -y @ da @ y


"""
SOLVE = '''
@flatgrad.rule("ownlib.solve", kind="vjp", called=True)
def solve_vjp(a, b, /, tol=1e-6, *, y, g):
    """Anything may stand here: it is called, not read."""
    for _ in range(2):
        with np.errstate(all="ignore"):
            grad_b = np.linalg.solve(a.T, g)
    return -_outer(grad_b, y), grad_b


def _outer(u, v):
    return np.outer(u, v)


'''
POLAR = """
@flatgrad.rule("ownlib.polar", kind="vjp", results=2)
def _(x, y, /, *, g):
    along, around = g
    length = np.hypot(x, y)
    return (
        along * x / length - around * y / length**2,
        along * y / length + around * x / length**2,
    )


"""
POLAR_CALLED = POLAR.replace("results=2", "results=2, called=True").replace(
    "_(", "polar_vjp("
)
OUTER = """
@flatgrad.rule("ownlib.outer", kind="multilinear")
def _(a, b, /, *, g):
    return g @ b, g.T @ a


"""
SCALED = """
@flatgrad.rule("ownlib.scaled", kind="linear")
def _(x, /, n=2, mode="up", *, g):
    return g * n if mode == "up" else g / n


"""
ROOT = """
@flatgrad.rule("ownlib.root", kind="vjp")
def _(f, a, /, *, y, g):
    return None, g / (3 * y**2)


"""
WAVE = """
SPEED = 2.0


def wave(x):
    return eval("np.sin(2.0 * x)")


@flatgrad.rule(wave)
def wave_rule(x, /):
    return _slope(x)


def _slope(t):
    return SPEED * np.cos(SPEED * t)


"""
IDENTITY = """
@flatgrad.rule("ownlib.scaled", kind="vjp", called=True)
def _scaled_vjp(x, /, n=2, *, y, g):
    return g if n == 1 else n * g


"""

Row = tuple[str, str, dict[str, Any]]

RIGHT: list[Row] = [
    (SOFTCLIP, "return softclip(x)", {"x": X}),
    (SOFTCLIP, "return softclip(x, -1.0, high=2.0) * x", {"x": X}),
    (SOFTCLIP, "return softclip(x * y, high=3.0)", {"x": X, "y": Y}),
    (SOFTCLIP, "return softclip(softclip(x) * 2)", {"x": X}),
    (SOFTCLIP, "return softclip(x) + ownlib.softclip(x=x, low=0.5)", {"x": 0.4}),
    (SOFTCLIP, "'''x: (N,)'''\n    return np.sum(softclip(x, 0.0, np.float64(n)))", {"x": X, "n": 3}),
    (SOFTCLIP, "for k in range(3):\n        x = softclip(x, high=k + 1.0)\n    return x", {"x": X}),
    (SOFTCLIP, "if x[0] > 0:\n        x = softclip(x)\n    return x * x", {"x": X}),
    (SOFTCLIP, "return np.array([softclip(v) for v in x]) * x", {"x": X}),
    (SOFTCLIP, "h = lambda t: softclip(t) * t\n    return h(x) + h(x * 2)", {"x": X}),
    (SOFTCLIP, "softclip(x)\n    x *= 2\n    return softclip(x) * x", {"x": X}),
    (BLEND, "return ownlib.blend(x, y)", {"x": X, "y": Y}),
    (BLEND, "'''x: (3,)  y: (2, 1)'''\n    return ownlib.blend(x, y)", {"x": X, "y": Y}),
    (BLEND, "return ownlib.blend(x, x) * x", {"x": X}),
    (BLEND, "return ownlib.blend(2.0, x)", {"x": X}),
    (BLEND, "return ownlib.blend(b=x, a=y)", {"x": 0.3, "y": 0.8}),
    (RUNNING, "return ownlib.running(x) * x", {"x": X}),
    (RUNNING, "'''x: (3, 3)'''\n    return ownlib.running(x, axis=1) ** 2", {"x": A}),
    (RUNNING, "return ownlib.running(x, 0) ** 2", {"x": A}),
    (INVERSE, "'''x: (N, N)'''\n    return ownlib.inverse(x) * x", {"x": A}),
    (INVERSE, "return ownlib.inverse(x @ x)", {"x": A}),
    (INVERSE_VJP, "return ownlib.inverse(x) * x", {"x": A}),
    (SOLVE, "return ownlib.solve(x, y) ** 2", {"x": A, "y": X}),
    (SOLVE, "return ownlib.solve(x, y, tol=1e-3) * y", {"x": A, "y": X}),
    (SOLVE, "z = ownlib.solve(x, y)\n    return ownlib.solve(x, z) * z", {"x": A, "y": X}),
    (SOLVE, "for _ in range(2):\n        y = ownlib.solve(x, y)\n    return y", {"x": A, "y": X}),
    (POLAR, "r, phi = ownlib.polar(x, y)\n    return r * phi", {"x": X, "y": X + 1}),
    (POLAR, "r, _ = ownlib.polar(x, y)\n    return r", {"x": X, "y": X + 1}),
    (POLAR, "return ownlib.polar(x, y)", {"x": X, "y": X + 1}),
    (BLEND.replace('"ownlib.blend"', "ownlib.blend"), "return ownlib.blend(x, y)", {"x": X, "y": Y}),
    ("import ownlib as own\n\n\n" + BLEND.replace("ownlib", "own"), "return own.blend(x, y)", {"x": X, "y": Y}),
    (OUTER, "return ownlib.outer(x, x * y) ** 2", {"x": X, "y": X + 1}),
    (SCALED, "return ownlib.scaled(x, 3)", {"x": X}),
    (SCALED, "return ownlib.scaled(x * x, mode='down')", {"x": X}),
    (SCALED, "return ownlib.scaled(x * x, n, 'down')", {"x": X, "n": 4}),
    (ROOT, "return ownlib.root(np.cbrt, x)", {"x": X}),
    (WAVE, "return wave(x) * x", {"x": X}),
    (WAVE, "return sum(wave(v) for v in x)", {"x": X}),
    (WAVE, "y = x.copy()\n    for i in range(3):\n        y[i] = wave(y[i])\n    return y", {"x": X}),
    (POLAR_CALLED, "r, phi = ownlib.polar(x, y)\n    return r * phi", {"x": X, "y": X + 1}),
    (POLAR_CALLED, "_, phi = ownlib.polar(x, y)\n    return phi", {"x": X, "y": X + 1}),
    (SOFTCLIP, "g = softclip if x[0] > 0 else np.sin\n    return g(x)", {"x": X}),
    (IDENTITY, "y = ownlib.scaled(x, 1)\n    return y * y + x", {"x": X}),
    (IDENTITY, "'''x: (3,)'''\n    y = ownlib.scaled(x, 1)\n    return y + 2 * y + x", {"x": X}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ModuleType("ownlib")
    exec(LIBRARY, made.__dict__)
    monkeypatch.setitem(sys.modules, "ownlib", made)


def source(rules: str, body: str, names: Any) -> str:
    return f"{IMPORTS}{rules}def f({', '.join(names)}):\n    {body}\n"


@pytest.mark.parametrize("emit", ["grad", "pair"])
@pytest.mark.parametrize(("rules", "body", "inputs"), RIGHT)
def test_the_gradient_is_that_of_the_function(
    rules: str, body: str, inputs: dict[str, Any], emit: str
) -> None:
    trial = Trial(source(rules, body, inputs), inputs, emit=emit)
    emitted = trial.emitted()
    examine(trial, emitted)
    assert "flatgrad" not in emitted.replace("# Made by flatgrad.", "")


def test_a_wrong_rule_is_used_as_it_is() -> None:
    """What is printed comes from the rule, also where flatgrad has one of its own or could read the function."""
    rule = '@flatgrad.rule("numpy.exp")\ndef _(x, /):\n    return 7.0 * x\n\n\n'
    with pytest.raises(Wrong):
        examine(Trial(source(rule, "return np.exp(x)", "x"), {"x": X}))
    rule = "def h(x):\n    return x * x\n\n\n@flatgrad.rule(h)\ndef _(x, /):\n    return 7.0\n\n\n"
    assert "7 * grad_out" in emitted(source(rule, "return h(x)", "x"))


def emitted(text: str, **options: Any) -> str:
    return transform(text, Options(("f",), **options))


def test_the_formula_is_what_is_printed() -> None:
    text = emitted(
        source(BLEND, "'''x: (N,)  y: (N,)'''\n    return ownlib.blend(x, y)", "xy")
    )
    assert "grad_x = grad_out * np.cos(x) * np.exp(y)" in text
    assert "grad_y = grad_out * out" in text


def test_a_called_rule_is_copied_with_what_it_needs() -> None:
    text = emitted(source(SOLVE, "return ownlib.solve(x, y, tol=1e-3)", "xy"))
    assert "grad_x, grad_y = solve_vjp(x, y, tol=0.001, y=out, g=grad_out)" in text
    assert "\ndef solve_vjp(a, b, /, tol=1e-6, *, y, g):" in text
    assert "\ndef _outer(u, v):" in text


def test_a_rule_is_no_function_to_transform() -> None:
    text = transform(
        source(SOFTCLIP + SOLVE + WAVE, "return softclip(x) + wave(x)", "x"), Options()
    )
    assert [line for line in text.splitlines() if line.startswith("def ")] == [
        "def wave(x):",
        "def f_grad(x, grad_out):",
    ]


def test_rules_are_gone_afterwards() -> None:
    before = set(RULES)
    emitted(source(SOFTCLIP, "return softclip(x)", "x"))
    with pytest.raises(FlatgradError):
        emitted(source("", "return softclip(x)", "x"))
    assert set(RULES) == before


def test_a_file_with_rules_can_be_run() -> None:
    module = load(source(SOFTCLIP + WAVE, "return softclip(x)", "x"))
    assert module["wave_rule"](0.0) == 2.0
    with pytest.raises(ValueError, match="is not one of elementwise"):
        flatgrad.rule("ownlib.softclip", kind="odd")


# --- names of the user ---------------------------------------------------------------------------------------------------


def test_names_within_a_rule_are_not_those_of_the_function() -> None:
    """The rule's own x, y, s and low are not those of the function that calls it."""
    body = "s = low * y\n    y = softclip(s)\n    x = y * low\n    return x * s"
    trial = Trial(source(SOFTCLIP, body, ("low", "y")), {"low": X, "y": X + 1})
    assert outcome(trial) == AGREED


def test_a_rule_reads_y_of_the_module_where_it_does_not_ask_for_the_result() -> None:
    rule = 'y = 3.0\n\n\n@flatgrad.rule("ownlib.scaled", kind="linear")\ndef _(x, /, n=2, *, g):\n    return y * g\n\n\n'
    trial = Trial(source(rule, "return ownlib.scaled(x, 3)", "x"), {"x": X})
    assert outcome(trial) == AGREED
    assert "y * grad_out" in trial.emitted()


HIDDEN = [
    (WAVE, "SPEED = x * 3\n    return wave(x) * SPEED", "SPEED"),
    (WAVE, "SPEED = x\n    return wave(SPEED)", "SPEED"),
    (SOLVE, "solve_vjp = x @ x\n    return ownlib.solve(x, x[0]) @ solve_vjp", "solve_vjp"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "body", "name"), HIDDEN)
def test_a_name_that_a_rule_reads_is_no_variable_of_the_function(
    rules: str, body: str, name: str
) -> None:
    with pytest.raises(FlatgradError) as refused:
        emitted(source(rules, body, "x"))
    (found,) = refused.value.diagnostics
    what = f"{name} is a variable of f and a name of the module that a rule reads"
    assert (found.code, found.what) == ("FG117", what)


# --- forward mode ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [INVERSE, INVERSE_VJP])
def test_a_rule_of_two_functions_serves_both_modes(rules: str) -> None:
    """The jvp of a rule, as equations, against a difference."""
    (rule,) = read_rules(read_module(IMPORTS + rules))
    a, y, da = Var("a"), Var("y"), Var("da")
    build = Builder()
    jvp, _ = rule(build.wrap(a), options={}, y=build.wrap(y))
    block = build.block((a, y, da), [jvp(build.wrap(da))])
    moved = np.linspace(-1, 1, 9).reshape(3, 3)
    (found,) = run(block, A, np.linalg.inv(A), moved)
    ahead, behind = (np.linalg.inv(A + s * moved) for s in (1e-6, -1e-6))
    np.testing.assert_allclose(found, (ahead - behind) / 2e-6, rtol=1e-7)


# --- files of rules -------------------------------------------------------------------------------------------------------

PRELUDE = "import numpy\nfrom flatgrad import rule\n\n\n"
ELSEWHERE = PRELUDE + (
    '@rule("ownlib.blend")\ndef _(a, b, /, *, y):\n'
    "    return numpy.cos(a) * numpy.exp(b) * (numpy.pi / numpy.pi), y\n"
)


def test_rules_of_another_file_are_written_in_the_dialect_of_this_one() -> None:
    text = source("", "return ownlib.blend(x, y)", "xy")
    shown = transform(text, Options(("f",), rules=(("rules.py", ELSEWHERE),)))
    assert "import numpy\n" not in shown
    assert "np.pi" in shown
    examine(Trial(text, {"x": X, "y": X + 1}), shown)


def test_the_command_line_reads_a_file_of_rules(tmp_path: Any) -> None:
    (tmp_path / "rules.py").write_text(ELSEWHERE)
    (tmp_path / "model.py").write_text(source("", "return ownlib.blend(x, y)", "xy"))
    arguments = [str(tmp_path / "model.py"), "--rules", str(tmp_path / "rules.py")]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0
    assert "np.cos(x)" in result.output


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ("def g(x):\n    return x\n\n\n@rule(g)\ndef _(x, /):\n    return 1.0\n", "a rule in a file of rules is for a function of a library (in rules.py, line 10)"),
        ('@rule("ownlib.solve", kind="vjp", called=True)\ndef s(a, b, /, *, y, g):\n    return a, b\n', "a function of a file of rules cannot be called by what is emitted: the rule has to stand in the file itself (in rules.py, line 6)"),
        ("def (", "not valid Python: invalid syntax (in rules.py, line 5)"),
        ('LOW = 2.0\n\n\n@rule("ownlib.softclip")\ndef _(x, /):\n    return LOW * x\n', "LOW stands in a file of rules, which what is emitted cannot read (in rules.py, line 9)"),
    ],
)  # fmt: skip
def test_what_a_file_of_rules_cannot_hold(rules: str, what: str) -> None:
    options = Options(("f",), rules=(("rules.py", PRELUDE + rules),))
    with pytest.raises(FlatgradError) as refused:
        transform(source("", "return softclip(x)", "x"), options)
    assert [d.what for d in refused.value.diagnostics] == [what]


# --- refusals ---------------------------------------------------------------------------------------------------------------

MALFORMED = {
    '@flatgrad.rule("ownlib.blend")\ndef _(a, b, /):\n    return a\n': "1 partial derivatives where 2 are needed",
    '@flatgrad.rule("ownlib.softclip")\ndef _(x, /):\n    return x, x\n': "2 partial derivatives where 1 are needed",
    '@flatgrad.rule("ownlib.softclip")\ndef _(x, /):\n    x + 1\n': "a rule returns the derivative",
    '@flatgrad.rule("ownlib.softclip")\ndef _(x, /, *, g):\n    return g\n': "a rule of kind elementwise is given y after the *, not g",
    '@flatgrad.rule("ownlib.softclip")\ndef _(*x):\n    return 1.0\n': "a rule takes each argument by its own name",
    '@flatgrad.rule("ownlib.softclip")\ndef _(low=1.0):\n    return 1.0\n': "a rule takes data, without defaults, before the /",
    '@flatgrad.rule("ownlib.softclip")\ndef _(x, /, low=X):\n    return 1.0\n': "the default of low has to be written as a constant",
    '@flatgrad.rule("ownlib.softclip", kind="odd")\ndef _(x, /):\n    return 1.0\n': "the kind of a rule is one of elementwise, linear, multilinear, general, vjp, jvp",
    '@flatgrad.rule("ownlib.softclip", called=True)\ndef _(x, /):\n    return 1.0\n': "called=True goes with kind='vjp' or kind='jvp'",
    '@flatgrad.rule("ownlib.polar", results=2)\ndef _(x, y, /):\n    return 1.0\n': "a function of several results takes a rule of kind general, vjp or jvp",
    '@flatgrad.rule("ownlib.polar", results="2")\ndef _(x, y, /):\n    return 1.0\n': "results= is the number of results",
    '@flatgrad.rule("ownlib.polar", shape=2)\ndef _(x, y, /):\n    return 1.0\n': "a rule is told kind=, results= and called=",
    '@flatgrad.rule\ndef _(x, y, /):\n    return 1.0\n': "a rule says which function it is for",
    '@flatgrad.rule("sofclip")\ndef _(x, /):\n    return 1.0\n': "\"sofclip\" is neither a function of this file nor package.function",
    '@flatgrad.rule(sofclip)\ndef _(x, /):\n    return 1.0\n': "sofclip is neither a function of this file nor package.function",
    '@flatgrad.rule("ownlib.softclip")\ndef _(x, /):\n    return np.exp(t)\n': "the name t is not defined here",
    '@flatgrad.rule("ownlib.softclip")\ndef _(x, /):\n    return [v for v in open(x)]\n': None,
    '@flatgrad.rule("ownlib.softclip")\ndef _(x, /):\n    if x > 0:\n        return 1.0\n    return 0.0\n': "a rule is straight-line code, without branches and loops on values",
    '@flatgrad.rule("ownlib.softclip")\ndef _(x, /):\n    return ownlib.slope(x)\n': "no derivative rule for ownlib.slope",
    '@flatgrad.rule("ownlib.softclip", kind="general")\ndef _(x, /):\n    return x\n': "a rule of kind general returns two functions, jvp and vjp",
    SOLVE.replace("_vjp", "_vjp2") + "\n\ndef solve_vjp2():\n    pass\n": "a rule that is called has a name of its own",
    '@flatgrad.rule("ownlib.blend", kind="linear")\ndef _(a, b, /, *, g):\n    return g, g\n': "what is linear in each of several arguments is multilinear",
    SOFTCLIP + SOFTCLIP: "ownlib.softclip has two rules",
}  # fmt: skip


@pytest.mark.parametrize("rules", MALFORMED)
def test_a_malformed_rule_is_refused_where_it_stands(rules: str) -> None:
    text = source(rules + "\n\n", "return x", "x")
    with pytest.raises(FlatgradError) as refused:
        transform(text, Options(("f",)))
    (found,) = refused.value.diagnostics
    expected = MALFORMED[rules]
    assert found.code == "FG601"
    assert expected in (None, found.what)
    assert found.place is not None
    assert found.place.line < text.split("\n").index("def f(x):")


CALLS = {
    "return softclip(x, 0.0, 1.0, 2.0)": "the rule for ownlib.softclip takes 3 arguments",
    "return softclip(x, out=None)": None,
    "return softclip(x, mode='up')": "the rule for ownlib.softclip does not read mode=",
    "return softclip(low=x)": "the rule for ownlib.softclip needs x, which is not given here",
    "return softclip([x, x])": "a list is given where the rule for ownlib.softclip takes an array",
    "return softclip(1.0, low=x)": "the rule for ownlib.softclip: no derivative of the rule for ownlib.softclip with respect to x",
    "return softclip(*x)": None,
}  # fmt: skip


@pytest.mark.parametrize("body", CALLS)
def test_a_call_that_the_rule_does_not_fit_is_refused(body: str) -> None:
    with pytest.raises(FlatgradError) as refused:
        emitted(source(SOFTCLIP, body, "x"))
    (found,) = refused.value.diagnostics
    assert CALLS[body] in (None, found.what)
    assert found.place is not None


def test_a_rule_for_one_mode_is_refused_in_the_other() -> None:
    rule = '@flatgrad.rule("ownlib.inverse", kind="jvp")\ndef _(a, /, *, y, da):\n    return -y @ da @ y\n\n\n'
    with pytest.raises(FlatgradError, match="its rule is for forward mode only"):
        emitted(source(rule, "return ownlib.inverse(x)", "x"))


def test_a_function_without_a_rule_says_how_to_give_one() -> None:
    with pytest.raises(FlatgradError) as refused:
        emitted(source("", "return softclip(x)", "x"))
    (found,) = refused.value.diagnostics
    assert "give one with @flatgrad.rule" in found.next_step
