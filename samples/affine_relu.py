import numpy as np


def affine_relu(x, w, b):
    """
    A fully connected layer on images, and a ReLU.

    Inputs:
    - x: A numpy array of shape (N, H, W), N images
    - w: A numpy array of shape (D, M) where D = H * W
    - b: A numpy array of shape (M,)

    Returns:
    - out: A numpy array of shape (N, M)
    """
    rows = x.reshape(x.shape[0], -1)
    out = np.maximum(0, rows @ w + b)
    return out
