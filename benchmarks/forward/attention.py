import numpy as np


def attention(q, k, v):
    """
    Every query looks at all keys and returns a weighted mean of the values.

    Inputs:
    - q: A numpy array of shape (N, T, D)
    - k: A numpy array of shape (N, S, D)
    - v: A numpy array of shape (N, S, E)

    Returns:
    - out: A numpy array of shape (N, T, E)
    """
    D = q.shape[-1]
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(D)
    # softmax over the keys
    exps = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exps / exps.sum(axis=-1, keepdims=True)
    out = weights @ v
    return out
