import numpy as np


def f(x):
    out = np.empty_like(x)
    out[:] = x**2
    acc = np.zeros(x.shape[1], dtype=x.dtype)
    acc += out.sum(axis=0)
    ones = np.ones((x.shape[0], 1))
    return ones * acc + x.astype(float)
