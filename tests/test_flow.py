"""Branches and loops: emitted text = differences, for every construct and for every trap in it.

Each function is checked as one function and as a pair: value, gradients, arguments that stay as they are, and a
backward that says the same when it is called twice. `SIZES` tells that the text does not depend on how often a
loop runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from checking import AGREED, REFUSED, Trial, examine, outcome

X = np.array([0.3, 1.2, 0.7])
Y = np.array([0.5, -0.2, 0.9])
M = np.arange(6.0).reshape(2, 3) / 7 + 0.2
S = np.array([[0.5, 0.2, -0.3], [0.1, 0.4, 0.2], [-0.2, 0.3, 0.6]])
NONE = np.zeros(0)
NUMPY = "import numpy as np\n\n\n"


@dataclass(frozen=True)
class Case:
    source: str
    inputs: dict[str, Any]
    wrt: tuple[str, ...]


def case(body: str, *, wrt: str = "", before: str = "", **inputs: Any) -> Case:
    """The body of a function of these inputs; every float is differentiated where `wrt` does not tell."""
    lines = dedent(body).strip("\n").replace("\n", "\n    ")
    helpers = dedent(before).strip("\n") + "\n\n\n" if before else ""
    source = f"{NUMPY}{helpers}def f({', '.join(inputs)}):\n    {lines}\n"
    return Case(source, inputs, tuple(wrt.split()))


# --- loops -----------------------------------------------------------------------------------------------------------

LOOPS = {
    "a tuple of the iteration that a comprehension runs over": case(
        """
        t = 0.0
        for v in x:
            vals = (v * k, v + 1)
            t += sum(np.exp(w) for w in vals)
        return t
        """,
        x=X,
        k=0.8,
    ),
    "a list of the iteration that a loop runs over": case(
        """
        t = 0.0
        for v in x:
            vals = [v * k, v + 1]
            for w in vals:
                t += w**3
        return t
        """,
        x=X,
        k=0.8,
    ),
    "the arguments of an iteration that a comprehension runs over": case(
        """
        t = 0.0
        for v in x:
            t = most(t, v * k, 1.0)
        return t
        """,
        before="""
        def most(*vals):
            m = max(vals)
            return m + np.log(sum(np.exp(v - m) for v in vals))
        """,
        x=X,
        k=0.8,
    ),
    "a comprehension with the variable of the loop around it": case(
        """
        t = 0.0
        for v in x:
            t += sum(v * v * k for v in y) * v
        return t
        """,
        x=X,
        y=Y,
        k=0.8,
    ),
    "a constant list in the test of a skip": case(
        """
        keep = [True, False, True]
        t = 0.0
        for i in range(3):
            if i == 1 or not keep[i] and x[i] > 0:
                continue
            t += x[i] ** 2 * k
        return t
        """,
        x=X,
        k=0.8,
    ),
    "a state joined to the input": case(
        """
        h = np.zeros(3)
        for row in S:
            h = np.tanh(np.concatenate([h, row]) @ W)
        return h
        """,
        S=S,
        W=np.vstack([S, S * 0.5 + 0.1]),
    ),
    "a value that is overwritten and read by the backward": case(
        """
        for i in range(4):
            x = x * x * k
        return x
        """,
        x=1.1,
        k=0.8,
    ),
    "the logistic map": case(
        """
        for _ in range(n):
            x = r * x * (1 - x)
        return x
        """,
        x=0.4,
        r=3.1,
        n=6,
    ),
    "two values, each read by the other": case(
        """
        for i in range(3):
            x = x * y
            y = np.sin(x) + y
        return x - y
        """,
        x=0.9,
        y=1.4,
    ),
    "a swap": case(
        """
        for i in range(3):
            x, y = y, x * y
        return x + 2 * y
        """,
        x=0.9,
        y=1.4,
    ),
    "a swap of three": case(
        """
        a, b, c = x, x * y, y
        for i in range(n):
            a, b, c = b, c, a * b + c
        return a * b - c
        """,
        x=0.9,
        y=1.4,
        n=4,
    ),
    "a swap of arrays": case(
        """
        for i in range(3):
            u, v = v, u * v
        return u
        """,
        u=X,
        v=Y,
    ),
    "no iteration": case(
        """
        y = x * 2
        for i in range(n):
            y = y * x
        return y * x
        """,
        x=1.3,
        n=0,
    ),
    "no iteration over an array": case(
        """
        s = k * k
        for v in x:
            s = s * v
        return s
        """,
        wrt="k",
        x=NONE,
        k=1.3,
    ),
    "no iteration of a while loop": case(
        """
        while x > 10:
            x = x / 2
        return x * x
        """,
        x=1.3,
    ),
    "the loop variable after the loop": case(
        """
        for i in range(3):
            s = x[i] * 2
        return s * x[i] * i
        """,
        x=X,
    ),
    "the item after the loop": case(
        """
        s = 0.0
        for v in x:
            s = s * v + v
        return s * v
        """,
        x=X,
    ),
    "the loop variable changed in the loop": case(
        """
        s = 0.0
        for i in range(3):
            i = i + 1
            s = s + x**i
        return s
        """,
        x=1.3,
    ),
    "a list of indices": case(
        """
        s = 0.0
        for i in [2, 0, 2]:
            s = s * x[i] + x[i]
        return s
        """,
        x=X,
    ),
    "an index that is carried": case(
        """
        j = 0
        s = 1.0
        for i in range(4):
            s = s * x[j] + i
            j = (j + 2) % 3
        return s
        """,
        x=X,
    ),
    "an index that each iteration computes": case(
        """
        s = 0.0
        for i in range(3):
            p = 2 - i
            s = s * x[p] + x[i]
        return s
        """,
        x=X,
    ),
    "the place of the largest of what is left": case(
        """
        y = x * 1.0
        for k in range(2):
            p = k + np.argmax(np.abs(y[k:]))
            if p != k:
                y[[k, p]] = y[[p, k]]
            y[2] -= y[2] * y[k]
        return (y * x).sum()
        """,
        x=np.array([0.3, 0.8, 1.2]),
    ),
    "backwards and in steps": case(
        """
        s = 1.0
        for i in range(len(x) - 1, -1, -2):
            s = s * x[i] + x[i - 1]
        return s
        """,
        x=X,
    ),
    "the number of iterations changes in the loop": case(
        """
        for i in range(n):
            n = n - 1
            x = x * x + n
        return x
        """,
        wrt="x",
        x=0.4,
        n=3,
    ),
    "what is looped over is rebound": case(
        """
        s = 0.0
        for v in x:
            x = x * v
            s = s + x.sum()
        return s
        """,
        x=X,
    ),
    "enumerate and zip": case(
        """
        s = 0.0
        for i, (a, b) in enumerate(zip(x, y)):
            s = s * a + b**2 * i
        return s
        """,
        x=X,
        y=Y,
    ),
    "a carried array": case(
        """
        h = x
        for i in range(3):
            h = np.tanh(w @ h)
        return h.sum()
        """,
        x=X,
        w=S,
    ),
    "an array that is filled": case(
        """
        y = np.zeros(3)
        y[0] = x[0]
        for i in range(1, 3):
            y[i] = y[i - 1] * x[i] + np.sin(y[i - 1])
        return y
        """,
        x=X,
    ),
    "an array that is overwritten part by part": case(
        """
        y = x.copy()
        for i in range(2):
            y[i + 1] *= y[i]
            y[i] = y[i + 1] ** 2
        return y.sum() * y[0]
        """,
        x=X,
    ),
    "an augmented array": case(
        """
        y = x * 1.0
        for i in range(3):
            y *= np.cos(y)
            y += w
        return (y * y).sum()
        """,
        x=X,
        w=Y,
    ),
    "nested loops": case(
        """
        s = 0.0
        for i in range(2):
            r = 1.0
            for j in range(3):
                r = r * m[i, j] + s
            s = s + r * r
        return s
        """,
        m=M,
    ),
    "nested loops, the inner one as long as the outer says": case(
        """
        s = x
        for i in range(4):
            for j in range(i):
                s = s * x + j
            s = np.sin(s)
        return s
        """,
        x=0.7,
    ),
    "two loops, one after the other": case(
        """
        for i in range(2):
            x = x * x
        y = x
        for i in range(3):
            y = y * x + i
        return y
        """,
        x=1.1,
    ),
    "a list that grows": case(
        """
        ys = [x]
        for i in range(3):
            ys.append(ys[-1] * x + i)
        return ys[1] * ys[3]
        """,
        x=1.1,
    ),
    "a value of the last iteration": case(
        """
        for i in range(3):
            last = x * i
            x = x + last * last
        return x * last
        """,
        x=0.3,
    ),
    "a name that is only bound after the first iteration": case(
        """
        s = 0.0
        for i in range(3):
            if i > 0:
                s = s + before * x
            before = x * x + i
        return s
        """,
        x=0.8,
    ),
}

LEAVING = {
    "while": case(
        """
        while x < 10:
            x = x * k + 0.5
        return x
        """,
        x=1.3,
        k=1.7,
    ),
    "while with a counter": case(
        """
        i = 0
        while i < 3:
            x = x * np.cos(x) + i
            i += 1
        return x * i
        """,
        x=0.9,
    ),
    "while with an assignment in its condition": case(
        """
        while (y := x * x) < 10:
            x = x + y * 0.5
        return x * y
        """,
        x=1.3,
    ),
    "while within while": case(
        """
        n = 0
        while x < 20:
            y = x
            while y > 2:
                y = y / 3
            x = x * 1.5 + y
            n = n + 1
        return x * n
        """,
        x=2.7,
    ),
    "break": case(
        """
        s = 0.0
        for i in range(10):
            s = s * x + 1
            if s > 4:
                break
            s = s + x * i
        return s
        """,
        x=1.2,
    ),
    "continue": case(
        """
        s = 0.0
        for v in x:
            s = s + v
            if v > 1:
                continue
            s = s * v
        return s
        """,
        x=X,
    ),
    "break and continue": case(
        """
        s = 1.0
        for i in range(10):
            if i % 2 == 0:
                continue
            s = s * x + i
            if s > 8:
                break
        return s * i
        """,
        x=1.2,
    ),
    "break out of the inner loop only": case(
        """
        s = x
        for i in range(3):
            for j in range(5):
                s = s * x
                if s < 0.2:
                    break
            s = s + 0.4 * x
        return s
        """,
        x=0.7,
    ),
    "while True": case(
        """
        while True:
            x = x * x
            if x > 5:
                break
        return x
        """,
        x=1.4,
    ),
    "else of a loop that ends": case(
        """
        for v in x:
            if v > 5:
                s = v
                break
            s = v * 3
        else:
            s = s * x[0]
        return s
        """,
        x=X,
    ),
    "else of a loop that is left": case(
        """
        s = 0.0
        for v in x:
            if v > 1:
                s = s * v
                break
            s = s + v
        else:
            s = s * 100
        return s
        """,
        x=X,
    ),
    "a return within a loop": case(
        """
        for i in range(10):
            x = x * x
            if x > 3:
                return x * i
        return x
        """,
        x=1.3,
    ),
    "a return within a loop that is not reached": case(
        """
        for i in range(3):
            x = x * x
            if x > 300:
                return x * i
        return x + 1
        """,
        x=1.3,
    ),
    "a return within two loops": case(
        """
        for i in range(3):
            for j in range(3):
                x = x * 1.4
                if x > 4:
                    return x * x
        return x
        """,
        x=1.3,
    ),
}

# --- branches --------------------------------------------------------------------------------------------------------


def both(body: str, wrt: str, first: dict[str, Any], second: dict[str, Any]) -> Any:
    """The same function where the condition holds and where it does not."""
    return [case(body, wrt=wrt, **values) for values in (first, second)]


BRANCHES = {
    "on data": both(
        """
        y = x * k
        if y > 1:
            y = y * y
        return y * x
        """,
        "x k",
        {"x": 1.3, "k": 0.9},
        {"x": 0.3, "k": 0.9},
    ),
    "on data that changes afterwards": both(
        """
        if x > 1:
            x = x * 0.1
        else:
            x = x * 5
        return x * x
        """,
        "x",
        {"x": 1.3},
        {"x": 0.3},
    ),
    "on an element that is overwritten afterwards": both(
        """
        y = x * 1.0
        if y[0] > 1:
            z = y[1] * y[0]
        else:
            z = y[2]
        y[0] = 3 - y[0]
        return z * y[0]
        """,
        "x",
        {"x": X[::-1].copy() + 1},
        {"x": X},
    ),
    "on a flag": both(
        """
        if deep:
            x = np.tanh(x)
        return (x * x).sum()
        """,
        "x",
        {"x": X, "deep": True},
        {"x": X, "deep": False},
    ),
    "on None": both(
        """
        h = x * 2
        if b is not None:
            h = h + b
        return (h * h).sum()
        """,
        "x",
        {"x": X, "b": Y},
        {"x": X, "b": None},
    ),
    "on a string": both(
        """
        if kind == "relu":
            y = np.maximum(0, x)
        elif kind == "tanh":
            y = np.tanh(x)
        else:
            raise ValueError(kind)
        return y * x
        """,
        "x",
        {"x": Y, "kind": "relu"},
        {"x": Y, "kind": "tanh"},
    ),
    "a variable of one branch only": both(
        """
        if n > 1:
            y = x * x
        z = x * 3
        if n > 1:
            z = z * y
        return z
        """,
        "x",
        {"x": 1.3, "n": 2},
        {"x": 1.3, "n": 1},
    ),
    "branches within branches": both(
        """
        if x > 0:
            if y > 0:
                z = x * y
            else:
                z = x - y
                x = z * z
        else:
            z = y
        return z * x
        """,
        "x y",
        {"x": 1.3, "y": 0.4},
        {"x": 1.3, "y": -0.4},
    ),
    "an early return": both(
        """
        if x < 0:
            return x * k
        y = x * x
        if y > 2:
            return y - x
        return np.sin(y) * k
        """,
        "x k",
        {"x": 1.8, "k": 0.4},
        {"x": -1.8, "k": 0.4},
    ),
    "a branch that writes into an array": both(
        """
        y = x * 2
        if n > 0:
            y[0] = y[1] * y[2]
        return y * x
        """,
        "x",
        {"x": X, "n": 1},
        {"x": X, "n": 0},
    ),
    "match": both(
        """
        match n:
            case 1 | 2:
                y = x * x
            case _ if x > 5:
                y = x
            case _:
                y = np.exp(x)
        return y * x
        """,
        "x",
        {"x": 1.3, "n": 2},
        {"x": 1.3, "n": 3},
    ),
    "a branch in a loop": both(
        """
        s = 0.0
        for v in x:
            if v > k:
                s = s + v * v
            else:
                s = s * k - v
        return s
        """,
        "x k",
        {"x": X, "k": 0.5},
        {"x": Y, "k": 0.1},
    ),
    "a branch in a loop on what the loop changes": both(
        """
        for i in range(6):
            if x > 1:
                x = x * 0.4
            else:
                x = x * 1.9 + k
        return x
        """,
        "x k",
        {"x": 1.3, "k": 0.1},
        {"x": -0.3, "k": 0.2},
    ),
    "a loop in a branch": both(
        """
        if n > 0:
            for i in range(n):
                x = x * np.sin(x)
        else:
            x = x * x
        return x
        """,
        "x",
        {"x": 1.3, "n": 3},
        {"x": 1.3, "n": 0},
    ),
}

# --- helpers ---------------------------------------------------------------------------------------------------------

HELPERS = {
    "a helper with a branch": case(
        "return bent(x) * bent(-x) + bent(2 * x)",
        before="""
        def bent(t):
            if t > 0:
                return t * t
            return 0.1 * t
        """,
        x=0.7,
    ),
    "a helper with a loop": case(
        "return power(x, 3) * power(x, 2)",
        before="""
        def power(t, n):
            result = 1.0
            for _ in range(n):
                result = result * t
            return result
        """,
        x=0.7,
    ),
    "a helper within a loop": case(
        """
        for i in range(3):
            x = bent(x - k) + x
        return x
        """,
        before="""
        def bent(t):
            if t > 0:
                return t * t
            return 0.1 * t
        """,
        x=0.7,
        k=0.9,
    ),
    "a helper that calls a helper": case(
        "return outer(x, 2) * k",
        before="""
        def inner(t):
            while t > 1:
                t = t / 2
            return t * t


        def outer(t, n):
            for i in range(n):
                t = inner(t) * 3
            return t
        """,
        x=2.7,
        k=0.9,
    ),
    "two helpers that call each other": case(
        "return even(x, 3) * even(x, 2)",
        before="""
        def even(t, n):
            if n == 0:
                return t
            return odd(t * t, n - 1)


        def odd(t, n):
            if n == 0:
                return 2 * t
            return even(t + 1, n - 1)
        """,
        x=0.7,
    ),
    "recursion": case(
        "return power(x, 4) * x",
        before="""
        def power(t, n):
            if n == 0:
                return 1.0
            return t * power(t, n - 1)
        """,
        x=0.7,
    ),
}

ALL: dict[str, Case] = {
    **LOOPS,
    **LEAVING,
    **HELPERS,
    **{
        f"{name} {i}": one
        for name, pair in BRANCHES.items()
        for i, one in enumerate(pair)
    },
}


# A comprehension with a comprehension that it runs over: refused in forward mode.
WITHOUT_TANGENT = {"the arguments of an iteration that a comprehension runs over"}


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("name", ALL)
def test_flow(name: str, emit: str) -> None:
    found = ALL[name]
    refused = emit == "jvp" and name in WITHOUT_TANGENT
    trial = Trial(found.source, found.inputs, found.wrt, emit=emit)
    assert outcome(trial) == (REFUSED if refused else AGREED)


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("name", list(BRANCHES))
def test_one_text_goes_both_ways(name: str, emit: str) -> None:
    """The text does not depend on the inputs, and is right on either side."""
    first, second = BRANCHES[name]
    trials = [Trial(c.source, c.inputs, c.wrt, emit=emit) for c in (first, second)]
    assert trials[0].emitted() == trials[1].emitted()


IN_PLACE = [n for n in HELPERS if n not in ("recursion", "two helpers that call each other")]  # fmt: skip


def inlined(found: Case) -> str:
    from flatgrad.options import Options
    from flatgrad.pipeline import transform

    return transform(found.source, Options(("f",), found.wrt, inline=True))


@pytest.mark.parametrize("name", IN_PLACE)
def test_helpers_read_in_place(name: str) -> None:
    """With --inline there is one function, with the same numbers."""
    text = inlined(HELPERS[name])
    assert "_forward" not in text
    assert "_backward" not in text
    examine(Trial(HELPERS[name].source, HELPERS[name].inputs), text)


# --- the size of the text --------------------------------------------------------------------------------------------

SIZES = [
    "for i in range({n}):\n        x = x * np.sin(x)\n    return x",
    "i = 0\n    while i < {n}:\n        x = x * np.sin(x)\n        i += 1\n    return x",
    "y = np.zeros({n})\n    for i in range(1, {n}):\n        y[i] = y[i - 1] * x + i\n    return y[-1]",
    "ys = [np.cos(x) * i for i in range({n})]\n    return sum(ys)",
]


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("body", SIZES)
def test_the_text_does_not_grow_with_the_iterations(body: str, emit: str) -> None:
    def text(n: int) -> str:
        source = f"{NUMPY}def f(x):\n    {body.replace('{n}', str(n))}\n"
        trial = Trial(source, {"x": 0.999}, emit=emit)
        return trial.emitted().replace(f"({n})", "(n)").replace(f"{n}", "n")

    assert text(8) == text(800)
