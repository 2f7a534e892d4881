import numpy as np


def rss(X, y):
    # X (n, p), y (n,)
    beta = np.linalg.solve(X.T.dot(X), X.T.dot(y))
    resid = y - X.dot(beta)
    return resid.dot(resid)
