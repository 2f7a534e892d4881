import numpy as np


def attention(q, k, v):
    """
    Scaled dot-product attention with a single head.

    Inputs:
    - q: A numpy array of shape (T, D), the queries
    - k: A numpy array of shape (S, D), the keys
    - v: A numpy array of shape (S, E), the values

    Returns:
    - out: A numpy array of shape (T, E)
    """
    D = q.shape[1]
    scores = q @ k.T / np.sqrt(D)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    out = weights @ v
    return out
