# Made by flatgrad.

import numpy as np


def softmax_loss_grad(scores, y, grad_loss=1.0):
    """
    Mean cross-entropy of the softmax of class scores.

    Inputs:
    - scores: A numpy array of shape (N, C), the score of each class for each example
    - y: A numpy array of shape (N,), the right class of each example

    Returns:
    - loss: Scalar
    """
    N = scores.shape[0]
    shifted = scores - scores.max(axis=1, keepdims=True)  # exp must not overflow
    exps = np.exp(shifted)
    probs = exps / exps.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(N), y]).mean()

    # loss = -np.log(probs[np.arange(N), y]).mean()
    grad_shifted = probs.copy()
    grad_shifted[np.arange(N), y] -= 1
    grad_shifted *= grad_loss / N
    # shifted = scores - scores.max(axis=1, keepdims=True)
    grad_scores = grad_shifted

    return loss, grad_scores
