import numpy as np

LENGTHS = np.array([1.0, 0.8, 0.5])


def end_effector(q):
    # q: (3,)
    angles = np.cumsum(q)
    x = np.sum(LENGTHS * np.cos(angles))
    y = LENGTHS @ np.sin(angles)
    return np.array([x, y])
