import numpy as np


def f(x, w):
    # x: (N, 3), w: (4, M)
    return np.tanh(x @ w)
