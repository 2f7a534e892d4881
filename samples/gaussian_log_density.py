import numpy as np


def gaussian_log_density(x, mu, Sigma):
    """
    Log-density of N(mu, Sigma), summed over the rows of x.

    Parameters
    ----------
    x : ndarray of shape (N, D)
    mu : ndarray of shape (D,)
    Sigma : ndarray of shape (D, D)
    """
    N, D = x.shape
    r = x - mu
    sign, logdet = np.linalg.slogdet(Sigma)
    distance = np.sum(r * np.linalg.solve(Sigma, r.T).T)
    return -0.5 * (distance + N * logdet + N * D * np.log(2 * np.pi))
