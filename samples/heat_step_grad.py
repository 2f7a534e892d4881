# Made by flatgrad.

import numpy as np


def heat_step_grad(u, k, left, right, grad_new):
    """
    Temperatures of a rod one step later. Both of its ends are held at a temperature.

    u : (n,) array, the temperatures now
    k : float, how well the rod conducts
    left, right : float
    """
    new = u.copy()
    total = u[2:] - 2 * u[1:-1] + u[:-2]
    new[1:-1] += k * total
    new[0] = left
    new[-1] = right

    # new[-1] = right
    grad_right = grad_new[-1]
    grad_new = grad_new.copy()
    grad_new[-1] = 0
    # new[0] = left
    grad_left = grad_new[0]
    grad_new[0] = 0
    # new[1:-1] += k * total
    grad_product = grad_new[1:-1]
    grad_total = k * grad_product
    grad_u = np.zeros(u.shape)
    grad_u[2:] = grad_total
    grad_u[1:-1] -= 2 * grad_total
    grad_u[:-2] += grad_total
    grad_k = (grad_product * total).sum()
    # new = u.copy()
    grad_u += grad_new

    return new, (grad_u, grad_k, grad_left, grad_right)
