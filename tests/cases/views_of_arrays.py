"""Writes through views and other names, in straight lines, branches and loops."""

import numpy as np


def rows(M):
    "M: (N, D)"
    A = M * 1.0
    for row in A:
        row *= 2 * row
    return np.sum(A**2)


def rows_i(M):
    "M: (N, D)"
    A = M.copy()
    for i in range(1, A.shape[0]):
        row = A[i]
        row -= A[i - 1] * row[0]
    return np.sum(A**2)


def view(x):
    "x: (N,)"
    z = x * 2
    v = z[1:]
    z[0] = 0
    v[0] = 3 * x[1] ** 2
    return np.sum(v * z[1:])


def chained(A):
    "A: (N, M)"
    B = A.copy()
    B[0][1] = A[1, 1] ** 2
    B[1][1:] *= B[0][1:]
    return np.sum(B**2)


def trans(A):
    "A: (N, M)"
    B = A * A
    B.T[0] = 0
    C = B.T
    C[1] *= C[2]
    return np.sum(B**2)


def loopview(x, n):
    "x: (N,)"
    z = x * 2
    v = z[1:]
    for k in range(n):
        v *= x[1:]
        z[0] = z[1] * x[0]
        v[0] = z[0] + v[1]
    return np.sum(v) * np.sum(z)


def branchview(x, t):
    "x: (N,)"
    z = x * 2
    v = z[1:]
    if t > 0:
        v *= x[1:]
    else:
        z[0] = 4 * x[1]
    v[0] = z[0] * 2
    return np.sum(v**2) + np.sum(z**2)


def twon(a, b):
    "a: (N,)  b: (N,)"
    a = a * 2
    c = a
    c += b
    a *= c
    return np.sum(a * c)


def reshaped(x):
    "x: (N,)"
    G = np.zeros((2, 3))
    f = G.ravel()
    f[1:3] = x[:2]
    G[1] = x[2] ** 2
    return np.sum(G * f.reshape(2, 3))


def whilev(x):
    "x: (N,)"
    z = x.copy()
    h = z[:2]
    while h[0] < 5:
        z *= 2
        h[1] += z[0] * z[2]
    return np.sum(z**2)
