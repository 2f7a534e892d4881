import numpy as np


def f(A, s):
    # A: (n, n)
    B = np.tanh(A)
    flat = B.ravel()
    flat[::4] += s
    return np.sum(B * B)
