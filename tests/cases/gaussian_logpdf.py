import numpy as np


def logpdf(x, mu=0.0, sigma=1.0):
    """x: array of shape (n,); mu, sigma: floats"""
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))
