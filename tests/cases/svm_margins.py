import numpy as np


def svm_loss_vectorized(W, X, y, reg):
    # W: (D, C), X: (N, D), y: (N,)
    loss = 0.0
    num_train = X.shape[0]
    s = X.dot(W)
    correct = s[np.arange(num_train), y].reshape(-1, 1)
    margins = np.maximum(0, s - correct + 1)
    margins[np.arange(num_train), y] = 0
    loss += np.sum(margins) / num_train
    loss += reg * np.sum(W * W)
    return loss
