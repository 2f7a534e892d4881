import numpy as np


def chain(x, k):
    # x: (N,)
    a = b = np.tanh(k * x)
    a = a * b
    c = d = a.sum()
    return c * d + b.mean()
