import numpy as np
from scipy.special import gammaln


def deviance(beta, X, y):
    """X: (n, p) design, beta: (p,), y: (n,) counts"""
    eta = X @ beta
    mu = np.exp(eta)
    ll = y * eta - mu - gammaln(y + 1)
    return -2 * ll.sum()
