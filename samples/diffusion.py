import numpy as np


def diffusion(u, k, steps: int):
    """Heat in a ring of N cells, after some steps. u: (N,)  k: (N,)"""
    for t in range(steps):  # flatgrad: checkpoint
        flow = k * (np.roll(u, 1) - u)  # from the cell before
        u = u + flow - np.roll(flow, -1)
    return u
