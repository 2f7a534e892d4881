import numpy as np
from scipy.special import ndtr


def price(F, K, sigma, T, r):
    vol = sigma * np.sqrt(T)
    d1 = np.log(F / K) / vol + vol / 2
    d2 = d1 - vol
    return np.exp(-r * T) * (F * ndtr(d1) - K * ndtr(d2))
