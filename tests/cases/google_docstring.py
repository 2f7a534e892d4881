import numpy as np


def hinge(w, X, y, b=0.0):
    """Linear support vector machine.

    Args:
        w: weights, array of shape (d,).
        X: samples, array of shape (n, d).
        y: labels in {-1, +1}, array of shape (n,).
        b: offset, a float.

    Returns:
        The mean hinge loss, a float.
    """
    margin = 1 - y * (X @ w + b)
    return np.mean(np.maximum(margin, 0))
