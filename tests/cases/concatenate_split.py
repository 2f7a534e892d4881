import numpy as np


def mix(a, b, c):
    # a: (n, d), b: (m, d), c: (k, 1)
    z = np.concatenate([a, b], axis=0) * c
    top, bottom = z[: len(a)], z[len(a) :]
    return top.sum(axis=0) * bottom.mean(axis=0)
