import numpy as np


def triplet(a, p, n, margin=5.0):
    """Triplet loss on rows, each (B, D)."""
    dp = ((a - p) ** 2).sum(axis=1)
    dn = ((a - n) ** 2).sum(axis=1)
    return np.maximum(dp - dn + margin, 0).mean()
