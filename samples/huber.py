import numpy as np


def huber(x: float, y: float, delta: float):
    """What a difference costs: its square if it is small, and in proportion if not."""
    r = x - y
    if np.abs(r) <= delta:
        return 0.5 * r**2
    return delta * (np.abs(r) - 0.5 * delta)
