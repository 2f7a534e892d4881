# Made by flatgrad.

import numpy as np


def gaussian_log_density_grad(x, mu, Sigma, grad_out=1.0):
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
    solution = np.linalg.solve(Sigma, r.T)
    flipped = solution.T
    distance = np.sum(r * flipped)
    out = -0.5 * (distance + N * logdet + N * D * np.log(2 * np.pi))

    # out = -0.5 * (distance + N * logdet + N * D * np.log(2 * np.pi))
    grad_distance = -0.5 * grad_out
    grad_logdet = grad_distance * N
    # distance = np.sum(r * flipped)
    grad_flipped = np.linalg.solve(Sigma.T, (grad_distance * r).T)
    grad_r = grad_flipped.T + grad_distance * flipped
    grad_Sigma = -(grad_flipped @ solution.T)
    # sign, logdet = np.linalg.slogdet(Sigma)
    grad_Sigma += grad_logdet * np.linalg.inv(Sigma).T
    # r = x - mu
    grad_x = grad_r
    grad_mu = -grad_r.sum(axis=0)

    return out, (grad_x, grad_mu, grad_Sigma)
