# Made by flatgrad.

import numpy as np


def attention_grad(q, k, v, grad_out):
    """
    Scaled dot-product attention with a single head.

    Inputs:
    - q: A numpy array of shape (T, D), the queries
    - k: A numpy array of shape (S, D), the keys
    - v: A numpy array of shape (S, E), the values

    Returns:
    - out: A numpy array of shape (T, E)
    """
    D = q.shape[1]
    sqrt_D = np.sqrt(D)
    scores = q @ k.T / sqrt_D
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    out = weights @ v

    # out = weights @ v
    grad_weights = grad_out @ v.T
    grad_v = weights.T @ grad_out
    # weights = e / e.sum(axis=1, keepdims=True)
    # e = np.exp(scores - scores.max(axis=1, keepdims=True))
    grad_scores = weights * (
        grad_weights - (grad_weights * weights).sum(axis=1, keepdims=True)
    )
    # scores = q @ k.T / sqrt_D
    grad_product = grad_scores / sqrt_D
    grad_k = grad_product.T @ q
    grad_q = grad_product @ k

    return out, (grad_q, grad_k, grad_v)
