import numpy as np


def exp_minus_one(z):
    return np.exp(z) - 1


def elu(z, alpha=1.0):
    """z of any shape"""
    return np.where(z > 0, z, alpha * exp_minus_one(np.minimum(z, 0)))


def elu_net(x, W):
    # x: (N, D), W: (D, M)
    return elu(elu(x @ W), alpha=0.5).mean(axis=0)
