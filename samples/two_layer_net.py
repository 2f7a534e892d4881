import numpy as np


def two_layer_net(x, y, w1, w2):
    """
    Squared error of a network with one hidden layer of sigmoids.

    Inputs:
    - x: A numpy array of shape (N, D)
    - y: A numpy array of shape (N, M)
    - w1: A numpy array of shape (D, H)
    - w2: A numpy array of shape (H, M)

    Returns:
    - loss: Scalar
    """
    h = 1 / (1 + np.exp(-x.dot(w1)))
    y_pred = h.dot(w2)
    loss = np.square(y_pred - y).sum()
    return loss
