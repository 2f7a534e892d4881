import numpy as np


def rosenbrock(x):
    """A narrow curved valley, the classic test of minimisers. x: (n,)"""
    head = x[:-1]
    tail = x[1:]
    return np.sum(100 * (tail - head**2) ** 2 + (1 - head) ** 2)
