# Made by flatgrad.

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step_grad(x, prev_h, prev_c, Wx, Wh, b, grad_next_h, grad_next_c):
    """
    One step of an LSTM.

    Inputs:
    - x: A numpy array of shape (N, D), the input at this step
    - prev_h: A numpy array of shape (N, H), the hidden state before it
    - prev_c: A numpy array of shape (N, H), the cell state before it
    - Wx: A numpy array of shape (D, 4H)
    - Wh: A numpy array of shape (H, 4H)
    - b: A numpy array of shape (4H,)

    Returns:
    - next_h: A numpy array of shape (N, H)
    - next_c: A numpy array of shape (N, H)
    """
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b

    # gates
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])

    # state
    next_c = f * prev_c + i * g
    tanh_next_c = np.tanh(next_c)
    next_h = o * tanh_next_c

    # next_h = o * tanh_next_c
    grad_next_c = grad_next_c + grad_next_h * o * (1 - tanh_next_c**2)
    grad_o = grad_next_h * tanh_next_c
    # next_c = f * prev_c + i * g
    grad_f = grad_next_c * prev_c
    grad_prev_c = grad_next_c * f
    grad_i = grad_next_c * g
    grad_g = grad_next_c * i
    # g = np.tanh(a[:, 3 * H :])
    grad_a = np.zeros(a.shape)
    grad_a[:, 3 * H :] = grad_g * (1 - g**2)
    # o = sigmoid(a[:, 2 * H : 3 * H])
    grad_a[:, 2 * H : 3 * H] += grad_o * o * (1 - o)
    # f = sigmoid(a[:, H : 2 * H])
    grad_a[:, H : 2 * H] += grad_f * f * (1 - f)
    # i = sigmoid(a[:, :H])
    grad_a[:, :H] += grad_i * i * (1 - i)
    # a = x @ Wx + prev_h @ Wh + b
    grad_x = grad_a @ Wx.T
    grad_Wx = x.T @ grad_a
    grad_prev_h = grad_a @ Wh.T
    grad_Wh = prev_h.T @ grad_a
    grad_b = grad_a.sum(axis=0)

    return (next_h, next_c), (
        grad_x,
        grad_prev_h,
        grad_prev_c,
        grad_Wx,
        grad_Wh,
        grad_b,
    )
