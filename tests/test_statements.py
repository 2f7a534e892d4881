"""Statements and expressions of other people's habits: each with the right numbers, as one function and as a pair."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from checking import AGREED, Trial, load, outcome

X = np.array([0.3, 1.2, 0.7])
Y = np.array([0.5, -0.2, 0.9])
NUMPY = "import numpy as np\n\n\n"


@dataclass(frozen=True)
class Case:
    source: str
    inputs: dict[str, Any]
    wrt: tuple[str, ...]


def case(source: str, *, wrt: str = "", whole: bool = False, **inputs: Any) -> Case:
    """A function, what to differentiate (every float where not told), and a value for each parameter."""
    text = dedent(source).strip("\n") + "\n"
    return Case(text if whole else NUMPY + text, inputs, tuple(wrt.split()))


CASES = {
    "ternary1": case(
        """
        def f(x, y):
            z = x * y if x > 0 else x - y
            return z * 2
        """,
        x=0.7,
        y=1.3,
    ),
    "ternary1n": case(
        """
        def f(x, y):
            z = x * y if x > 0 else x - y
            return z * 2
        """,
        x=-0.7,
        y=1.3,
    ),
    "ternary nested": case(
        """
        def f(x, y):
            return (x**2 if x < 1 else np.sin(x) if x < 2 else np.exp(-x)) * y
        """,
        x=1.7,
        y=1.3,
    ),
    "ternary arg": case(
        """
        def f(x, w, mode="sum"):
            h = np.tanh(x @ w if mode == "sum" else x * w)
            return h.sum() if h.ndim else h
        """,
        wrt="x w",
        x=X,
        w=Y,
        mode="sum",
    ),
    "ternary array": case(
        """
        def f(x, scale, norm):
            y = (x - x.mean()) / x.std() if norm else x
            return (y * scale).sum()
        """,
        wrt="x scale",
        x=X,
        scale=2.0,
        norm=True,
    ),
    "ternary loop": case(
        """
        def f(x):
            s = 0.0
            for i in range(len(x)):
                s += x[i] ** 2 if x[i] > 0 else -3 * x[i]
            return s
        """,
        x=Y,
    ),
    "ternary loop2": case(
        """
        def f(x, k):
            s = 1.0
            for i in range(len(x)):
                s = s * (x[i] if i % 2 == 0 else np.exp(x[i])) + k
            return s
        """,
        x=Y,
        k=0.3,
    ),
    "ternary tuple": case(
        """
        def f(a, b):
            lo, hi = (a, b) if a < b else (b, a)
            return (hi - lo) * lo ** 2
        """,
        a=1.4,
        b=0.5,
    ),
    "ternary def": case(
        """
        def f(x, b=None):
            b = np.zeros(3) if b is None else b
            return np.sum((x + b) ** 2)
        """,
        wrt="x",
        x=X,
        b=None,
    ),
    "ternary def2": case(
        """
        def f(x, b=None):
            b = np.zeros(3) if b is None else b
            return np.sum((x + b) ** 2)
        """,
        wrt="x b",
        x=X,
        b=Y,
    ),
    "or default": case(
        """
        def f(x, eps=None):
            eps = eps or 1e-3
            return np.sum(x / (x**2 + eps))
        """,
        wrt="x",
        x=X,
        eps=None,
    ),
    "or default2": case(
        """
        def f(x, eps=None):
            return np.sum(x / (x**2 + (eps or 0.1)))
        """,
        wrt="x eps",
        x=X,
        eps=0.7,
    ),
    "and value": case(
        """
        def f(x, w):
            z = w and x * w
            return z * 2.0 + x
        """,
        x=0.4,
        w=1.2,
    ),
    "and cond": case(
        """
        def f(x, w=None):
            out = x ** 2
            if w is not None and w > 0.5:
                out = out * w
            return out
        """,
        x=0.4,
        w=0.8,
    ),
    "and cond none": case(
        """
        def f(x, w=None):
            out = x ** 2
            if w is not None and w > 0.5:
                out = out * w
            return out
        """,
        wrt="x",
        x=0.4,
        w=None,
    ),
    "chain cmp": case(
        """
        def f(x, lo, hi):
            if lo < x < hi:
                y = (x - lo) * (hi - x)
            elif not lo < x:
                y = x ** 3
            else:
                y = 2 * hi - x
            return y
        """,
        x=0.4,
        lo=0.1,
        hi=0.9,
    ),
    "chain cmp call": case(
        """
        def f(x, lo, hi):
            if lo < x < np.sqrt(hi) <= 4:
                y = (x - lo) * (hi - x)
            else:
                y = x ** 3
            return y
        """,
        x=0.4,
        lo=0.1,
        hi=0.9,
    ),
    "in tuple": case(
        """
        def f(x, kind):
            if kind in ("relu", "abs"):
                return np.abs(x).sum()
            if kind not in ("a", "b"):
                return (x ** 2).sum()
            return x.sum()
        """,
        wrt="x",
        x=Y,
        kind="zz",
    ),
    "cond var changed": case(
        """
        def f(x, n):
            if n > 2 and x > 0:
                y = x ** 2
            else:
                y = 3 * x
            n = n - 5
            x = x * y
            if n > 2:
                x = np.sin(x)
            return x
        """,
        wrt="x",
        x=0.8,
        n=4,
    ),
    "cond random": case(
        """
        def f(x, rng=None):
            s = 0.0
            for i in range(6):
                if np.random.rand() < 0.5:
                    s = s + x ** 2
                else:
                    s = s * x
            return s
        """,
        wrt="x",
        x=0.8,
        rng=None,
    ),
    "ternary random": case(
        """
        def f(x):
            return x ** 2 if np.random.rand() < 0.5 else 3 * x
        """,
        x=0.8,
    ),
    "ternary index": case(
        """
        def f(x, flip):
            i = 0 if flip else 2
            return x[i] ** 2 + x[1 if flip else 0]
        """,
        wrt="x",
        x=X,
        flip=False,
    ),
    "ternary none call": case(
        """
        def act(z, kind):
            return np.tanh(z) if kind == "tanh" else np.maximum(z, 0)


        def f(x, w, kind):
            h = act(x * w, kind)
            return (h * x).sum()
        """,
        wrt="x w",
        x=X,
        w=Y,
        kind="tanh",
    ),
    "cond while": case(
        """
        def f(x):
            n = 0
            while n < 5 and x < 3.0:
                x = x * 1.4 if x > 1 else x + 0.5
                n += 1
            return x ** 2
        """,
        x=0.8,
    ),
    "while walrus": case(
        """
        def f(x, a):
            while (e := abs(x * x - a)) > 1e-3:
                x = x - (x * x - a) / (2 * x)
            return x + e
        """,
        x=1.8,
        a=2.0,
    ),
    "walrus if": case(
        """
        def f(x):
            if (m := x.max()) > 1:
                return x.sum() / m
            return x.sum() * m
        """,
        x=X,
    ),
    "match lit": case(
        """
        def f(x, kind, alpha):
            match kind:
                case "relu":
                    y = np.maximum(x, 0)
                # leaky
                case "leaky" | "prelu":
                    y = np.where(x > 0, x, alpha * x)
                case _:
                    y = x
            return (y ** 2).sum()
        """,
        wrt="x alpha",
        x=Y,
        kind="prelu",
        alpha=0.3,
    ),
    "match ret": case(
        """
        def f(x, n, alpha):
            # which one
            match n:
                case 0:
                    return x * alpha
                case 1 | 2:
                    return x ** 2
                case k if k > 4:
                    return x ** k
                case _:
                    raise ValueError(n)
        """,
        wrt="x alpha",
        x=0.8,
        n=5,
        alpha=0.3,
    ),
    "match tuple": case(
        """
        def f(x, a, b):
            match (a, b):
                case ("x", 0):
                    y = x
                case ("x", n):
                    y = x * n
                case (_, _):
                    y = x ** 3
            return y * 2
        """,
        wrt="x",
        x=0.8,
        a="x",
        b=3,
    ),
    "match seq": case(
        """
        def f(x, spec):
            match spec:
                case ("pow", n):
                    y = x ** n
                case [a]:
                    y = x + a
                case None:
                    y = x
                case float(v):
                    y = x * v
                case _:
                    y = -x
            return y * 2
        """,
        wrt="x",
        x=0.8,
        spec=("pow", 3),
    ),
    "match loop": case(
        """
        def f(x, ops):
            s = x
            for op in ops:
                match op:
                    case "sq":
                        s = s * s
                    case "sin":
                        s = np.sin(s)
                    case "stop":
                        break
                    case _:
                        continue
                s = s + x
            return s
        """,
        wrt="x",
        x=0.8,
        ops=["sq", "sin", "zz", "sq", "stop", "sq"],
    ),
    "match all": case(
        """
        def f(x, n):
            match n % 3:
                case 0:
                    return x
                case 1:
                    return x * x
                case _:
                    return x ** 3
        """,
        wrt="x",
        x=0.8,
        n=5,
    ),
    "with err": case(
        """
        def f(x):
            with np.errstate(divide="ignore", invalid="ignore"):
                y = np.log(x)
                z = y / x
            return z.sum()
        """,
        x=X,
    ),
    "with ret": case(
        """
        def f(x):
            with np.errstate(divide="ignore"):
                if x.sum() > 100:
                    return x.sum()
                y = np.log(x)
            return (y * x).sum()
        """,
        x=X,
    ),
    "with ret2": case(
        """
        def f(x):
            # quiet
            with np.errstate(all="ignore"):
                # the value
                return np.sum(np.log(x) * x)
        """,
        x=X,
    ),
    "with loop break": case(
        """
        def f(x):
            s = 0.0
            for v in x:
                with np.errstate(all="ignore"):
                    if v > 1:
                        break
                    s += v ** 2
                s += v
            return s
        """,
        x=X,
    ),
    "with two": case(
        """
        import warnings
        import numpy as np


        def f(x):
            with warnings.catch_warnings(), np.errstate(over="ignore"):
                warnings.simplefilter("ignore")
                e = np.exp(x - x.max())
            p = e / e.sum()
            return (p * x).sum()
        """,
        whole=True,
        x=X,
    ),
    "try raise": case(
        """
        def f(a, b):
            try:
                y = np.linalg.solve(a, b)
            except np.linalg.LinAlgError as err:
                raise ValueError("singular") from err
            return (y ** 2).sum()
        """,
        a=np.array([[1.1, 0.1, 0.1], [0.1, 1.1, 0.1], [0.1, 0.1, 1.1]]),
        b=X,
    ),
    "try ret": case(
        """
        def f(a, b):
            try:
                return np.linalg.solve(a, b).sum()
            except np.linalg.LinAlgError:
                raise
        """,
        a=np.array([[1.1, 0.1, 0.1], [0.1, 1.1, 0.1], [0.1, 0.1, 1.1]]),
        b=X,
    ),
    "try else": case(
        """
        def f(a, b):
            try:
                y = a * b
            except TypeError:
                raise ValueError("no")
            else:
                y = y ** 2
            finally:
                print("done")
            return y
        """,
        a=0.5,
        b=1.5,
    ),
    "try inactive": case(
        """
        def f(a, name):
            try:
                n = int(name)
            except ValueError:
                n = 3
            return a ** n
        """,
        wrt="a",
        a=0.5,
        name="x",
    ),
    "del names": case(
        """
        def f(x, w):
            h = np.tanh(x * w)
            y = h ** 2
            del h, w
            z = y * x
            del y
            return z.sum()
        """,
        x=X,
        w=Y,
    ),
    "assert raise": case(
        """
        def f(x, n):
            assert x.ndim == 1, f"bad {x.shape}"
            if n < 0:
                raise ValueError(f"n is {n:>3}")
            print(f"n={n} x={x!r}")
            return (x ** n).sum()
        """,
        wrt="x",
        x=X,
        n=2,
    ),
    "fstring print": case(
        """
        def f(x):
            s = 0.0
            for i, v in enumerate(x):
                s += v ** 2
                msg = f"{i}: {s:.3f}"
                print(msg)
            label = f"const"
            return s if label else x.sum()
        """,
        x=X,
    ),
    "semicolons": case(
        """
        def f(x, y):
            a = x * y; b = a + x; c = a * b
            if x > 0: a = a * 2; c = c + a
            return c
        """,
        x=0.4,
        y=0.9,
    ),
    "lambda assign": case(
        """
        def f(x):
            sq = lambda v: v ** 2
            act = lambda v: sq(v) if v > 0.5 else v
            return act(x) * act(2 * x)
        """,
        x=0.4,
    ),
    "import inside": case(
        """
        def f(x):
            import math
            from math import sin as s
            "a remark"
            return s(x) * math.exp(x)
        """,
        x=0.4,
    ),
    "while true": case(
        """
        def f(x):
            n = 0
            while True:
                x = np.sin(x) + 0.3
                n += 1
                if n >= 4:
                    break
            return x
        """,
        x=0.4,
    ),
    "while true two": case(
        """
        def f(x, tol):
            n = 0
            while True:
                new = 0.5 * (x + 2 / x)
                if abs(new - x) < tol:
                    return new
                x = new
                n += 1
                if n > 50:
                    break
            return x * 2
        """,
        wrt="x",
        x=1.4,
        tol=0.01,
    ),
    "for else": case(
        """
        def f(x, t):
            s = 0.0
            for v in x:
                s = s + v * v
                if s > t:
                    s = s * 2
                    break
            else:
                s = s - 1.0
            return s ** 2
        """,
        wrt="x",
        x=X,
        t=1.0,
    ),
    "for else2": case(
        """
        def f(x, t):
            s = 0.0
            for v in x:
                s = s + v * v
                if s > t:
                    s = s * 2
                    break
            else:
                s = np.sin(s)
            return s ** 2
        """,
        wrt="x",
        x=X,
        t=100.0,
    ),
    "while else": case(
        """
        def f(x, t):
            n = 0
            while n < 4:
                x = x * 1.3 + 0.1
                if x > t:
                    break
                n += 1
            else:
                x = np.sqrt(x)
            return x ** 2
        """,
        wrt="x",
        x=0.3,
        t=100.0,
    ),
    "nested break": case(
        """
        def f(x):
            s = 0.0
            for v in x:
                if v > 0:
                    if v > 1:
                        break
                    s += v ** 2
                s = s * 1.5 + v
            return s
        """,
        x=np.array([0.3, -0.4, 0.5, 1.4, 0.2]),
    ),
    "nested continue": case(
        """
        def f(x):
            s = 0.0
            for i in range(len(x)):
                if x[i] < 0:
                    if i % 2:
                        continue
                    s = s * x[i]
                else:
                    s += 1.0
                s = s + x[i] ** 2
            return s
        """,
        x=np.array([0.3, -0.4, 0.5, 1.4, -0.2]),
    ),
    "continue while": case(
        """
        def f(x):
            i = 0
            s = 1.0
            while i < 6:
                i += 1
                if i % 3 == 0:
                    continue
                if i == 5:
                    break
                s = s * x + i
            return s
        """,
        x=0.4,
    ),
    "loop if loop": case(
        """
        def f(x, k):
            s = 0.0
            for i in range(3):
                if i > 0:
                    t = x
                    for j in range(i):
                        if j == k:
                            continue
                        t = t * x + s
                    s += t
                else:
                    s = x * x
            return s
        """,
        wrt="x",
        x=0.4,
        k=1,
    ),
    "unreachable": case(
        """
        def f(x):
            return x ** 2
            y = x * 3
            return y
        """,
        x=0.4,
    ),
    "hints": case(
        """
        def f(x: float, y: "float" = 1.0) -> float:
            a: float = x * y
            b: float
            b = a + x
            pass
            ...
            if False:
                b = None
            return b * a
        """,
        x=0.4,
        y=0.8,
    ),
    "guards": case(
        """
        def f(x, n):
            # no
            if n is None:
                raise ValueError("n")

            # small
            if n == 0:
                return x

            if n == 1:
                return x ** 2

            # else
            y = np.sin(x)
            return y * n
        """,
        wrt="x",
        x=0.4,
        n=3,
    ),
    "deep": case(
        """
        def f(x, a, b):
            if a > 0:
                if b > 0:
                    if x > 1:
                        return x ** 2
                    y = x * 3
                else:
                    return x - b
                y = y + a
            else:
                y = x * b
                if b > 3:
                    return y
            return y ** 2
        """,
        x=0.4,
        a=1.0,
        b=2.0,
    ),
    "ret loop loop": case(
        """
        def f(x, t):
            s = 0.0
            for i in range(4):
                for j in range(3):
                    s = s + x * (i + j)
                    if s > t:
                        return s ** 2
                s = s * x
            return s
        """,
        wrt="x",
        x=0.9,
        t=9.0,
    ),
    "ret loop loop2": case(
        """
        def f(x, t):
            s = 0.0
            for i in range(4):
                for j in range(3):
                    s = s + x * (i + j)
                    if s > t:
                        return s ** 2
                s = s * x
            return s
        """,
        wrt="x",
        x=0.9,
        t=900.0,
    ),
    "ret tuple": case(
        """
        def f(x, y):
            if x > y:
                d = x - y
                return d, x
            e = y - x
            return e * 2, y
        """,
        x=0.9,
        y=1.4,
    ),
    "ret tuple2": case(
        """
        def f(x, y, n):
            if n < 3:
                return x, y
            x, y = y, x * y
            if n < 5:
                return y, x
            return x * x, y
        """,
        wrt="x y",
        x=0.9,
        y=1.4,
        n=4,
    ),
    "ret else": case(
        """
        def f(x):
            if x > 2:
                return x ** 2
            elif x > 1:
                y = x * 2
                return y
            else:
                z = x
                z = z * np.exp(z)
                return z
        """,
        x=0.9,
    ),
    "while ret": case(
        """
        def f(x):
            i = 0
            while i < 10:
                x = x * 1.2
                if x > 2:
                    return x ** 2
                i += 1
            raise RuntimeError("no")
        """,
        x=0.9,
    ),
    "while true ret": case(
        """
        def f(x):
            while True:
                x = x * 1.2
                if x > 2:
                    return x ** 2
        """,
        x=0.9,
    ),
    "while true nested": case(
        """
        def f(x, tol):
            k = 0
            while True:
                y = np.cos(x)
                if abs(y - x) < tol:
                    break
                k += 1
                if k > 30:
                    raise RuntimeError("no")
                x = y
            return y * 2
        """,
        wrt="x",
        x=0.9,
        tol=0.05,
    ),
    "ret in loop else": case(
        """
        def f(x, t):
            for v in x:
                if v > t:
                    return v ** 2
            else:
                z = x.sum()
            return z * 2
        """,
        wrt="x",
        x=X,
        t=5.0,
    ),
    "ret for simple": case(
        """
        def f(x, t):
            # find it
            for i in range(len(x)):
                if x[i] > t:
                    # here
                    return x[i] ** 2 * i

            # nothing
            return x.sum()
        """,
        wrt="x",
        x=X,
        t=1.0,
    ),
    "break and ret": case(
        """
        def f(x, t):
            s = 1.0
            for v in x:
                if v > 5:
                    return s
                if v > t:
                    break
                s = s * v
            return s + t
        """,
        wrt="x t",
        x=X,
        t=1.0,
    ),
    "elif chain": case(
        """
        def f(x, k):
            if k == "a":
                y = x
            elif k == "b" or k == "c":
                y = x ** 2
            elif k.startswith("d") and not k.endswith("z"):
                y = x ** 3
            elif isinstance(k, str):
                y = np.sin(x)
            else:
                raise TypeError(k)
            return y
        """,
        wrt="x",
        x=0.7,
        k="de",
    ),
    "elif hoist": case(
        """
        def f(x, w):
            if np.dot(x, w) > 3:
                y = x * 2
            elif np.dot(x, x) > 1:
                y = x ** 2
            else:
                y = w * x
            x = x * 0
            w = w + y
            return (w * y).sum()
        """,
        x=X,
        w=Y,
    ),
    "elif hoist loop": case(
        """
        def f(x, w):
            s = 0.0
            for i in range(3):
                if np.dot(x, w) > 3:
                    w = w * 0.5
                elif np.dot(x, x) > 1.5:
                    w = w + x ** 2
                else:
                    w = w * x
                x = x * 0.8
                s = s + w.sum()
            return s
        """,
        x=X,
        w=Y,
    ),
    "cond pop": case(
        """
        def f(x, it):
            s = x
            vals = iter([1, 0, 1])
            for i in range(3):
                if next(vals):
                    s = s * x
                else:
                    s = s + x ** 3
            return s
        """,
        wrt="x",
        x=0.7,
        it=0,
    ),
    "not flag": case(
        """
        def f(x, train):
            if not train:
                return x * 2
            return x ** 2
        """,
        wrt="x",
        x=0.7,
        train=False,
    ),
    "flag or cmp": case(
        """
        def f(x, n, flag=False):
            ok = flag or n > 2
            if ok and not flag:
                y = x ** 2
            else:
                y = x
            return y if ok else -y
        """,
        wrt="x",
        x=0.7,
        n=3,
        flag=False,
    ),
    "cmp value": case(
        """
        def f(x):
            s = (x > 0.5) * x + (x <= 0.5) * x ** 2
            n = int(x[0] > 0) + 1
            return s.sum() * n
        """,
        x=X,
    ),
    "dict cond": case(
        """
        def f(x, cfg):
            if cfg["mode"] == "a" and cfg.get("k", 2) > 1:
                return x ** 2
            if "z" in cfg:
                return x * cfg["z"]
            return x
        """,
        wrt="x",
        x=0.7,
        cfg={"mode": "b", "z": 3.0},
    ),
    "attr cond": case(
        """
        def f(x, w):
            if x.ndim == 1 and x.shape[0] > 2:
                y = x * w
            else:
                y = x
            if len(x) % 2:
                y = y ** 2
            return y.sum()
        """,
        x=X,
        w=0.4,
    ),
    "isnone chain": case(
        """
        def f(x, mask=None, w=None):
            y = x ** 2
            if mask is not None:
                y = y * mask
            n = mask.sum() if mask is not None else x.size
            y = y.sum() / n
            if w is None:
                return y
            return y * w
        """,
        wrt="x w",
        x=X,
        mask=np.array([1.0, 0.0, 1.0]),
        w=0.4,
    ),
    "isnone chain2": case(
        """
        def f(x, mask=None, w=None):
            y = x ** 2
            if mask is not None:
                y = y * mask
            n = mask.sum() if mask is not None else x.size
            y = y.sum() / n
            if w is None:
                return y
            return y * w
        """,
        wrt="x",
        x=X,
        mask=None,
        w=None,
    ),
    "huber2": case(
        """
        def huber(r, delta):
            a = abs(r)
            return 0.5 * r * r if a <= delta else delta * (a - 0.5 * delta)


        def f(r, delta):
            s = 0
            for v in r:
                s += huber(v, delta)
            return s
        """,
        r=Y,
        delta=0.4,
    ),
    "minmax": case(
        """
        def f(a, b, c):
            m = a if a > b else b
            m = c if c > m else m
            lo = a if (a < b and a < c) else (b if b < c else c)
            return m * lo
        """,
        a=0.5,
        b=1.4,
        c=0.9,
    ),
    "ternary seq": case(
        """
        def f(x, w, bias=None):
            h = x @ w + (bias if bias is not None else 0.0)
            h = h * (0.5 if h.sum() > 0 else 2.0)
            return (h ** 2).sum()
        """,
        x=np.array([[0.3, 1.2, 0.7]]),
        w=np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
        bias=np.array([0.1, 0.2]),
    ),
    "ternary in call": case(
        """
        def f(x, w, last=False):
            out = np.tanh(np.dot(x, w if not last else w * 2) + (x.sum() if last else 0))
            return out
        """,
        wrt="x w",
        x=X,
        w=Y,
        last=True,
    ),
    "or array": case(
        """
        def f(x, xs=None):
            xs = xs or [1.0, 2.0]
            s = 0.0
            for v in xs:
                s = s + v * x ** 2
            return s
        """,
        wrt="x",
        x=0.3,
        xs=None,
    ),
    "flag in loop": case(
        """
        def f(x):
            found = False
            s = 0.0
            for v in x:
                if not found and v > 1:
                    found = True
                    s = s + v ** 3
                elif found:
                    s = s + v
                else:
                    s = s * v + 1
            return s if found else -s
        """,
        x=X,
    ),
    "try in loop": case(
        """
        def f(x):
            s = 0.0
            for i in range(3):
                try:
                    t = x[i] ** 2
                except IndexError:
                    raise ValueError("x")
                s = s + t * x[0]
            return s
        """,
        x=X,
    ),
    "with in loop": case(
        """
        def f(x):
            s = 1.0
            for i in range(3):
                with np.errstate(all="ignore"):
                    t = x[i] ** 2 * s
                    s = np.sin(t)
            return s
        """,
        x=X,
    ),
    "while two": case(
        """
        def f(x, tol):
            err, k = 1.0, 0
            while err > tol and k < 20:
                new = np.cos(x)
                err = abs(new - x)
                x = new
                k += 1
            return x
        """,
        wrt="x",
        x=0.3,
        tol=0.05,
    ),
    "while not": case(
        """
        def f(x):
            done = False
            while not done:
                x = x * 1.5
                if x > 3:
                    done = True
            return x ** 2
        """,
        x=0.3,
    ),
}


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("name", CASES)
def test_statements(name: str, emit: str) -> None:
    found = CASES[name]
    assert outcome(Trial(found.source, found.inputs, found.wrt, emit=emit)) == AGREED


# `# flatgrad: stop`: the function, and one that has the same gradient, in which the marked value is a parameter.
STOPPED = {
    "a line": ("m = x * w  # flatgrad: stop; return x * m", lambda x, w: (x * w, 0.0)),
    "the line above": ("# flatgrad: stop; m = x * w; return x * m", lambda x, w: (x * w, 0.0)),
    "an augmented assignment": (
        "m = x * w; m += x  # flatgrad: stop; return x * m", lambda x, w: (x * w + x, 0.0),
    ),
    "a tuple": (
        "a, b = x * w, x + w  # flatgrad: stop; return x * a + b * w", lambda x, w: (x * w, x + w),
    ),
    "an element": (
        "y = np.zeros(2); y[0] = x * w; y[1] += x * w  # flatgrad: stop; return y[0] + y[1] * x",
        lambda x, w: (w + x * w, x),
    ),
    "a branch": (
        "if x > 0:;     k = x * w  # flatgrad: stop; else:;     k = w; return x * k", lambda x, w: (x * w, 0.0),
    ),
    "a loop": (
        "s = x; for i in range(2):;     k = s * w  # flatgrad: stop;     s = s + k * x; return s",
        lambda x, w: (1 + x * w + (x + x * w * x) * w, 0.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STOPPED)
def test_stopped(name: str) -> None:
    body, expected = STOPPED[name]
    lines = "\n".join("    " + line for line in body.split("; "))
    trial = Trial(f"{NUMPY}def f(x, w):\n{lines}\n", {"x": 0.4, "w": 1.5})
    _, gradients = load(trial.emitted())["f_grad"](0.4, 1.5, 1.0)
    assert np.allclose(gradients, expected(0.4, 1.5))
