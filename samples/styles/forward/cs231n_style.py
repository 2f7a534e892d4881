import numpy as np


def affine_relu(x, w, b):
    """
    A fully connected layer and a ReLU.

    Inputs:
    - x: A numpy array of shape (N, D)
    - w: A numpy array of shape (D, M)
    - b: A numpy array of shape (M,)
    """
    a = x @ w + b
    out = np.maximum(0, a)
    return out


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
    return loss
