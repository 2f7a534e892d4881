import numpy as np


def pearson(x, y):
    xm, ym = x - x.mean(), y - y.mean()
    r_num = np.sum(np.multiply(xm, ym))
    r_den = np.sqrt(np.sum(xm**2) * np.sum(ym**2))
    r = r_num / r_den
    return r
