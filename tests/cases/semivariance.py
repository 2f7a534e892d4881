import numpy as np


def spread(r):
    # r is (T,)
    m = r.mean()
    down = np.minimum(r - m, 0.0)
    up = np.where(r > m, r - m, 0.0)
    return np.sqrt((down**2).mean()) / (up**2).mean() ** 0.5
