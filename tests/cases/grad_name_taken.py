import numpy as np


def step(x, grad_x, dx):
    """x: (N,), grad_x: (N,), dx: float"""
    grad_out = x * grad_x
    cache = np.sin(grad_out) / dx
    out = cache * cache
    return out.sum()
