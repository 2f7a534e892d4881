# Made by flatgrad.

import numpy as np


def layernorm_grad(x, gamma, beta, eps=1e-5, grad_out=None):
    """
    Layer normalization: every row gets mean 0 and variance 1, then scale and shift.

    Parameters
    ----------
    x : ndarray of shape (N, D)
    gamma, beta : ndarray of shape (D,)
    eps : float
        Keeps the root away from zero.
    """
    mean = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    diff = x - mean
    root = np.sqrt(var + eps)
    xhat = diff / root
    out = gamma * xhat + beta
    if grad_out is None:
        grad_out = np.ones_like(out)

    # out = gamma * xhat + beta
    grad_gamma = (grad_out * xhat).sum(axis=0)
    grad_xhat = grad_out * gamma
    grad_beta = grad_out.sum(axis=0)
    # xhat = diff / root
    grad_x = grad_xhat / root
    grad_var = -0.5 * (grad_xhat * xhat / root).sum(axis=1, keepdims=True) / root
    grad_mean = -grad_x.sum(axis=1, keepdims=True)
    grad_eps = grad_var.sum()
    # var = x.var(axis=-1, keepdims=True)
    grad_x += 2 / x.shape[-1] * grad_var * diff
    # mean = x.mean(axis=-1, keepdims=True)
    grad_x += grad_mean / x.shape[-1]

    return out, (grad_x, grad_gamma, grad_beta, grad_eps)
