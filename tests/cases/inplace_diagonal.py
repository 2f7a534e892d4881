import numpy as np


def with_diag(A, d):
    """A: (n, n), d: (n,)"""
    B = A.copy()
    i = np.arange(B.shape[0])
    B[i, i] += d
    B[0, :] = 2 * d
    B[:, -1] -= A[:, 0]
    return B @ d
