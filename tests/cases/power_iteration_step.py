import numpy as np


def two_steps(A, v):
    """A: (n, n), v: (n,)"""
    v = A @ v
    v /= np.linalg.norm(v)
    v = A @ v
    v /= np.linalg.norm(v)
    return v @ A @ v
