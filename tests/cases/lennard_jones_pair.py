import numpy as np


def lj(r1, r2, eps, sigma):
    d = r1 - r2
    r = np.sqrt(np.dot(d, d))
    sr6 = (sigma / r) ** 6
    return 4 * eps * (sr6**2 - sr6)
