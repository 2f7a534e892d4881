"""Forward functions in NumPy as readers of books on deep learning write them: input of the tests of styles, as text."""

import numpy as np


def affine(x, w, b):
    """Flatten every example and multiply it with the weights.

    x: (N, D1, D2)
    w: (D, M)
    b: (M,)
    """
    flat = x.reshape(x.shape[0], -1)
    return flat @ w + b


def relu(x):
    """x: (N, D)"""
    mask = x > 0
    out = x * mask
    return out


def batchnorm(x, gamma, beta, eps=1e-5):
    """x: (N, D)  gamma: (D,)  beta: (D,)"""
    mu = x.mean(axis=0)
    centered = x - mu
    var = np.mean(centered**2, axis=0)
    std = np.sqrt(var + eps)
    xhat = centered / std
    return gamma * xhat + beta


def layernorm(x, gamma, beta, eps=1e-5):
    """x: (N, D)  gamma: (D,)  beta: (D,)"""
    mu = x.mean(axis=1, keepdims=True)
    var = x.var(axis=1, keepdims=True)
    xhat = (x - mu) / np.sqrt(var + eps)
    out = gamma * xhat + beta
    return out


def dropout(x, p=0.5, mode="train"):
    """x: (N, D)"""
    if mode == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    else:
        out = x
    return out


def conv(x, w, b, stride=1, pad=0):
    """x: (N, C, H, W)  w: (F, C, HH, WW)  b: (F,)"""
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out_h = 1 + (H + 2 * pad - HH) // stride
    out_w = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, out_h, out_w))
    for i in range(out_h):
        for j in range(out_w):
            top, left = i * stride, j * stride
            window = padded[:, :, top : top + HH, left : left + WW]
            out[:, :, i, j] = np.einsum("nchw,fchw->nf", window, w) + b
    return out


def max_pool(x, size=2, stride=2):
    """x: (N, C, H, W)"""
    N, C, H, W = x.shape
    out_h = 1 + (H - size) // stride
    out_w = 1 + (W - size) // stride
    out = np.zeros((N, C, out_h, out_w))
    for i in range(out_h):
        for j in range(out_w):
            top, left = i * stride, j * stride
            window = x[:, :, top : top + size, left : left + size]
            out[:, :, i, j] = window.max(axis=(2, 3))
    return out


def rnn(x, h0, Wx, Wh, b):
    """x: (N, T, D)  h0: (N, H)  Wx: (D, H)  Wh: (H, H)  b: (H,)"""
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    prev_h = h0
    for t in range(T):
        prev_h = np.tanh(x[:, t] @ Wx + prev_h @ Wh + b)
        h[:, t] = prev_h
    return h


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
    """x: (N, D)  prev_h: (N, H)  prev_c: (N, H)  Wx: (D, 4*H)  Wh: (H, 4*H)  b: (4*H,)"""
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i = 1 / (1 + np.exp(-a[:, :H]))
    f = 1 / (1 + np.exp(-a[:, H : 2 * H]))
    o = 1 / (1 + np.exp(-a[:, 2 * H : 3 * H]))
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c


def word_embedding(x, W):
    """x: (N, T) int  W: (V, D)"""
    return W[x]


def softmax_loss(x, y):
    """x: (N, C)  y: (N,) int"""
    N = x.shape[0]
    shifted = x - x.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    return loss


def svm_loss(x, y):
    """x: (N, C)  y: (N,) int"""
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    return loss


def two_layer_net(X, y, W1, b1, W2, b2, reg=0.0):
    """X: (N, D)  y: (N,) int  W1: (D, H)  b1: (H,)  W2: (H, C)  b2: (C,)"""
    N = X.shape[0]
    hidden = np.maximum(0, X @ W1 + b1)
    scores = hidden @ W2 + b2
    probs = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(probs[np.arange(N), y]))
    loss += reg * (np.sum(W1**2) + np.sum(W2**2))
    return loss


def n_layer_net(X, y, weights: list, biases: list, reg=0.0):
    """X: (N, D)  y: (N,) int"""
    h = X
    for W, b in zip(weights[:-1], biases[:-1]):
        h = np.maximum(0, h @ W + b)
    scores = h @ weights[-1] + biases[-1]
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    loss = -np.mean(log_probs[np.arange(X.shape[0]), y])
    for W in weights:
        loss += reg * np.sum(W * W)
    return loss
