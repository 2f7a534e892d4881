"""Lists and dicts: the ways in which their names, their items and their cotangents can be mixed up."""

LISTS = [
    # other names of one list
    "a = [x]; b = a; b.append(y); return (a[-1] * a[0]).sum()",
    "a = []; b = a; a.append(x * 2); b.append(y * x); return (a[1] * b[0]).sum()",
    "a = [x, y]; b = a[:]; b.append(x * y); return len(a) * (b[2] * a[0]).sum()",
    "a = [x, y]; b = a.copy(); b[0] = y * y; return (a[0] * b[0]).sum()",
    "a = [x, y]; b = [a, a]; a.append(x * y); return (b[0][2] * b[1][0]).sum()",
    "a = b = []; for i in range(3):;     a.append(x * i); return sum((h * y).sum() for h in b)",
    "a = []; d = {'list': a}; for i in range(2):;     a.append(x * (i + 1)); return (d['list'][1] * y).sum()",
    # an item is an array that others have
    "h = x * 1.0; hs = [h]; h += y; return (hs[0] * h).sum()",
    "h = x * 1.0; hs = []; for i in range(3):;     hs.append(h);     h += y; return (hs[0] * hs[2]).sum()",
    "hs = []; h = x * 1.0; for i in range(3):;     h = h * y;     hs.append(h); return (hs[0] * hs[2]).sum() + sum(hs).sum()",
    "hs = [x, x]; hs[0] = hs[0] * y; return (hs[0] * hs[1]).sum()",
    "d = {'a': x * 1.0}; d['a'] += y; return (d['a'] * x).sum()",
    "z = x * 1.0; d = {'a': z}; d['a'] += y; return (z * d['a']).sum()",
    "z = x * 1.0; hs = []; for i in range(2):;     hs.append(z); hs[0] += y; return (z * hs[1]).sum()",
    "rows = [[0.0] * 2 for _ in range(2)]; for i in range(2):;     rows[i][0] = x[i] * y[i];     rows[i][1] += x[i + 1]; return rows[0][0] * rows[1][1] + rows[1][0] * rows[0][1]",
    "rows = [[0.0] * 2] * 2; for i in range(2):;     rows[i][0] += x[i] * y[i]; return rows[0][0] * rows[1][0]",
    # one array that is two items
    "d = {'a': x, 'b': x}; d['a'] *= y; return d['b']",
    "d = {'a': x, 'b': x[1:]}; d['a'] *= y; return d['b']",
    "xs = [np.zeros(3)] * 2; xs[0] += x; return xs[1] * y",
    "z = np.zeros(3); xs = [z, z]; xs[0] += x; return xs[1] * y",
    "rows = []; for _ in range(2):;     rows.append(x); rows[0] *= y; return rows[1]",
    "rows = []; for _ in range(2):;     rows.append(x); rows[0][0] *= y[0]; return rows[1]",
    "rows = {}; for k in ('a', 'b'):;     rows[k] = x; rows['a'] *= y; return rows['b']",
    "rows = [z for z in (x, x)]; rows[0] *= y; return rows[1]",
    # a list on one way of a branch only
    "v = [y for j in range(2)]; if len(x) > 5:;     h = x; else:;     v, z = y, 1;     h = x * z; y += x; return h * y",
    "v = [y, x]; if len(x) > 5:;     h = y; else:;     v = h = y; h *= x; return h",
    # lists that shrink and grow
    "s = [x, y]; a = s.pop(); s.append(a * a); return (s[0] * s[1]).sum()",
    "s = []; s.append(x); s.append(y); s.append(s.pop() * s.pop()); return (s[0] ** 2).sum()",
    "s = []; for i in range(4):;     s.append(x * i);     if i % 2:;         s.append(s.pop() * s.pop(0)); return sum(s).sum()",
    "q = []; t = 0.0; for i in range(3):;     q.append(x[i]);     t += y[i] * q[0] * q[-1];     if len(q) > 1:;         t -= q.pop(0) ** 2; return t",
    "q = [x[0]]; q.insert(0, y[0]); q.insert(1, x[1] * y[1]); return q[0] * q[1] ** 2 * q[2] ** 3",
    "q = []; for i in range(3):;     q.insert(0, x[i] * y[i]); return q[0] * q[1] ** 2 * q[2] ** 3",
    "q = [x[0], x[1]] + [y[0]] * 2; q += [x[2]]; q.extend([y[1], y[2]]); return np.stack(q)",
    "q = []; for i in range(3):;     q += [x[i], y[i] ** 2]; return np.array(q)",
    "q = [x, y, x * y]; del q[0]; return np.stack(q).sum(axis=0) * q[0]",
    "q = [v * v for v in x]; q.reverse(); return np.array(q) * y",
    "q = sorted(x); return q[0] * y[0] + q[2] * y[2]",
    "q = [x[i] for i in range(3)]; q.sort(reverse=True); return q[0] ** 2 * y[0] + q[2]",
    "hs = [x]; for i in range(3):;     hs.append(hs[-1] * y + hs[0]); return np.stack(hs[1:])",
    "hs = [x]; for i in range(2):;     hs.append(np.tanh(hs[i] * y)); return np.concatenate(hs[::-1])",
    "hs = [None] * 3; for i in range(3):;     hs[i] = x[i] * y; return np.vstack(hs) * x",
    "hs = []; for i in range(3):;     hs.append(x[i] * y); return np.hstack(hs).sum() * np.column_stack(hs)",
    "hs = []; for i in range(3):;     if x[i] > 0.5:;         hs.append(x[i] * y[i]); return sum(hs) * max(hs)",
    # comprehensions
    "return sum(a * b for a, b in zip(x, y)) ** 2",
    "return np.array([a * b + a for a, b in zip(x, y) if a > 0.5]).sum()",
    "return np.array([[a * b for b in y] for a in x])",
    "return sum(a * b for a in x for b in y if a > b)",
    "return np.stack([x * v for v in y], axis=1)",
    "return max(a * b for a, b in zip(x, y)) - min([a + b for a, b in zip(x, y)])",
    "d = {i: x[i] * y[i] for i in range(3)}; return d[0] * d[1] + sum(v * v for v in d.values())",
    "i = 2; w = [v * 2 for i, v in enumerate(x)]; return w[i] * y[i]",
    "v = x; w = sum(v.sum() for v in [y, y * y]); return w * v",
    "c = x * 1.0; w = [c.fill(2.0) for _ in range(2)]; return (c * x).sum()",
    "fs = [lambda t, k=k: t * k for k in (1.0, 2.0)]; return (fs[0](x) * fs[1](y)).sum()",
    "return sum(h(x).sum() for h in (np.sin, np.cos))",
    # dicts
    "d = {}; d['a'] = x; d['b'] = d['a'] * y; d['a'] = d['b'] ** 2; return (d['a'] * d['b']).sum()",
    "d = dict(a=x, b=y); e = d; e['a'] = y * y; return (d['a'] * d['b']).sum()",
    "d = {'a': x}; e = dict(d); e['a'] = y * y; return (d['a'] * e['a']).sum()",
    "d = {'a': x}; d.update(b=y, a=x * x); return (d.pop('a') * d.get('b', 1.0)).sum()",
    "d = {}; for k in range(3):;     d[k] = x[k] * y;     d[k] = d[k] * d[0]; return d[2] + d[1]",
    "d = {'s': 0.0}; for k in range(3):;     d['s'] += x[k] * y[k] * d['s'] + x[k]; return d['s']",
    "d = {}; for k in range(3):;     if k % 2 not in d:;         d[k % 2] = x[k];     d[k % 2] *= y[k]; return d[0] * d[1]",
    "s = {'n': 0, 'v': x}; for i in range(2):;     s = {'n': s['n'] + 1, 'v': s['v'] * y}; return s['v'] * s['n']",
    "s = {'v': x}; for i in range(2):;     s['v'] = s['v'] * y + x; return s['v']",
]  # fmt: skip

# Of a list and a dict that are given, with items of several shapes: p = {"w": a number, "b": an array}.
GIVEN = [
    # what is made of all items is broadcast
    "return sum(p.values())",
    "return sum(xs)",
    "return sum(xs, y) * x",
    "v = p.values(); return sum(v) * x",
    "t = [x]; for i in range(3):;     t.append(1.0); xs.append(sum(t)); return xs[-1] * x",
    "xs.append(sum([x, 2.0])); return sum(xs)",
    # an item is stored whole
    "h = np.sum(xs[-1]); return h",
    "return np.mean(p['b']) * x",
    "t = 0.0; for a in xs:;     t += np.sum(a); return t",
    # what is overwritten had a shape of its own
    "p['w'] = x; return p['b']",
    "p['w'] = x; return p['w'] * p['b']",
    "p['b'] = np.sum(p['b']) * 2; return p['b'] + p['w']",
    "p['new'] = x * p['w']; return p['new'] * p['b']",
    "xs[0] = 0; return sum(xs)",
    "for i in range(len(xs)):;     xs[i] = np.sum(xs[i] ** 2); return sum(xs)",
    "for k in p:;     p[k] = np.sum(p[k] ** 2); return p['w'] * x",
    "q = {'w': x}; p.update(q); return p['w'] * p['b']",
    "for part in p:;     p['b'] = x; return x",
    "if len(x) > 5:;     p.pop('w'); return x * 2",
    # what is written into is an array that others have
    "u = [np.tanh(a) for a in xs]; xs[0] *= 0.5; return u[0] + xs[0]",
    "w = p['b']; t = np.sin(w); p['b'] -= 0.5 * y; return t * p['b']",
    # the last item of a loop
    "for q in p.values():;     x = x * 2; return q",
    "for i in range(2):;     for k, q in p.items():;         x = x * 2; return q * x",
    "for q in xs:;     x = x * 2; return q",
    # what a loop runs over is changed in it
    "for v in xs:;     xs[1] = x * v; return xs[1] * xs[0]",
    "for v in p.values():;     p['b'] = x * v; return p['b']",
    "z = y * 1.0; for v in z:;     z[1] = v * v; return z * x",
    "z = y * 1.0; for i, v in enumerate(z):;     z[i] = v * v; return z * x",
    "v = p.values(); s = sum(v); p['b'] = x; return p['b'] * s",
    # a pair
    "t = 0.0; for r in enumerate(xs):;     t = t + np.sum(r[1]) * r[0]; return t",
    "t = 0.0; for r in p.items():;     t = t + np.sum(r[1] ** 2); return t",
    "t = 0.0; for [i, a] in enumerate(y):;     t = t + a * x[i] ** 2; return t",
    # one name for two things
    "for k, q in p.items():;     for k, e in p.items():;         t = 0; return q + e",
    "t = 0.0; for i in range(2):;     t = t + x[i] ** 2;     for i in range(3):;         t = t * y[i]; return t",
    "z = s = y / x; z = [0.5, 0.5]; return s",
    "z = y / x; s = z * z; z = (x, y); return s * z[0]",
    "z = y / x; s = z * z; z = lambda t: t * y; return z(s)",
    "s = y / x; x = {'a': s}; return x['a'] * y",
    "h = []; h.append(y); h.append(x); for r in h:;     x = x * r; return r * x",
    # an array beside a list: element by element, or item by item
    "t = 0.0; for v in xs[1:]:;     t += np.sum(v * v); return t * x",
    # what is known late
    "for t in range(2):;     q = p.copy(); return q['b'] * x",
    "for t in range(2):;     q = {k: v * 2 for k, v in p.items()}; return q['b'] * x",
    "xs[0] = 1 / y; xs[0] *= 0.5; return xs[0] * x",
    # an item of another shape than before, a list of another length in each iteration
    "d = {k: v for k, v in p.items()}; d['w'] = y; return d['b']",
    "p['w'] += y; return p['b'] * p['w']",
    "xs[0] = y[0]; xs[0] += y; return xs[0] * xs[1]",
    "for j in range(3):;     if j == 1:;         s = xs.pop(0);     else:;         h = xs + [y]; return h[0] * h[-1]",
    "z = xs[0][0]; v = xs.pop(0); return z * v",
]  # fmt: skip

# An item of a list that is written into by a name of its own, a list to which an array is put: right or refused.
WRITTEN_ITEMS = [
    "xs += y; s, *v = xs; return s",
    "xs.extend(x * y); t = 0.0; for r in xs:;     t = t + r; return t",
    "zs = xs + y; return zs[0]",
    "zs = xs + [x * y]; xs.extend([zs[0] * zs[-1], x]); return xs[0] * xs[-2]",
    "xs.append(x); t = 0.0; for r in xs:;     q = r;     t = t + q * q; r = xs[0]; r *= y; return r * t",
    "zs = [r * y for r in xs]; t = 0.0; for i, r in enumerate(zs):;     t = t + r * r * i; r = zs[1]; r *= y; return r * t",
    "zs = [r * y for r in xs]; t = sum(r * r for r in zs); r = zs[1]; r *= y; return r * t",
    "zs = [r * y for r in xs]; t = np.stack(zs) ** 2; r = zs[1]; r *= y; return r * t",
    "zs = [r * y for r in xs]; t = sum(zs) ** 2; r = zs[1]; r *= y; return r * t",
    "zs = [r * y for r in xs]; t = [r ** 2 for r in zs]; r = zs[1]; r *= y; return r * t[1]",
    "p['c'] = x * y; t = 0.0; for k, v in p.items():;     t = t + v * v; s = p['c']; s *= y; return s * t",
    "zs = [r * y for r in xs]; t = 0.0; for i in range(3):;     t = t + zs[i] ** 2; r = zs[1]; r *= y; return r * t",
    "zs = [r * y for r in xs]; t = 0.0; for i in range(3):;     t = t + zs[i] ** 2;     s = zs[i];     s *= 2; return t",
    "zs = []; for i in range(3):;     zs.append(x * y);     s = zs[i];     s *= s;     s *= y; return zs[0]",
    "xs.append(x); t = max(xs[0]) * x; s = xs[0]; s[0] = 9.0; return s * t",
    "a, b = xs[0], xs[1]; a *= b; b *= a; return a * b",
    "xs.append(y * 1.0); a, b = xs[0], xs[-1]; t = a * b; b *= y; return t * b",
    "zs = [r * y for r in xs]; a = zs.pop(); b = a * a; a *= y; return a * b",
    "zs = [r * y for r in xs]; q = [zs, zs[:]]; a = q[0][1]; b = a * q[1][1]; a *= y; return a * b",
    "s = xs[0]; s *= y; return s",
    "xs += [x]; s = xs[0]; s *= y; return s",
    "zs = xs + [x]; s = zs[0]; s *= y; return s",
    "zs = xs + [x]; s, *v = zs; s *= y; return s",
    "xs.append(x); s, *v = xs; s *= y; return s",
    "xs.append(x); s = xs[0]; s *= y; s *= x; return s",
    "xs.append(x); s = xs[0]; t = s * xs[1]; s *= y; return s * t",
    "xs.append(x); t = xs[0] * xs[1]; s = xs[0]; s *= y; return s * t",
    "xs.append(x); t = xs[0] * xs[1]; xs[0] *= y; return xs[0] * t",
    "xs.append(x); t = xs[0] ** 2 * xs[1]; s = xs[0]; s[1:] *= 2; return s * t",
    "xs.append(x); for r in xs:;     r *= y; return x",
    "xs.append(x); t = 0.0; for r in xs:;     t = t + r * r; r = xs[0]; r *= y; return r * t",
    "xs.append(x); t = 0.0; for r in xs:;     t = t + r * r;     r *= y; return t",
    "zs = []; for r in xs:;     zs.append(r * y); t = zs[0] ** 2; s = zs[0]; s *= y; return s * t",
    "zs = []; for r in xs:;     zs.append(r * y); s = zs[0]; s *= s; s *= x; return s",
    "zs = []; for r in xs:;     zs.append(r * y); s = zs[-1]; s += x; s *= s; return s",
    "zs = [r * y for r in xs]; s = zs[0]; s *= s; s *= x; return s",
    "s = p.get('b', x); p['c'] = y; s *= y; return s * x",
    "zs = []; for r in xs:;     zs.append(r * y);     zs[-1] *= x;     zs[0] *= y; return zs[0] * zs[1]",
    "zs = []; for r in xs:;     zs.append(r * y);     s = zs[0];     s *= y; return s",
]  # fmt: skip

# What a function writes into a variable of the module, and reads again.
OF_MODULE = [
    """
B = np.ones(4)

def f(x):
    B[0] = 2.0
    return np.sum(B * x)
""",
    """
B = np.ones(4)

def f(x):
    B[0] = x[0]
    return np.sum(B * x)
""",
    """
losses = []
stats = {"calls": 0}

def f(x):
    t = np.sum(x ** 2)
    losses.append(float(t))
    stats["calls"] += 1
    return t
""",
    """
B = np.zeros(4)

def f(x):
    B[:] = 0
    for i in range(3):
        B[i] += x[i] ** 2
        B[i + 1] += B[i] * x[i + 1]
    y = B * 2
    B[:] = 3
    return np.sum(y * B)
""",
    """
stats = {"calls": 0}
losses = []


def h(x):
    stats["calls"] += 1
    return x * 2


def h2(x):
    for i in range(2):
        x = x * 2
        losses.append(float(x[0]))
        stats["calls"] += 1
    return x


def f(x):
    return np.sum(h(x) * h2(x))
""",
]

# And that several statements, or other functions, read: right or refused.
OF_MODULE_READ = [
    """
B = np.ones(4)
memo = {}
seen = []
count = [0]

def f(x):
    memo["x"] = np.sum(x) ** 2
    B[:] = x * 2
    t = memo["x"] * x
    count[0] = 3
    for i in range(4):
        t[i] = B[i] ** 2 * t[i]
        B[i] = i
    return np.sum(t * x) + B[2]
""",
    """
B = np.ones(4)

def h(x):
    B[0] = x[0] ** 2
    return B * x

def f(x):
    y = h(x * 2)
    z = h(y)
    return np.sum(z * B)
""",
    """
B = np.ones(4)

def h(x):
    for i in range(3):
        B[i] = x[i] ** 2
    return B * x

def f(x):
    y = h(x * 2)
    return np.sum(y * B)
""",
    """
B = np.ones(4)

def h(x):
    for i in range(2):
        x = x * B
    return x

def f(x):
    B[0] = x[0]
    return np.sum(h(x))
""",
    """
B = np.ones(4)

def h(x):
    B[0] = x[0]
    return x * 2

def f(x):
    y = h(x)
    return np.sum(y * B)
""",
]

# Sets, collections, lists of lists.
WHOLE = [
    """
def f(x):
    w = x
    while True:
        total = w
        break
    for q in total:
        w = 2 * w
    return w
""",
    """
def f(x):
    t = 0.0
    for k in {0} | {2}:
        t += x[k] ** 2
    return t
""",
    """
def f(x):
    t = 1.0
    s = {0, 1}
    s.add(2)
    for k in s:
        t = t * x[k]
    for k in s - {1}:
        t = t * x[k]
    return t
""",
    """
def f(x):
    t = 1.0
    s = {0, 1}
    r = {1, 2}
    for k in s & r:
        t = t * x[k]
    u = s.union(r)
    for k in u:
        t = t * x[k]
    return t
""",
    """
S = {0, 2}
T = [0, 3]

def f(x):
    t = 1.0
    for k in S:
        t = t * x[k]
    for k in T:
        t = t * x[k]
    r = {0}
    if t > 3:
        r = {1, 2}
    for k in r:
        t = t * x[k]
    q = set(T)
    for k in q:
        t = t * x[k]
    q = set(range(3))
    for i in range(2):
        q = q | {3}
        for k in q:
            t = t * x[k]
    return t
""",
    """
def f(x):
    rows = [[x[0], x[1]], [x[1] * x[0], x[2]]]
    t = 0.0
    for r in rows:
        s = r[1:] + r[:1]
        t += s[0] * r[0] + s[1]
    return t
""",
    """
def f(x):
    rows = []
    for i in range(3):
        rows.append([x[i], x[0] * 2])
    t = 0.0
    for r in rows:
        s = r[1:] + r[:1]
        t += s[0] * r[0] + s[1]
    return t
""",
    """
def f(x):
    rows = [[x[0], x[1]], [x[2], x[3] * x[0]]]
    t = 0.0
    for r in rows:
        s = r[1:] + r[:1]
        t += s[0] * r[0] + s[1]
    return t
""",
    """
from collections import defaultdict, Counter, deque

def f(x):
    d = defaultdict(int)
    for i in range(4):
        d[i % 2] += 1
    c = Counter([1, 2, 2])
    return np.sum(x) * d[0] * c[2]
""",
    """
from collections import OrderedDict

def f(x):
    d = OrderedDict()
    for i in range(4):
        d[i % 3] = x[i] ** 2
    return d[0] * d[1]
""",
    """
def f(x):
    d = {}
    for i in range(4):
        if i % 2 not in d:
            d[i % 2] = 0.0
        d[i % 2] += x[i] ** 2
    return d[0] * d[1]
""",
]

# And those that may be refused.
WHOLE_OR_REFUSED = [
    """
from collections import defaultdict

def f(x):
    d = defaultdict(float)
    for i in range(4):
        d[i % 2] += x[i] ** 2
    return d[0] * d[1]
""",
    """
from collections import defaultdict

def f(x):
    d = defaultdict(list)
    for i in range(4):
        d[i % 2].append(x[i] ** 2)
    return sum(d[0]) * sum(d[1])
""",
    """
from collections import deque

def f(x):
    d = deque()
    for i in range(4):
        d.append(x[i] ** 2)
    return d.popleft() * d[0] * x[1]
""",
    """
def f(x):
    t = 1.0
    s = {0, 1}
    for k in s:
        t += x[k] ** 2
    s.add(2)
    for k in s:
        t += x[k] ** 2
    return t
""",
]
