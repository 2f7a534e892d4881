"""Arrays that loops write into."""

import numpy as np


def rowswap(A):
    "A: (N, D)"
    B = A * 1.0
    B[0], B[1] = B[1], B[0]
    B[2] *= B[0]
    return np.sum(B**2 * A)


def rowswap2(A):
    "A: (N, D)"
    B = A * 1.0
    B[0], B[1] = B[1], B[0].copy()
    return np.sum(B**2 * A)


def seidel(b, n):
    "b: (N,)"
    u = np.zeros(6)
    for k in range(n):
        for i in range(1, 5):
            u[i] = (u[i - 1] + u[i + 1] + b[i - 1] * u[i] + b[i - 1]) / 3
    return np.sum(u**2)


def lu(A):
    "A: (N, M)"
    A = A[:3] + 5 * np.eye(3)
    m = A.shape[0]
    for k in range(m):
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return np.sum(np.log(np.abs(np.diag(A))))


def dp(C):
    "C: (N, M)"
    D = np.zeros((4, 3))
    D[0] = C[0]
    for i in range(1, 4):
        for j in range(3):
            best = D[i - 1][j]
            if j > 0:
                best = min(best, D[i - 1][j - 1])
            D[i][j] = C[i, j] + best
    return np.min(D[-1])


def cums(x):
    "x: (N,)"
    s = x.copy()
    for i in range(1, len(s)):
        s[i] += s[i - 1] * x[i]
    return np.sum(s**2)


def newold(x, n):
    "x: (N,)"
    old = x.copy()
    for k in range(n):
        new = old.copy()
        new[1:-1] = old[1:-1] + 0.1 * (old[2:] - 2 * old[1:-1] + old[:-2]) * old[1:-1]
        old = new
    return np.sum(old**2)


def aliasing_old(x, n):
    "x: (N,)"
    old = x.copy()
    for k in range(n):
        new = old
        new[1:-1] = old[1:-1] + 0.1 * old[2:] * x[1:-1]
        old = new
    return np.sum(old**2) * old[1]


def double(x, n):
    "x: (N,)"
    u = x.copy()
    v = np.empty(4)
    for k in range(n):
        v[0] = u[0]
        v[-1] = u[-1]
        v[1:-1] = u[1:-1] * u[2:] + u[:-2] * x[1:-1]
        u, v = v, u
    return np.sum(u**2)


def double_zero(x, n):
    "x: (N,)"
    u = x.copy()
    v = u.copy()
    for k in range(n):
        v[1:-1] = u[1:-1] * u[2:] * x[1:-1]
        tmp = u
        u = v
        v = tmp
    v[0] = 3
    return np.sum(u**2) + np.sum(v)


def rowsum(M):
    "M: (N, D)"
    A = M.copy()
    for i, row in enumerate(A):
        row /= np.sum(row)
        row[0] = row[1] * 2
        A[i, 2] += row[0]
    return np.sum(A**2)


def colsv(M):
    "M: (N, D)"
    A = M.copy()
    for col in A.T:
        col -= col.mean()
        col[0] *= 2
    return np.sum(A**3)


def param(x, n):
    "x: (N,)"
    for k in range(n):
        x = x * 2
        x[k] = 0
    return np.sum(x)


def param2(x, n):
    "x: (N,)"
    y = np.zeros(4)
    y += x
    z = y
    z *= 2
    w = y[::-1]
    w[0] = x[0] * x[1]
    if n > 2:
        z[1] = w[3] ** 2
    return np.sum(y**2)


def breakv(x, n):
    "x: (N,)"
    a = x.copy()
    v = a[:2]
    for k in range(10):
        v *= 1.5
        if a[0] > 3:
            break
        a[1] += v[0] * x[2]
    else:
        v[0] = 0
    return np.sum(a**2) + np.sum(v)


def mirror(A):
    "A: (N, M)"
    S = np.zeros((3, 3))
    for i in range(3):
        for j in range(i + 1):
            S[i, j] = A[i, j] ** 2
            S[j, i] = S[i, j]
    d = S.diagonal()
    return np.sum(S**2) + np.sum(d)


def gauss(A, b):
    "A: (N, M)  b: (N,)"
    A = A[:3] + np.eye(3)
    b = b[:3] * 1.0
    n = 3
    for k in range(n - 1):
        p = k + np.argmax(np.abs(A[k:, k]))
        if p != k:
            A[[k, p]] = A[[p, k]]
            b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            m = A[i, k] / A[k, k]
            A[i, k:] -= m * A[k, k:]
            b[i] -= m * b[k]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - np.dot(A[i, i + 1 :], x[i + 1 :])) / A[i, i]
    return np.sum(x**2)
