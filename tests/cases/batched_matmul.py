import numpy as np


def bilinear(x, W, y):
    # x: (N, I), W: (K, I, J), y: (N, J)
    return np.einsum("ni,kij,nj->nk", x, W, y)
