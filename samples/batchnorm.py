import numpy as np


def batchnorm(x, gamma, beta, eps=1e-5):
    """
    Batch normalization in training mode.

    Inputs:
    - x: A numpy array of shape (N, D)
    - gamma: A numpy array of shape (D,), the scale of each feature
    - beta: A numpy array of shape (D,), the shift of each feature

    Returns:
    - out: A numpy array of shape (N, D)
    """
    mu = x.mean(axis=0)
    xc = x - mu
    var = (xc**2).mean(axis=0)
    std = np.sqrt(var + eps)
    xhat = xc / std
    out = gamma * xhat + beta
    return out
