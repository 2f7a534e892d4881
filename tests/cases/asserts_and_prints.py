import numpy as np


def checked(x, w):
    assert x.ndim == 2, "rows of samples"
    assert x.shape == (3, 4) and w.shape == (4,)
    print("shapes", x.shape, w.shape, sep=": ", end="")
    score = x @ w
    assert np.isfinite(score).all(), f"bad score {score}"
    return np.logaddexp(0, score).mean()
