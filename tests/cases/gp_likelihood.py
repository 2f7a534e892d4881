import numpy as np
from numpy.linalg import slogdet, solve


def nll(y, log_ell, log_noise, X):
    """Negative log marginal likelihood of a Gaussian process.

    y: (n,), log_ell: float, log_noise: float, X: (n,)
    """
    n = y.shape[0]
    d = X[:, None] - X
    K = np.exp(-0.5 * d**2 / np.exp(2 * log_ell)) + np.exp(2 * log_noise) * np.eye(n)
    sign, logdet = slogdet(K)
    return 0.5 * y @ solve(K, y) + 0.5 * logdet + 0.5 * n * np.log(2 * np.pi)
