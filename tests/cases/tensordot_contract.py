import numpy as np


def contract(A, B):
    """A: (I, J, K)  B: (J, K, L)"""
    C = np.tensordot(A, B, axes=([1, 2], [0, 1]))
    return np.tanh(C).sum()
