"""`# flatgrad: checkpoint` on a loop: the same numbers, from a few of the states of the loop, or a refusal.

A body is one line in which `;` ends a line and `MARK` is the comment. Every body is checked as one function and as a
pair, and so is every loop of test_flow.py with the comment on it.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import test_flow
from checking import AGREED, REFUSED, Trial, load, outcome

from flatgrad.errors import FlatgradError
from flatgrad.frontend.exits import lines_of
from flatgrad.frontend.liveness import Liveness
from flatgrad.frontend.module import read_module
from flatgrad.options import Options
from flatgrad.pipeline import transform

MARK = "  # flatgrad: checkpoint"
X = np.array([0.3, 1.2, 0.7])
W = np.array([0.5, -0.2, 0.9])
ROWS = np.arange(15.0).reshape(5, 3) / 9


def source(body: str, before: str = "", parameters: str = "x, w") -> str:
    lines = [line.rstrip() for line in body.replace("MARK", MARK).split(";")]
    lines = [line.removeprefix(" ") for line in lines]
    text = "\n".join("    " + line for line in lines)
    helpers = before.replace("MARK", MARK) + "\n\n\n" if before else ""
    return f"import numpy as np\n\n\n{helpers}def f({parameters}):\n{text}\n"


# --- what is run again --------------------------------------------------------------------------------------------

STEP = "for t in range(n):MARK;     x = np.tanh(w * x) + 0.1 * t; return np.sum(x)"
LENGTHS = [0, 1, 2, 3, 4, 7, 9, 10, 16]

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"{n} iterations": (STEP, {"x": X, "w": W, "n": n}) for n in LENGTHS},
    "the comment above": (
        "# flatgrad: checkpoint; for t in range(6):;     x = np.sin(w * x); return x",
        {"x": X, "w": W},
    ),
    "on one line": (
        "for t in range(6): x = np.sin(w * x)MARK; return x",
        {"x": X, "w": W},
    ),
    "from a number, in steps": (
        "for i in range(2, n, 3):MARK;     x = np.tanh(w * x) + 0.1 * i; return x * i",
        {"x": X, "w": W, "n": 17},
    ),
    "down": (
        "for t in range(n, 0, -2):MARK;     x = np.tanh(w * x) + 0.1 * t; return x",
        {"x": X, "w": W, "n": 9},
    ),
    "reversed": (
        "for t in reversed(range(n)):MARK;     x = np.tanh(w * x) + 0.1 * t; return x",
        {"x": X, "w": W, "n": 7},
    ),
    "several states, and one that is made anew": (
        "for _ in range(7):MARK;     a = -k * x;     v = v + 0.1 * a;     x = x + 0.1 * v; return x * v + a",
        {"x": X, "v": W, "k": 0.7},
    ),
    "states that change places": (
        "for _ in range(7):MARK;     x, w = w, np.sin(x + w); return x * w",
        {"x": X, "w": W},
    ),
    "numbers": (
        "for _ in range(9):MARK;     x = r * x * (1 - x); return x",
        {"x": 0.3, "r": 2.9},
    ),
    "a whole number": (
        "k = 1; for _ in range(4):MARK;     k = k * 2;     x = np.sin(x * k + w); return x * k",
        {"x": X, "w": W},
    ),
    "rows": (
        "for v in vs:MARK;     x = np.sin(x * v); return x",
        {"x": X, "vs": ROWS},
    ),
    "no rows": (
        "for v in vs:MARK;     x = np.sin(x * v); return x",
        {"x": X, "vs": ROWS[:0]},
    ),
    "rows by number": (
        "for t in range(len(vs)):MARK;     x = np.tanh(vs[t] * w + x); return x",
        {"x": X, "w": W, "vs": ROWS},
    ),
    "enumerate": (
        "for i, v in enumerate(vs):MARK;     x = np.sin(x * v) * (i + 1); return x",
        {"x": X, "vs": ROWS},
    ),
    "enumerate from 3": (
        "for i, v in enumerate(vs, 3):MARK;     x = np.sin(x * v) * (i + 1); return x",
        {"x": X, "vs": ROWS},
    ),
    "zip of two lengths": (
        "for v, u in zip(vs, us):MARK;     x = np.sin(x * v) + u; return x",
        {"x": X, "vs": ROWS, "us": ROWS[:3] + 1},
    ),
    "zip of one array and its parts": (
        "for v, u in zip(vs, vs[1:]):MARK;     x = np.sin(x * v) + u * vs[0]; return x",
        {"x": X, "vs": ROWS},
    ),
    "enumerate of zip": (
        "for i, (v, u) in enumerate(zip(vs, us)):MARK;     x = np.sin(x * v) + u * i; return x",
        {"x": X, "vs": ROWS, "us": ROWS + 1},
    ),
    "a tuple of values": (
        "for k in (x, w, x * w):MARK;     x = np.sin(x * k + w); return x",
        {"x": X, "w": W},
    ),
    "what it runs over is given another value": (
        "for v in vs:MARK;     x = np.sin(x * v);     vs = x; return x + vs",
        {"x": X, "vs": ROWS},
    ),
    "branches": (
        "for t in range(6):MARK;     if t % 2:;         x = np.tanh(w * x);     else:;         y = x * w;         x = x + y; return x",
        {"x": X, "w": W},
    ),
    "a value that some iterations leave alone": (
        "y = w; for t in range(6):MARK;     if t == 2:;         y = x * w;     x = np.sin(x + y); return x * y",
        {"x": X, "w": W},
    ),
    "continue": (
        "for t in range(6):MARK;     if t == 2:;         continue;     x = np.sin(x * w); return x",
        {"x": X, "w": W},
    ),
    "break in a loop within": (
        "for t in range(5):MARK;     for k in range(4):;         if k > t:;             break;         x = np.sin(x + w); return x",
        {"x": X, "w": W},
    ),
    "a while loop within": (
        "for t in range(5):MARK;     while np.sum(x * x) > 1:;         x = x * 0.7;     x = x + w; return x",
        {"x": X, "w": W},
    ),
    "within a loop": (
        "for s in range(3):;     for t in range(5):MARK;         x = np.sin(x * w);     x = x * w + s; return x",
        {"x": X, "w": W},
    ),
    "within a loop that is marked, too": (
        "for s in range(5):MARK;     for t in range(s):MARK;         x = np.sin(x * w);     x = x * w + s; return x",
        {"x": X, "w": W},
    ),
    "within a while loop": (
        "k = 0; while k < 3:;     for t in range(5):MARK;         x = np.sin(x + w) * k;     k += 1; return x",
        {"x": X, "w": W},
    ),
    "within a loop that is left": (
        "for k in range(5):;     for t in range(4):MARK;         x = np.sin(x + w) * (k + 1);     if k == 2:;         break; return x",
        {"x": X, "w": W},
    ),
    "in a branch": (
        "if n > 2:;     y = w;     for s in range(n):MARK;         x = np.sin(x * y); else:;     x = x * w; return x",
        {"x": X, "w": W, "n": 5},
    ),
    "in the other branch": (
        "if n < 2:;     y = w; else:;     y = x;     for s in range(n):MARK;         y = np.sin(x * y); return y * w",
        {"x": X, "w": W, "n": 5},
    ),
    "after an early return": (
        "if n == 0:;     return x * w; for t in range(n):MARK;     x = np.sin(w * x); return x",
        {"x": X, "w": W, "n": 4},
    ),
    "in a with block": (
        "with np.errstate(all='ignore'):;     for t in range(4):MARK;         x = np.sin(w * x); return x",
        {"x": X, "w": W},
    ),
    "one after the other": (
        "for t in range(5):MARK;     x = np.sin(x * w); for t in range(6):MARK;     w = np.sin(x * w); return x * w",
        {"x": X, "w": W},
    ),
    "names that get other values later": (
        "y = x * w; for t in range(4):MARK;     x = np.sin(w * x + y); w = x * w; y = w + 1; return x * y * w",
        {"x": X, "w": W},
    ),
    "an array that is changed later": (
        "x = x * 1.0; for t in range(4):MARK;     x = np.sin(x * w); x *= w; x[0] = 0; return x * w",
        {"x": X, "w": W},
    ),
    "an array that is changed between": (
        "x = x * w; for s in range(3):;     y = x;     for t in range(4):MARK;         y = np.sin(y * x);     x[0] = y[1]; return x",
        {"x": X, "w": W},
    ),
    "a state that may stay the array that it was": (
        "x = x * w; for s in range(3):;     for t in range(4):MARK;         if t > 5 + s:;             x = np.sin(x * w);     x *= w; return x",
        {"x": X, "w": W},
    ),
    "an array of each iteration": (
        "for t in range(5):MARK;     h = np.zeros(3);     h[0] = x[1];     h[1:] = w[1:] * x[:2];     x = np.sin(h); return x",
        {"x": X, "w": W},
    ),
    "sums": (
        "s = 0.0; z = np.zeros(3); for t in range(9):MARK;     x = np.sin(w * x);     s += np.sum(x);     z -= x * w; return s * z",
        {"x": X, "w": W},
    ),
    "a product in branches": (
        "s = np.ones(3); for t in range(5):MARK;     x = np.sin(w * x);     if t % 2:;         s -= x + w;     else:;         s *= x; return s * x",
        {"x": X, "w": W},
    ),
    "a sum over two loops": (
        "s = 0.0; for k in range(2):;     for t in range(3):MARK;         x = np.sin(w * x);         s += np.sum(x);     x = x * 2; return s",
        {"x": X, "w": W},
    ),
    "a dict that is read": (
        "p = {'w': w, 'b': w * 2}; for t in range(5):MARK;     x = np.sin(x * p['w'] + p['b']); return x",
        {"x": X, "w": W},
    ),
    "a list that is read": (
        "ws = [w, x * w, w + 1]; for t in range(3):MARK;     x = np.sin(x * ws[t]); return x",
        {"x": X, "w": W},
    ),
    "a comprehension": (
        "for t in range(4):MARK;     x = np.array([np.sin(v * 2) for v in x]) * w; return x",
        {"x": X, "w": W},
    ),
    "a function that is defined in the loop": (
        "for t in range(3):MARK;     def g(z):;         return z * w;     x = np.sin(g(x)); return x",
        {"x": X, "w": W},
    ),
    "what a lambda reads later": (
        "k = w * 2; g = lambda z: z * k; for t in range(3):MARK;     k = k * 2;     x = np.sin(x + k); return g(x) * w",
        {"x": X, "w": W},
    ),
    "within a nested function": (
        "def g(z):;     for t in range(4):MARK;         z = np.sin(z * w);     return z; return g(x) * w",
        {"x": X, "w": W},
    ),
    "no gradient": (
        "k = 1.0; for t in range(4):MARK;     k = k * 0.9; return x * k * w",
        {"x": X, "w": W},
    ),
    "names that are taken": (
        "for t in range(4):MARK;     start = np.sin(start * step) + ts; return start",
        {"start": X, "step": W, "ts": X},
    ),
    "names that would be words of Python": (
        "for i in range(4):MARK;     x = np.sin(x * w); for a in vs:MARK;     x = x * a; return x",
        {"x": X, "w": W, "vs": ROWS},
    ),
}

HELPERS = {
    "in a helper": (
        "return g(x, w, 5) * g(w, x, 3)",
        "def g(x, w, n):\n    for s in range(n):MARK\n        x = np.sin(x * w)\n    return x",
    ),
    "a helper in the loop": (
        "for t in range(5):MARK;     x = g(x, w, t); return x",
        "def g(x, w, n):\n    y = x\n    for s in range(n):\n        y = np.sin(x * w + y)\n    return y",
    ),
    "a helper that writes": (
        "for t in range(5):MARK;     a = np.zeros(3);     g(a, x);     x = np.sin(a * w); return x",
        "def g(a, b):\n    for i in range(3):\n        a[i] = b[i] * 2",
    ),
    "marked loops all the way down": (
        "for t in range(3):MARK;     x = g(x, w); return x * w",
        "def g(x, w):\n    for t in range(3):MARK\n        x = np.tanh(x + w)\n    return x",
    ),
    "flags and axes": (
        "return g(x, w, True, 0)",
        "def g(x, w, flag, axis):\n    for t in range(4):MARK\n        if flag:\n            x = np.sin(x + w)\n"
        "        x = x + np.sum(w, axis=axis)\n    return x",
    ),
    "a constant of the module": (
        "for t in range(5):MARK;     x = np.sin(x * K + w); return x",
        "K = 0.3",
    ),
    "a function that calls itself": (
        "return g(x, w, 2)",
        "def g(x, w, n):\n    if n == 0:\n        return x * w\n    for t in range(3):MARK\n"
        "        x = np.sin(x * w) + g(x, w, n - 1)\n    return x",
    ),
}


@pytest.mark.parametrize("emit", ["grad", "pair"])
@pytest.mark.parametrize("name", CASES)
def test_run_again(name: str, emit: str) -> None:
    body, inputs = CASES[name]
    text = source(body, parameters=", ".join(inputs))
    assert outcome(Trial(text, inputs, emit=emit)) == AGREED


@pytest.mark.parametrize("emit", ["grad", "pair"])
@pytest.mark.parametrize("name", HELPERS)
def test_run_again_with_helpers(name: str, emit: str) -> None:
    body, before = HELPERS[name]
    text = source(body, before)
    assert outcome(Trial(text, {"x": X, "w": W}, emit=emit)) == AGREED


LOOP = re.compile(r"^(\s*for .*:)$", re.MULTILINE)
FLOW = [name for name, found in test_flow.ALL.items() if LOOP.search(found.source)]


@pytest.mark.parametrize("name", FLOW)
def test_every_loop_with_the_comment(name: str) -> None:
    found = test_flow.ALL[name]
    text = LOOP.sub(rf"\1{MARK}", found.source)
    assert outcome(Trial(text, found.inputs, found.wrt)) in (AGREED, REFUSED)


# --- how much is kept, and how long the text is ---------------------------------------------------------------------


@pytest.mark.parametrize("inline", [False, True])
def test_few_states_are_kept(inline: bool) -> None:
    text = transform(
        source(STEP, parameters="x, w, n"), Options(wrt=("x",), inline=inline)
    )
    kept: list[int] = []
    watched = text.replace("xs = []", "xs = Watched()")
    assert watched != text

    class Watched(list[Any]):
        def append(self, item: Any) -> None:
            super().append(item)
            kept.append(len(self))

    module = load(watched)
    module["Watched"] = Watched
    module["f_grad"](X, W, 10_000, 1.0)
    assert max(kept) <= 101


def test_the_text_is_as_long_for_any_number_of_iterations() -> None:
    bodies = (STEP.replace("range(n)", f"range({n})") for n in (1, 10_000))
    texts = [transform(source(body), Options()) for body in bodies]
    assert texts[0].replace("range(1)", "range(10000)") == texts[1]


# --- what is refused ----------------------------------------------------------------------------------------------

NOT_HEEDED = {
    "no loop": "x = np.sin(w * x)MARK; return x",
    "a line of a loop": "for t in range(4):;     x = np.sin(w * x)MARK; return x",
    "the end of a body": "for t in range(4):;     x = np.sin(w * x);     # flatgrad: checkpoint; return x",
    "while": "while x[0] > 10:MARK;     x = np.sin(w * x); return x",
    "break": "for t in range(4):MARK;     x = x * w;     if x[0] > 9:;         break; return x",
    "return": "for t in range(4):MARK;     x = x * w;     if x[0] > 9:;         return x; return x * w",
    "else": "for t in range(4):MARK;     x = x * w; else:;     x = x + 1; return x",
    "nothing that is read": "for t in range(4):MARK;     y = x * w; return x",
    "a store": "h = np.zeros((5, 3)); for t in range(5):MARK;     x = np.sin(w * x);     h[t] = x; return h",
    "a list": "h = []; for t in range(5):MARK;     x = np.sin(w * x);     h.append(x); return np.sum(np.array(h))",
    "a state that is changed in place": "for t in range(5):MARK;     x += np.sin(w * x); return x",
    "a sum under a second name": "s = np.zeros(3); y = s; for t in range(5):MARK;     s += x * w; return s + y",
    "rows that are changed": "x = x * np.ones((3, 3)); for v in x:MARK;     v[0] = 1.0;     w = w * v; return x[0] * w",
    "random numbers": "for t in range(5):MARK;     x = w * x + np.random.normal(size=3); return x",
    "a generator": "r = np.random.default_rng(0); for t in range(5):MARK;     x = w * x * r.normal(size=3); return x",
    "a function of which nothing is known": "for t in range(5):MARK;     np.seterr();     x = w * x * np.foo(t); return x",
    "a function of the function": "g = np.sin; for t in range(5):MARK;     x = g(x * w); return x",
    "a closure": "def g(x):;     return x * w; for t in range(5):MARK;     x = g(x); return x",
    "a tuple that is handed on": "s = (x, w); for t in range(5):MARK;     a, b = s;     s = (np.sin(a * b), a); return s[0]",
    "a value that is not there at first": "for t in range(4):MARK;     if t > 1:;         y = x * w;     x = x * w; return x * y",
    "the items of a dict": "p = {'a': x, 'b': w}; for k, v in p.items():MARK;     x = x * v; return x",
    "a name of Python itself": "len = w; for t in range(4):MARK;     x = x * len; return x",
}


@pytest.mark.parametrize("name", NOT_HEEDED)
def test_not_heeded(name: str) -> None:
    text = source(NOT_HEEDED[name])
    with pytest.raises(FlatgradError) as caught:
        transform(text, Options(wrt=("x", "w")))
    found = caught.value.diagnostics[0]
    assert found.code == "FG124"
    assert found.place is not None


# --- which names are read later -----------------------------------------------------------------------------------

LIVE = {
    "a = b; c = a": "b",
    "a = 1; c = a": "",
    "a += 1": "a",
    "x[i] = v": "i v x",
    "a, x[i] = v": "i v x",
    "if t:;     a = 1; else:;     a = 2; c = a": "t",
    "if t:;     a = 1; c = a": "a t",
    "for t in ts:;     a = t; c = a": "a ts",
    "for t in ts:;     c = a;     a = t": "a ts",
    "for t in ts:;     if t:;         break;     a = 1; c = a": "a ts",
    "for t in ts:;     if t:;         continue;     a = 1; c = a": "a ts",
    "while t:;     t = a": "a t",
    "try:;     a = 1; except ValueError:;     a = 2; c = a": "ValueError a",
    "c = [v for v in vs if v > a]": "a vs",
    "c = lambda v: v + a": "a",
    "def g(v):;     return v + a; c = g": "a",
    "with m as c:;     a = 1; d = a": "m",
    "a: float; a = 1.0; c = a": "",
}


@pytest.mark.parametrize("lines", LIVE)
def test_names_that_are_read(lines: str) -> None:
    function = read_module(source(lines)).functions["f"]
    found = Liveness().before(lines_of(function.body), frozenset())
    assert " ".join(sorted(found, key=lambda n: (n.lower() == n, n))) == LIVE[lines]
