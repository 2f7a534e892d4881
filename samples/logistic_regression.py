import numpy as np


def logistic_regression(w, b, X, t, lam=0.1):
    """
    Mean negative log-likelihood of labels 0 and 1, and a penalty on the weights.

    Parameters
    ----------
    w : ndarray of shape (D,)
    b : float
    X : ndarray of shape (N, D)
    t : ndarray of shape (N,)
        The labels.
    """
    z = X @ w + b
    nll = np.logaddexp(0, z) - t * z
    return nll.mean() + lam * w @ w / 2
