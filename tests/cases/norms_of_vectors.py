import numpy as np


def f(x):
    # x: (n,)
    return np.linalg.norm(x, 1) + np.linalg.norm(x, 3) * np.linalg.norm(x, np.inf)
