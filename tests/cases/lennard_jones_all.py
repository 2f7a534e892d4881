import numpy as np


def potential(pos, sigma):
    """pos : (N, 3) positions"""
    N = len(pos)
    i, j = np.triu_indices(N, k=1)
    rij = pos[i] - pos[j]
    r2 = (rij**2).sum(-1)
    s6 = (sigma**2 / r2) ** 3
    return np.sum(4 * (s6**2 - s6))
