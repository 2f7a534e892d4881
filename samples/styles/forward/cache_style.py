import numpy as np


def layernorm_forward(x, gamma, beta, eps=1e-5):
    """
    Layer normalization.

    Inputs:
    - x: A numpy array of shape (N, D)
    - gamma: A numpy array of shape (D,)
    - beta: A numpy array of shape (D,)
    """
    mu = x.mean(axis=1, keepdims=True)
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    x_hat = (x - mu) / std
    out = gamma * x_hat + beta
    cache = (x_hat, gamma, std)
    return out, cache
