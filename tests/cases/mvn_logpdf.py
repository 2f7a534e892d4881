import numpy as np


def mvn(X, mu, cov):
    """X: (n, d), mu: (d,), cov: (d, d)"""
    n, d = X.shape
    Xm = X - mu
    _, logdet = np.linalg.slogdet(cov)
    quad = np.einsum("ij,jk,ik->i", Xm, np.linalg.inv(cov), Xm)
    return -0.5 * (d * np.log(2 * np.pi) + logdet + quad)
