# Made by flatgrad.

import numpy as np


def huber_grad(x: float, y: float, delta: float, grad_out=1.0):
    """What a difference costs: its square if it is small, and in proportion if not."""
    r = x - y
    if np.abs(r) <= delta:
        out = 0.5 * r**2
    else:
        out = delta * (np.abs(r) - 0.5 * delta)

    if np.abs(r) <= delta:
        # out = 0.5 * r**2
        grad_r = grad_out * r
        grad_delta = 0.0
    else:
        # out = delta * (np.abs(r) - 0.5 * delta)
        grad_diff = grad_out * delta
        grad_r = grad_diff * np.sign(r)
        grad_delta = grad_out * (np.abs(r) - 0.5 * delta) - 0.5 * grad_diff
    # r = x - y
    grad_x = grad_r
    grad_y = -grad_r

    return out, (grad_x, grad_y, grad_delta)
