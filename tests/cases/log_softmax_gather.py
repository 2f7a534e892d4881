import numpy as np


def nll(logits, targets, temp=1.0):
    """
    logits: np.ndarray of shape (N, C)
    targets: np.ndarray of shape (N,) with class indices
    temp: float
    """
    z = logits / temp
    z = z - z.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    N = len(targets)
    return -logp[np.arange(N), targets].mean()
