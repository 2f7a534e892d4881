import numpy as np


def f(x, k):
    # x: (n,)  k: float
    act = lambda z: z / (1 + np.exp(-k * z))
    return act(x).sum() + act(x * k)[0]
