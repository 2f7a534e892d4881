import numpy as np


def f(x):
    # x: (n,)
    y = np.exp(x)
    z = y.copy()
    z[0] = 0.0
    w = z
    w = w * 2
    z += 1
    return (y * z * w).sum()
