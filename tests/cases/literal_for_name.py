import numpy as np


def f(X):
    # X: (n, d)
    G = X @ X.T + np.eye(3)
    return np.log(np.linalg.det(G))
