import numpy as np


def gp_kernel(X, lengthscale, variance):
    """
    X : array (n, d)
    lengthscale : array (d,)
    variance : float
    """
    Z = X / lengthscale
    sq = ((Z[:, None, :] - Z[None, :, :]) ** 2).sum(axis=-1)
    return variance * np.exp(-0.5 * sq)
