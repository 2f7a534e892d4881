import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
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
    next_h = o * np.tanh(next_c)
    return next_h, next_c
