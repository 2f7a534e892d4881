# Made by flatgrad.

import numpy as np


def logistic_regression_grad(w, b, X, t, lam=0.1, grad_out=1.0):
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
    logaddexp_z = np.logaddexp(0, z)
    nll = logaddexp_z - t * z
    product = lam * w
    out = nll.mean() + product @ w / 2

    # out = nll.mean() + product @ w / 2
    grad_product2 = grad_out / 2
    grad_product = grad_product2 * w
    grad_nll = grad_out / nll.size * np.ones_like(nll)
    grad_lam = (grad_product * w).sum()
    grad_w = lam * grad_product + grad_product2 * product
    # nll = logaddexp_z - t * z
    grad_product3 = -grad_nll
    grad_z = grad_nll * np.exp(z - logaddexp_z) + grad_product3 * t
    grad_t = grad_product3 * z
    # z = X @ w + b
    grad_X = np.outer(grad_z, w)
    grad_w += X.T @ grad_z
    grad_b = grad_z.sum()

    return out, (grad_w, grad_b, grad_X, grad_t, grad_lam)
