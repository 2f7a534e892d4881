import numpy as np


def total_correlation(X):
    """
    X : numpy.ndarray of shape (n_samples, n_features)
    """
    C = np.cov(X, rowvar=False)
    s = np.sqrt(np.diag(C))
    R = C / np.outer(s, s)
    return -0.5 * np.linalg.slogdet(R)[1]
