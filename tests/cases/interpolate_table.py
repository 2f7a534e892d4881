import numpy as np


def lookup(fp, x, xp):
    # fp: (n,), xp: (n,), x: (m,)
    i = np.searchsorted(xp, x) - 1
    t = (x - xp[i]) / (xp[i + 1] - xp[i])
    return (1 - t) * fp[i] + t * fp[i + 1]
