import numpy as np


def ackley(x, a=20, b=0.2, c=2 * np.pi):
    n = x.shape[0]
    s1 = -b * np.sqrt(np.sum(x**2) / n)
    s2 = np.sum(np.cos(c * x)) / n
    return -a * np.exp(s1) - np.exp(s2) + a + np.e
