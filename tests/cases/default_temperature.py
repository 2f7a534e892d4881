import numpy as np


def tempered(x, T=1.0):
    e = np.exp(x / T)
    return e / e.sum()
