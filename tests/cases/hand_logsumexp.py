import numpy as np


def lse(x):
    # x: (N, C)
    m = np.max(x, axis=1, keepdims=True)
    return m.squeeze(1) + np.log(np.exp(x - m).sum(axis=1))
