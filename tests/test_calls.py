"""Calls of functions, in other people's habits: each with the right numbers, as one function and as a pair."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from checking import AGREED, REFUSED, Trial, outcome

X = np.array([0.3, 1.2, 0.7])
Y = np.array([0.5, -0.2, 0.9])
A = np.array([[1.5, 0.2, -0.3], [0.1, 2.0, 0.4], [0.3, -0.2, 1.7]])
NUMPY = "import functools\nimport math\nimport operator\nfrom functools import lru_cache, partial, reduce\n\nimport numpy as np\n\n\n"

# The source of a module whose function f is differentiated; x, y and A are arrays, s and k numbers.
WORKING = {
    "a cache that is a tuple": """
        def affine(x, w):
            out = x * w
            cache = (x, w)
            return out, cache

        def f(x, y):
            h, c1 = affine(x, y)
            g, c2 = affine(np.tanh(h), y)
            return g, (c1, c2)
    """,
    "a cache that is a dict": """
        def f(x, y):
            z = x * y
            cache = {"x": x, "z": z, "name": "product", "none": None}
            return np.tanh(z), cache
    """,
    "a cache of a helper with a branch": """
        def layer(x, w, mode="relu"):
            z = x * w
            if mode == "relu":
                a = np.maximum(z, 0)
            else:
                a = np.tanh(z)
            return a, {"x": x, "z": z, "mode": mode}

        def f(x, y):
            h, c = layer(x, y)
            g, d = layer(h + x, y, mode="tanh")
            return g + 2 * c["z"] * d["x"]
    """,
    "a nested tuple of a helper with a loop": """
        def moments(x):
            s = 0.0
            q = 0.0
            for v in x:
                s = s + v
                q = q + v * v
            return x * s, (s, q)

        def f(x, y):
            z, (s, q) = moments(x)
            w, stats = moments(z * y)
            return w * s + q * stats[1]
    """,
    "a cache in a list": """
        def step(x, w):
            out = np.tanh(x * w)
            return out, (x, w, out)

        def f(x, y):
            caches = {}
            h = x
            for i in range(3):
                h, c = step(h, y)
                caches[i] = c
            return h
    """,
    "any number of arguments": """
        def total(scale, *terms):
            t = 0
            for i, term in enumerate(terms):
                t = t + term / (i + 1)
            return scale * t

        def f(x, y):
            return total(2.0, x, x * y, y) + total(3.0) + total(1.0, y)
    """,
    "a tuple that is unpacked": """
        def product(a, b, c=1.0):
            return a * b + c

        def f(x, y):
            pair = (x, x * y)
            return product(*pair) * product(*pair, c=y) + product(*[x, y], x)
    """,
    "a dict that is unpacked": """
        def product(a, b, c=1.0):
            return a * b + c

        def f(x, y):
            cfg = {"a": x, "c": y * 2}
            return product(b=y, **cfg) * product(**{"a": y, "b": x})
    """,
    "keywords of any number": """
        def inner(x, rate=1.0, **unused):
            return rate * np.sin(x)

        def outer(x, **options):
            return inner(x, **options) + options["shift"] * options.get("other", 2.0)

        def f(x, y):
            return outer(x, rate=y, shift=x * y)
    """,
    "an unpacked dict that is a parameter": """
        def line(x, slope, offset=1.0):
            return slope * x + offset

        def f(x, p):
            return line(x, **p) * line(x, p["slope"])
    """,
    "keyword-only and positional-only": """
        def h(a, /, b, *, c=2.0, d):
            return a * b ** 2 + c * d

        def f(x, y):
            return h(x, y, d=x) + h(y, b=x, c=x, d=y)
    """,
    "the same argument twice": """
        def h(a, b, k):
            if k > 0:
                return a * b + np.sin(a)
            return a - b

        def f(x, y):
            return h(x, x, 1) + h(y, x, 0) * h(x, y, 2)
    """,
    "partial": """
        def power(x, n, scale=1.0):
            return scale * x ** n

        def f(x, y):
            cube = partial(power, n=3, scale=y)
            of_x = functools.partial(power, x)
            return cube(x) + of_x(2) + partial(np.multiply, x)(y)
    """,
    "a table of functions": """
        ACTS = {"relu": lambda z: np.maximum(0.0, z), "tanh": np.tanh}
        STEPS = [np.sin, lambda v: v * v]

        def f(x, y):
            h = ACTS["relu"](x * y)
            local = {"double": lambda t: t * 2 * y}
            return ACTS["tanh"](h) + STEPS[1](x) * STEPS[0](y) + local["double"](x)
    """,
    "compose": """
        def compose(*fs):
            return reduce(lambda f, g: lambda x: g(f(x)), fs)

        def scale_by(k):
            return lambda x: k * x

        def f(x, y):
            model = compose(scale_by(y), np.tanh, scale_by(2.0))
            return model(x) + model(y)
    """,
    "lru_cache": """
        @lru_cache(maxsize=None)
        def coef(n):
            return 1.0 if n < 2 else n * coef(n - 1)

        def f(x, y):
            total = 0.0
            for n in range(4):
                total = total + x ** n / coef(n) * y
            return total
    """,
    "two closures of one function": """
        def poly_of(c):
            def poly(t):
                acc = 0.0
                for i in range(3):
                    acc = acc * t + c[i]
                return acc
            return poly

        def f(x, y):
            p = poly_of(x)
            q = poly_of(x * y)
            return p(y) * q(x)
    """,
    "a closure whose name means something else in the caller": """
        def apply(g, x):
            s = 3.0 * x
            return g(s) + s

        def f(x, y):
            s = y * 2
            def g(v):
                if v.sum() > 0:
                    return v * s
                return v
            return apply(g, x) + s
    """,
    "a helper in place in a loop": """
        def step(fn, y, h):
            k1 = fn(y)
            k2 = fn(y + h / 2 * k1)
            return y + h * k2

        def f(x, y):
            def rhs(z):
                a = z * y
                return np.sin(a) - z
            for i in range(3):
                x = step(rhs, x, 0.1)
            return x
    """,
    "a helper that masks, twice in a loop": """
        def sigmoid(x):
            pos = x >= 0
            z = np.zeros_like(x)
            z[pos] = np.exp(-x[pos])
            z[~pos] = np.exp(x[~pos])
            top = np.ones_like(x)
            top[~pos] = z[~pos]
            return top / (1 + z)

        def f(x, y):
            for t in range(2):
                x, y = sigmoid(x * y) * x, sigmoid(y) - x
            return x * y
    """,
    "a generic solver": """
        def newton(g, dg, x, n=4):
            for _ in range(n):
                x -= g(x) / dg(x)
            return x

        def f(s, k):
            g = lambda t: t ** 3 - s * t - k
            dg = lambda t: 3 * t ** 2 - s
            root = newton(g, dg, 3.0)
            return root * s
    """,
    "a helper that adds in place": """
        def add_bias(z, b):
            z += b

        def f(A, y):
            'A: (n, n), y: (n,)'
            z = A * 2.0
            add_bias(z, y)
            return np.tanh(z) * y
    """,
    "a helper that stores and returns": """
        def fill(z, v):
            for i in range(len(z)):
                z[i] = z[i] * v[i] + i
            return z

        def f(x, y):
            z = np.sin(x)
            w = fill(z, y)
            return w * z
    """,
    "the cache of a helper and a later write": """
        def energy(z, k):
            if k.sum() > 0:
                e = (z ** 3).sum()
            else:
                e = (z ** 2).sum()
            return e

        def f(x, y):
            z = x * 2.0
            e = energy(z, y)
            z += 1
            z[0] = 5.0
            return e * z
    """,
    "a helper in place in a loop, with a cache": """
        def norm_(z):
            n = np.sqrt((z ** 2).sum())
            z[:] = z / n
            return n

        def f(x, y):
            z = x * 2.0
            total = 1.0
            for i in range(3):
                total = total * norm_(z)
                z += y
            return total * z
    """,
    "an array of a list is written into by a helper": """
        def scale(z, s):
            z[:] = z * s

        def f(x, y):
            rows = np.zeros((2, 3))
            for i in range(2):
                rows[i] = x * (i + 1)
                scale(rows[i], y)
            return rows
    """,
    "elimination in place": """
        def lu(M):
            n = len(M)
            for k in range(n):
                for i in range(k + 1, n):
                    M[i, k] /= M[k, k]
                    M[i, k + 1:] -= M[i, k] * M[k, k + 1:]

        def f(A, y):
            'A: (n, n), y: (n,)'
            M = A.copy()
            lu(M)
            return np.log(np.abs(np.diag(M))) * y
    """,
    "a result that a caller writes into": """
        def h(x, k):
            y = np.exp(x)
            if k.sum() > 0:
                y = y * np.tanh(y)
            return y

        def f(x, y):
            a = h(x, y)
            a *= 3
            b = np.exp(h(a / 9, y))
            b += 1
            return a + b
    """,
    "a backward that gives its seed": """
        def h(x, k):
            if k.sum() > 0:
                return x
            return 2 * x

        def f(x, y):
            a = h(x, y)
            return a + 3 * x * y
    """,
    "a recursion of a closure": """
        def f(x, y):
            def go(v, n):
                if n == 0:
                    return v * y
                return np.sin(go(v, n - 1)) + v
            return go(x, 3)
    """,
    "mutual recursion": """
        def even(x, n):
            if n == 0:
                return x
            return odd(np.sin(x), n - 1)

        def odd(x, n):
            if n == 0:
                return 2 * x
            return x * even(x, n - 1)

        def f(x, y):
            return even(x, 3) * y
    """,
    "default arguments that capture": """
        def f(x, y):
            total = 0.0
            fs = []
            for k in range(3):
                g = lambda v, k=k: v ** (k + 1)
                total = total + g(x) * y
            return total
    """,
    "a closure over the variable of a loop": """
        def f(x, y):
            total = x * 0
            for k in range(3):
                g = lambda v: v * (k + 1)
                total = total + g(np.sin(x) * y)
            return total
    """,
    "a nested function in a branch": """
        def f(x, y):
            if x.sum() > 0:
                def g(v):
                    return v * y
                z = g(x)
            else:
                z = x
            return z
    """,
    "a function that is defined below": """
        def f(x, y):
            return helper(x) * y

        def helper(x):
            return np.sin(x) * SCALE

        SCALE = 2.0
    """,
    "a result without a name": """
        def lookup(q, xs):
            for i in range(2):
                if q < xs[i]:
                    return q * xs[i]
            return q + xs[2]

        def f(x, y):
            out = np.zeros(3)
            for k in range(3):
                out[k] = lookup(x[k], y) ** 2
            return out
    """,
    "calls in calls": """
        def h(a, k):
            if k > 1:
                return a * k
            return np.exp(a)

        def f(x, y):
            return h(h(x, 1) + h(y, 2), 3) * h(x, 0)
    """,
    "many results": """
        def stats(x):
            lo = hi = x[0]
            for v in x:
                lo = min(lo, v)
                hi = max(hi, v)
            return lo, hi, hi - lo

        def f(x, y):
            lo, hi, spread = stats(x)
            _, top, _ = stats(x * y)
            return (x - lo) / spread * top + hi
    """,
}  # fmt: skip

# What is gone through once: map, filter, zip and others, as arguments, with names and in loops.
ITERATORS = {
    "a generator with a name": """
        def f(xs, s):
            g = (t * s for t in xs)
            return sum(g) * s
    """,
    "zip with a name": """
        def f(xs, ys):
            p = zip(xs, ys)
            t = 0.0
            for a, b in p:
                t += a * b
            return t
    """,
    "reversed with a name": """
        def f(xs, s):
            r = reversed(xs)
            t = 0.0
            for v in r:
                t = t * s + v
            return t
    """,
    "enumerate with a name": """
        def f(xs, s):
            r = enumerate(xs)
            t = 0.0
            for i, v in r:
                t = t * s + v * i
            return t
    """,
    "a list of zip": """
        def f(xs, ys, s):
            p = list(zip(xs, ys))
            t = 0.0
            for a, b in p:
                t = t * s + a * b
            return t * p[0][1]
    """,
    "zip of arrays with a name": """
        def f(x, y, s):
            p = zip(x, y)
            t = 0.0
            for a, b in p:
                t = t * s + a * b
            return t
    """,
    "the sum of map of a lambda": """
        def f(xs, s):
            return sum(map(lambda v: v * v * s, xs))
    """,
    "the sum of map of a helper": """
        def sq(v):
            return v * v

        def f(xs, s):
            return sum(map(sq, xs)) * s
    """,
    "the sum of map of a function of numpy": """
        def f(xs, s):
            return sum(map(np.sin, xs)) * s
    """,
    "the sum of map of a function of math": """
        def f(xs, s):
            return sum(map(math.sin, xs)) * s
    """,
    "map of two lists": """
        def f(xs, ys, s):
            ps = list(map(lambda a, b: a * b, xs, ys))
            return ps[0] * s + ps[1] * ps[2]
    """,
    "map unpacked into a list": """
        def f(xs, s):
            ps = [*map(lambda a: a * a, xs)]
            return ps[0] * s + ps[1] * ps[2]
    """,
    "the largest of map": """
        def f(xs, s):
            return max(map(lambda v: v * s, xs)) - min(map(abs, xs))
    """,
    "an array of map": """
        def f(x, s):
            y = np.array(list(map(lambda v: np.tanh(v * s), x)))
            return np.sum(y ** 2)
    """,
    "a list of filter": """
        def f(xs, s):
            ps = list(filter(lambda v: v * s > 0.5, xs))
            return sum(ps) * ps[0] / len(ps)
    """,
    "filter without a function": """
        def f(xs, s):
            return sum(filter(None, xs)) * s
    """,
    "map with a name": """
        def f(xs, s):
            g = map(lambda v: v * s, xs)
            return sum(g) * s
    """,
    "map of a range": """
        def f(x, s):
            return sum(map(lambda i: x[i] * s ** i, range(len(x))))
    """,
    "map of zip": """
        def f(xs, ys, s):
            return s * sum(map(lambda p: p[0] * p[1], zip(xs, ys)))
    """,
    "map of the rows of an array": """
        def f(A, s):
            rows = list(map(np.sum, A))
            return s * rows[0] * rows[1]
    """,
    "a lambda of the rows of an array": """
        def f(A, x):
            return np.array([*map(lambda row: row @ x, A)])
    """,
    "a stack of map": """
        def f(A, x):
            return np.stack(list(map(lambda row: np.tanh(row * x), A)))
    """,
    "map of partial": """
        def scaled(k, v):
            return k * v * v

        def f(xs, s):
            return sum(map(partial(scaled, s), xs))
    """,
    "map within map": """
        def f(A, s):
            return sum(map(lambda row: sum(map(lambda v: v * v * s, row)), A))
    """,
    "sorted map": """
        def f(xs, s):
            q = sorted(map(lambda v: v * s, xs))
            return q[0] * q[1] ** 2
    """,
    "a dict of zip": """
        def f(x, y, s):
            p = dict(zip(["a", "b"], [x, y]))
            return p["a"] * p["b"] * s
    """,
    "map of the items of a dict": """
        def f(p, s):
            return s * sum(map(lambda kv: np.sum(kv[1] ** 2), p.items()))
    """,
    "map of enumerate": """
        def f(xs, s):
            return sum(map(lambda p: p[1] * s ** p[0], enumerate(xs)))
    """,
    "a loop over enumerate with one name": """
        def f(xs, s):
            t = 0.0
            for p in enumerate(xs):
                t = t * s + p[1] * p[0]
            return t
    """,
    "a loop over zip with one name": """
        def f(xs, ys, s):
            t = 0.0
            for p in zip(xs, ys):
                t = t * s + p[1] * p[0]
            return t
    """,
    "a loop over items with one name": """
        def f(p, s):
            t = 0.0
            for q in p.items():
                t = t * s + np.sum(q[1]) * s
            return t
    """,
    "a list of enumerate that starts at one": """
        def f(xs, s):
            p = list(enumerate(xs, start=1))
            return p[0][1] * s ** p[1][0]
    """,
    "a loop over a strict zip": """
        def f(xs, ys, s):
            t = 0.0
            for a, b in zip(xs, ys, strict=True):
                t = t * s + a * b
            return t
    """,
    "a strict zip": """
        def f(xs, ys, s):
            p = list(zip(xs, ys, strict=True))
            return p[1][0] * p[0][1] * s
    """,
    "sorted zip": """
        def f(xs, ys, s):
            order = sorted(zip(xs, ys))
            return order[0][1] * s
    """,
    "zip and unzip": """
        def f(xs, ys, s):
            p = [*zip(xs, ys)]
            a, b = zip(*p)
            return a[1] * b[0] * s
    """,
    "a list unpacked into a list": """
        def f(xs, s):
            p = [s, *xs, 2 * s]
            t = 0.0
            for v in p:
                t = t * s + v
            return t
    """,
    "a generator given to a helper": """
        def norm(vs):
            t = 0.0
            for v in vs:
                t = t + v * v
            return math.sqrt(t)

        def f(xs, s):
            return norm(v * s for v in xs)
    """,
    "enumerate of zip with a name": """
        def f(x, s):
            t = 0.0
            layers = enumerate(zip(x, x[1:]))
            for i, (a, b) in layers:
                t += (b - a) ** 2 * s * i
            return t
    """,
    "map of a helper to two names": """
        def sq(v):
            u = np.sin(v)
            return u * u

        def f(x, y, s):
            a, b = map(sq, [x * s, y])
            return a * b * s
    """,
    "map of a helper with a branch to two names": """
        def relu(v):
            if v > 0:
                return v * v
            return v

        def f(s, k, y):
            a, b = map(relu, (s * k, y[1]))
            return a * b * s
    """,
    "map of a list to three names": """
        def f(xs, s):
            a, b, c = map(math.sin, xs)
            return a * b * s - c
    """,
    "map of a lambda to two names": """
        def f(s, k):
            a, b = map(lambda v: math.sin(v) * s, (s, k))
            return a * b
    """,
}  # fmt: skip

# What the backward needs of each item is kept by a loop that is written in place of the expression.
LONGER = {
    "a comprehension of a helper with a branch": """
        def relu(v, slope=0.1):
            if v > 0:
                return v ** 2
            return slope * v

        def f(xs, s):
            return sum([relu(v * s) for v in xs])
    """,
    "the largest of a helper with a branch": """
        def relu(v, slope=0.1):
            if v > 0:
                return v ** 2
            return slope * v

        def f(xs, s):
            return s * max(relu(v * s) for v in xs)
    """,
    "a loop over map": """
        def f(xs, s):
            t = 0.0
            for v in map(lambda q: q * s, xs):
                t = t * s + v ** 2
            return t
    """,
    "a loop over filter": """
        def f(xs, s):
            t = 0.0
            for v in filter(lambda v: v > 0.5, xs):
                t = t * s + v ** 2
            return t
    """,
    "the sum of map of a helper with a branch": """
        def relu(v):
            if v > 0:
                return v ** 2
            return 0.1 * v

        def f(xs, s):
            return sum(map(relu, xs)) * s
    """,
    "a list of map of a helper with a branch": """
        def relu(v):
            if v > 0:
                return v ** 2
            return 0.1 * v

        def f(xs, s):
            hs = list(map(relu, xs))
            return hs[0] * hs[1] * s
    """,
    "the product of map": """
        def f(xs, s):
            return math.prod(map(lambda v: v + s, xs))
    """,
    "the sum of filter of map": """
        def f(xs, s):
            return sum(filter(lambda v: v > 0.3, map(lambda v: v * s, xs)))
    """,
    "a reduction by a lambda": """
        def f(xs, s):
            return reduce(lambda a, b: a * b, xs) * s
    """,
    "a reduction with a start": """
        def f(xs, s):
            return functools.reduce(lambda a, b: a * s + b, xs, 0.0)
    """,
    "a reduction by a function of numpy": """
        def f(A, s):
            return s * reduce(np.maximum, A)
    """,
    "a comprehension in a comprehension of a helper with a branch": """
        def relu(v, slope=0.1):
            if v > 0:
                return v ** 2
            return slope * v

        def f(A, s):
            rows = [[relu(v * s) for v in row] for row in A]
            return sum(sum(row) for row in rows)
    """,
    "a comprehension whose variable is a name of the function": """
        def relu(x):
            if x > 0:
                return x ** 2
            return 0.1 * x

        def f(xs, s):
            x = s * 2
            return sum(relu(x * s) for x in xs) * x
    """,
    "a list that is made of itself": """
        def relu(x):
            if x > 0:
                return x ** 2
            return 0.1 * x

        def f(xs, s):
            xs = [relu(x * s) for x in xs]
            xs = [relu(x * s) for x in xs if x > 0.1]
            return xs[0] * xs[1]
    """,
    "a sum of a helper with a branch in a loop": """
        def relu(x):
            if x > 0:
                return x ** 2
            return 0.1 * x

        def f(xs, s):
            t = 0.0
            for i in range(3):
                # the sum of this round
                t += sum(relu(x * s) for x in xs) + t * s
            return t
    """,
    "the largest of a helper with a branch in a test": """
        def relu(x):
            if x > 0:
                return x ** 2
            return 0.1 * x

        def f(xs, s):
            m = [relu(x * s) for x in xs]
            if max(relu(x) for x in m) > 0.1:
                s = s * max(relu(x) for x in m)
            return s
    """,
    "a helper with a comprehension of a helper": """
        def relu(x):
            if x > 0:
                return x ** 2
            return 0.1 * x

        def layer(xs, k):
            return [relu(x * k) for x in xs]

        def f(xs, s):
            h = layer(xs, s)
            h = layer(h, s)
            return sum(h)
    """,
    "a sum over zip of a helper with a branch": """
        def mix(a, b):
            if a > b:
                return a * a * b
            return b * b

        def f(xs, ys, s):
            return sum(mix(a * s, b) for a, b in zip(xs, ys))
    """,
    "a reduction of a comprehension": """
        def f(xs, s):
            return reduce(lambda a, b: a * s + b, [v ** 2 for v in xs])
    """,
    "a reduction by a helper with a branch": """
        def step(acc, item):
            if item > 0.5:
                return acc * item
            return acc + item

        def f(xs, s):
            y = reduce(step, xs, s)
            return y * s
    """,
    "a dict of a helper with a branch": """
        def relu(x):
            if x > 0:
                return x ** 2
            return 0.1 * x

        def f(p, s):
            e = {k: relu(v * s) for k, v in p.items()}
            return e["slope"] * e["offset"]
    """,
    "a reduction by an operator": """
        def f(xs, s):
            return reduce(operator.mul, [v * s for v in xs], 1.0)
    """,
    "a reduction of the elements of an array": """
        def f(x, s):
            return reduce(lambda acc, v: acc * s + v, x)
    """,
    "a reduction of map": """
        def f(A, s):
            return reduce(np.add, map(np.sin, A)) * s
    """,
    "a closure of a text in another of it": """
        def slope(g):
            def d(v):
                if v.sum() > 9:
                    return v
                return (g(v + 0.1) - g(v - 0.1)) / 0.2
            return d

        def f(x, y):
            return slope(slope(lambda v: v ** 3 * y))(x)
    """,
}  # fmt: skip

# Nested functions that give other values to the names of the function around them.
REBINDING = {
    "nonlocal in a statement": """
        def f(x, s):
            total = 0.0
            def add(v):
                nonlocal total
                total = total + v * v * s
            add(x[0])
            add(x[1] * 2)
            return total * s
    """,
    "nonlocal beside a value": """
        def f(xs, s):
            total = 0.0
            def spend(v):
                nonlocal total
                total += v * v
                return v / 2 * total
            y = spend(s)
            z = y + spend(y) * 3
            return z * total
    """,
    "nonlocal in a loop": """
        def f(x, s):
            total = 1.0
            count = 0
            def step(v, k=2):
                nonlocal total, count
                if v > 0.5:
                    total *= v * k
                else:
                    total += v * s
                count += 1
            for v in x:
                step(v)
                step(v, k=3)
            return total / count
    """,
    "nonlocal and several returns": """
        def f(x, s):
            best = -100.0
            def look(v):
                nonlocal best
                if v * s > best:
                    best = v * s
                    return True
                return False
            hits = 0
            for v in x:
                if look(v):
                    hits += 1
            return best * hits
    """,
    "nonlocal by way of another": """
        def f(x, s):
            state = s
            def get():
                return state * 2
            def inc(v):
                nonlocal state
                state = state + v * get()
            def twice(v):
                inc(v)
                inc(v * v)
                return get()
            y = twice(x[0])
            return y * state
    """,
    "a loop with nonlocal": """
        def f(x, s):
            h = 0.0
            def run(n):
                nonlocal h
                for i in range(n):
                    h = np.tanh(h * s + x[i])
                return h
            a = run(2)
            b = run(3)
            return a * b + h
    """,
    "nonlocal in a recursion": """
        def f(x, s):
            depth = 0
            def go(v, n):
                nonlocal depth
                depth += 1
                if n == 0:
                    return v * s
                w = go(v * s, n - 1)
                return w + v
            y = go(x, 3)
            return y * depth
    """,
    "nonlocal beside a tuple": """
        def f(x, s):
            t = 0.0
            def both(v):
                nonlocal t
                t = t + v
                return v * s, v * v
            a, b = both(x[0])
            c, d2 = both(x[1])
            return a * b + c * d2 * t
    """,
    "nonlocal as a position": """
        def f(x, s):
            buf = np.zeros(3)
            i = 0
            def push(v):
                nonlocal i
                buf[i] = v * s
                i += 1
            push(x[0])
            push(x[1] * x[2])
            return buf * s
    """,
    "nonlocal within a helper": """
        def total(xs, s):
            t = 0.0
            def add(v):
                nonlocal t
                t = t + v * s
            for v in xs:
                add(v * v)
            return t

        def f(x, s):
            return total(x, s) * total(x * 2, s)
    """,
    "nonlocal in the test of an elif": """
        def f(x, s):
            t = s
            def up(v):
                nonlocal t
                t = t * v
                return t
            if x[0] > 5:
                y = x[0]
            elif up(x[1]) > 0:
                y = up(x[2])
            else:
                y = s
            return y * t
    """,
    "nonlocal with a bare return": """
        def f(x, s):
            t = s
            def up(v):
                nonlocal t
                if v > 1:
                    return
                t = t * v
            for v in x:
                up(v)
            return t
    """,
    "nonlocal in a while loop": """
        def f(s, k):
            t = s
            n = 0
            def halve():
                nonlocal t, n
                t = t * 0.5 + k
                n += 1
            while n < 4:
                halve()
            return t
    """,
    "nonlocal that is read after the call": """
        def f(x, s):
            t = 0.0
            n = 0
            def spend(v):
                nonlocal t, n
                t += v * s
                n += 1
                return np.sqrt(1 + v)
            y = 1.0
            for v in x:
                y *= spend(v)
            y += spend(y) / n
            return y - t
    """,
}  # fmt: skip

ALL = WORKING | ITERATORS | LONGER | REBINDING
VALUES: dict[str, Any] = {
    "x": X,
    "y": Y,
    "A": A,
    "s": 1.3,
    "k": 0.7,
    "p": {"slope": 0.4, "offset": 0.9},
    "xs": [0.3, 1.2, 0.7],
    "ys": [0.5, -0.2, 0.9],
}


def trial(source: str, emit: str) -> Trial:
    text = NUMPY + dedent(source).strip("\n") + "\n"
    head = text[text.index("def f(") + 6 :].partition(")")[0]
    names = [part.strip() for part in head.split(",")]
    return Trial(text, {name: VALUES[name] for name in names}, emit=emit)


# What is gone through once has no tangent under a name of its own yet: these are refused in forward mode.
WITHOUT_TANGENT = {
    "zip with a name",
    "reversed with a name",
    "enumerate with a name",
    "a list of zip",
    "zip of arrays with a name",
    "a list of enumerate that starts at one",
    "a strict zip",
    "sorted zip",
    "zip and unzip",
    "enumerate of zip with a name",
    "nonlocal as a position",
}


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("name", ALL)
def test_calls(name: str, emit: str) -> None:
    found = trial(ALL[name], emit)
    if emit == "jvp" and name in WITHOUT_TANGENT:
        assert outcome(found) == REFUSED
        return
    if outcome(found) != AGREED:
        found.emitted()
        raise AssertionError("refused")
