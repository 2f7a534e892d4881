# Made by flatgrad.

import numpy as np


def logistic_loss_fun(w, X, y, strength=0.1):
    """
    Labels are 1 and -1.

    Inputs:
    - w: A numpy array of shape (D,)
    - X: A numpy array of shape (N, D)
    - y: A numpy array of shape (N,)
    """
    margins = y * (X @ w)
    value = np.logaddexp(0, -margins)
    loss = np.mean(value) + 0.5 * strength * np.sum(w**2)

    # loss = np.mean(value) + 0.5 * strength * np.sum(w**2)
    grad_margins = -(np.exp(-margins - value) / value.size)
    grad_w = strength * w
    # margins = y * (X @ w)
    grad_w += X.T @ (grad_margins * y)

    return loss, grad_w
