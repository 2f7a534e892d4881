"""Backwards that read a cache of the user's: right, or refused, whatever happens to the values that it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_styles import numerical_gradient

from flatgrad.errors import FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import transform

HEAD = '''import numpy as np


def f_forward(x, w):
    """x: (N, D)  w: (D, D)"""
'''

# What the cache holds and what is computed from it: these are printed.
RIGHT = {
    "rebound_both": """\
x0 = x
x = np.tanh(x0 @ w)
out = x @ w
cache = (x0, x, w)
""",
    "rebound_early": """\
cache = (x, w)
x = np.tanh(x @ w)
out = x * x
x = None
""",
    "mutated": """\
h = np.exp(x @ w)
cache = (x, w, h)
h[0] = 0
out = h * h
""",
    "mutated2": """\
h = np.exp(x @ w)
k = h * h
h[0] = 0
out = k * h
cache = (h, k, x, w)
""",
    "view": """\
z = np.zeros((x.shape[0], x.shape[1]))
v = z[1:]
v += (x @ w)[1:]
out = z * z * x
cache = (x, w)
""",
    "view2": """\
z = x @ w
v = z[:, 0]
v *= 2
out = z ** 2
cache = (x, w, v)
""",
    "view3": """\
z = x @ w
v = z[:, 0]
v *= 2
out = z ** 2
cache = (x, w, z)
""",
    "alias": """\
z = x @ w
y = z
y -= 1
out = z ** 3 * y
cache = (x, w)
""",
    "loop": """\
h = x
for i in range(3):
    h = np.tanh(h @ w)
out = h * x
cache = (x, w)
""",
    "loop2": """\
h = x
hs = []
for i in range(3):
    h = np.tanh(h @ w)
    hs.append(h)
out = h * x
cache = (x, w, hs)
""",
    "branch": """\
if x[0, 0] > 0:
    h = x @ w
else:
    h = np.sin(x)
out = h ** 2
cache = (x, w)
""",
    "branch2": """\
s = x.sum() > 0
if s:
    h = x @ w
else:
    h = np.sin(x)
out = h ** 2
cache = (h, w, x)
""",
    "branchcache": """\
if x.sum() > 0:
    out = x @ w
    cache = (x, w)
else:
    out = np.sin(x)
    cache = None
""",
    "dict3": """\
cache = dict(x=x, w=w)
out = (x @ w) ** 2
""",
    "nested": """\
a = x @ w
b = np.exp(a)
out = b * x
cache = ((x, (w,)), {'b': b}, None, 3.0)
""",
    "nested2": """\
a = x @ w
b = np.exp(a)
out = b * x
cache = ((x, (w,)), [b, a], None, 3.0)
""",
    "cachecopy": """\
h = np.exp(x @ w)
cache = (x.copy(), w, h.copy())
h *= 2
out = h * h
""",
    "inverted2": """\
d = x @ w
y = d / (x + 9)
y = np.sin(y)
out = y * d
cache = (y, x, w)
""",
    "inverted3": """\
s = x.sum(axis=0) + 20
d = np.exp(x)
y = d / s
d = y * 2
out = d * d + y @ w
cache = (y, s, w)
""",
    "inplace_after": """\
y = np.exp(x @ w)
out = y * y
cache = (x, w, y)
y += 1
""",
    "augscalar": """\
n = 1
n += x.shape[0]
out = np.exp(x @ w) / n
n = 0
cache = (x, w, n)
""",
    "whileloop": """\
h, n = x, 0
while n < 3:
    h = h @ w
    n += 1
out = h * h
cache = (x, w)
""",
    "swap": """\
x, w = w, x
out = np.exp(x[:2] @ w.T)
cache = (x, w)
""",
    "stale_loop": """\
h = x
for i in range(2):
    g = h @ w
    h = np.tanh(g)
out = g * h
cache = (x, w, g)
""",
    "outkw": """\
z = np.zeros((x.shape[0], x.shape[1]))
np.matmul(x, w, out=z)
out = z * z
cache = (x, w)
""",
    "outkw2": """\
z = np.ones((x.shape[0], x.shape[1]))
y = z * x
np.matmul(x, w, out=z)
out = z * z * y
cache = (x, w, z)
""",
    "shapechange": """\
a = x @ w
a = a.reshape(-1)
out = np.exp(a) * a
cache = (w, x, a)
""",
    "parts": """\
a, b = x[:, :2], x[:, 2:]
out = np.tanh(a) * b[:, :2]
out = out @ w[:2, :2]
cache = (a, b, w)
""",
    "comp": """\
hs = [x * i for i in range(3)]
out = sum(h @ w for h in hs) ** 2
cache = (x, w)
""",
    "with_names": """\
dout = x @ w
dx = dout * 2
out = dx * dout
cache = (dout, dx, w, x)
""",
}  # fmt: skip

# A value that the backward needs is gone, or was drawn, or the cache is put together in another way: what the message names.
REFUSED = {
    "rebound": """\
a = x @ w
x = np.tanh(a)
out = x @ w
cache = (x, w)
""",
    "loop3": """\
h = x
for i in range(3):
    h = np.tanh(h @ w)
out = h * x
cache = (w, h)
""",
    "branch3": """\
s = x.sum() > 0
h = x
if s:
    h = x @ w
    h = h * h
out = h ** 2
x = 0
cache = (h, w)
""",
    "branchcache2": """\
if x.sum() > 0:
    out = x @ w
    cache = (x, w)
else:
    out = np.sin(x)
    cache = (x, w)
""",
    "dict": """\
cache = {}
cache['x'] = x
x = np.tanh(x @ w)
cache['w'] = w
cache['h'] = x
out = x * x
""",
    "dict2": """\
cache = {}
cache['x'] = x
y = np.tanh(x @ w)
cache['x'] = y
cache['w'] = w
out = y * y
""",
    "cacheexpr": """\
s = np.exp(x)
out = s @ w
cache = (2 * s, w)
""",
    "inverted": """\
m = x.mean(axis=1, keepdims=True)
s = np.sqrt(((x - m) ** 2).mean(axis=1, keepdims=True))
y = (x - m) / s
out = y @ w
cache = (y, s, w)
""",
    "walrus": """\
if (s := x.sum()) > 0:
    out = x * s
else:
    out = x @ w
cache = (x, w)
""",
    "random": """\
m = np.random.rand(*x.shape) > 0.5
out = (x @ w) * m
cache = (x, w)
""",
    "random2": """\
r = np.random.default_rng(0)
m = r.random(x.shape) > 0.5
out = (x @ w) * m
cache = (x, w)
""",
    "addat": """\
z = np.zeros((9, x.shape[1]))
np.add.at(z, [1, 1, 2][: x.shape[0]], x[:3])
out = np.exp(z) @ w
cache = (x, w)
""",
    "shapechange2": """\
n = x.shape[0]
x = x[1:]
out = (x @ w) ** 2 / n
cache = (x, w)
""",
    "listmut": """\
hs = [x, w]
hs.append(x @ w)
hs[0] = hs[0] * 2
out = hs[0] * hs[2]
cache = (x, w)
""",
    "listmut2": """\
hs = [x, w]
hs.append(x @ w)
hs[0] = hs[0] * 2
out = hs[0] * hs[2]
cache = (hs,)
""",
}  # fmt: skip


def emitted(body: str, style: str = "cache") -> tuple[Any, Any]:
    """The forward as it stands, and the backward that is printed."""
    lines = "".join(f"    {line}\n" for line in body.strip().split("\n"))
    text = f"{HEAD}{lines}    return out, cache\n"
    own: dict[str, Any] = {}
    exec(text, own)
    made: dict[str, Any] = {}
    exec(transform(text, Options(("f_forward",), style=style)), made)
    return made.get("f_forward", own["f_forward"]), made["f_backward"]


def check(forward: Any, backward: Any) -> None:
    checked = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        args = [rng.normal(size=(3, 4)), rng.normal(size=(4, 4))]
        out, cache = forward(*(a.copy() for a in args))
        if cache is None:
            continue
        dout = rng.normal(size=out.shape)
        gradients, again = backward(dout.copy(), cache), backward(dout, cache)
        for one, other in zip(gradients, again, strict=True):
            np.testing.assert_array_equal(one, other)
        for array, gradient in zip(args, gradients, strict=True):
            expected = numerical_gradient(
                lambda a=args: forward(*(v.copy() for v in a))[0], array, dout
            )
            np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)
        checked += 1
    assert checked


@pytest.mark.parametrize("style", ["cache", "cs231n"])
@pytest.mark.parametrize("body", RIGHT.values(), ids=RIGHT.keys())
def test_the_cache_is_read_right(body: str, style: str) -> None:
    check(*emitted(body, style))


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_cache_does_not_tell_is_refused(body: str) -> None:
    with pytest.raises(FlatgradError) as caught:
        emitted(body)
    assert [d.code for d in caught.value.diagnostics] == ["FG510"]
    assert caught.value.diagnostics[0].place is not None
