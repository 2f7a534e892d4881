import numpy as np


def weighted(sum, max, len):
    # sum: (N,)  max: (N,)
    list = sum * max
    type = np.exp(list) / len
    return np.sum(type)
