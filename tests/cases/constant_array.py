import numpy as np

WEIGHTS = np.array([1, 2, 3])


def f(x):
    # x: (3,)
    table = np.zeros((2, 3))
    table[0] = x
    table[1, :2] = x[1:] * WEIGHTS[:2]
    return (table * table).sum(axis=0)
