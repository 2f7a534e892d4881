import numpy as np


def svm_loss(W, X, y, reg):
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
    loss = margins.sum() / N + reg * np.sum(W * W)
    return loss
