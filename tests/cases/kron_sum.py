import numpy as np


def kronsum(A, B):
    """A: (m, m), B: (n, n)"""
    m, n = len(A), len(B)
    K = np.kron(A, np.eye(n)) + np.kron(np.eye(m), B)
    return np.sum(K @ K)
