import numpy as np


def polygon_area(xy):
    """Signed area; xy has shape (n, 2)."""
    x, y = xy.T
    return 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)
