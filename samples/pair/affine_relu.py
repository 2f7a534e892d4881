# Made by flatgrad.

import numpy as np


def affine_relu_forward(x, w, b):
    """
    A fully connected layer on images, and a ReLU.

    Inputs:
    - x: A numpy array of shape (N, H, W), N images
    - w: A numpy array of shape (D, M) where D = H * W
    - b: A numpy array of shape (M,)

    Returns:
    - out: A numpy array of shape (N, M)
    """
    rows = x.reshape(x.shape[0], -1)
    out = np.maximum(0, rows @ w + b)

    cache = (out, w, rows, x.shape)
    return out, cache


def affine_relu_backward(grad_out, cache):
    out, w, rows, x_shape = cache

    # out = np.maximum(0, rows @ w + b)
    grad_a = grad_out * (out > 0)
    grad_rows = grad_a @ w.T
    grad_w = rows.T @ grad_a
    grad_b = grad_a.sum(axis=0)
    # rows = x.reshape(x.shape[0], -1)
    grad_x = grad_rows.reshape(x_shape)
    return grad_x, grad_w, grad_b
