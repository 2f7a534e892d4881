import numpy as np


def cov(X):
    Xc = X - np.mean(X, axis=0)
    return Xc.T @ Xc / (len(X) - 1)
