"""Layers, losses and networks as students of a course write them: the forward passes alone."""

# ruff: noqa: NPY002, RUF059
from __future__ import annotations

import numpy as np


def affine_forward(x, w, b):
    """
    A fully connected layer.

    Inputs:
    - x: A numpy array of images or vectors, of shape (N, d_1, ..., d_k)
    - w: A numpy array of weights, of shape (D, M)
    - b: A numpy array of biases, of shape (M,)

    Returns a tuple of:
    - out: the output, of shape (N, M)
    - cache: (x, w, b)
    """
    out = None
    rows = x.reshape(x.shape[0], -1)
    out = rows.dot(w) + b
    cache = (x, w, b)
    return out, cache


def relu_forward(x):
    """Rectified linear units; x may have any shape."""
    out = np.maximum(0, x)
    cache = x
    return out, cache


def affine_relu_forward(x, w, b):
    """A fully connected layer and its nonlinearity. x: (N, D)  w: (D, M)  b: (M,)"""
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    cache = (fc_cache, relu_cache)
    return out, cache


def batchnorm_forward(x, gamma, beta, bn_param):
    """
    Batch normalization.

    Inputs:
    - x: Data of shape (N, D)
    - gamma: Scale of shape (D,)
    - beta: Shift of shape (D,)
    - bn_param: dict with mode ("train" or "test"), eps and, for the test, running averages
    """
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    out, cache = None, None
    if mode == "train":
        mean = x.mean(axis=0)
        std = np.sqrt(x.var(axis=0) + eps)
        x_hat = (x - mean) / std
        out = gamma * x_hat + beta
        cache = (x_hat, gamma, std)
    elif mode == "test":
        x_hat = (x - bn_param["running_mean"]) / np.sqrt(bn_param["running_var"] + eps)
        out = gamma * x_hat + beta
    else:
        raise ValueError(f"there is no mode {mode}")
    return out, cache


def batchnorm_steps_forward(x, gamma, beta, eps=1e-5):
    """The same in small steps, with a dict for a cache. x: (N, D)  gamma: (D,)  beta: (D,)"""
    mean = np.mean(x, axis=0)
    centered = x - mean
    squares = centered**2
    var = np.mean(squares, axis=0)
    root = np.sqrt(var + eps)
    inverse = 1.0 / root
    normal = centered * inverse
    out = gamma * normal + beta
    cache = {"normal": normal, "gamma": gamma, "inverse": inverse}
    return out, cache


def layernorm_forward(x, gamma, beta, ln_param):
    """x: (N, D)  gamma: (D,)  beta: (D,)"""
    eps = ln_param.get("eps", 1e-5)
    mu = np.mean(x, axis=1, keepdims=True)
    var = np.var(x, axis=1, keepdims=True)
    x_hat = (x - mu) / np.sqrt(var + eps)
    out = gamma * x_hat + beta
    cache = (x, x_hat, gamma, mu, var, eps)
    return out, cache


def dropout_forward(x, dropout_param):
    """Keeps each unit with probability p, and scales what is kept."""
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    out = None
    if mode == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    elif mode == "test":
        out = x
    cache = (dropout_param, mask)
    return out, cache


def conv_forward_naive(x, w, b, conv_param):
    """
    - x: Images of shape (N, C, H, W)
    - w: Filters of shape (F, C, HH, WW)
    - b: Biases of shape (F,)
    - conv_param: dict with "stride" and "pad"
    """
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * stride, j * stride
                    patch = padded[n, :, top : top + HH, left : left + WW]
                    out[n, f, i, j] = np.sum(patch * w[f]) + b[f]
    cache = (x, w, b, conv_param)
    return out, cache


def max_pool_forward_naive(x, pool_param):
    """x: (N, C, H, W)"""
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    H_out = 1 + (H - height) // stride
    W_out = 1 + (W - width) // stride
    out = np.zeros((N, C, H_out, W_out))
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * stride, j * stride
                    out[n, c, i, j] = np.max(
                        x[n, c, top : top + height, left : left + width]
                    )
    cache = (x, pool_param)
    return out, cache


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """x: (N, D)  prev_h: (N, H)  Wx: (D, H)  Wh: (H, H)  b: (H,)"""
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_forward(x, h0, Wx, Wh, b):
    """x: (N, T, D)  h0: (N, H)  Wx: (D, H)  Wh: (H, H)  b: (H,)"""
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    cache = []
    prev_h = h0
    for t in range(T):
        prev_h, step_cache = rnn_step_forward(x[:, t, :], prev_h, Wx, Wh, b)
        h[:, t, :] = prev_h
        cache.append(step_cache)
    return h, cache


def sigmoid(x):
    """A sigmoid that does not overflow."""
    positive = x >= 0
    negative = x < 0
    z = np.zeros_like(x)
    z[positive] = np.exp(-x[positive])
    z[negative] = np.exp(x[negative])
    top = np.ones_like(x)
    top[negative] = z[negative]
    return top / (1 + z)


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """x: (N, D)  prev_h: (N, H)  prev_c: (N, H)  Wx: (D, 4*H)  Wh: (H, 4*H)  b: (4*H,)"""
    N, H = prev_h.shape
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)
    return next_h, next_c, cache


def lstm_forward(x, h0, Wx, Wh, b):
    """x: (N, T, D)  h0: (N, H)  Wx: (D, 4*H)  Wh: (H, 4*H)  b: (4*H,)"""
    N, T, D = x.shape
    H = h0.shape[1]
    prev_h, prev_c = h0, np.zeros((N, H))
    h = np.zeros((N, T, H))
    cache = []
    for t in range(T):
        prev_h, prev_c, step_cache = lstm_step_forward(
            x[:, t, :], prev_h, prev_c, Wx, Wh, b
        )
        h[:, t, :] = prev_h
        cache.append(step_cache)
    return h, cache


def word_embedding_forward(x, W):
    """x: integers of shape (N, T)  W: (V, D)"""
    out = W[x]
    cache = (x, W)
    return out, cache


def softmax_loss(x, y):
    """
    - x: Scores of shape (N, C)
    - y: Labels of shape (N,)
    """
    loss, dx = None, None
    shifted = x - np.max(x, axis=1, keepdims=True)
    log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    return loss, dx


def svm_loss(x, y):
    """x: scores of shape (N, C)  y: labels of shape (N,)"""
    loss, dx = 0.0, None
    N = x.shape[0]
    right = x[np.arange(N), y]
    margins = np.maximum(0, x - right[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    return loss, dx


def two_layer_net(params, X, y, reg=0.0):
    """The loss of a network with one hidden layer. X: (N, D)  y: (N,)"""
    W1, b1 = params["W1"], params["b1"]
    W2, b2 = params["W2"], params["b2"]
    N, D = X.shape
    hidden = np.maximum(0, X.dot(W1) + b1)
    scores = hidden.dot(W2) + b2
    scores = scores - np.max(scores, axis=1, keepdims=True)
    probs = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    loss, grads = 0.0, {}
    loss = -np.sum(np.log(probs[np.arange(N), y])) / N
    loss += 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    return loss, grads


def n_layer_net(params, X, y, layers, reg=0.0):
    """The loss of a network with `layers` layers. X: (N, D)  y: (N,)"""
    N = X.shape[0]
    h = X
    penalty = 0.0
    for i in range(1, layers):
        h = np.maximum(0, h.dot(params[f"W{i}"]) + params[f"b{i}"])
        penalty += np.sum(params[f"W{i}"] ** 2)
    scores = h.dot(params[f"W{layers}"]) + params[f"b{layers}"]
    penalty += np.sum(params[f"W{layers}"] ** 2)
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    grads = {}
    loss = -np.sum(log_probs[np.arange(N), y]) / N + 0.5 * reg * penalty
    return loss, grads


def max_pool_forward(x, pool_param):
    """The same, for all images at once. x: (N, C, H, W)"""
    out = None
    height, width, stride = (
        pool_param["pool_height"],
        pool_param["pool_width"],
        pool_param["stride"],
    )
    N, C, H, W = x.shape
    H_out = 1 + (H - height) // stride
    W_out = 1 + (W - width) // stride
    out = np.zeros((N, C, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            window = x[
                :, :, i * stride : i * stride + height, j * stride : j * stride + width
            ]
            out[:, :, i, j] = np.max(window, axis=(2, 3))
    return out, (x, pool_param)


def dropped_net_forward(x, w1, b1, w2, b2, dropout_param):
    """Two layers with dropout between. x: (N, D)  w1: (D, M)  b1: (M,)  w2: (M, M)  b2: (M,)"""
    h, cache = affine_relu_forward(x, w1, b1)
    caches = [cache]
    h, cache = dropout_forward(h, dropout_param)
    caches.append(cache)
    out, cache = affine_forward(h, w2, b2)
    caches.append(cache)
    return out, caches
