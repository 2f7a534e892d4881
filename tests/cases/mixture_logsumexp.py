import numpy as np
from scipy.special import log_softmax, logsumexp


def mixture(x, mu, log_pi, log_s):
    """x: (n,), mu: (k,), log_pi: (k,), log_s: (k,)"""
    w = log_softmax(log_pi)
    z = (x[:, None] - mu) / np.exp(log_s)
    comp = w - log_s - 0.5 * z**2
    return -logsumexp(comp, axis=1).sum()
