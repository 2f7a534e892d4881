import numpy as np


def distances(X, Y):
    # X: (M, D), Y: (N, D)
    x2 = np.sum(X**2, axis=1)[:, np.newaxis]
    y2 = np.sum(Y**2, axis=1)
    xy = np.dot(X, Y.T)
    return np.sqrt(x2 - 2 * xy + y2)
