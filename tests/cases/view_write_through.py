import numpy as np


def f(A):
    """A: (n, n)"""
    B = A.copy()
    row = B[0]
    row *= 3.0
    return np.sum(B**2)
