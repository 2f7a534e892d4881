import numpy as np


def f(x):
    # x: (n, m)
    a = x.prod(axis=0) + np.cumsum(x, axis=1)[-1] + x.cumprod(axis=0)[1]
    b = x.std() + np.std(x, axis=0, ddof=1) + np.var(x, ddof=1)
    c = np.linalg.norm(x) + np.linalg.norm(x, axis=1).sum() + x.max(axis=0)
    d = np.nansum(x) + np.trace(x[:, :3]) + np.nanmean(x, axis=0)
    return a * b + c * d
