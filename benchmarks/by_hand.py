"""The best flat gradients of forward/ that we can write: what the emitted ones are timed against.

Each keeps the forward lines as they are and reads them upside down. Where an array is
not needed any more, it is overwritten.
"""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]


def neuron_grad(
    w0: float, x0: float, w1: float, x1: float, w2: float, grad_L: float = 1.0
) -> tuple[float, tuple[float, ...]]:
    s = w0 * x0 + w1 * x1 + w2
    L = 1 / (1 + math.exp(-s))

    grad_s = grad_L * (1 - L) * L
    grad_w0 = grad_s * x0
    grad_x0 = grad_s * w0
    grad_w1 = grad_s * x1
    grad_x1 = grad_s * w1
    return L, (grad_w0, grad_x0, grad_w1, grad_x1, grad_s)


def softmax_loss_grad(
    scores: Floats, y: Integers, grad_loss: float = 1.0
) -> tuple[float, Floats]:
    N = scores.shape[0]
    rows = np.arange(N)
    shifted = scores - scores.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    probs = exps / exps.sum(axis=1, keepdims=True)
    loss = -np.log(probs[rows, y]).sum() / N

    grad_scores = probs
    grad_scores[rows, y] -= 1
    grad_scores *= grad_loss / N
    return loss, grad_scores


def two_layer_net_grad(
    X: Floats,
    y: Integers,
    W1: Floats,
    b1: Floats,
    W2: Floats,
    b2: Floats,
    reg: float,
    grad_loss: float = 1.0,
) -> tuple[float, tuple[Floats, ...]]:
    N = X.shape[0]
    rows = np.arange(N)
    hidden = np.maximum(0, X @ W1 + b1)
    scores = hidden @ W2 + b2
    exps = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = exps / exps.sum(axis=1, keepdims=True)
    data_loss = -np.log(probs[rows, y]).sum() / N
    loss = data_loss + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

    grad_scores = probs
    grad_scores[rows, y] -= 1
    grad_scores *= grad_loss / N
    grad_W2 = hidden.T @ grad_scores
    grad_W2 += 2 * reg * grad_loss * W2
    grad_b2 = grad_scores.sum(axis=0)
    grad_hidden = grad_scores @ W2.T
    grad_hidden *= hidden > 0
    grad_W1 = X.T @ grad_hidden
    grad_W1 += 2 * reg * grad_loss * W1
    grad_b1 = grad_hidden.sum(axis=0)
    return loss, (grad_W1, grad_b1, grad_W2, grad_b2)


def batchnorm_grad(
    x: Floats, gamma: Floats, beta: Floats, eps: float, grad_out: Floats
) -> tuple[Floats, tuple[Floats, ...]]:
    N = x.shape[0]
    mu = x.mean(axis=0)
    centered = x - mu
    var = np.mean(centered**2, axis=0)
    std = np.sqrt(var + eps)
    xhat = centered / std
    out = gamma * xhat + beta

    grad_beta = grad_out.sum(axis=0)
    grad_gamma = (grad_out * xhat).sum(axis=0)
    grad_xhat = grad_out * gamma
    grad_std = -(grad_xhat * xhat).sum(axis=0) / std
    grad_centered = grad_xhat / std
    grad_centered += grad_std / (N * std) * centered
    grad_x = grad_centered
    grad_x -= grad_centered.mean(axis=0)
    return out, (grad_x, grad_gamma, grad_beta)


def attention_grad(
    q: Floats, k: Floats, v: Floats, grad_out: Floats
) -> tuple[Floats, tuple[Floats, ...]]:
    D = q.shape[-1]
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(D)
    exps = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exps / exps.sum(axis=-1, keepdims=True)
    out = weights @ v

    grad_weights = grad_out @ v.transpose(0, 2, 1)
    grad_v = weights.transpose(0, 2, 1) @ grad_out
    grad_scores = grad_weights
    grad_scores -= (grad_weights * weights).sum(axis=-1, keepdims=True)
    grad_scores *= weights
    grad_scores /= np.sqrt(D)
    grad_q = grad_scores @ k
    grad_k = grad_scores.transpose(0, 2, 1) @ q
    return out, (grad_q, grad_k, grad_v)


def multi_head_attention_grad(
    x: Floats,
    Wq: Floats,
    Wk: Floats,
    Wv: Floats,
    Wo: Floats,
    H: int,
    grad_out: Floats,
) -> tuple[Floats, tuple[Floats, ...]]:
    N, T, E = x.shape
    q = (x @ Wq).reshape(N, T, H, E // H).transpose(0, 2, 1, 3)
    k = (x @ Wk).reshape(N, T, H, E // H).transpose(0, 2, 1, 3)
    v = (x @ Wv).reshape(N, T, H, E // H).transpose(0, 2, 1, 3)
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(E // H)
    exps = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exps / exps.sum(axis=-1, keepdims=True)
    heads = (weights @ v).transpose(0, 2, 1, 3).reshape(N, T, E)
    out = heads @ Wo

    grad_Wo = heads.reshape(-1, E).T @ grad_out.reshape(-1, E)
    grad_heads = grad_out @ Wo.T
    grad_heads = grad_heads.reshape(N, T, H, E // H).transpose(0, 2, 1, 3)
    grad_weights = grad_heads @ v.transpose(0, 1, 3, 2)
    grad_v = weights.transpose(0, 1, 3, 2) @ grad_heads
    grad_scores = grad_weights
    grad_scores -= (grad_weights * weights).sum(axis=-1, keepdims=True)
    grad_scores *= weights
    grad_scores /= np.sqrt(E // H)
    grad_q = (grad_scores @ k).transpose(0, 2, 1, 3).reshape(N * T, E)
    grad_k = grad_scores.transpose(0, 1, 3, 2) @ q
    grad_k = grad_k.transpose(0, 2, 1, 3).reshape(N * T, E)
    grad_v = grad_v.transpose(0, 2, 1, 3).reshape(N * T, E)
    examples = x.reshape(N * T, E)
    grad_Wq = examples.T @ grad_q
    grad_Wk = examples.T @ grad_k
    grad_Wv = examples.T @ grad_v
    grad_x = grad_q @ Wq.T
    grad_x += grad_k @ Wk.T
    grad_x += grad_v @ Wv.T
    return out, (grad_x.reshape(N, T, E), grad_Wq, grad_Wk, grad_Wv, grad_Wo)
