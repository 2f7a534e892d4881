# Made by flatgrad.

import numpy as np


def conv_naive_grad(x, w, b, stride, pad, grad_out):
    """
    A convolution with loops over images, filters and positions.

    Inputs:
    - x: A numpy array of shape (N, C, H, W)
    - w: A numpy array of shape (F, C, HH, WW)
    - b: A numpy array of shape (F,)
    - stride: int
    - pad: int
    """
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    r, c = i * stride, j * stride
                    window = x_pad[n, :, r : r + HH, c : c + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]

    grad_x_pad = np.zeros(x_pad.shape)
    grad_w = np.zeros(w.shape)
    grad_b = np.zeros(b.shape)
    for n in reversed(range(N)):
        for f in reversed(range(F)):
            for i in reversed(range(H_out)):
                for j in reversed(range(W_out)):
                    r = i * stride
                    c = j * stride
                    window = x_pad[n, :, r : r + HH, c : c + WW]
                    # out[n, f, i, j] = np.sum(window * w[f]) + b[f]
                    grad_total = grad_out[n, f, i, j]
                    grad_w[f] += grad_total * window
                    grad_window = grad_total * w[f]
                    grad_b[f] += grad_total
                    # window = x_pad[n, :, r : r + HH, c : c + WW]
                    grad_x_pad[n, :, r : r + HH, c : c + WW] += grad_window
    # x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    grad_x = grad_x_pad[:N, :C, pad : pad + H, pad : pad + W]

    return out, (grad_x, grad_w, grad_b)
