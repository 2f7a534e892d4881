import numpy as np


def f(x):
    y = np.zeros_like(x)
    np.multiply(x, x, out=y)
    return y * x
