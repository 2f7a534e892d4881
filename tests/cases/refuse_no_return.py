import numpy as np


def f(x):
    y = np.exp(x)
    print(y)
