import numpy as np
from numpy import sqrt


def softmax(x, axis=-1):
    x = x - x.max(axis=axis, keepdims=True)
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


def attend(Q, K, V):
    # Q: (B, T, D), K: (B, S, D), V: (B, S, E)
    d = Q.shape[-1]
    scores = Q @ K.transpose(0, 2, 1) / sqrt(d)
    return softmax(scores) @ V
