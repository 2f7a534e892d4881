import numpy as np

h, c = 0.66, 2.99
k_B = 1.38
C1 = 2 * h * c**2
C2 = h * c / k_B


def planck(lam, T):
    """Spectral radiance.

    lam : array_like, shape (n,)
    T : float
    """
    return C1 / lam**5 / np.expm1(C2 / (lam * T))
