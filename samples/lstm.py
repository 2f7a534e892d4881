import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, h, c, Wx, Wh, b):
    H = h.shape[1]
    a = x @ Wx + h @ Wh + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c = f * c + i * g
    h = o * np.tanh(c)
    return h, c


def lstm(x, h0, Wx, Wh, b):
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
    for t in range(T):
        h, c = lstm_step(x[:, t], h, c, Wx, Wh, b)
        hs[:, t] = h
    return hs
