import numpy as np


def dict_net(x, y, params, reg: float):
    """
    The loss of a two-layer network whose parameters are in a dictionary.

    x: (N, D)  y: (N, C)
    """
    W1 = params["W1"]  # (D, H)
    b1 = params["b1"]  # (H,)
    W2 = params["W2"]  # (H, C)
    b2 = params["b2"]  # (C,)
    h = np.maximum(0, x @ W1 + b1)
    out = h @ W2 + b2
    loss = np.sum((out - y) ** 2) / x.shape[0]
    loss += reg * np.sum(W1**2) + reg * np.sum(W2**2)
    return loss
