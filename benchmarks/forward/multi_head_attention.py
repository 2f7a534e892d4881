import numpy as np


def multi_head_attention(x, Wq, Wk, Wv, Wo, H):
    """
    Self-attention in H heads, each of which sees E / H features.

    Inputs:
    - x: A numpy array of shape (N, T, E)
    - Wq: A numpy array of shape (E, E)
    - Wk: A numpy array of shape (E, E)
    - Wv: A numpy array of shape (E, E)
    - Wo: A numpy array of shape (E, E)
    - H: (int) number of heads, a divisor of E

    Returns:
    - out: A numpy array of shape (N, T, E)
    """
    N, T, E = x.shape

    # project, then split into heads: (N, H, T, E/H)
    q = (x @ Wq).reshape(N, T, H, E // H).transpose(0, 2, 1, 3)
    k = (x @ Wk).reshape(N, T, H, E // H).transpose(0, 2, 1, 3)
    v = (x @ Wv).reshape(N, T, H, E // H).transpose(0, 2, 1, 3)

    # softmax over the keys: (N, H, T, T)
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(E // H)
    exps = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exps / exps.sum(axis=-1, keepdims=True)

    # merge the heads
    heads = (weights @ v).transpose(0, 2, 1, 3).reshape(N, T, E)
    out = heads @ Wo
    return out
