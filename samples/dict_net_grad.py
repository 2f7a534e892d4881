# Made by flatgrad.

import numpy as np


def zeros_like_tree(x):
    """Zeros in the structure of `x`, which may be a list or a dict of arrays; a list for a tuple."""
    if isinstance(x, dict):
        return {key: zeros_like_tree(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [zeros_like_tree(value) for value in x]
    return np.zeros(np.shape(x))[()]


def dict_net_grad(x, y, params, reg: float, grad_loss=1.0):
    """
    The loss of a two-layer network whose parameters are in a dictionary.

    x: (N, D)  y: (N, C)
    """
    W1 = params["W1"]  # (D, H)
    b1 = params["b1"]  # (H,)
    W2 = params["W2"]  # (H, C)
    b2 = params["b2"]  # (C,)
    h = np.maximum(0, x @ W1 + b1)
    out = h @ W2 + b2
    diff = out - y
    loss = np.sum(diff**2) / x.shape[0]
    total = np.sum(W1**2)
    total2 = np.sum(W2**2)
    loss += reg * total + reg * total2

    # loss += reg * total + reg * total2
    grad_total2 = grad_loss * reg
    grad_W1 = 2 * grad_total2 * W1
    grad_reg = grad_loss * total + grad_loss * total2
    grad_W2 = 2 * grad_total2 * W2
    # loss = np.sum(diff**2) / x.shape[0]
    grad_out = 2 * grad_loss / x.shape[0] * diff
    grad_y = -grad_out
    # out = h @ W2 + b2
    grad_h = grad_out @ W2.T
    grad_W2 += h.T @ grad_out
    grad_b2 = grad_out.sum(axis=0)
    # h = np.maximum(0, x @ W1 + b1)
    grad_a = grad_h * (h > 0)
    grad_x = grad_a @ W1.T
    grad_W1 += x.T @ grad_a
    grad_b1 = grad_a.sum(axis=0)
    # b2 = params["b2"]
    grad_params = zeros_like_tree(params)
    grad_params["b2"] = grad_params["b2"] + grad_b2
    # W2 = params["W2"]
    grad_params["W2"] = grad_W2
    # b1 = params["b1"]
    grad_params["b1"] = grad_b1
    # W1 = params["W1"]
    grad_params["W1"] = grad_W1

    return loss, (grad_x, grad_y, grad_params, grad_reg)
