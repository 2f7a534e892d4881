import numpy as np


def bump(a, v):
    a[0] += v[1]
    a[1:] *= v[1:]
    return a.sum()


def f(x, v):
    # x: (n,), v: (n,)
    y = np.sin(x)
    s = bump(y, v)
    return s * y
