# Made by flatgrad.

import numpy as np


def affine_relu_forward(x, w, b):
    """
    A fully connected layer and a ReLU.

    Inputs:
    - x: A numpy array of shape (N, D)
    - w: A numpy array of shape (D, M)
    - b: A numpy array of shape (M,)
    """
    a = x @ w + b
    out = np.maximum(0, a)

    cache = (out, w, x)
    return out, cache


def affine_relu_backward(dout, cache):
    out, w, x = cache

    # out = np.maximum(0, a)
    da = dout * (out > 0)
    # a = x @ w + b
    dx = da @ w.T
    dw = x.T @ da
    db = da.sum(axis=0)

    return dx, dw, db


def svm_loss(x, y):
    """
    The multiclass hinge loss.

    Inputs:
    - x: A numpy array of shape (N, C), the scores
    - y: A numpy array of shape (N,), the labels
    """
    N = x.shape[0]
    right = x[np.arange(N), y][:, np.newaxis]
    margins = np.maximum(0, x - right + 1)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N

    # loss = np.sum(margins) / N
    dmargins = 1 / N * np.ones_like(margins)
    # margins[np.arange(N), y] = 0
    dmargins[np.arange(N), y] = 0
    # margins = np.maximum(0, x - right + 1)
    dx = dmargins * (margins > 0)
    dright = -dx.sum(axis=1, keepdims=True)
    # right = x[np.arange(N), y][:, np.newaxis]
    dx[np.arange(N), y] += dright.squeeze(axis=1)

    return loss, dx
