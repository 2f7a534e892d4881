import numpy as np


def max_pool(x, size, stride):
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
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    r, s = i * stride, j * stride
                    out[n, c, i, j] = np.max(x[n, c, r : r + size, s : s + size])
    return out
