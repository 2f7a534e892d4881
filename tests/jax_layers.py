"""Forward functions in jax.numpy: input of the tests of styles, read as text."""

import jax.numpy as jnp
from jax.scipy.special import logsumexp


def affine(x, w, b):
    """x: (N, D1, D2)  w: (D, M)  b: (M,)"""
    flat = x.reshape(x.shape[0], -1)
    return flat @ w + b


def relu(x):
    """x: (N, D)"""
    return jnp.maximum(x, 0)


def batchnorm(x, gamma, beta, eps=1e-5):
    """x: (N, D)  gamma: (D,)  beta: (D,)"""
    mean = x.mean(axis=0)
    var = ((x - mean) ** 2).mean(axis=0)
    xhat = (x - mean) / jnp.sqrt(var + eps)
    return gamma * xhat + beta


def layernorm(x, gamma, beta, eps=1e-5):
    """x: (N, D)  gamma: (D,)  beta: (D,)"""
    mean = x.mean(axis=1, keepdims=True)
    var = x.var(axis=1, keepdims=True)
    xhat = (x - mean) / jnp.sqrt(var + eps)
    return gamma * xhat + beta


def dropout(x, mask, p=0.5, mode="train"):
    """x: (N, D)  mask: (N, D) bool"""
    if mode == "train":
        out = x * mask / p
    else:
        out = x
    return out


def conv(x, w, b, stride=1, pad=0):
    """x: (N, C, H, W)  w: (F, C, HH, WW)  b: (F,)"""
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    padded = jnp.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    out = jnp.zeros((N, F, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * stride, j * stride
            window = padded[:, :, top : top + HH, left : left + WW]
            out = out.at[:, :, i, j].set(jnp.einsum("nchw,fchw->nf", window, w) + b)
    return out


def max_pool(x, size=2, stride=2):
    """x: (N, C, H, W)"""
    N, C, H, W = x.shape
    H_out = 1 + (H - size) // stride
    W_out = 1 + (W - size) // stride
    out = jnp.zeros((N, C, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * stride, j * stride
            window = x[:, :, top : top + size, left : left + size]
            out = out.at[:, :, i, j].set(window.max(axis=(2, 3)))
    return out


def rnn(x, h0, Wx, Wh, b):
    """x: (N, T, D)  h0: (N, H)  Wx: (D, H)  Wh: (H, H)  b: (H,)"""
    h = h0
    hs = []
    for t in range(x.shape[1]):
        h = jnp.tanh(x[:, t] @ Wx + h @ Wh + b)
        hs.append(h)
    return jnp.stack(hs, axis=1)


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
    """x: (N, D)  prev_h: (N, H)  prev_c: (N, H)  Wx: (D, 4*H)  Wh: (H, 4*H)  b: (4*H,)"""
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i = 1 / (1 + jnp.exp(-a[:, :H]))
    f = 1 / (1 + jnp.exp(-a[:, H : 2 * H]))
    o = 1 / (1 + jnp.exp(-a[:, 2 * H : 3 * H]))
    g = jnp.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * jnp.tanh(next_c)
    return next_h, next_c


def word_embedding(x, W):
    """x: (N, T) int  W: (V, D)"""
    return W[x]


def softmax_loss(x, y):
    """x: (N, C)  y: (N,) int"""
    N = x.shape[0]
    log_probs = x - logsumexp(x, axis=1, keepdims=True)
    loss = -log_probs[jnp.arange(N), y].mean()
    return loss


def svm_loss(x, y):
    """x: (N, C)  y: (N,) int"""
    N = x.shape[0]
    correct = x[jnp.arange(N), y]
    margins = jnp.maximum(0, x - correct[:, None] + 1.0)
    loss = (margins.sum() - N) / N
    return loss


def two_layer_net(params, X, y, reg=0.0):
    """X: (N, D)  y: (N,) int"""
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    hidden = jnp.maximum(0, X @ W1 + b1)
    scores = hidden @ W2 + b2
    log_probs = scores - logsumexp(scores, axis=1, keepdims=True)
    loss = -log_probs[jnp.arange(X.shape[0]), y].mean()
    loss = loss + reg * (jnp.sum(W1**2) + jnp.sum(W2**2))
    return loss


def n_layer_net(X, y, W_in, W_hidden, b_hidden, W_out, reg=0.0):
    """X: (N, D)  y: (N,) int  W_in: (D, H)  W_hidden: (L, H, H)  b_hidden: (L, H)  W_out: (H, C)"""
    h = jnp.tanh(X @ W_in)
    for layer in range(W_hidden.shape[0]):
        h = jnp.tanh(h @ W_hidden[layer] + b_hidden[layer])
    scores = h @ W_out
    log_probs = scores - logsumexp(scores, axis=1, keepdims=True)
    loss = -log_probs[jnp.arange(X.shape[0]), y].mean()
    loss = loss + reg * jnp.sum(W_hidden**2)
    return loss
