import numpy as np


def rotz_apply(alpha, p):
    """p: (2, n)"""
    c, s = np.cos(alpha), np.sin(alpha)
    R = np.array(((c, -s), (s, c)))
    return R.dot(p)
