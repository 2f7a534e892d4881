import numpy as np


def f(x):
    y = np.zeros(4)
    y.fill(x[0])
    return y * x
