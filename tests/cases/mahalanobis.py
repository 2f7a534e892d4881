import numpy as np


def mahalanobis(x, mu, cov):
    """
    :param x: vector (d,)
    :param mu: vector (d,)
    :param cov: matrix (d, d)
    """
    delta = x - mu
    return np.sqrt(delta @ np.linalg.inv(cov) @ delta)
