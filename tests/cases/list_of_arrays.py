import numpy as np


def f(x, y):
    parts = [x, y, x * y]
    a, b, c = parts
    total = parts[0] + parts[-1] * b
    stacked = np.array([a, total, c])
    return stacked.sum(axis=0) @ np.array([1.0, 2.0, 3.0])
