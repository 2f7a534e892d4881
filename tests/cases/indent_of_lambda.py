import numpy as np


def f(x):
    # x: (n,)
    square = lambda t: t * t
    shift = lambda t, by=1.0: t + by
    return shift(square(np.sin(x))) * shift(x, by=2.0)
