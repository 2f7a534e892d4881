# Made by flatgrad.

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step_forward(x, h, c, Wx, Wh, b):
    H = h.shape[1]
    a = x @ Wx + h @ Wh + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c0 = c
    c = f * c + i * g
    h02 = h
    tanh_c = np.tanh(c)
    h = o * tanh_c

    cache = (o, tanh_c, c0, f, g, i, a.shape, H, Wx, x, Wh, h02)
    return h, c, cache


def lstm_step_backward(grad_h, grad_c, cache):
    o, tanh_c, c0, f, g, i, a_shape, H, Wx, x, Wh, h02 = cache

    # h = o * tanh_c
    grad_c = grad_c + grad_h * o * (1 - tanh_c**2)
    grad_o = grad_h * tanh_c
    # c = f * c + i * g
    grad_f = grad_c * c0
    grad_c_ = grad_c * f
    grad_i = grad_c * g
    grad_g = grad_c * i
    # g = np.tanh(a[:, 3 * H :])
    grad_a = np.zeros(a_shape)
    grad_a[:, 3 * H :] = grad_g * (1 - g**2)
    # o = sigmoid(a[:, 2 * H : 3 * H])
    grad_a[:, 2 * H : 3 * H] += grad_o * o * (1 - o)
    # f = sigmoid(a[:, H : 2 * H])
    grad_a[:, H : 2 * H] += grad_f * f * (1 - f)
    # i = sigmoid(a[:, :H])
    grad_a[:, :H] += grad_i * i * (1 - i)
    # a = x @ Wx + h @ Wh + b
    grad_x = grad_a @ Wx.T
    grad_Wx = x.T @ grad_a
    grad_h = grad_a @ Wh.T
    grad_Wh = h02.T @ grad_a
    grad_b = grad_a.sum(axis=0)
    return grad_x, grad_h, grad_c_, grad_Wx, grad_Wh, grad_b


def lstm_grad(x, h0, Wx, Wh, b, grad_hs):
    """
    An LSTM over a sequence.

    Inputs:
    - x: A numpy array of shape (N, T, D)
    - h0: A numpy array of shape (N, H)
    - Wx: A numpy array of shape (D, 4*H)
    - Wh: A numpy array of shape (H, 4*H)
    - b: A numpy array of shape (4*H,)
    """
    N, T, D = x.shape
    h, c = h0, np.zeros(h0.shape)
    hs = np.zeros((N, T, h0.shape[1]))
    lstm_step_caches = []
    for t in range(T):
        h, c, lstm_step_cache = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        lstm_step_caches.append(lstm_step_cache)
        hs[:, t] = h

    grad_h = np.zeros(h.shape)
    grad_c = np.zeros_like(c)
    grad_x = np.zeros(x.shape)
    grad_Wx = np.zeros(Wx.shape)
    grad_Wh = np.zeros(Wh.shape)
    grad_b = np.zeros(b.shape)
    for t in reversed(range(T)):
        # hs[:, t] = h
        grad_h = grad_h + grad_hs[:, t]
        # h, c, lstm_step_cache = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        grad_part, grad_h, grad_c, grad_Wx_, grad_Wh_, grad_b_ = lstm_step_backward(
            grad_h, grad_c, lstm_step_caches[t]
        )
        grad_x[:, t] += grad_part
        grad_Wx += grad_Wx_
        grad_Wh += grad_Wh_
        grad_b += grad_b_
    # h, c = h0, np.zeros(h0.shape)
    grad_h0 = grad_h

    return hs, (grad_x, grad_h0, grad_Wx, grad_Wh, grad_b)
