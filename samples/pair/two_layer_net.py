# Made by flatgrad.

import numpy as np


def two_layer_net_forward(x, y, w1, w2):
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
    diff = y_pred - y
    loss = np.square(diff).sum()

    cache = (diff, w2, h, w1, x)
    return loss, cache


def two_layer_net_backward(grad_loss, cache):
    diff, w2, h, w1, x = cache

    # loss = np.square(diff).sum()
    grad_y_pred = 2 * grad_loss * diff
    grad_y = -grad_y_pred
    # y_pred = h.dot(w2)
    grad_h = grad_y_pred.dot(w2.T)
    grad_w2 = h.T.dot(grad_y_pred)
    # h = 1 / (1 + np.exp(-x.dot(w1)))
    grad_product = grad_h * h * (1 - h)
    grad_x = grad_product.dot(w1.T)
    grad_w1 = x.T.dot(grad_product)
    return grad_x, grad_y, grad_w1, grad_w2
