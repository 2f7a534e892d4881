# Made by flatgrad.

import numpy as np


def diffusion_segment_forward(u, k, ts):
    """Some iterations of the loop in diffusion, from the state before them on."""
    diffs = []
    for t in ts:
        diff = np.roll(u, 1) - u
        diffs.append(diff)
        flow = k * diff  # from the cell before
        u = u + flow - np.roll(flow, -1)

    cache = (k, ts, diffs)
    return u, cache


def diffusion_segment_backward(grad_u, cache):
    k, ts, diffs = cache
    diffs = list(diffs)

    grad_k = np.zeros(k.shape)
    for t in reversed(ts):
        diff2 = diffs.pop()
        # u = u + flow - np.roll(flow, -1)
        grad_flow = grad_u + np.roll(-grad_u, 1)
        # flow = k * diff
        grad_diff = grad_flow * k
        grad_u = grad_u + (np.roll(grad_diff, -1) - grad_diff)
        grad_k += grad_flow * diff2
    return grad_u, grad_k


def diffusion_grad(u, k, steps: int, grad_u):
    """Heat in a ring of N cells, after some steps. u: (N,)  k: (N,)"""
    ts = range(steps)
    step = int(len(ts) ** 0.5) + 1
    us = []
    for start in range(0, len(ts), step):
        us.append(u)
        u = diffusion_segment_forward(u, k, ts[start : start + step])[0]

    grad_k = np.zeros(k.shape)
    for start in reversed(range(0, steps, step)):
        u2 = us.pop()
        # u = diffusion_segment_forward(u, k, ts[start : start + step])[0]
        grad_u, grad_k_ = diffusion_segment_backward(
            grad_u, diffusion_segment_forward(u2, k, ts[start : start + step])[-1]
        )
        grad_k += grad_k_

    return u, (grad_u, grad_k)
