import numpy as np


def masked_mean(x, w):
    # x: (n,), w: (n,)
    pos = x > 0
    return np.mean(x[pos] * w[pos]) - w[~pos].sum()
