# Made by flatgrad.

import numpy as np


class Dense:
    """
    A fully connected layer with tanh.

    Inputs:
    - x: A numpy array of shape (N, D)
    - w: A numpy array of shape (D, M)
    - b: A numpy array of shape (M,)
    """

    def __init__(self, w, b):
        self.w = w
        self.b = b

    def forward(self, x):
        out = np.tanh(x @ self.w + self.b)

        self.out = out
        self.x = x
        return out

    def backward(self, dout):
        # out = np.tanh(x @ w + b)
        da = dout * (1 - self.out**2)
        dx = da @ self.w.T
        self.dw = self.x.T @ da
        self.db = da.sum(axis=0)

        return dx
