# Made by flatgrad.

import numpy as np


def deep_net_grad(x, W1, W2, W3, grad_x):
    """
    Three layers that all call their result x.

    x : (N, D)  W1 : (D, H)  W2 : (H, H)  W3 : (H, C)
    """
    x0 = x
    x1 = np.tanh(x @ W1)
    value = np.tanh(x1 @ W2)
    x2 = x1 + value
    x = x2 @ W3

    # x = x2 @ W3
    grad_x2 = grad_x @ W3.T
    grad_W3 = x2.T @ grad_x
    # x2 = x1 + value
    grad_a = grad_x2 * (1 - value**2)
    grad_x1 = grad_a @ W2.T + grad_x2
    grad_W2 = x1.T @ grad_a
    # x1 = np.tanh(x @ W1)
    grad_a2 = grad_x1 * (1 - x1**2)
    grad_x = grad_a2 @ W1.T
    grad_W1 = x0.T @ grad_a2

    return x, (grad_x, grad_W1, grad_W2, grad_W3)
