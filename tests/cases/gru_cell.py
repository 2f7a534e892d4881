import numpy as np

σ = lambda t: 1.0 / (1.0 + np.exp(-t))


def gru(x, h, Wz, Wr, Wn, Uz, Ur, Un):
    """x: (D,), h: (H,), W*: (H, D), U*: (H, H)"""
    z = σ(Wz @ x + Uz @ h)
    r = σ(Wr @ x + Ur @ h)
    n = np.tanh(Wn @ x + r * (Un @ h))
    h = (1 - z) * n + z * h
    return h
