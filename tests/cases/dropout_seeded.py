import numpy as np


def dropout(x, p, seed):
    np.random.seed(seed)
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask
