# Made by flatgrad.

import numpy as np


def svm_loss_grad(W, X, y, reg, grad_loss=1.0):
    """
    Multiclass hinge loss of a linear classifier, without loops.

    Inputs:
    - W: A numpy array of shape (D, C), one column of weights for each class
    - X: A numpy array of shape (N, D), one example in each row
    - y: A numpy array of shape (N,), the right class of each example
    - reg: (float) how strongly large weights are punished

    Returns:
    - loss: Scalar
    """
    N = X.shape[0]
    scores = X @ W
    right = scores[np.arange(N), y][:, np.newaxis]
    margins = np.maximum(0, scores - right + 1)
    margins[np.arange(N), y] = 0  # the right class costs nothing
    total = np.sum(W * W)
    loss = margins.sum() / N + reg * total

    # loss = margins.sum() / N + reg * total
    grad_margins = grad_loss / N * np.ones_like(margins)
    grad_W = 2 * grad_loss * reg * W
    grad_reg = grad_loss * total
    # margins[np.arange(N), y] = 0
    grad_margins[np.arange(N), y] = 0
    # margins = np.maximum(0, scores - right + 1)
    grad_scores = grad_margins * (margins > 0)
    grad_right = -grad_scores.sum(axis=1, keepdims=True)
    # right = scores[np.arange(N), y][:, np.newaxis]
    grad_scores[np.arange(N), y] += grad_right.squeeze(axis=1)
    # scores = X @ W
    grad_X = grad_scores @ W.T
    grad_W += X.T @ grad_scores

    return loss, (grad_W, grad_X, grad_reg)
