import numpy as np


def f(a, x):
    """a: float, x: (n,)"""
    base = np.full_like(x, a)
    other = np.full(x.shape, a**2)
    return np.sum(base * x + other)
