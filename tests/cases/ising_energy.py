import numpy as np


def energy(s, J, h):
    """Periodic lattice. s: (L, L), J: float, h: float"""
    nn = np.roll(s, 1, axis=0) + np.roll(s, 1, axis=1)
    return -J * np.sum(s * nn) - h * s.sum()
