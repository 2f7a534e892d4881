"""Loops and branches: the ways in which shapes, names and arrays can be mixed up from one iteration to the next.

Each is a program that drawn ones have shown (tests/fuzz.py), made shorter. x is a matrix, y and z are vectors.
"""

FLOWING = [
    # a variable that has another shape before the loop, in the next iteration or after a branch
    "t = np.mean(x); for e in y:;     t = t + x; return t",
    "for t in range(1, x.shape[0]):;     x = 1.0; return x * y",
    "h = x; for k in range(2):;     out = h[0]; for k in range(2):;     h = 0.5; return h + out",
    "v = y; for e in x:;     v = x; return v",
    "w = np.zeros(3); for e in x[:0]:;     w = e; for k in range(2):;     w = w * y; return w",
    "for k in range(2):;     for j in range(k, 2):;         v = t = y;     y = t if z[0] > 0 else y * z; return y",
    "k = 0; while True:;     w = x if k else x[k];     k += 1;     if k >= 2:;         break; return w * y",
    "for k in range(1, 4):;     w = y[:k] * 2; return w * x",
    "for k in range(2):;     w = x * y if k > 0 else y.sum();     for j in range(2):;         v = w if j > 0 else 1.0; return np.sum(w * z) * np.sum(v)",
    "'''x: (N, D)'''; for k in range(2):;     w = x[k:, k:]; return w * y[0]",
    "'''x: (N, D)'''; for k in range(2):;     v = x[k:, k:];     w = v[0] if k else v; return np.sum(w) * v",
    "t, w = 0.0, y[0] + 2; for k in range(3):;     if k < 2:;         t, w = w, y * 3;     t = t * y[0]; return t * y",
    "w = np.sum(y) + 2; v = w; for k in range(3):;     w = w * v + z; return w * v",
    "w = h = y[0] * z[1]; for k in range(2):;     t = np.tanh(w);     w = t * h + y * t; return w * h",
    "u = y[0] ** 2; while u < 4.3:;     w = np.maximum(u, y[0]);     y, x = x, y;     u = u * 1.7 if np.ndim(u) == 0 else u.max() * 1.7; return w",
    # what a branch or a loop may not have made is not asked for its shape
    "if y[0] > 9:;     w = y; elif y[0] > 8:;     z = y; else:;     v = x; return z * y",
    "if z[0] > -9:;     x = z; elif z[1] > 0:;     z = x.mean(axis=0);     w = x; return z * x",
    "for t in (1, 0):;     if t:;         w = 0;         continue;     return y[w] * z[w]",
    "for k in range(0):;     v = y; v = 1 if len(y) == 3 else np.maximum(y, v); return v * y",
    # an array that is written into while it is gone through
    "for q in y:;     y *= q; return y * z",
    "for i, q in enumerate(y):;     y[2] += q * q; return y",
    "for i, q in enumerate(y):;     y[i] = q * q; return y * z",
    "for j, q in enumerate(y, 1):;     h = y[::1]; y[1] = h[1] * z[0]; return y * z",
    "'''x: (N, D)'''; for q in x[::-1]:;     x /= 1 + q[0] ** 2; return x * y",
    "'''x: (N, D)'''; for q in x.T:;     x /= 1 + q[0] ** 2; return x * y",
    "'''x: (N, D)'''; for i, q in enumerate(x[::-1]):;     x[i] /= 1 + q[0] ** 2; return x * y",
    "'''x: (N, D)'''; for i, q in enumerate(x[1:]):;     x[i] *= np.sum(q); return x * y",
    "'''x: (N, D)'''; for q, r in zip(x, x[::-1]):;     q *= np.sum(r); return x * y",
    "'''x: (N, D)'''; for q in x[::-1].T:;     q[1:] *= np.sum(q); return x * y[0]",
    # an item whose variable was something else before, and is read after the loop
    "for q in (y, z):;     v = q.copy(); return v - q * y",
    "q = y * z; for k, (q, r) in enumerate(zip((y, z), (z, y))):;     q = q * r + k; return q * z",
    # a view that two writes change, one of them by another name
    "'''x: (N, D)'''; v = x[1]; x *= 0.5; v *= 2.0; return v * x",
    # names of the backward: two versions of one variable, a loop within a loop
    "for e in x:;     x = x; for e in z:;     x, w = x * y, x; return x * w * e",
    "s = np.outer(y, z); k = 0; while k < 2:;     w = y[0] - np.mean(y);     j = 0;     while j < 2:;         z = z * z.max();         j += 1;     s = s * z;     k += 1; return s * w",
    "'''x: (D, D)  y: (D,)'''; w = y ** 2; i = 2; while i:;     for q in x:;         x /= y @ q + w[i];     for i in range(3, 0, -1):;         y += w;     i = i - 1; return x",
    # what a loop that nobody reads knows by its name
    "v = w = y - z; s = v @ y; for _ in range(3):;     v = v; return s * w",
    # two versions of one variable come out of one branch
    "w = x; x[0] = 0.3; x += x; return w",
    # what a function was given on one way of a branch, or in a loop, shows an array that is written into after that
    "def p(t):;     s = t;     return 1.0; if x.ndim > 5:;     w = y * 1.0; else:;     w = z * p(y[:len(z)]); y[::1] = y * 2; return w * y",
    "def p(t):;     s = t;     return s.sum(); for k in range(1, 3):;     w = p(y[:k]); y[::1] = y * 2; return w * y",
    # a default of a function, as it was where that was defined
    "act = lambda t, k=z: t * k; def local(t):;     for k in range(3):;         t = t * act(y);     return t; return local(y)",
    # an index that is told outside of brackets
    "k = 1; return x[k, 1:] * y[1:]",
    "return x[np.array([0, 1, 0]), 1:].sum(axis=0) * y[1:]",
]

# Right or refused.
SHARED = [
    "for q in x.T:;     k = 0; for i, q in enumerate(x):;     h = q[k];     while h < 4.3:;         h = h + 0.2; return q",
    "for q in x.T:;     k = 0; for t in range(2):;     for i, q in enumerate(x):;         h = q[k];         while h < 4.3:;             h = h + 0.2; return q",
    "v = sum([y[:] for _ in range(0)]); if not (v == 1):;     h = y; return h",
    "u = y ** 2; for e in (u, u):;     for r in [0.3, 0.8]:;         e /= 2;     u *= u; return u",
    "u = y ** 2; v = y * 2; for e in (u, v):;     for r in [0.3, 0.8]:;         e /= 2;     u *= u; return u",
    "for q in y:;     if w := np.exp(q):;         w = q * w; return w",
    "for q in y:;     if q > 0:;         pass;     elif (w := q * q) > 1:;         q = q * w * 0.1;         w = q * w;     else:;         w = w * q;     q = w * w; return w * q",
    "for k in range(2):;     if k == 0:;         w = y;     else:;         w = np.outer(y, z); return w * x",
    "h = y[:1]; for k in range(1, 3):;     w = h;     h = np.concatenate([h, z[:k]]); return np.sum(w * y) * np.sum(h * h)",
    "for e in x:;     t = e.sum(); for e in y:;     t = t * e; return t * e",
    "'''y: (N,)'''; v = y.reshape(-1, 1); s = np.squeeze(v[:1]); y[:1] *= s; return y * s",
    "for q in (y, z):;     q *= 0.5; return y * z",
    "for q in [y, z]:;     q[0] = 0.5; return y * z",
    "ys = [y, z]; for q in ys:;     q[q > 0.3] = 0; return y * z",
    "for i, q in enumerate((y, z)):;     q += x[0]; return y * z",
    "for e in x:;     x, w = x * 1.0, x;     x *= 0.5; return e * x",
    "w = x * 1.0; for e in x:;     x, w = w, x;     x *= 0.5; return e",
    "for r in x[::1]:;     r -= np.mean(x);     x = x; return r",
    "for r in x:;     y, r = r, y; return r * y",
    "h = 0.0; for k in range(3):;     u = w = h;     h += y.sum(); return w * u",
    "def k(t):;     return x * t; v = x.T; v += v; return k(0.5)",
    "for k in range(2):;     if h := np.tanh(np.sum(y)):;         break; return h * y",
    "v = u = y; v *= x; return u * v",
    "b = None; for k in range(2):;     if b is None:;         b = y; b *= 0.5; return b * y",
    "b = None; for k in range(2):;     if b is None:;         b = y;     b = b * 2; return b * y",
    "y += y if len(z) else 0.0; return y * z",
    "for row in (y * z, y):;     w = 0.5 * row; row /= 1; return w * y",
]

# Right or refused, forwards above all: where a line beside another finds a value, and on which ways it is executed.
BESIDE = [
    "for q in y:;     if z[0] > 9:;         y -= 0.0;         break; return q * y",
    "u = s = y; for r in (z, y):;     z = s; return r * u",
    "for e in x.T:;     u = x; x = x * 2; s = u.sum(); s += e; return s",
    "for q in y:;     y = z; return y.sum() + q",
    "d = {'w': y, 'b': z}; for q in y:;     t = q; for k in range(2):;     z = q; return z + d['b'] * t",
    "w = v = y + z; w -= w * y; v = np.clip(v, 0.2, 0.9); w += y.max(); return w + v",
    "h = y; w = (np.exp(h), h); t = w[0]; return t * w[1]",
    "for r, e in zip(x, y):;     if (h := r @ y):;         for e in r:;             e; return h * e",
    "for e in y:;     while True:;         y /= 2;         break; return e * y",
    "h = []; h.append(y); h.append(z); for r in h:;     z = z * r; return r * z",
    "a, b = y, z; for k in range(3):;     a, b = a + 0.1 * b, b - 0.1 * a; return a * b",
    "t = 0.0; for k in range(3):;     if k == 1:;         continue;     t = t * y + z; return t",
    "t = 1.0; for e in y:;     if e > 0.8:;         break;     t = t * e; return t * z",
    # what one way through an expression calls is not called on the other way
    "def p(t):;     for i in range(2):;         t = t * y;     return t; u = z; u = u ** 2 if y[0] > 9 else p(u); return u",
    "h = (np.tanh(y) if y[0] > 0.1\n        and y[1] < 9 else z); return h * y",
    # what follows a branch that may leave the loop belongs to the branch
    "t, w = 0.0, y[0] + 2; for k in range(3):;     if len(y):;         u = z;     else:;         break;     t, w = w, t * y[1]; return t * y",
    "t, w = 0.0, y[0] + 2; for k in range(3):;     if k == 2:;         break;     else:;         u = z;     t, w = w, t * y[1] + u; return t * y",
    "t, w = 0.0, y[0] + 2; for k in range(3):;     if k == 0:;         u = z;     elif len(y) == 9:;         break;     else:;         u = y;     t, w = w, t * u + y; return t * y",
    "t, w = 0.0, y[0] + 2; for k in range(3):;     if len(y):;         u = z;     else:;         break;     if k == 1:;         continue;     t, w = w, t * y[1] + u; return t * y",
    "t, w = 0.0, y[0] + 2; for k in range(3):;     if k < 2:;         if len(y):;             u = z;         else:;             break;         t, w = w, t * y[1] + u;     t = t * y[0]; return t * y",
]

AFTER_RETURN = """
def f(x, order=None):
    return x * 2
    if order is None:
        return x
    return order
"""
