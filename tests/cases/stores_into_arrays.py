"""Every way to write into an array."""

import numpy as np


def minus1(S, y):
    "S: (N, C)  y: (N,)"
    P = np.exp(S)
    P /= P.sum(axis=1, keepdims=True)
    N = P.shape[0]
    D = P.copy()
    D[np.arange(N), y] -= 1
    return np.sum(D**2)


def masks(x):
    "x: (N,)"
    a = x * 3
    a[a > 3] *= 2
    a[a < 2] = 0
    a **= 2
    return np.sum(a * x)


def outs(x, b):
    "x: (N,)  b: (N,)"
    c = np.empty(4)
    np.add(x, b, out=c)
    np.maximum(c, 1.7, out=c)
    np.exp(c, out=c)
    d = np.multiply(c, x, c)
    return np.sum(c * d)


def outs2(A, W):
    "A: (N, D)  W: (D, N)"
    C = np.empty((4, 4))
    np.dot(A, W, out=C)
    C[C < 1] = 0.5
    s = np.zeros(4)
    np.sum(C, axis=1, out=s)
    np.sqrt(s, out=s)
    return np.sum(s**3)


def swaps(x):
    "x: (N,)"
    a = x * 2
    a[0], a[1] = a[1], a[0]
    a[2] += a[0] * a[1]
    a[[0, 3]] = a[[3, 0]]
    return np.sum(a * x)


def ats(x):
    "x: (N,)"
    a = np.zeros(3)
    np.add.at(a, [0, 1, 1, 2], x)
    np.subtract.at(a, np.array([0, 0]), x[:2] ** 2)
    np.multiply.at(a, [0, 2], x[:2])
    return np.sum(a**2)


def fills(A, x):
    "A: (N, D)  x: (D,)"
    B = A.copy()
    B[0].fill(2.0)
    np.copyto(B[1], x)
    np.copyto(B, 0, where=B < 0.8)
    B.T[1] *= 3
    np.fill_diagonal(B, x)
    B.flat[3:5] = x[0] ** 2
    return np.sum(B**2 * A)


def sorts(A, x):
    "A: (N, D)  x: (N,)"
    B = A * A
    B.sort(axis=1)
    y = x * 2
    y.sort()
    B[:, 1] *= y
    np.putmask(B, B > 2, 2 * B)
    np.place(B, B < 0.6, 0.0)
    return np.sum(B**2)


def chained(A):
    "A: (N, D)"
    B = A.copy()
    B[0][1] = A[1, 1] ** 2
    B[1][1:] *= B[0][1:]
    B[2:][0][1] += B[0][0]
    B[[0, 1]][0] = 5
    return np.sum(B**2)


def ranked(x):
    "x: (N,)"
    order = np.argsort(x)
    r = np.zeros(4)
    r[order] = x[order] ** 2
    r[order[:2]] += x[0]
    i = np.where(x > 0.8)[0]
    r[i] = x[i] * r[i]
    m = np.nonzero(r > 1)
    r[m] = r[m] * x[m]
    return np.sum(r * x)


def tri(x):
    "x: (N,)"
    L = np.zeros((3, 3))
    i, j = np.tril_indices(2)
    L[i, j] = x[:3]
    L[np.tril_indices(3, -1)] *= 2
    return np.sum(L @ L.T)


def alongs(A):
    "A: (N, D)"
    B = A * 2
    k = np.argmax(B, axis=1)
    np.put_along_axis(B, k[:, None], A[:, :1] ** 2, axis=1)
    np.put(B, [0, 3], A[0, :2] ** 3)
    return np.sum(B**2)


def ints(x):
    "x: (N,)"
    a = np.zeros(4)
    a[1] = 3
    a[2:] = [1, 2]
    a[:2] += x[:2]
    a[:] = a * x
    return np.sum(a**2)


def bcast(A, x):
    "A: (N, D)  x: (D,)"
    B = np.zeros((4, 3))
    B[:] = x
    B[1:3] = A[0] * x
    B[:, 0] = x[1] ** 2
    B[...] += x
    return np.sum(B**2)
