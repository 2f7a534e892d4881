import numpy as np


def f(x):
    z = 2 * x
    y = (z := x * x) * 0.5 + np.exp(z * 3)
    return y * z
