import numpy as np


def fc(x, w, b):
    return x.dot(w) + b


def relu(x):
    out = np.maximum(0, x)
    return out


def affine_relu_affine(x, w1, b1, w2, b2):
    """
    Inputs:
    - x: Input data, of shape (N, D)
    - w1: Weights, of shape (D, H)
    - b1: Biases, of shape (H,)
    - w2: Weights, of shape (H, C)
    - b2: Biases, of shape (C,)
    """
    h = relu(fc(x, w1, b1))
    scores = fc(h, w2, b2)
    return scores
