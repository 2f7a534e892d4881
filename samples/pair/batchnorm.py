# Made by flatgrad.

import numpy as np


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    """
    Batch normalization in training mode.

    Inputs:
    - x: A numpy array of shape (N, D)
    - gamma: A numpy array of shape (D,), the scale of each feature
    - beta: A numpy array of shape (D,), the shift of each feature

    Returns:
    - out: A numpy array of shape (N, D)
    """
    mu = x.mean(axis=0)
    xc = x - mu
    var = (xc**2).mean(axis=0)
    std = np.sqrt(var + eps)
    xhat = xc / std
    out = gamma * xhat + beta

    cache = (xhat, gamma, std, x.shape, xc)
    return out, cache


def batchnorm_backward(grad_out, cache):
    xhat, gamma, std, x_shape, xc = cache

    # out = gamma * xhat + beta
    grad_gamma = (grad_out * xhat).sum(axis=0)
    grad_xhat = grad_out * gamma
    grad_beta = grad_out.sum(axis=0)
    # xhat = xc / std
    grad_xc = grad_xhat / std
    grad_std = -(grad_xhat * xhat / std).sum(axis=0)
    # std = np.sqrt(var + eps)
    grad_var = 0.5 * grad_std / std
    grad_eps = grad_var.sum()
    # var = (xc**2).mean(axis=0)
    grad_xc += 2 / x_shape[0] * grad_var * xc
    # xc = x - mu
    grad_x = grad_xc
    grad_mu = -grad_xc.sum(axis=0)
    # mu = x.mean(axis=0)
    grad_x += grad_mu / x_shape[0]
    return grad_x, grad_gamma, grad_beta, grad_eps
