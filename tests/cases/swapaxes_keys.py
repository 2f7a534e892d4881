import numpy as np


def scores(Q, K):
    # Q: (B, S, D), K: (B, T, D)
    s = Q @ np.swapaxes(K, -1, -2)
    return s.swapaxes(1, 2) @ s
