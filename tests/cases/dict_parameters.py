import numpy as np


def loss(params, x):
    h = np.tanh(x @ params["W"] + params["b"])
    return h.sum()
