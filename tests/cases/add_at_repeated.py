import numpy as np


def f(x, i, w):
    # x: (n,), i: (k,), w: (k,)
    y = x.copy()
    np.add.at(y, i, w)
    return y * x
