import numpy as np


def logistic_loss(w, X, y, strength=0.1):
    """
    Labels are 1 and -1.

    Inputs:
    - w: A numpy array of shape (D,)
    - X: A numpy array of shape (N, D)
    - y: A numpy array of shape (N,)
    """
    margins = y * (X @ w)
    loss = np.mean(np.logaddexp(0, -margins)) + 0.5 * strength * np.sum(w**2)
    return loss
