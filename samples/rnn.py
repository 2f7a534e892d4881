import numpy as np


def rnn(x, h0, Wx, Wh, b):
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
    for t in range(T):
        prev_h = np.tanh(x[:, t] @ Wx + prev_h @ Wh + b)
        h[:, t] = prev_h
    return h
