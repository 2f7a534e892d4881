import numpy as np


def f(x, y):
    a = np.add(np.multiply(x, y), np.negative(x))
    b = np.divide(a, np.power(y, 2))
    c = np.subtract(np.true_divide(b, y), np.maximum(x, y))
    return np.dot(c, a)
