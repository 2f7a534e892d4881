import numpy as np


def moments(x):
    d = x - np.mean(x)
    m2, m3, m4 = np.mean(d**2), np.mean(d**3), np.mean(d**4)
    return m3 / m2**1.5, m4 / m2**2 - 3
