import numpy as np
from scipy.special import expit


def nll(w, X, y, lam):
    p = expit(X @ w)
    fit = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    return fit.mean() + lam / 2 * w @ w
