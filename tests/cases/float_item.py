import numpy as np


def f(x):
    # x: (3,)
    a = float(x[0])
    b = x[1].item()
    return a * b + np.float64(x[2]) * a
