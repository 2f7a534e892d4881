# Made by flatgrad.

import numpy as np


def unbroadcast(g, like):
    """Sum `g` over the axes along which `like` was broadcast."""
    extra = np.ndim(g) - np.ndim(like)
    stretched = [i + extra for i, n in enumerate(np.shape(like)) if n == 1]
    return np.sum(g, axis=(*range(extra), *stretched)).reshape(np.shape(like))


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
    part = scores[np.arange(N), y]
    right = part[:, np.newaxis]
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
    grad_a = grad_margins * (margins > 0)
    grad_scores = unbroadcast(grad_a, scores)
    grad_right = unbroadcast(-grad_a, right)
    # right = part[:, np.newaxis]
    grad_part = np.zeros(np.shape(part))
    grad_part[:, None] = grad_right
    np.add.at(grad_scores, (np.arange(N), y), grad_part)
    # scores = X @ W
    grad_X = grad_scores @ W.T
    grad_W += X.T @ grad_scores

    return loss, (grad_W, grad_X, grad_reg)
