import numpy as np


def filtered(x, h):
    y = np.convolve(x, h, mode="valid")
    return np.sum(y**2)
