import numpy as np


def gap(A):
    # A: (n, n)
    w = np.linalg.eigvalsh(A + A.T)
    return w[-1] - w[-2]
