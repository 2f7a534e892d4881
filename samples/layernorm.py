import numpy as np


def layernorm(x, gamma, beta, eps=1e-5):
    """
    Layer normalization: every row gets mean 0 and variance 1, then scale and shift.

    Parameters
    ----------
    x : ndarray of shape (N, D)
    gamma, beta : ndarray of shape (D,)
    eps : float
        Keeps the root away from zero.
    """
    mean = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    xhat = (x - mean) / np.sqrt(var + eps)
    out = gamma * xhat + beta
    return out
