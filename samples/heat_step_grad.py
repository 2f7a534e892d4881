# Made by flatgrad.

import numpy as np


def unbroadcast(g, like):
    """Sum `g` over the axes along which `like` was broadcast."""
    extra = np.ndim(g) - np.ndim(like)
    stretched = [i + extra for i, n in enumerate(np.shape(like)) if n == 1]
    return np.sum(g, axis=(*range(extra), *stretched)).reshape(np.shape(like))


def heat_step_grad(u, k, left, right, grad_new):
    """
    Temperatures of a rod one step later. Both of its ends are held at a temperature.

    u : (n,) array, the temperatures now
    k : float, how well the rod conducts
    left, right : float
    """
    new = u.copy()
    total = u[2:] - 2 * u[1:-1] + u[:-2]
    product = k * total
    new0 = new.copy()
    new[1:-1] += product
    new[0] = left
    new[-1] = right

    # new[-1] = right
    grad_new0 = grad_new.copy()
    grad_new0[-1] = 0
    grad_right = unbroadcast(grad_new[-1], right)
    # new[0] = left
    grad_new = grad_new0.copy()
    grad_new[0] = 0
    grad_left = unbroadcast(grad_new0[0], left)
    # new[1:-1] += product
    grad_new02 = grad_new.copy()
    grad_new02[1:-1] = 0
    grad_total = unbroadcast(grad_new[1:-1], new0[1:-1] + product)
    grad_total_ = k * grad_total
    grad_u = np.zeros(u.shape)
    grad_u[2:] = grad_total_
    grad_new02[1:-1] += grad_total
    grad_u[1:-1] -= 2 * grad_total_
    grad_u[:-2] += grad_total_
    grad_k = (grad_total * total).sum()
    # new = u.copy()
    grad_u += grad_new02

    return new, (grad_u, grad_k, grad_left, grad_right)
