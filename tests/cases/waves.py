import numpy as np


def f(x, t):
    z = np.exp(1j * x * t)
    return np.sum(z.real)
