import numpy as np
from scipy.linalg import solve_triangular


def lml(K, y):
    """K: (n, n), y: (n,)"""
    K = 0.5 * (K + K.T)
    L = np.linalg.cholesky(K)
    alpha = solve_triangular(L, y, lower=True)
    return -0.5 * np.sum(alpha**2) - np.sum(np.log(np.diag(L)))
