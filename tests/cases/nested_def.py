import numpy as np


def f(x, k):
    """x: (n,), k: float"""

    def g(u):
        return np.cos(k * u) * u

    return g(x) + g(g(x))
