import numpy as np


def wvar(x, w):
    # both of shape (n,)
    w = w / w.sum()
    mean = np.average(x, weights=w)
    return np.average((x - mean) ** 2, weights=w), mean
