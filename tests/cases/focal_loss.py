import numpy as np


def focal(x, y, gamma=2.0):
    """x: (N,) logits, y: (N,) in {0, 1}"""
    p = 1 / (1 + np.exp(-x))
    pt = y * p + (1 - y) * (1 - p)
    return -np.mean((1 - pt) ** gamma * np.log(pt))
