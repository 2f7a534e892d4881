import numpy as np


def sharpe(w, mu, Sigma, rf):
    w = w / np.sum(w)
    ret = w.T @ mu - rf
    risk = np.sqrt(w.T @ Sigma @ w)
    return ret / risk
