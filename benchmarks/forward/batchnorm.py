import numpy as np


def batchnorm(x, gamma, beta, eps=1e-5):
    """
    Batch normalization while training: every feature gets mean beta and deviation gamma.

    Inputs:
    - x: A numpy array of shape (N, D)
    - gamma: A numpy array of shape (D,)
    - beta: A numpy array of shape (D,)
    - eps: (float) keeps the deviation away from zero

    Returns:
    - out: A numpy array of shape (N, D)
    """
    mu = x.mean(axis=0)
    centered = x - mu
    var = np.mean(centered**2, axis=0)
    std = np.sqrt(var + eps)
    xhat = centered / std
    out = gamma * xhat + beta
    return out
