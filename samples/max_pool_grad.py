# Made by flatgrad.

import numpy as np


def max_pool_grad(x, size, stride, grad_out):
    """
    The largest value in each window of an image.

    Inputs:
    - x: A numpy array of shape (N, C, H, W)
    - size: int
    - stride: int
    """
    N, C, H, W = x.shape
    H_out = 1 + (H - size) // stride
    W_out = 1 + (W - size) // stride
    out = np.zeros((N, C, H_out, W_out))
    largests = []
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    r, s = i * stride, j * stride
                    largest = np.max(x[n, c, r : r + size, s : s + size])
                    largests.append(largest)
                    out[n, c, i, j] = largest

    grad_x = np.zeros(x.shape)
    for n in reversed(range(N)):
        for c in reversed(range(C)):
            for i in reversed(range(H_out)):
                for j in reversed(range(W_out)):
                    r = i * stride
                    s = j * stride
                    largest2 = largests.pop()
                    # out[n, c, i, j] = largest
                    hit = x[n, c, r : r + size, s : s + size] == largest2
                    grad_x[n, c, r : r + size, s : s + size] += (
                        grad_out[n, c, i, j] / hit.sum() * hit
                    )

    return out, grad_x
