# Made by flatgrad.

import numpy as np


def rnn_forward(x, h0, Wx, Wh, b):
    """
    A vanilla RNN over a sequence.

    Inputs:
    - x: A numpy array of shape (N, T, D)
    - h0: A numpy array of shape (N, H)
    - Wx: A numpy array of shape (D, H)
    - Wh: A numpy array of shape (H, H)
    - b: A numpy array of shape (H,)

    Returns:
    - h: A numpy array of shape (N, T, H), the hidden states
    """
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    prev_h = h0
    prev_hs = []
    for t in range(T):
        prev_hs.append(prev_h)
        prev_h = np.tanh(x[:, t] @ Wx + prev_h @ Wh + b)
        h[:, t] = prev_h

    cache = (prev_h.shape, x, Wx, Wh, b.shape, T, h, prev_hs)
    return h, cache


def rnn_backward(grad_h, cache):
    prev_h_shape, x, Wx, Wh, b_shape, T, h, prev_hs = cache

    grad_prev_h = np.zeros(prev_h_shape)
    grad_x = np.zeros(x.shape)
    grad_Wx = np.zeros(Wx.shape)
    grad_Wh = np.zeros(Wh.shape)
    grad_b = np.zeros(b_shape)
    for t in reversed(range(T)):
        # h[:, t] = prev_h
        grad_prev_h += grad_h[:, t]
        # prev_h = np.tanh(x[:, t] @ Wx + prev_h @ Wh + b)
        grad_a = grad_prev_h * (1 - h[:, t] ** 2)
        grad_x[:, t] += grad_a @ Wx.T
        grad_Wx += x[:, t].T @ grad_a
        grad_prev_h = grad_a @ Wh.T
        grad_Wh += prev_hs[t].T @ grad_a
        grad_b += grad_a.sum(axis=0)
    # prev_h = h0
    grad_h0 = grad_prev_h
    return grad_x, grad_h0, grad_Wx, grad_Wh, grad_b
