"""The ways in which others are silently wrong (design section 8): right numbers or a located refusal.

`agrees` asks for the right numbers; `safe` is content with a refusal too, since what it shows is rare or far from
straight-line code. Neither ever accepts a wrong number, emitted code that does not run, or a refusal without a place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from checking import (
    AGREED,
    Trial,
    Wrong,
    drawn,
    has_seed,
    leaves,
    load,
    outcome,
    runs,
)
from containers_traps import (
    GIVEN,
    LISTS,
    OF_MODULE,
    OF_MODULE_READ,
    WHOLE,
    WHOLE_OR_REFUSED,
    WRITTEN_ITEMS,
)
from flow_traps import AFTER_RETURN, BESIDE, FLOWING, SHARED
from foreign_traps import CALLED_BACK, FOREIGN, MADE_OF_FOREIGN, module

from flatgrad.errors import FlatgradError

X = np.array([0.3, 1.2, 0.7])
Y = np.array([0.5, 0.2, 0.9])
FOUR = np.array([0.3, 1.2, 0.7, 0.4])
M = np.arange(6.0).reshape(2, 3) / 7 + 0.2
LABELS = np.array([0, 2])


@dataclass(frozen=True)
class Case:
    source: str
    inputs: dict[str, Any]
    must_agree: bool

    @property
    def name(self) -> str:
        text = self.source.removeprefix(NUMPY).split("\n    ", 1)[-1]
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        name = "; ".join(lines)
        return name if len(name) < 100 else f"{name[:40]} ... {name[-50:]}"


NUMPY = "import numpy as np\n\n\n"


def function(body: str, names: Any) -> str:
    lines = "\n".join("    " + line for line in body.split("; "))
    return f"{NUMPY}def f({', '.join(names)}):\n{lines}\n"


def agrees(body: str, **inputs: Any) -> Case:
    """A function with this body, its lines separated by `; `."""
    return Case(function(body, inputs), inputs, True)


def safe(body: str, **inputs: Any) -> Case:
    return Case(function(body, inputs), inputs, False)


def given(body: str, xs: Sequence[Any] = (X, 0.4, M)) -> Case:
    """A function of two arrays, a list and a dict, whose items are of several shapes."""
    held = {"xs": [*xs], "p": {"w": 0.3, "b": Y}}
    source = function(body, ("x", "y", "xs: list", "p"))
    return Case(source, {"x": X, "y": Y, **held}, True)


def is_float(value: Any) -> bool:
    return all(np.asarray(leaf).dtype.kind == "f" for leaf in leaves(value))


def agrees_module(source: str, **inputs: Any) -> Case:
    return Case(NUMPY + source.strip("\n") + "\n", inputs, True)


def safe_module(source: str, **inputs: Any) -> Case:
    return Case(NUMPY + source.strip("\n") + "\n", inputs, False)


# --- 1. broadcasting is undone on either side of every operator ------------------------------------------------

OPERATIONS = [
    "x / y", "y / x", "x ** y", "y ** x", "x * y", "x - y", "np.maximum(x, y)", "np.arctan2(x, y)",
    "np.where(x > 0.4, x * x, y)", "np.logaddexp(x, y)", "np.hypot(y, x)", "np.clip(x, y, 2.0)",
]  # fmt: skip
STRETCHED = [(3,), (2, 1), (1, 3), (1,), (1, 1), (), (2, 3), (4, 1, 1)]


def stretched(shape: tuple[int, ...]) -> Any:
    drawn_numbers = np.random.default_rng(3).uniform(0.3, 0.9, shape)
    return float(drawn_numbers) if shape == () else drawn_numbers


def broadcasts() -> list[Case]:
    found = []
    for operation in OPERATIONS:
        for shape in STRETCHED:
            y = stretched(shape)
            found.append(agrees(f"return {operation}", x=M, y=y))
            stated = f"'''x: (2, 3)  y: {shape}'''; return {operation}"
            found.append(agrees(stated, x=M, y=y))
    return [
        *found,
        agrees("e = np.exp(x); return e / e.sum(axis=1, keepdims=True)", x=M),
        agrees("z = x * y; return (z * z).sum()", x=M[:, :1], y=Y),
        agrees("q = x.max(axis=-1) - np.tanh(x); return np.stack([q, x])", x=M[:, :2]),
        agrees("'''x: (N, D)'''; z = x.sum(axis=0)[np.array([0, 0, 1])]; return np.sum(z + x)", x=M),
        agrees("'''x: (N, D)'''; z = x.sum(axis=0)[[0, 0, 1]]; return np.sum(z * y + x)", x=M, y=Y),
        safe("z = np.sum(y) * 2.0; x = np.tril(x); return z * y", x=X, y=Y),
        safe("x = np.triu(x) * 1.0; return x * y", x=X, y=Y),
        agrees("q = np.tanh(x); q += x.sum(axis=0); return np.stack([x, q])", x=M[:, :2]),
        agrees("'''x: (N, 1)  y: (N,)'''; return (x * y) ** x", x=X[:, None], y=Y),
        agrees("m = x.mean(axis=1, keepdims=True); return m / y", x=M, y=X[:2]),
        agrees("return x @ w + b", x=M, w=M.T, b=0.4),
        agrees("return x @ w + b", x=M, w=M.T, b=X[:2]),
        agrees("return x @ w + b", x=M, w=M.T, b=X[:2, None]),
        agrees("'''x: (N, D)  b: (D,)'''; return (x + b) / x.sum(axis=0)", x=M[:1], b=Y),
        safe("return a * x.sum() + b", a=X[:2], x=Y, b=Y[:2]),
        safe("return a * x.max() / x.sum()", a=M, x=Y),
        safe("return np.linalg.norm(x) * y", x=X, y=Y),
        safe("return x.var() * y + x.std()", x=X, y=Y),
        safe("z = 0.5; z = z + y; return np.sum(z)", y=Y),
        safe("return np.tril(x)", x=X),
        safe("s = 0; s += x; s += y; return (s * s).sum()", x=X, y=Y),
        safe("s = 0.0; s += x; s += y; return (s * x).sum()", x=X, y=Y),
        safe("s = 1; s *= x; t = s; s *= y; return (s * t).sum()", x=X, y=Y),
        agrees("z = x.sum(); z = z + y; z += x; return (z * x).sum()", x=X, y=2.0),
    ]  # fmt: skip


# --- 2. stores: what is overwritten passes no gradient ----------------------------------------------------------

STORES = [
    "m[1] = 0", "m[m > 1] = 0", "m[0:2] = 0.5", "m[::-1] = m", "m[::2] = m[1:2]", "m[...] = y", "m[:] = m[::-1]",
    "m[-1] = m[0] * m[1]", "m[[0, 2]] = y[:2]", "m[[2, 0]] = 0", "m[m > 0.5] = y[m > 0.5]", "m[m > 0.5] *= 2",
    "m[1:] += m[:-1]", "m[:-1] -= m[1:]", "m[0] += m[0]", "m[1] = y.sum()", "m[1:] = y[0]", "m[None] = y",
    "m[np.argsort(m)] = y", "m[0], m[1] = m[1], m[0]", "m[0] = m[1] = x[2]", "m[0] = y[1]; m[1] = m[0] * 2",
    "m[-2:] = y[-2:] * m[:2]", "m[0] = m.sum()", "m[1] **= 2", "m[1:] /= m[0]", "m[::2] = 1 / m[::2]",
    "m[x > 0.5] = x[x > 0.5] * y[x > 0.5]", "m[np.arange(3)[::-1]] *= y", "m[True] = 0", "m[()] = y",
    "m[[True, False, True]] = y[:2]", "m += y", "m -= m", "m *= m", "m **= 2", "m /= m.sum()", "m += m[::-1]",
    "m *= m[0]", "m -= m.mean()", "m[1:] *= m[0]", "m @= np.outer(y, y)", "m[len(x) - 1] *= y[0]",
    "m[x.shape[0] - 1] = 0", "m[~(x > 0.5)] = 0", "m[np.argmax(m)] = 0", "m[slice(0, 2)] = 0",
]  # fmt: skip
MAKES = ["m = x * 1.0", "m = x.copy()", "m = np.exp(x)", "m = np.zeros(3) + x", "m = x"]
READS = "h = m * y; w = np.sin(m) * m"
RESULT = "return (m * h).sum() + (w * y).sum() * m.sum()"


def stores() -> list[Case]:
    found = [
        safe(f"{make}; {READS}; {store}; {RESULT}", x=X, y=Y)
        for store in STORES
        for make in MAKES
    ]
    return [
        *found,
        agrees("m = x * y; m[1] = 0; return (m * x).sum()", x=X, y=Y),
        agrees("m = x * y; m[m > 0.3] = 0; return (m * x).sum()", x=X, y=Y),
        agrees("p = np.exp(x); N = x.shape[0]; p[np.arange(N), y] = 0; return (p * x).sum()", x=M, y=LABELS),
        agrees("m = np.maximum(0, x - y); m[np.arange(2), k] = 0; return m.sum()", x=M, y=X, k=LABELS),
        agrees("w = np.exp(x); x[0] = 0.0; return (w * x).sum()", x=X),
        agrees("z = np.zeros(3); z[0] = x[1] * x[2]; z[1:] = x[:2]; return (z * z).sum()", x=X),
        agrees("z = np.zeros((2, 3)); z[0] = x; z[1, 1:] = x[0]; return (z * z).sum(axis=0)", x=X),
        agrees("z = np.zeros((2, 3)); z[:] = x; z[:, 0] = y[:2]; return z * z", x=X, y=Y),
    ]  # fmt: skip


# --- 3. repeated indices ----------------------------------------------------------------------------------------

REPEATED = [
    agrees("return (x[[0, 0, 2, 0]] ** 2).sum()", x=X),
    agrees("return (W[i] * W[i]).sum(axis=0)", W=M, i=np.array([1, 0, 1, 1])),
    agrees("return W[np.array([0, 0]), np.array([1, 1])] * W[0, 1]", W=M),
    *(
        agrees(f"return W[i, {cut}] ** 2", W=M, i=i)
        for cut in ("1:", ":2", ":", "1:3", "::2", "1::2", "::-1", "-2:")
        for i in (1, np.array([1, 0, 1]))
    ),
    agrees("return np.take(x, [1, 1, 2]) * x", x=X),
    agrees("return W[[0, 0]][:, [1, 1, 0]] * W[0, 0]", W=M),
    agrees("i = np.array([0, 1]); y = x[i] * x[i]; i[0] = 2; return (y * x[i]).sum()", x=X),
    agrees("y = x[i] * x[i]; i = i + 1; return (y * x[i]).sum()", x=X, i=LABELS[:1]),
    agrees("y = x[i] * x[i]; i += 1; return (y * x[i]).sum()", x=X, i=np.array([0, 1])),
    safe("z = x * 1.0; z[[0, 0]] = v; return (z * x).sum()", x=X, v=Y[:2]),
    safe("z = x * 1.0; z[[0, 0]] = v * v; return (z * x).sum()", x=X, v=0.8),
    safe("z = x * 1.0; z[[0, 0, 1]] += v; return (z * x).sum()", x=X, v=Y),
    safe("z = x * 1.0; z[i] = v; return (z * x).sum()", x=X, v=Y, i=np.array([0, 0, 1])),
    safe("z = x * 1.0; z[i] += v; return (z * x).sum()", x=X, v=Y, i=np.array([0, 0, 1])),
    safe("z = x * 1.0; z[i] *= x; return (z * x).sum()", x=X, i=np.array([0, 0, 1])),
    safe("z = x * 1.0; z[i, j] = v; return (z * x).sum()", x=M, v=Y[:2], i=np.array([0, 0]), j=np.array([1, 1])),
    safe("z = np.zeros(3); z[[1, 1]] = x[:2]; return (z * x).sum()", x=X),
    safe("z = np.zeros(3); z[x.argsort() * 0] = x; return (z * x).sum()", x=X),
]  # fmt: skip


# --- 4. keyword and default arguments, closures, module names ----------------------------------------------------

SCOPES = [
    agrees_module("def h(a, b=2.0):\n    return a * b\n\n\ndef f(x, y):\n    return h(x, b=y) + h(b=x, a=y) + h(x)", x=X, y=Y),
    agrees_module("def f(x, *, w=2.0):\n    return x * w", x=X),
    agrees_module("def f(x, w=2.0):\n    return x ** w", x=X, w=1.5),
    agrees_module("def f(x, y):\n    s = x.sum()\n    g = lambda t, k=2.0: t * s * k\n    return g(y) * g(x, k=y)", x=X, y=Y),
    agrees_module("def f(x, y):\n    a = x * y\n    def g(t):\n        return t * a\n    return g(x) * g(y)", x=X, y=Y),
    agrees_module("def f(x):\n    a = x * x\n    g = lambda t: t * a\n    a = a * 2\n    return g(x) + a", x=X),
    agrees_module("A, B = 2.0, 3.0\n\n\ndef f(x):\n    return A * x + B", x=X),
    agrees_module("def f(x):\n    return A * x * x\n\n\nA = 4.0", x=X),
    agrees_module("def h(t, u):\n    u = u\n    return u\n\n\ndef f(x, y):\n    return x * h(x, y ** 2)", x=X, y=Y),
    safe_module("def h(t, u):\n    while t[0] > 9:\n        t = u\n    return t\n\n\ndef f(x, y):\n    z = np.sin(h(x, y))\n    x[0] = 0\n    return z", x=X, y=Y),
    agrees_module("def f(x, y):\n    for k in range(3):\n        def g(t):\n            return t * y[k]\n    return g(x) * x", x=X, y=Y),
    agrees_module("def f(x, y):\n    k = 0\n    while k < 2:\n        g = lambda t: t * y[k]\n        k += 1\n    return g(x) * x", x=X, y=Y),
    safe_module("def f(x, y):\n    for k in range(3):\n        def g(t, s=y[k]):\n            return t * s\n    return g(x) * x", x=X, y=Y),
    safe_module("def f(x, y):\n    gs = []\n    for k in range(3):\n        gs.append(lambda t: t * y[0])\n    return gs[0](x) + gs[1](2.0)", x=X, y=Y),
    safe_module("def f(x, y):\n    gs = []\n    for k in range(3):\n        gs.append(lambda t: t * y[0])\n    return gs[0](2.0) * x[0]", x=X, y=Y),
    agrees_module("def f(x, y, n):\n    act = np.tanh if n > 1 else np.sin\n    n = 0\n    return act(x) * act(y)", x=X, y=Y, n=2),
    agrees_module("def f(x, y):\n    for k in range(3):\n        act = np.tanh if k > 1 else np.exp\n        x = act(x) * y\n    return x", x=X, y=Y),
    safe_module("def f(x, y):\n    for k in range(3):\n        act = np.tanh if k > 1 else np.exp\n    return act(x * y)", x=X, y=Y),
    safe_module("def f(x, y, n):\n    act = np.add if n > 1 else np.multiply\n    z = np.zeros(3)\n    act(x, y, out=z)\n    return z * y", x=X, y=Y, n=2),
    safe_module("def f(x, y, n):\n    act = np.copyto if n > 1 else np.put\n    z = np.zeros(3)\n    act(z, x)\n    return z * y", x=X, y=Y, n=2),
    agrees_module("def h(t, n=2):\n    return 1.0\n    return t\n\n\ndef f(x, n):\n    for i in range(n):\n        s = 0.0\n        x = x * h(s)\n    return x", x=X, n=2),
    agrees_module("def f(x):\n    c = np.pi\n    for k in range(2):\n        e = np.e\n        x = x * c + e\n    return x * e", x=X),
    agrees_module("def f(x, n):\n    c = np.pi if n > 0 else np.e\n    return x * c", x=X, n=2),
    safe_module("def f(x, n):\n    kind = np.float32 if n > 9 else np.float64\n    return x.astype(kind) * x", x=X, n=2),
    safe_module("def f(x, y, n):\n    act = np.sin\n    for i in range(3):\n        x = act(x) * y\n        if i == 0:\n            act = lambda t: t * t\n    return x", x=X, y=Y, n=0),
    safe_module("def f(x, y, n):\n    act = np.sin\n    for i in range(3):\n        x = act(x) * y\n        if i == 0:\n            act = np.exp\n    return x", x=X, y=Y, n=0),
    safe_module("def f(x, y, n):\n    act = np.sin if n > 1 else np.cos\n    for i in range(3):\n        x = act(x) * y\n        if i == 0:\n            act = lambda t: t * t\n    return x", x=X, y=Y, n=0),
    safe_module("def f(x, y, n):\n    act = np.sin if n > 1 else np.cos\n    for i in range(3):\n        x = act(x) * y\n        if i == 0:\n            act = np.exp\n    return x", x=X, y=Y, n=0),
    safe_module("def f(x, y, n):\n    act = lambda t: t * 2\n    for i in range(3):\n        x = act(x) * y\n        if i == 0:\n            act = lambda t: t * t\n    return x", x=X, y=Y, n=0),
    safe_module("def f(x, y, n):\n    act = lambda t: t * 2\n    for i in range(3):\n        x = act(x) * y\n        if i == 0:\n            act = np.exp\n    return x", x=X, y=Y, n=0),
    safe_module("def f(x, y):\n    acts = [np.sin, np.cos]\n    for i in range(3):\n        x = acts[0](x) * y\n        acts = acts[::-1]\n    return x", x=X, y=Y),
    safe_module("def f(x, y):\n    acts = (np.sin, np.cos)\n    for i in range(3):\n        x = acts[0](x) * y\n        if i == 0:\n            acts = (np.cos, np.sin)\n    return x", x=X, y=Y),
    safe_module("def make(a):\n    return lambda t: t * a\n\n\ndef f(x, y):\n    g = make(x)\n    x = x * 2\n    return g(y) * x", x=X, y=Y),
    safe_module("def f(x, y):\n    def make(a):\n        def g(t):\n            return t * a\n        return g\n    g, h = make(x), make(y)\n    x = x * 2\n    return g(y) * h(x)", x=X, y=Y),
    safe_module("def make(a):\n    return lambda t: t * a\n\n\ndef f(x, y):\n    z = x * 1.0\n    g = make(z)\n    z = z * 2\n    return g(y) * z", x=X, y=Y),
    safe_module("def make(a):\n    return lambda t: t * a\n\n\ndef f(x, y):\n    if y[0] > 0:\n        z = x\n    else:\n        z = y * 2\n    g = make(z)\n    z = z * 3\n    return g(y) * z", x=X, y=Y),
    safe_module("def make(a):\n    return lambda t: t * a\n\n\ndef f(x, y):\n    z = 0.0\n    for v in x:\n        g = make(v)\n        v = v * 2\n        z = z + g(y) * v\n    return z", x=X, y=Y),
    safe_module("def make(a):\n    return lambda t: t * a\n\n\ndef f(x, y):\n    z = x * 1.0\n    g = make(z)\n    z[0] = 2\n    return g(y) * z", x=X, y=Y),
    # what a value is made of without a call of an operation that is known
    safe_module("def f(x, y):\n    return np.r_[x, y] ** 2", x=X, y=Y),
    safe_module("def f(x, y):\n    return np.r_[x[0]:y[0] + 9:4j]", x=X, y=Y),
    safe_module("def f(x, y):\n    d = {'a': x} | {'b': y}\n    return d['a']", x=X, y=Y),
    safe_module("def f(x, y):\n    d = {'a': x}\n    d |= {'a': y}\n    return d['a']", x=X, y=Y),
    safe_module("def f(x, y):\n    rng = np.random.default_rng(3)\n    z = x.copy()\n    rng.shuffle(z)\n    return z * y", x=X, y=Y),
    agrees_module("def f(x):\n    rng = np.random.default_rng(0)\n    at = np.arange(3)\n    z = x[at]\n    rng.shuffle(at)\n    return z * np.arange(3)", x=X),
    safe_module("import random\n\n\ndef f(x, y):\n    z = [x, y, x * y]\n    random.Random(1).shuffle(z)\n    return z[0] * 2", x=X, y=Y),
    safe_module("def f(x, y):\n    return eval('x * y')", x=X, y=Y),
    safe_module("def f(x, y):\n    return locals()['x'] * y", x=X, y=Y),
    agrees_module("def f(x, y):\n    return np.linspace(x[0], y[0], 5)", x=X, y=Y),
    safe_module("C = 2.0\nC = 3.0\n\n\ndef f(x):\n    return C * x", x=X),
    safe_module("C = 2.0\nC *= 3.0\n\n\ndef f(x):\n    return C * x", x=X),
    safe_module("C = 2.0\nif True:\n    C = 3.0\n\n\ndef f(x):\n    return C * x", x=X),
    safe_module("C = 1.0\nfor i in range(3):\n    C = C * 2\n\n\ndef f(x):\n    return C * x", x=X),
    safe_module("W = np.zeros(3)\nW[0] = 5.0\n\n\ndef f(x):\n    return W * x", x=X),
    safe_module("W = [1.0]\nW.append(3.0)\n\n\ndef f(x):\n    return W[-1] * x", x=X),
    safe_module("W = np.zeros(3)\nnp.copyto(W, 2.0)\n\n\ndef f(x):\n    return W * x", x=X),
    safe_module("C = 1.0\n\n\ndef g():\n    global C\n    C = 5.0\n\n\ng()\n\n\ndef f(x):\n    return C * x", x=X),
    safe_module("C = 2.0\n\n\ndef h(t):\n    return t * C\n\n\ndef f(x):\n    global C\n    C = x\n    return h(x)", x=2.0),
    safe_module("def f(x):\n    c = x * 2\n    def g():\n        nonlocal c\n        c = c * x\n        return c\n    y = g()\n    return y * c", x=X),
    agrees_module("def h(t):\n    return t * 2\n\n\ndef h(t):\n    return t * 3\n\n\ndef f(x):\n    return h(x)", x=X),
    safe_module("def h(t):\n    return t * 2\n\n\ndef k(t):\n    return t * t\n\n\nh = k\n\n\ndef f(x):\n    return h(x)", x=X),
    safe_module("def h(t):\n    return t * 2\n\n\nif True:\n    def h(t):\n        return t * 3\n\n\ndef f(x):\n    return h(x)", x=X),
    safe_module("def double(g):\n    return lambda t: 2 * g(t)\n\n\n@double\ndef h(t):\n    return t * 3\n\n\ndef f(x):\n    return h(x)", x=X),
    safe_module("def double(g):\n    return lambda t: 2 * g(t)\n\n\n@double\ndef f(x):\n    return x * 3", x=X),
    safe_module("S = 3.0\n\n\ndef h(t, s=S):\n    return t * s\n\n\ndef f(x):\n    S = 5.0\n    return h(x) + S", x=X),
    safe_module("S = 3.0\n\n\ndef h(t, s=S):\n    return t * s\n\n\ndef f(x):\n    S = x * 5.0\n    return h(x) + S", x=X),
    safe_module("C = 3.0\n\n\ndef g(t):\n    return t * C * t\n\n\ndef f(x):\n    y = g(x)\n    C = y * 2\n    return C * x + g(C)", x=X),
    safe_module("def f(x):\n    a = x * x\n    g = lambda t, a=a: t * a\n    a = a * 2\n    return g(x) + a", x=X),
    safe_module("def f(x):\n    a = x * x\n    def g(t, a=a):\n        return t * a\n    a = a * 2\n    return g(x) + a", x=X),
    safe_module("def f(x):\n    a = x * x\n    g = lambda t: t * a\n    y = g(x)\n    a = np.exp(a)\n    return y * a", x=X),
    safe_module("def f(x):\n    a = x * x\n    def g(t):\n        return t * a\n    y = g(x)\n    a = np.exp(a)\n    return y * a + g(x)", x=X),
    safe_module("def f(x):\n    g = lambda t: t * a\n    a = x * x\n    y = g(x)\n    a = 2.0\n    return g(x) * y", x=X),
    safe_module("def make(a):\n    return lambda t: t * a\n\n\ndef f(x, y):\n    a = x * x\n    g = make(a)\n    a = a * 2\n    return g(y) * a", x=X, y=Y),
]  # fmt: skip


# --- 5. complex numbers are never truncated -----------------------------------------------------------------------

COMPLEX = [
    "return (x * 1j * x).real", "return np.abs(np.exp(1j * x) + x)", "return np.real(np.fft.fft(x))", "return np.angle(x + 2j)",
    "z = x + 0j; return np.imag(z * z)", "z = np.zeros(3, dtype=complex); z[0] = x[0]; z[1] = 1j * x[1]; return (z * z).real.sum()",
    "z = np.zeros(3); z[:] = (1j * x * 1j * x).real; return z.sum()", "return np.abs(x.astype(complex) * (1 + 2j))",
    "return ((-x + 0j) ** 0.5).imag", "c = 1j; return (c * x * c * x).real", "return complex(x[0]).real * x",
    "z = np.empty_like(x, dtype=np.complex128); z[:] = x; return (z * z).real",
    "return (x * (1 + 2j)).imag * np.conj(x * 1j).imag", "r = x * 2.0; r[0] = r[1]; return (r * np.exp(1j * r)).imag",
    "'x: (N,)'; s = 0.0; for i in range(3):;     s = s + x[i] * 1j ** i; return abs(s)", "y = x; for i in range(2):;     y = y * 1j + x; return np.abs(y)",
    "z = 1j * x if x[0] > 0 else x; return (z * z).real",
]  # fmt: skip
COMPLEX_OR_REFUSED = [
    "return abs(np.lib.scimath.sqrt(x))", "w, v = np.linalg.eig(np.outer(x, x) + np.diag(x)); return v * w", "w = np.roots([1.0, x[0], 2.0]); return np.abs(w).sum()", "return np.emath.sqrt(-x).imag",
    "return np.sqrt(x, dtype=complex).real", "return np.sum(x, dtype=complex).real", "z = np.sign(x * 1j + 2); return z.real",
    "e = np.linalg.eigvals(np.outer(x, x)); return np.abs(e).sum()", "z = [1j * v for v in x]; return sum(z).imag",
    "d = {'z': 1j * x}; return (d['z'] * x).imag", "z = np.full_like(x, 1); z = z + 1j * x; return np.maximum(z, x).imag",
    "z = []; for v in x:;     z.append(v * 1j); return (np.array(z) * x).imag", "return np.linalg.svd(np.outer(x, 1j * x))[1]",
]  # fmt: skip
SQUARE = np.array([[0.3, 2.1, -0.5], [-1.9, -0.4, 0.2], [0.7, -0.6, 1.8]])
EIGENVALUES = [
    "return np.linalg.eigvals(x)", "w, _ = np.linalg.eig(x); return w * w", "return np.sum(np.abs(np.linalg.eig(x)[0]))",
]  # fmt: skip
COMPLEXES = [
    *(agrees(body, x=X) for body in COMPLEX),
    *(safe(body, x=X) for body in COMPLEX_OR_REFUSED),
    *(
        agrees_module(
            f"{name} = 2 + 1j\n\n\ndef f(x):\n    z = {name} * x\n    return (z * z).real * np.abs({name} * x)",
            x=X,
        )
        for name in (
            "c",
            "D",
            "interval",
            "single_site",
        )  # some look like types of elements
    ),
    agrees("return (x * w * w).real", x=X, w=1 + 2j),
    *(agrees(body, x=SQUARE) for body in EIGENVALUES),
    *(
        agrees(f"'complex x'; {body}", x=SQUARE + 0.7j * SQUARE.T)
        for body in EIGENVALUES
    ),
    agrees("'complex w'; return w.conjugate() * w", w=1 + 2j),
    agrees("'complex w'; return np.copy(w) * w", w=1 + 2j),
    agrees(
        "'''x: complex array of shape (3, 3), w: complex array of shape (3,)'''; return np.power(x, w)",
        x=SQUARE + 2j,
        w=X * 1j,
    ),
    safe("'complex w'; return np.sign(w) * w", w=1 + 2j),
    safe("z = np.zeros_like(w); z[:] = x; return (z * w).real", x=X, w=np.ones(3) * 1j),
]


# --- an array of indices that began as a range -----------------------------------------------------------------------

RANGES = [
    *(
        agrees(f"return x[{index}] * 2", x=X)
        for index in (
            "np.repeat(np.arange(3), 2)", "np.arange(3).repeat([2, 0, 1])", "np.tile(np.arange(3), 2)",
            "np.pad(np.arange(3), 1, mode='edge')", "np.take(np.arange(3), [0, 0, 1])", "np.diff(np.arange(4))",
            "np.resize(np.arange(3), 5)", "np.broadcast_arrays(np.arange(1), x)[0]", "np.insert(np.arange(3), 0, 2)",
            "np.take_along_axis(np.arange(3), np.array([0, 0, 1]), 0)", "np.flatnonzero(x > 0.5)",
            "np.delete(np.arange(3), 1)",
        )
    ),
    *(
        agrees(f"i = np.arange(3); {write}; return x[i] * 2", x=X)
        for write in ("i[1] = 0", "i[i > 0] = 1", "i[:] = 1", "i.fill(1)", "i //= 2", "np.put(i, [1], 0)")
    ),
    *(
        safe(f"i = {index}; z = np.zeros(9); z[i] += x.sum() * np.ones(np.shape(i)); return z", x=X)
        for index in ("np.repeat(np.arange(3), 2)", "np.tile(np.arange(3), 2)", "np.resize(np.arange(3), 5)")
    ),
]  # fmt: skip


# --- column by column ------------------------------------------------------------------------------------------------

COLUMNS = [
    agrees("return np.ravel(m, order='F') * np.arange(6)", m=M),
    agrees("return m.flatten('F') * np.arange(6)", m=M),
    agrees("return m.reshape((3, 2), order='F') * 2", m=M),
    safe("return m.ravel('A') * np.arange(6)", m=M),
    safe("return m.T.ravel('K') * np.arange(6)", m=M),
    *(
        safe(f"z = {made}; v = z.ravel(); v[0] = m[0, 1]; return (z * m).sum()", m=M)
        for made in ("m.copy(order='F')", "np.zeros((2, 3), order='F')", "np.array(m, order='F')", "np.exp(m, order='F')")
    ),
]  # fmt: skip


# --- draws of a generator that the function made ----------------------------------------------------------------------

GENERATORS = [
    agrees("rng = np.random.default_rng(0); z = rng.normal(x, y); return z * rng.uniform(x, 2.0)", x=X, y=Y),
    agrees("rng = np.random.RandomState(0); s = 0.0; for i in range(3): s = s * 0.5 + rng.normal(x[i], y[i]); return s * s", x=X, y=Y),
    safe("rng = np.random.default_rng(0); return rng.gamma(x, y)", x=X, y=Y),
    safe("rng = np.random.default_rng(0); return rng.permutation(x) * y", x=X, y=Y),
]  # fmt: skip


# --- calls that stand for several operations --------------------------------------------------------------------------

SAID = '"""x: (D,)  y: (D,)  m: (N, D)"""; '
SEVERAL = [
    agrees("return np.select([x > 1, x > 0.5], [x**2, y * x], default=y)", x=X, y=Y),
    agrees("return np.choose(i, [x, x * y, y])", x=X, y=Y, i=np.array([0, 1, 2])),
    safe("return np.choose(i, [x, x * y], mode='wrap')", x=X, y=Y, i=np.array([0, 1, 2])),
    *(
        agrees(f"{SAID}return {value}", x=X, y=Y, m=M)
        for value in (
            "np.block([x, y, 0.5]) * m.sum()", "np.block([[m, m * 2], [m * y, m + x]])", "np.stack(np.gradient(m * y)) * x",
            "np.gradient(m * y, 0.3, axis=1, edge_order=2) * x", "np.gradient(x * m[0], 0.2) * y", "np.diff(x * m[0], prepend=y)",
            "np.diff(x, append=y[0]) * m", "np.diff(m, axis=0, prepend=m * y)", "np.cov(x, y) * m.sum()",
            "np.cov(m, m * y, rowvar=False)[0, 4] * x", "np.corrcoef(x, y)[0, 1] * m", "np.sum(m, axis=0, where=m > 0.5) * x * y",
            "np.sum(x, initial=y[0]) * m", "np.prod(m * x, axis=1, where=m > 0.5, initial=2.0) + y.sum()",
            "np.mean(m * x, where=m > 0.5, keepdims=True) + y", "np.max(m * x, axis=0, where=m > 0.5, initial=0.1) * y",
        )
    ),
    safe("p, q = np.unstack(m); return p * q", m=M),
    safe("p, q, r = sorted([a * 2, b, c]); return p * q - r * r", a=0.2, b=0.9, c=0.5),
]  # fmt: skip


# --- 7. np.add.at, out=, augmented subscripts, calls that write ----------------------------------------------------

WRITES = [
    agrees("m = x * 1.0; np.add.at(m, [0, 0, 1], y); return (m * x).sum()", x=X, y=Y),
    agrees("m = x * 1.0; np.add.at(m, np.array([0, 0]), y[0]); return (m * x).sum()", x=X, y=Y),
    agrees("m = np.zeros(3); np.add.at(m, i, y); return m * m", y=Y, i=np.array([2, 0, 2])),
    agrees("m = x * 1.0; m[1] *= y[0]; m[1:] -= x[:-1]; return (m * m).sum()", x=X, y=Y),
    *(
        safe(f"c = x * 1.0; {write}; return (c * x).sum()", x=X, y=Y)
        for write in (
            "np.multiply(x, y, out=c)", "d = np.multiply(x, y, out=c)", "s = np.multiply(x, y, out=c).sum()",
            "assert np.multiply(x, y, out=c) is not None", "np.exp(y, c)", "d = np.maximum(x, y, c)",
            "np.multiply(x[1:], y[1:], out=c[1:])", "np.multiply(x, y, out=c[::-1])", "np.add(c, y, c)",
            "x.clip(0.4, 0.5, out=c)", "d = np.cumsum(x, out=c)", "x.cumsum(out=c)", "np.dot(np.outer(x, y), y, out=c)",
            "c[1:].fill(0.0)", "c.fill(3.0)", "c.fill(y[0])", "c.T.sort()", "c.sort()", "c[::-1].sort()",
            "np.copyto(c, y)", "np.copyto(c[1:], y[1:])", "np.copyto(src=y, dst=c)", "np.put(c, 0, 5.0)",
            "np.putmask(c, x > 0.5, 5.0)", "np.place(c, x > 0.5, [5.0])", "np.random.shuffle(c)",
            "np.fill_diagonal(c[None], 0)", "c.__setitem__(0, 5.0)", "c.__imul__(y)", "d = c.__iadd__(y)",
            "np.subtract.at(c, [0, 0], y[:2])", "np.multiply.at(c, [0, 0], y[:2])", "np.add.at(c.T, [0, 0], y[:2])",
            "np.add.at(c[1:], [0, 0], y[:2])", "np.add.at(a=c, indices=0, b=y[0])", "d = np.add.at(c, 0, y[0])",
            "d = np.nan_to_num(c, copy=False); d *= y", "d = np.array(c, copy=False); d *= y",
            "d = c.astype(float, copy=False); d *= y", "c.put([0], y[0])", "c.partition(1)", "c.flat[0] = 0",
            "c.shape = (3, 1)", "c.resize(2)", "setattr(c, 'shape', (3, 1))", "np.clip(c, 0.4, 0.5, out=c)",
            "np.negative(c, out=c); c *= y", "np.exp(c, out=c, where=x > 0.5)", "c[:], d = y, 1.0", "[c[0]] = [y[0]]",
        )
    ),
    *(
        safe_module(f"import operator\n\n\ndef zero(a):\n    a[0] = 0.0\n    return 1.0\n\n\ndef slow(a):\n    for i in range(2):\n        a[i] = 0.0\n    return 1.0\n\n\ndef f(x, y):\n    c = x * 1.0\n    {write}\n    return (c * x).sum()", x=X, y=Y)
        for write in (
            "zero(c)", "w = zero(c)", "zero(c[1:])", "zero(c.T)", "zero(a=c)", "slow(c)", "w = slow(c)", "slow(c[1:])",
            "w = slow(c[1:])", "w = slow(c) * 2", "operator.imul(c, y)", "d = operator.imul(c, y)",
            "operator.setitem(c, 0, 0.0)", "print(zero(c))", "assert zero(c) == 1.0", "g = zero; g(c)",
            "[zero(c)]", "w = (zero(c), slow(c))", "w = y * zero(c)", "w = np.maximum(slow(c), y)",
            "for i in range(2): w = zero(c)", "if x[0] > 0: w = slow(c)", "with np.errstate(all='ignore'): w = zero(c)",
            "w = [zero(c) for i in range(2)]", "w = list(map(zero, [c]))", "w = zero(c) if x[0] > 0 else 0.0",
            "(lambda a: a.fill(0.0))(c)", "(lambda a: a.sort())(c)", "w = (lambda: zero(c))()",
        )
    ),
]  # fmt: skip


# --- 8. aliases and views --------------------------------------------------------------------------------------------

VIEWS = [
    "c", "c[1:]", "c[::-1]", "c[...]", "c[()]", "c[None]", "c[:, None]", "c.T", "c.transpose()", "c.ravel()", "np.ravel(c)",
    "c.reshape(3, 1)", "np.reshape(c, (3, 1))", "c.reshape(-1, 1)[:, 0]", "np.ndarray.reshape(c, 3)", "c.squeeze()",
    "np.squeeze(c[None], 0)", "np.expand_dims(c, 0)", "np.swapaxes(c[None], 0, 1)", "np.moveaxis(c[None], 0, 1)",
    "np.rollaxis(c[None], 1)", "np.asarray(c)", "np.asarray(c, dtype=float)", "np.asanyarray(c)", "np.ascontiguousarray(c)",
    "np.require(c)", "np.atleast_1d(c)", "np.atleast_2d(c)", "np.atleast_3d(c)", "np.flip(c)", "np.flipud(c)",
    "np.fliplr(c[None])", "np.rot90(c[None])", "np.split(c, 3)[0]", "np.array_split(c, 1)[0]", "np.hsplit(c, 3)[1]",
    "np.vsplit(c[:, None], 3)[0]", "np.real(c)", "c.real", "c.view()", "c.conj()", "c.conjugate()", "np.real_if_close(c)",
    "np.float64(c)", "np.broadcast_arrays(c, c)[0]", "np.lib.stride_tricks.as_strided(c)", "np.trim_zeros(c)",
    'np.einsum("i->i", c)', 'np.einsum("ij->ji", c[None])', "np.diff(c, 0)", "np.diff(c, n=0)",
    "np.linalg.matrix_power(c[None, :1], 1)", "np.meshgrid(c, copy=False)[0]", "np.ix_(c)[0]", "c.data", "memoryview(c)",
    "(c, y)[0]", "[c, y][0]", "(c if True else y)", "max([c], key=len)", 'dict(a=c)["a"]', '{"a": c}["a"]',
    "next(iter([c]))", "tuple([c])[0]", "list((c,))[0]", "sorted([c], key=len)[0]", "(lambda q: q)(c)",
    "(lambda q: q[1:])(c)", "same(c)", "pair(c)[0]", "slow(c)", "c.astype(float, copy=False)", "np.array(c, copy=False)",
    "np.nan_to_num(c, copy=False)", "np.permute_dims(c)", "np.matrix_transpose(c[None])", "c[None].mT", "c.diagonal",
    "np.copy(c)", "c.copy()", "np.array(c)", "+c", "c * 1", "c.flatten()", "c[np.arange(3)]", "c[c > -9]", "c[[0, 1, 2]]",
    "np.sort(c)", "np.where(c > -9, c, c)", "np.concatenate([c])", "c.astype(float)", "np.positive(c)", "np.trace",
]  # fmt: skip
HELPERS = """
def same(q):
    return q


def pair(q):
    return q, q


def slow(q):
    for i in range(2):
        pass
    return q


"""


def aliases() -> list[Case]:
    found = []
    for view in VIEWS:
        for write in ("v *= 0.5", "v[0] = 0.5"):
            head = f"{HELPERS}def f(x, y):\n    c = x * 1.0\n    s = np.exp(c * y)\n"
            both = (
                f"{head}    v = {view}\n    {write}\n    return (c * y).sum() + s.sum()"
            )
            found.append(safe_module(both, x=X, y=Y))
        back = f"{head}    v = {view}\n    c *= y\n    return (np.sum(v) * c * s).sum()"
        found.append(safe_module(back, x=X, y=Y))
    return found


OVERWRITTEN = [
    agrees("x = np.flip(np.exp(x * y)); x[...] *= x[...] * 2; return x", x=X, y=Y),
    agrees("u = x.max(axis=-1)[1:]; u[None] = 0; return u", x=M),
    agrees("v = np.exp(x)[1:]; w = v * y; v[0] = 0.5; return v * w", x=X, y=Y[1:]),
    agrees("'''x: (N, N)'''; u = x - 0.3; return np.sum(np.diag(x.reshape(-1))) + (u * u).sum()", x=M[:, :2]),
    agrees("'''x: (N, N)'''; return np.trace(x * x) + x.diagonal() @ y + (x * x).sum()", x=M[:, :2], y=Y[:2]),
    agrees("z = np.linalg.norm(x); w = np.expand_dims(z[z > 0], 0); return np.tanh(w * y) + z + y", x=X, y=Y),
    Case("def f(x, y):\n    s = x\n    w = (x / (s * s + 1)).reshape(-1)\n    return s, y * s, w\n", {"x": X, "y": Y}, True),
    agrees("'''x: (N, N)'''; x *= 0.5; x[1, :] *= 0.5; return np.diag(x) * np.diag(x)", x=M[:, :2]),
    agrees("'''x: (N, N)'''; return (np.diag(np.diag(x)) * x).sum() - (x * y).sum()", x=M[:, :2], y=M[:, :2]),
    agrees("'''x: (N, N)'''; t = (np.diag(x) * y).sum(); return np.take(-np.diag(x), [0, 0, 1]) * t - x[0, 0] + np.sum(x)", x=M[:, :2], y=Y[:2]),
    agrees("z = x * y; z *= x; z *= y; return np.exp(z) * z", x=X, y=Y),
    agrees("x = x[::-1]; return x", x=X),
    agrees("x = x[::-1]; return (x * x * np.arange(3.0)).sum()", x=X),
    agrees("h = x * y; h = h[::-1]; return h * y", x=X, y=Y),
    agrees("h = x * y; h = h[[2, 1, 0]]; return h * y", x=X, y=Y),
    agrees("h = x * y; h = h[:1]; return h * y", x=X, y=Y),
    agrees("'''x: (N,)'''; x = x[::-1]; return x * np.arange(3.0)", x=X),
    agrees("x = np.log(x * x + 0.5)[:-1]; return x.sum() * x", x=X),
    agrees("h = x[0]; h = h[1:]; h = h * y[:2]; return h", x=M, y=Y),
    agrees("x[...] += x; x *= np.tanh(x); return x", x=X),
    agrees("y[-1] = 0; x = x * y.std(); y = y.min(); return x * y", x=X, y=Y),
    safe("h = out = np.exp(x); out = y; h *= 0.5; return h", x=X, y=Y),
    safe("s = y - x; y, x = x * y, y; x[[0, 1]] += 0.5; return (np.sin(s) * x * y).sum()", x=X, y=Y),
    agrees("x *= y; x *= y; return np.exp(x) * x", x=X, y=Y),
    agrees("x *= y; x *= y; return np.exp(x) * x", x=1.3, y=0.4),
    safe("z = x; z *= y; return (z * x).sum()", x=X, y=Y),
    agrees("'''x: (N,)  y: (N,)'''; z = x; z *= y; return (z * x).sum()", x=X, y=Y),
    agrees("d = x; d[0] -= 1; return (d * x).sum()", x=X),
    agrees("d = x[1:]; w = x * x; d[0] -= 1; return (d * w[1:]).sum()", x=X),
    agrees("p = np.exp(x); p /= p.sum(axis=1, keepdims=True); d = p.copy(); d[np.arange(2), y] -= 1; return d * p", x=M, y=LABELS),
    agrees("p = np.exp(x); s = np.log(p[np.arange(2), y]); d = p; d[np.arange(2), y] -= 1; return (d * d).sum() * s", x=M, y=LABELS),
    agrees("v = x * 1.0; w = v[1:] * y[1:]; v = v * 3.0; return w.sum() + v.sum()", x=X, y=Y),
    agrees("m = x > 0.5; w = x * m; m[0] = True; return (w * x * m + w).sum()", x=X),
    agrees("k = 1; u = x[k:]; k = 2; w = x[k:]; return (u * u).sum() + (w * w).sum()", x=X),
    agrees("k = 1; u = x[k:]; k += 1; w = x[k:]; return (u * u).sum() + (w * w).sum()", x=X),
    agrees("n = 3; w = x ** n; n = 2; return (w * x ** n).sum()", x=X),
    agrees("a, b = x * y, x + y; a, b = b, a; a, b = b * a, a; return a * b", x=X, y=Y),
    agrees("x, y = y, x; x, y = y * x, np.exp(x); return x * y", x=X, y=Y),
    safe("a = x * 1.0; b = y * 1.0; a, b = b, a; a *= b; b *= a; a, b = b, a; return (a * b).sum()", x=X, y=Y),
    safe("a = x * 1.0; b = y * 1.0; a, b = b, a; a[0] = b[1]; b[1:] = a[:2]; return (a * b * x).sum()", x=X, y=Y),
    safe("a = b = x * y; a *= y; return (a * b).sum()", x=X, y=Y),
    safe("a = b = c = x * y; a = a * y; b[0] = 0.0; return (a * b * c).sum()", x=X, y=Y),
    safe("z = x; z *= y; z *= y; return np.exp(z) * z", x=1.3, y=0.4),
    safe("z = np.zeros(()); w = z; z += x; return z * w", x=2.0),
    safe("z = x; z *= y; return z * x", x=np.array(2.0), y=np.array(3.0)),
    safe("z = x[0, ...]; z *= y; return x.sum() * z", x=X, y=3.0),
    safe("z = x[0]; z *= y; return x.sum() * z.sum()", x=M, y=3.0),
    safe("z = x[0]; z *= y; return x.sum() * z", x=X, y=3.0),
    safe("u = x * 1.0; z = u[i]; z *= y; return u.sum()", x=M, y=3.0, i=0),
    safe("u = x * 1.0; a, b = u; a *= y; return u.sum() * b.sum()", x=M, y=3.0),
    safe("u = x * 1.0; a, *b = u; a *= y; return u.sum()", x=M, y=3.0),
    safe("z = x * 1.0; s = np.exp(z[1:] * y[1:]); z[:] = 0.0; return s.sum() + z.sum()", x=X, y=Y),
    safe("'''x: (2, 3)  y: (2, 3)'''; z = x * 1.0; s = np.exp(z.T @ y); z[:] = 0.0; return s.sum() + z.sum()", x=M, y=M + 1),
    safe("z = x * 1.0; v = z[1:]; s = v * y[1:]; z *= 3.0; return s.sum() + z.sum()", x=X, y=Y),
    safe("m = x * 1.0; h = m * y; w = np.sin(m) * m; m = m[::-1]; m[0] = 0; return (m * h).sum() + w.sum()", x=X, y=Y),
    safe("m = x * 1.0; w = np.sin(m) * m; v = m; m = m + 1; v *= y; m = m * v; return (m * w).sum()", x=X, y=Y),
    safe("m = x * 1.0; w = np.sin(m) * m; v = m[1:]; m[1] = 0; m = m * v.sum(); return (m * w).sum()", x=X, y=Y),
    safe("m = x * 1.0; w = m * m; m, v = m[1:], m[:2]; m *= v; return (m * w[1:]).sum() + v.sum()", x=X, y=Y),
    safe("z = x * 1.0; p = (z, y); z *= y; return (p[0] * y).sum()", x=X, y=Y),
    safe("z = x * 1.0; p = [z, y]; z[0] = 0.0; return (p[0] * y).sum()", x=X, y=Y),
    safe("z = x * 1.0; p = [[z], y]; z[0] = 0.0; a, b = p; return (a[0] * b).sum()", x=X, y=Y),
    safe("z = x * 1.0; g = lambda t: (t * z).sum(); z *= y; return g(y)", x=X, y=Y),
    safe("z = x * 1.0; g = lambda t, a=z: (t * a).sum(); z *= y; return g(y)", x=X, y=Y),
    safe_module("def make(a):\n    return lambda t: (t * a).sum()\n\n\ndef f(x, y):\n    z = x * 1.0\n    g = make(z)\n    z *= y\n    return g(y)", x=X, y=Y),
    safe_module("def f(x, y, c=True):\n    z = x * 1.0\n    if c:\n        v = z\n    else:\n        v = x\n    v *= 0\n    return (z * 2).sum()", x=X, y=Y, c=1),
    safe_module("def bump(a):\n    a *= 2.0\n    return a\n\n\ndef f(x, y):\n    z = x * 1.0\n    w = bump(z)\n    return (z * w).sum()", x=X, y=Y),
    safe_module("def bump(a):\n    a *= 2.0\n    return a\n\n\ndef f(x, y):\n    z = x * 1.0\n    return (z * np.exp(bump(z))).sum()", x=X, y=Y),
    safe_module("def bump(a):\n    a *= 2.0\n    return a\n\n\ndef f(x, y):\n    z = x * 1.0\n    return (np.sin(z) + bump(z) + z).sum()", x=X, y=Y),
    safe_module("def h(a, b):\n    a *= 2.0\n    return a + b\n\n\ndef f(x, y):\n    z = x * 1.0\n    return (h(z, z) * y).sum()", x=X, y=Y),
    safe("t = y; out = (t := x * 2.0) * np.exp(t * y); return out", x=X, y=Y),
    safe("out = (t := x * 2.0) * np.exp(t * y); return out * t", x=X, y=Y),
    safe("out = np.exp(x * y) * (x := x * 2.0) * np.sin(x * y); return out * x", x=X, y=Y),
    agrees("out = (t := x * y) * np.exp(t); return out * t", x=X, y=Y),
    Case(f"{NUMPY}def f(x, y):\n    z = x * 1.0; w = z * y; z *= 2\n    return (w * z).sum()\n", {"x": X, "y": Y}, False),
    Case(f"{NUMPY}def f(x, y):\n    z = x * y; u = np.exp(z); z = z * 2; v = np.sin(z); z = z * u; return (z * v).sum()\n", {"x": X, "y": Y}, False),
    Case(f"{NUMPY}def f(x, y): z = x * 1.0; z *= y; z *= x; return z.sum()\n", {"x": X, "y": Y}, False),
]  # fmt: skip


# --- 9 and 12. integers, conversions -----------------------------------------------------------------------------------

BUFFERS = [
    "np.array([0, 0, 0])", "np.array([[1, 2, 3], [3, 4, 5]])", "np.zeros(3, dtype=int)", "np.zeros(3, int)", "np.arange(3)",
    "np.ones((3,), int)", "np.full(3, 0)", "np.full(3, 7, dtype=float)", "np.eye(3, dtype=int)",
    "np.zeros_like(x, dtype=np.int32)", "np.zeros_like([1, 2, 3])", "np.zeros(3, dtype=bool)", "x > 0.5", "x.argsort()",
    "np.where(x > 0.5, 1, 0)", "np.arange(3) * 2", "np.array([1, 2, 3]).copy()", "np.linspace(0, 1, 3)", "np.arange(3.0)",
    "np.array([1.0, 2, 3])", "np.zeros(3, dtype='int64')", "np.asarray([1, 2, 3])",
    "np.concatenate([[1, 2], [3]])", "np.array((1, 2, 3))", "np.identity(3, int)", "np.tile([1, 2, 3], 1)",
]  # fmt: skip
CONVERSIONS = [
    "x.astype(int)", "x.astype(np.int64)", 'x.astype("int32")', "x.astype(bool)", "np.asarray(x, dtype=int)",
    "np.array(x, dtype=int)", "np.array([x[0], x[1]], dtype=int)", "np.array([x[0], x[1]], int)", "np.sum(x, dtype=int)",
    "np.full(3, x[0], dtype=int)", "np.full_like(np.arange(3), x[0])", "np.full_like(x, x[0], dtype=int)",
    "np.int64(x[0])", "int(x[1])", "round(x[1])", "np.floor(x)", "np.rint(x)", "np.trunc(x)", "x // 1", "np.fix(x)",
    "np.array(x, dtype='i')", "np.zeros(3, int) + x.astype(int)", "bool(x[0])", "np.digitize(x, [0.5])", "math.floor(x[0])",
]  # fmt: skip
PASSING = [
    "float(x[0])", "x[0].item()", "x.sum().item()", "np.float64(x.sum())", "np.full_like(y, x[0])", "np.full(3, x[0])",
    "np.full_like(np.zeros(3), x[1])", "x.astype(float)", "np.array([x[0], x[1]])", "np.asarray(x)", "np.array(x)", "float(x.sum())",
    "np.array([[x[0], 1.0], [2.0, x[1]]])", "np.array([x, y])", "np.full((2, 3), x)",
]  # fmt: skip
UNSURE = ["x.item(1)", "np.array(x.tolist())", "np.asarray(x, np.float64)", "np.fromiter(x, float)",
          "x.item(0) * 2", "np.array(list(x))", "np.array([*x])", "np.stack(list(x))", ]  # fmt: skip


def integers() -> list[Case]:
    n = np.array([1, 2, 3])
    return [
        *(safe(f"z = {make}; z[0] = x[0] * 2.5; return (z * 2.0).sum() + x.sum()", x=X, y=Y) for make in BUFFERS),
        *(safe_module(f"import math\n\n\ndef f(x, y):\n    z = {to}\n    return (z * 2.0 * y.mean()) + x.sum()", x=X + 1, y=Y) for to in CONVERSIONS),
        *(agrees(f"z = {to}; return (z * 2.0 * y.mean()) + x.sum()", x=X, y=Y) for to in PASSING),
        *(safe(f"z = {to}; return (z * 2.0 * y.mean()) + x.sum()", x=X, y=Y) for to in UNSURE),
        safe("'''n: (3,) int array'''; z = n.copy(); z[0] = x[0]; return (z * 2.0).sum() + x.sum()", x=X, n=n),
        safe("'''n: (3,) int array'''; z = np.zeros_like(n); z[0] = x[0]; return (z * 2.0).sum() + x.sum()", x=X, n=n),
        safe("'''n: (3,) int array'''; z = np.full_like(n, x[0]); return (z * 2.0).sum() + x.sum()", x=X, n=n),
        agrees("return sum(x.tolist())", x=X),
        agrees("z = (x * 2.0).tolist(); return z[0] * z[2]", x=X),
        agrees("return x.tolist()[0][1] * 2.0", x=M),
        agrees("return np.array(x.tolist()) * x", x=X),
        agrees("return np.size(y, 0) * x * np.size(y)", x=X, y=M),
        agrees("return np.copy(x) * np.array(x)", x=0.7),
        agrees("return x * n + x ** n", x=X, n=n),
        agrees("return x * n", x=X, n=3),
        agrees("return (x[0] * 0.5) ** x[1] + x[0]", x=n),
        agrees("return x[1:] * 0.5", x=n),
        agrees("z = np.zeros(3); z[:2] = x[1:] * 0.5; return z * x", x=n),
        agrees("return np.mean(x) * np.max(x) / x", x=n),
        agrees("return x / y + x ** 2", x=3, y=2),
        agrees("return np.exp(x * 0.1) * x[[0, 0, 1]].sum()", x=n),
    ]  # fmt: skip


INTEGER_WRT = ("x", "y")


# --- 15. random numbers are drawn once ------------------------------------------------------------------------------------

CONSTANT_PARTS = [
    agrees("return np.insert(x, 1, y)", x=X, y=0.6), agrees("return np.insert(x, 0, 1.0, axis=1)", x=M),
    agrees("return np.insert(x, 0, 1, axis=1)", x=M), agrees("return np.concatenate([x, [1.0, 2.0]])", x=X),
    agrees("return np.concatenate([x, x * x], axis=None)", x=M), agrees("return np.stack([y, 1.0])", y=0.6),
    agrees("'''x: array of shape (3,)'''; return np.pad(x, 1, constant_values=2.0)", x=X), agrees("return np.where(x > 0.5, x, 1.0)", x=X),
    agrees("'x: (N,)'; s = np.sum(np.repeat(x, 2) * 1.5); return s * s", x=X),
    safe("return np.atleast_1d(x, y)[0]", x=X, y=Y),
    agrees("'''x: array of shape (2, 3)'''; return np.take_along_axis(x, np.array([[0, 2], [1, 1]]), axis=1)", x=M),
    agrees("'''x: array of shape (2, 3)'''; return np.take_along_axis(x, np.array([0, 3, 3]), axis=None)", x=M),
    safe("'''x: array of shape (2, 3)'''; return np.linalg.lstsq(x.T, np.ones(3), rcond=None)[1]", x=M),
    agrees("'''x: array of shape (2, 3)'''; return np.linalg.svd(x)[1]", x=M),
]  # fmt: skip


RANDOM = [
    agrees("m = np.random.rand(3) < 0.5; return x * m / 0.5", x=X),
    agrees("return x * (np.random.rand(3) < 0.5) / 0.5 * x", x=X),
    agrees("m = (np.random.rand(2, 3) < 0.6) / 0.6; h = np.maximum(0, x) * m; return h * h", x=M),
    agrees("return np.exp(x * np.random.randn(3)) * np.sin(x * np.random.randn(3))", x=X),
    agrees("rng = np.random.default_rng(0); return x * rng.standard_normal(3) * x", x=X),
    agrees("return x * np.random.default_rng(0).standard_normal(3) * np.exp(x)", x=X),
    agrees("eps = np.random.randn(); z = m + np.exp(s) * eps; return z * z", m=1.0, s=0.3),
    agrees("z = m + np.exp(s) * np.random.normal(0, 1, 3); return z * z", m=X, s=Y),
    agrees("i = np.random.permutation(3); return x[i] * x", x=X),
    agrees("z = x ** 2; np.random.shuffle(z); return z * y * np.random.rand(3)", x=X, y=Y),
    agrees("z = x * 2.0; np.random.shuffle(z); return z * z", x=M),
    agrees("rng = np.random.default_rng(3); z = x.copy(); rng.shuffle(z); return z * y * rng.random(3)", x=X, y=Y),
    safe("z = [x, y]; np.random.shuffle(z); return z[0] * z[1]", x=X, y=Y),
    agrees("return x[np.random.randint(0, 3)] * x[np.random.randint(0, 3)] * x", x=X),
    agrees("w = x * x; m = np.random.rand(3); w = w * m; m = np.random.rand(3); return w * m", x=X),
    agrees_module("def noise(t):\n    return t * np.random.randn(3) * t\n\n\ndef f(x):\n    return noise(x) * noise(x)", x=X),
    safe("m = np.random.rand(*x.shape) < 0.5; return x * m / 0.5", x=X),
    safe("z = np.random.normal(m, s); return z * z", m=X, s=Y),
    safe("return x * np.random.uniform(0, s, size=3) * x", x=X, s=2.0),
    safe("return x * np.random.binomial(1, 0.5, size=x.shape) * x", x=X),
    safe_module("import random\n\n\ndef f(x):\n    return x * random.random() * x + x * random.random()", x=X),
    safe_module("from numpy.random import rand\n\n\ndef f(x):\n    return x * rand(3) * x + x ** 2 * rand(3)", x=X),
]  # fmt: skip


# --- 16. names ------------------------------------------------------------------------------------------------------------

NAMES = [
    agrees_module("from scipy.special import erf\n\n\ndef f(x, np):\n    return erf(x) * np", x=X, np=Y),
    agrees_module("from scipy.special import erf\n\n\ndef f(x, y):\n    np = erf(x)\n    return np * y", x=X, y=0.7),
    agrees("dx = x[1] - x[0]; return (x * x).sum() * dx", x=X),
    agrees("dx = x[1] - x[0]; grad_x = x * dx; return (grad_x * x).sum()", x=X),
    agrees("cache = x * y; grad_cache = cache * x; return (grad_cache * cache).sum()", x=X, y=Y),
    agrees("out = x * y; return out * x", x=X, y=Y),
    agrees("return out * grad_out", out=X, grad_out=Y),
    agrees("return x * grad_x", x=X, grad_x=Y),
    agrees("return x * cache", x=X, cache=Y),
    agrees("grad_out = x * y; return np.exp(grad_out * x)", x=X, y=Y),
    agrees("unbroadcast = x * y; return unbroadcast * x", x=M, y=X),
    agrees("return unbroadcast * x / unbroadcast", x=M, unbroadcast=X),
    agrees("matmul_grad_left = x @ y; return matmul_grad_left * x.sum()", x=M, y=X),
    agrees_module("def unbroadcast(t):\n    return t * 3\n\n\ndef f(x, y):\n    return unbroadcast(x) * y", x=M, y=X),
    agrees_module("unbroadcast = 3.0\n\n\ndef f(x, y):\n    return unbroadcast * x * y", x=M, y=X),
    agrees_module("import numpy\n\n\ndef f(x, np):\n    return np * numpy.exp(x) / np", x=M, np=X),
    Case("import numpy\n\nnp = 3.0\n\n\ndef f(x, y):\n    return np * numpy.exp(x) * y\n", {"x": M, "y": X}, True),
    Case("from numpy import exp\n\n\ndef f(x, y):\n    np = exp(x)\n    return np * y\n", {"x": M, "y": X}, True),
    Case("from numpy import exp\n\n\ndef f(x, y):\n    where = exp(x).max()\n    sum = exp(y).max()\n    return where * sum\n", {"x": M, "y": X}, True),
    Case("from numpy import exp as e, sum\n\n\ndef f(x, y):\n    return sum(e(x) * y, axis=0)\n", {"x": M, "y": X}, True),
    Case("import numpy.linalg as la\nimport numpy\n\n\ndef f(x, y):\n    return la.norm(x) * y.sum()\n", {"x": M, "y": X}, True),
    agrees("sum = x + y; max = np.exp(sum); return (sum * max).sum()", x=M, y=X),
    agrees("len = x.shape[0]; range = y.mean(axis=0); return len * range * x.mean()", x=M, y=X),
    agrees_module("def sum(t):\n    return t * 2\n\n\ndef f(x):\n    return sum(x) * x", x=X),
    agrees_module("abs = 3.0\n\n\ndef f(x):\n    return abs * x", x=X),
    agrees_module("def h(t):\n    return t * 2\n\n\ndef f(x, h):\n    return x * h", x=X, h=Y),
    agrees_module("def g(t):\n    y = t * t\n    x = np.exp(y)\n    return x * y\n\n\ndef f(x):\n    y = g(x)\n    return y * x * g(y)", x=X * 0.3),
    agrees_module("def g(t, y):\n    y = t * y\n    t = np.exp(y)\n    return t * y\n\n\ndef f(y, t):\n    z = g(y, t)\n    return z * y * g(t, z)", y=X * 0.3, t=Y),
    agrees_module("def g(t):\n    k = 2\n    return t ** k * np.exp(t * k)\n\n\ndef f(x):\n    k = x * 3\n    return g(x) * k", x=X),
    agrees_module("def f(α, β):\n    γ = α * β\n    return np.exp(γ) * γ", α=X, β=Y),
    agrees_module("def f(x, y):\n    import_ = x * y\n    x0 = import_ * x\n    x = x0 * x\n    return x * x0 * import_", x=X, y=Y),
    agrees("T = x * y; return (x.T * T).sum() * T.T", x=X, y=Y),
    agrees("shape = x.sum(); axis = y.sum(axis=0); return shape * axis * x.reshape(x.shape)", x=M, y=Y),
    agrees("e = x * y; e2 = np.exp(e) * e; a = np.tanh(e2 + e) * e2; return a * e", x=X, y=Y),
]  # fmt: skip


# --- 17. parentheses --------------------------------------------------------------------------------------------------------

PARENTHESES = [
    agrees("return ((t >= 0.6) * (x @ w)).sum() * -(x - w) ** 2 / (x / (w / t))", t=Y, x=X, w=Y + 1),
    agrees("h = (x > 0.5) * (x + y); return h - (y - h) - (x - (y - x))", x=X, y=Y),
    agrees("h = -(x ** 2) ** -y; return (-h) ** 2 / -(x * -y)", x=X, y=Y),
    agrees("return 2 ** -x ** 2 - (x - (y - (x - y))) / (x / (y / x))", x=X, y=Y),
    agrees("return (x + y).sum() * (x * y)[::2].T @ (x - y)[::2]", x=X, y=Y),
    agrees("z = (lambda q: q + y)(x) * x; return z ** (lambda q: q - y)(x + 1)", x=X, y=Y),
    agrees("return x * ~(x > 0.5) + (x < y) * (x + y) - (x > y) * (x - y)", x=X, y=Y),
    agrees("return (x + y) @ (x - y) * (x @ (y * x)) ** (x @ y)", x=X, y=Y),
    agrees_module("def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n\n\ndef f(x, y):\n    return x * add(x, y) - sub(x, sub(y, x)) / add(x, x) ** add(y, y) ** sub(x, y)", x=X, y=Y),
    agrees_module("def neg(a):\n    return -a\n\n\ndef f(x, y):\n    return neg(x) ** 2 - neg(neg(y)) * neg(x + y) ** 2 + 2 ** neg(x)", x=X, y=Y),
    agrees_module("def cond(a, b):\n    return a > b\n\n\ndef f(x, y):\n    return x * cond(x, y) + x * ~cond(x, y)", x=X, y=Y),
    agrees_module("def norm(a, b):\n    return (a - b) / (a + b)\n\n\ndef f(x, y):\n    z = norm(norm(x, y), x - y) ** 2\n    return norm(z, -z / 3) * z", x=X, y=Y),
]  # fmt: skip


# --- patterns that look like softmax and its relatives ----------------------------------------------------------------------

SQUARE = np.arange(9.0).reshape(3, 3) / 7 + np.diag([0.3, -0.2, 0.9])
LOOKALIKES = [
    agrees(body, x=SQUARE)
    for body in (
        "'''x: (N, N)'''; e = np.exp(x - x.max(axis=1)); p = e / e.sum(axis=1, keepdims=True); return p * x",
        "'''x: (N, N)'''; e = np.exp(x - x.max(axis=1)[:, None]); p = e / e.sum(axis=1); return p * x",
        "'''x: (N, N)'''; e = np.exp(x - x.max(axis=0)); p = e / e.sum(axis=1, keepdims=True); return p * x",
        "'''x: (N, N)'''; m = x.max(axis=1); return m + np.log(np.exp(x - m).sum(axis=1))",
        "'''x: (N, N)'''; m = x.max(axis=1, keepdims=True); return m.T + np.log(np.exp(x - m).sum(axis=1))",
        "'''x: (N, N)'''; m = x.max(axis=1); return m.reshape(-1, 1) + np.log(np.exp(x - m[:, None]).sum(axis=1, keepdims=True))",
        "m = x.max(axis=1, keepdims=True); e = np.exp(x - m); return e / e.sum(axis=1, keepdims=True) * m",
        "m = x.max(); e = np.exp(x - m); return e.sum() * (e / e.sum())",
        "s = x - x.max(axis=-1, keepdims=True); e = np.exp(s); return e / e.sum(axis=1, keepdims=True) * s",
        "e = np.exp(x); return e / e.sum(axis=0) + e / e.sum(axis=1) + e / e.sum()",
        "return 1 / (1 + np.exp(x)) + 1 / (1 + np.exp(-x)) + 1 / (2 + np.exp(-x)) + 2 / (1 + np.exp(-x))",
        "return np.exp(x) / (1 + np.exp(-x)) + np.exp(-x) / (1 + np.exp(-x)) + np.log(1 + np.exp(x))",
        "return np.maximum(x, 0.5) * (x > 0.2) + x * (x > 0) * (x < 1.05) + x * (x < 0) + np.where(x > 0, 0, x)",
        "return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)) + (np.exp(x) + np.exp(-x)) / (np.exp(x) - 3 * np.exp(-x))",
        "e = np.exp(x); p = e / e.sum(axis=1, keepdims=True); return np.log(p[np.arange(3), [0, 2, 1]]) * p[[0, 1, 2], [0, 2, 1]]",
        "e = np.exp(x); p = e / e.sum(axis=0, keepdims=True); return np.log(p[np.arange(3), [0, 2, 1]])",
        "e = np.exp(x); p = e / e.sum(axis=1, keepdims=True); return np.log(p[[0, 2, 1], np.arange(3)])",
        "e = np.exp(x); p = e / e.sum(axis=1, keepdims=True); return np.log(p[np.arange(2), [0, 2]])",
    )
]  # fmt: skip


TRAPS: dict[str, list[Case]] = {
    "broadcasting": broadcasts(),
    "stores": stores(),
    "repeated": REPEATED,
    "scopes": SCOPES,
    "complex": COMPLEXES,
    "several": SEVERAL,
    "ranges": RANGES,
    "columns": COLUMNS,
    "generators": GENERATORS,
    "writes": WRITES,
    "aliases": aliases(),
    "overwritten": OVERWRITTEN,
    "integers": integers(),
    "random": RANDOM,
    "names": NAMES,
    "parentheses": PARENTHESES,
    "lookalikes": LOOKALIKES,
    "lists": [safe(body, x=X, y=Y) for body in LISTS],
    "loops and branches": [agrees(body, x=M, y=X, z=Y) for body in FLOWING],
    "loops and branches that may share": [safe(body, x=M, y=X, z=Y) for body in SHARED],
    "lines beside others": [safe(body, x=M, y=X, z=Y) for body in BESIDE],
    "what a number in the text is": CONSTANT_PARTS,
    "called back": [Case(module(body), {"x": X}, False) for body in CALLED_BACK],
    "foreign": [Case(module(body), {"x": X}, False) for body in FOREIGN],
    "made of foreign": [Case(module(body), {"x": X}, True) for body in MADE_OF_FOREIGN],
    "items that are written into": [
        replace(given(body, [X, Y * 2, X * Y]), must_agree=False)
        for body in WRITTEN_ITEMS
    ],
    "lines after a return": [agrees_module(AFTER_RETURN, x=FOUR, order=None)],
    "sets, collections and lists of lists": [
        agrees_module(text, x=FOUR) for text in WHOLE
    ],
    "other collections": [safe_module(text, x=FOUR) for text in WHOLE_OR_REFUSED],
    "written into a variable of the module": [
        agrees_module(text, x=FOUR) for text in OF_MODULE
    ],
    "written for another function": [
        safe_module(text, x=FOUR) for text in OF_MODULE_READ
    ],
    "given lists and dicts": [given(body) for body in GIVEN],
}
CASES = [
    pytest.param(case, id=f"{trap}: {case.name}")
    for trap, cases in TRAPS.items()
    for case in cases
]


@pytest.mark.parametrize("case", CASES)
def test_trap(case: Case) -> None:
    names = [n for n, v in case.inputs.items() if is_float(v)]
    wrt = tuple(names) or tuple(n for n in case.inputs if n in INTEGER_WRT)
    for emit in ("grad", "pair", "jvp"):
        trial = Trial(case.source, case.inputs, wrt, emit=emit)
        if not runs(trial):  # a text is all there is: no crash
            with contextlib.suppress(FlatgradError):
                trial.emitted()
            assert not case.must_agree
            continue
        found = outcome(trial)
        if case.must_agree and found != AGREED:
            trial.emitted()  # tells why


# --- 14. ties and NaN ---------------------------------------------------------------------------------------------------

TIES = [
    "np.max(x)", "x.min()", "np.maximum(x, y)", "np.minimum(x, y)", "np.fmax(x, y)", "np.amax(x)",
    "np.sort(x)", "np.median(x)", "x.max(axis=0)", "x.max(axis=0, keepdims=True)", "np.maximum(x, y) + np.minimum(x, y)",
    "np.sort(x)[::-1]", "np.maximum(np.maximum(x, y), y)", "np.max(np.maximum(x, y))", "max(x[0], x[1])", "np.abs(x - y)",
]  # fmt: skip


@pytest.mark.parametrize("expression", TIES)
def test_at_a_tie_the_parts_add_up_to_the_incoming_gradient(expression: str) -> None:
    """Moving everything that is tied by t moves the result by t, in either direction."""
    x, y = np.array([1.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0])
    trial = Trial(function(f"return {expression}", "xy"), {"x": x, "y": y})
    out = load(trial.text)["f"](x, y)
    moved = load(trial.text)["f"](x + 1e-3, y + 1e-3)
    _, gradients = load(trial.emitted())["f_grad"](x, y, np.ones_like(out))
    total = sum(float(np.sum(g)) for g in gradients)
    assert total == pytest.approx(float(np.sum(moved - out)) / 1e-3)


FINITE = [
    "np.linalg.norm(x)", "np.linalg.norm(x, axis=0)", "np.linalg.norm(x[None], axis=1)", "np.abs(x)", "x ** 0", "x ** 0.0",
    "0 ** x", "0.0 ** x", "x ** 2", "x ** 3.0", "x ** y", "y ** x", "np.sqrt(x * x)", "np.sqrt((x * x).sum())",
    "np.sqrt(np.sum(x ** 2, axis=0))", "np.hypot(x, x)", "np.hypot(x, y)", "np.arctan2(x, y)", "np.sign(x) * x", "np.std(x)",
    "x.std()", "np.var(x)", "np.prod(x)", "np.sinc(x)", "np.where(x > 0, np.sqrt(x), 0.0)", "np.where(x > 0, np.log(x), 0.0)",
    "np.where(x > 0, 1 / x, 0.0)", "np.where(x != 0, np.sin(x) / x, 1.0)", "np.where(x == 0, 1.0, np.sin(x) / x)",
    "np.where(x > 0, x ** 0.5, x)", "np.where(x > 0, x ** -1.5, x)", "np.where(x > 0, np.log(x) * x, y)",
    "np.log(np.where(x > 0, x, 1.0))", "np.where(x > 0, np.arccos(1 - x), x)",
    "np.maximum(x, 0) * np.minimum(x, 0)", "np.clip(x, 0, 1)",
    "np.sqrt(x[0] ** 2 + x[1] ** 2)", "np.sqrt((x ** 2).mean())", "np.sum(x ** 2) ** 0.5", "(x @ x) ** 0.5", "(x ** 2) ** 0.5",
    "np.sqrt(np.dot(x, x))", "np.sqrt(x * x + np.square(x))", "np.sqrt((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2)",
    "np.cumprod(x)", "np.cumprod(x[None], axis=1)", "np.prod(x * x)", "np.linalg.norm(x, 1)", "np.linalg.norm(x, np.inf)",
    "np.linalg.norm(x[None], axis=1, keepdims=True)", "np.linalg.norm(x[:, None] * x)", "x.std(ddof=1)", "np.std(x * 0 + 0.1)",
    "special.pseudo_huber(x, y)", "special.pseudo_huber(y, x)", "special.exprel(x)", "special.i1e(x)", "special.xlogy(x, x + 1)",

]  # fmt: skip
ZEROS = {"zeros": [0.0, 0.0, 0.0], "mixed": [0.0, 0.5, 0.5], "one": [0.0, 0.0, 1.0]}


@pytest.mark.parametrize("start", ZEROS)
@pytest.mark.parametrize("expression", FINITE)
def test_no_nan_where_the_value_is_finite(expression: str, start: str) -> None:
    inputs = {"x": np.array(ZEROS[start]), "y": np.array([2.0, 1.5, 3.0])}
    body = f'''"""x: (N,)  y: (N,)"""; return {expression}'''
    text = f"from scipy import special\n{function(body, 'xy')}"
    trial = Trial(text, inputs, wrt=("x",))
    out = drawn(load(trial.text)["f"], *inputs.values())
    assert np.isfinite(out).all()
    seed = np.ones_like(out)
    _, gradient = drawn(load(trial.emitted())["f_grad"], *inputs.values(), seed)
    assert not np.isnan(gradient).any(), trial.emitted()


# An expression, where it is computed, and what its derivative is there, in closed form.
EXTREME = [
    ("np.log1p(x)", [1e-300, 1e300], [1.0, 1e-300]),
    ("np.expm1(x)", [-50.0, 1e-300, 1.0], [1.9287498479639178e-22, 1.0, 2.718281828459045]),
    ("np.logaddexp(x, 0.0)", [-745.0, 1.0, 800.0], [5e-324, 0.7310585786300049, 1.0]),
    ("np.log(1 + np.exp(x))", [-745.0, -40.0, 30.0], [5e-324, 4.248354255291589e-18, 1 - 9.357622968839299e-14]),
    ("1 / (1 + np.exp(-x))", [-800.0, -30.0, 800.0], [0.0, 9.357622968839299e-14, 0.0]),
    ("special.expit(x)", [-800.0, -30.0, 800.0], [0.0, 9.357622968839299e-14, 0.0]),
    ("special.log_expit(x)", [-800.0, 40.0, 800.0], [1.0, 4.248354255291589e-18, 0.0]),
    ("special.logsumexp(x)", [-745.0, 0.0, 800.0], [0.0, 0.0, 1.0]),
    ("special.log_ndtr(x)", [-800.0, -40.0, 5.0], [800.0012499960937, 40.02496882720, 1.4867199409049057e-06]),
    ("special.gammaln(x)", [1e-300, 1e5, 1e300], [-1e300, 11.512920464961895, 690.7755278982137]),
    ("special.logit(x)", [1e-300, 0.5], [1e300, 4.0]),
    ("np.hypot(x, x)", [1e-200, 1.0, 1e200], [2**0.5, 2**0.5, 2**0.5]),
    ("np.hypot(x, 3 * x)", [1e-300, 1e200], [10**0.5, 10**0.5]),
    ("np.arctan2(x, 1e-200)", [1e-200], [5e199]),
    ("np.arctan2(x, 1e200)", [1e200], [5e-201]),
    ("np.arctan2(1e-200, x)", [1e-200], [-5e199]),
    ("np.linalg.norm(x)", [3e-100, 4e-100], [0.6, 0.8]),
    ("np.linalg.norm(x)", [3e100, 4e100], [0.6, 0.8]),
    ("np.sqrt(np.sum(x ** 2))", [3e-100, 4e-100], [0.6, 0.8]),
    ("np.sqrt(x[0] ** 2 + x[1] ** 2)", [3e-100, 4e-100], [0.6, 0.8]),
    ("np.linalg.slogdet(np.diag(x))[1]", [1e-200, 1e200], [1e200, 1e-200]),
    ("np.std(x)", [1e8, 1e8 + 1, 1e8 + 2], [-(6**-0.5), 0.0, 6**-0.5]),
    ("np.var(x)", [1e8, 1e8 + 1, 1e8 + 2], [-2 / 3, 0.0, 2 / 3]),
    ("np.tanh(x)", [-400.0, 1.0, 400.0], [0.0, 0.41997434161402614, 0.0]),
    ("special.pseudo_huber(x, 1e-4)", [1.0], [2.5e-17 * (1 - 1e-8)]),
    ("special.pseudo_huber(x, 2.0)", [0.0], [2.0]),
    ("special.exprel(x)", [1e-9, 1e-3], [0.5 + 1e-9 / 3, 0.5 + 1e-3 / 3 + 1e-6 / 8]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "start", "slope"), EXTREME)
def test_no_digits_are_lost_at_extreme_arguments(
    expression: str, start: list[float], slope: list[float]
) -> None:
    body = f'''"""x: (N,)"""; return np.sum({expression})'''
    text = f"from scipy import special\n{function(body, 'x')}"
    trial = Trial(text, {"x": np.array(start)})
    _, gradient = drawn(load(trial.emitted())["f_grad"], trial.inputs["x"])
    np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-323)


def test_the_slope_of_a_root_at_zero_is_infinite() -> None:
    """As docs/decisions/degenerate-points.md says: the one-sided derivative, not NaN."""
    trial = Trial(function("return np.sqrt(x)", "x"), {"x": np.array([0.0, 4.0])})
    module = load(trial.emitted())
    _, gradient = drawn(module["f_grad"], trial.inputs["x"], np.ones(2))
    np.testing.assert_array_equal(gradient, [np.inf, 0.25])


# --- outputs, seeds, precision --------------------------------------------------------------------------------------------

OUTPUTS = [
    agrees("a = x * y; return a, a.sum()", x=X, y=Y),
    agrees("a = x * y; return a, a", x=X, y=Y),
    agrees("return x", x=X),
    agrees("return x, y", x=X, y=Y),
    agrees("return x, x * y, x", x=X, y=Y),
    agrees("a = x * y; return a, a[1:], a.sum()", x=X, y=Y),
    agrees("a = x * y; a[0] = 0; return a, a.T, a + a", x=X, y=Y),
    agrees("return x * y, np.exp(x), (x - y).sum()", x=X, y=Y),
    agrees("return x * y, x.argmax()", x=X, y=Y),
    agrees("return x * y, x > y", x=X, y=Y),
    agrees("return x * y, x.shape[0]", x=X, y=Y),
    agrees("return x * y, 3.0", x=X, y=Y),
    agrees("return y", x=X, y=Y),
    agrees("z = x; return z, z * y, z", x=X, y=Y),
    agrees("z = x + y; w = z; u = w; return z, w, u * z", x=X, y=Y),
    agrees("z = np.zeros_like(x); z += x; w = z[:]; return w, z[0], z", x=X),
    agrees("s = x + y; t = s + x; return s + t + s, t", x=X, y=Y),
    safe("return x * y, None", x=X, y=Y),
    safe("return x * y, 'a'", x=X, y=Y),
    safe("return x * y, x.shape", x=X, y=Y),
    safe("return [x * y, x]", x=X, y=Y),
    safe("return x * y, (x, y)", x=X, y=Y),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in OUTPUTS])
def test_outputs_and_seeds(case: Case) -> None:
    """No seed, returned value or cached array is written to, whoever shares it."""
    for emit in ("grad", "pair", "jvp"):
        trial = Trial(case.source, case.inputs, emit=emit)
        if outcome(trial) != AGREED and case.must_agree:
            trial.emitted()


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in OUTPUTS])
def test_gradients_do_not_share_memory_that_is_written(case: Case) -> None:
    """Seeds that may not be written to: whoever adds to one in place fails here."""
    if not case.must_agree:
        pytest.skip("may be refused")
    trial = Trial(case.source, case.inputs)
    inputs = {n: np.array(v) for n, v in case.inputs.items()}
    outs = load(trial.text)["f"](*inputs.values())
    outs = outs if isinstance(outs, tuple) else (outs,)
    seeds = [np.ones_like(out, dtype=float) for out in outs if has_seed(out)]
    for array in (*inputs.values(), *seeds):
        if "x[0] = 0" not in case.source:
            array.flags.writeable = False
    load(trial.emitted())["f_grad"](*inputs.values(), *seeds)


SINGLE = [
    "z = x * y; return np.exp(z) / z.sum() + x.mean()", "return x @ y * x.sum()", "return (x / x.max() - y.mean()) ** 2",
    "e = np.exp(x - x.max()); return e / e.sum()", "z = np.zeros_like(x); z[1:] = x[:-1] * y[1:]; return z / 2",
    "return np.where(x > 0.5, x, 0.1 * x) * 3 + np.maximum(0, y)", "z = x.astype(np.float64); z *= y; return z",
    "return np.linalg.norm(x) * y + np.sqrt(x) * 0.5", "return x.var() * y + x.std()",
]  # fmt: skip
# Buffers of inputs whose type is not stated are float64, and shares of a tie divide by a count.
WIDENED = {SINGLE[i] for i in (2, 3, 4, 6)}


@pytest.mark.parametrize("body", SINGLE)
def test_single_precision(body: str) -> None:
    """float32 in: the numbers agree, and where no buffer is made and nothing counted, the type stays."""
    inputs = {"x": X.astype(np.float32), "y": Y.astype(np.float32)}
    trial = Trial(function(body, inputs), inputs, rtol=1e-4)
    assert outcome(trial) == AGREED
    if body not in WIDENED:
        out = load(trial.text)["f"](*inputs.values())
        _, gradients = load(trial.emitted())["f_grad"](
            *inputs.values(), np.ones_like(out)
        )
        assert {g.dtype for g in gradients} == {np.dtype(np.float32)}


ZERO_DIMENSIONAL = [
    "return x * y + x ** y", "z = x * y; return np.exp(z) / z", "z = x * 1.0; z *= y; return z * z",
    "return np.sum(x) * np.max(y)", "return np.transpose(x) * np.reshape(y, ())", "return np.squeeze(np.transpose(x * y))",
    "return np.swapaxes(np.reshape(x, (1, 1)), 0, 1)[0, 0] * y", "return np.array([x, y]) * x", "z = np.zeros(2); z[0] = x; z[1:] = y; return z * z",
]  # fmt: skip


@pytest.mark.parametrize("body", ZERO_DIMENSIONAL)
@pytest.mark.parametrize(
    "kind", [float, np.float64, np.array, lambda v: np.array(v, np.float32)]
)
def test_scalars_of_every_kind(body: str, kind: Any) -> None:
    """Python numbers, NumPy scalars and arrays without axes."""
    inputs = {"x": kind(0.7), "y": kind(1.4)}
    for emit in ("grad", "pair", "jvp"):
        assert (
            outcome(Trial(function(body, inputs), inputs, emit=emit, rtol=1e-4))
            == AGREED
        )


def test_the_default_wrt_leaves_labels_out() -> None:
    text = function("p = np.exp(x); return p[np.arange(2), y].sum() * w", "xyw")
    module = load(Trial(text, {}).emitted())
    value, (grad_x, grad_w) = module["f_grad"](M, LABELS, 2.0, 1.0)
    assert np.shape(grad_x) == M.shape
    assert grad_w == pytest.approx(value / 2.0)


def test_a_harness_that_finds_nothing_finds_nothing() -> None:
    """The checks themselves notice a wrong gradient, a written argument and a shared cache."""
    trial = Trial(function("return x * x", "x"), {"x": X})
    from checking import examine

    for wrong in (
        "def f_grad(x, g):\n    return x * x, g * x\n",
        "def f_grad(x, g):\n    y = x * x\n    d = 2 * g * x\n    x += 1\n    return y, d\n",
        "def f_grad(x, g):\n    d = 2 * g * x\n    g *= 2\n    return x * x, d\n",
        "def f_grad(x, g):\n    return x * x, (2 * g * x).sum()\n",
    ):
        with pytest.raises(Wrong):
            examine(trial, wrong)
