import numpy as np


def rayleigh(A, x):
    A = (A + A.T) / 2
    return np.inner(x, A @ x) / np.inner(x, x)
