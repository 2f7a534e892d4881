import numpy as np


def dense(x, w, b):
    """
    A fully connected layer with tanh.

    Inputs:
    - x: A numpy array of shape (N, D)
    - w: A numpy array of shape (D, M)
    - b: A numpy array of shape (M,)
    """
    out = np.tanh(x @ w + b)
    return out
