import numpy as np


def area(a, b, c):
    """a, b, c : ndarray of shape (3,)"""
    n = np.cross(b - a, c - a)
    return 0.5 * np.linalg.norm(n)
