import numpy as np


def smooth(x, w):
    # x: (n,)  w: (3,)
    p = np.pad(x, 1)
    return w[0] * p[:-2] + w[1] * p[1:-1] + w[2] * p[2:]
