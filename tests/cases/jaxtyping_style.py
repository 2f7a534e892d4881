import numpy as np
from numpy import ndarray


def affine(x: ndarray, W: ndarray, b: ndarray):
    N, D = x.shape
    assert W.shape[0] == D
    assert b.shape == (W.shape[1],)
    return np.dot(x, W) + b
