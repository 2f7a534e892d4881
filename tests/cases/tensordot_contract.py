import numpy as np


def contract(A, B):
    C = np.tensordot(A, B, axes=([1, 2], [0, 1]))
    return np.tanh(C).sum()
