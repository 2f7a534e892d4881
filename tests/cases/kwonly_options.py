import numpy as np


def robust(x, scale=1.0, *, power=2.0, offset=0.0):
    r = (x - offset) / scale
    return np.sum(np.abs(r) ** power)
