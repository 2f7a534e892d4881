# Made by flatgrad.

import numpy as np


def rosenbrock_grad(x, grad_out=1.0):
    """A narrow curved valley, the classic test of minimisers. x: (n,)"""
    head = x[:-1]
    tail = x[1:]
    diff = tail - head**2
    diff2 = 1 - head
    out = np.sum(100 * diff**2 + diff2**2)

    # out = np.sum(100 * diff**2 + diff2**2)
    grad_tail = 200 * grad_out * diff
    grad_head = -2 * grad_tail * head - 2 * grad_out * diff2
    # tail = x[1:]
    grad_x = np.zeros(x.shape)
    grad_x[1:] = grad_tail
    # head = x[:-1]
    grad_x[:-1] += grad_head

    return out, grad_x
