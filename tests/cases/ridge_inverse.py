import numpy as np
import numpy.linalg as la


def ridge(X, y, lam):
    """X: (n, p); y: (n,); lam: scalar"""
    p = X.shape[1]
    w = la.inv(X.T @ X + lam * np.identity(p)) @ X.T @ y
    return w
