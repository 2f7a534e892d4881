import numpy as np


def f(x, w):
    """x: (N, H, W), w: (D, M)"""
    N = x.shape[0]
    rows = np.reshape(x, (N, -1))
    out = rows.dot(w)
    return np.transpose(out).ravel()
