import numpy as np


def loss(U, V, M, mask):
    """
    U : (m, r) float
    V : (n, r) float
    M : (m, n) float
    mask : (m, n) 0/1
    """
    E = mask * (U @ V.T - M)
    return 0.5 * np.sum(np.square(E)) + 0.05 * (np.sum(U**2) + np.sum(V**2))
