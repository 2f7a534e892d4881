"""Forward functions in torch as students of such courses write them: input of the tests of styles, read as text."""

import torch
import torch.nn.functional as F


def affine(x, w, b):
    """Flatten every example and multiply it with the weights.

    x: (N, D1, D2)
    w: (D, M)
    b: (M,)
    """
    flat = x.reshape(x.shape[0], -1)
    out = flat.mm(w) + b
    return out


def relu(x):
    """x: (N, D)"""
    out = x.clamp(min=0)
    return out


def batchnorm(x, gamma, beta, eps=1e-5):
    """x: (N, D)  gamma: (D,)  beta: (D,)"""
    mean = x.mean(dim=0)
    var = ((x - mean) ** 2).mean(dim=0)
    std = torch.sqrt(var + eps)
    xhat = (x - mean) / std
    out = gamma * xhat + beta
    return out


def layernorm(x, gamma, beta, eps=1e-5):
    """x: (N, D)  gamma: (D,)  beta: (D,)"""
    mean = x.mean(dim=1, keepdim=True)
    var = ((x - mean) ** 2).mean(dim=1, keepdim=True)
    xhat = (x - mean) / torch.sqrt(var + eps)
    return gamma * xhat + beta


def dropout(x, p=0.5, mode="train"):
    """x: (N, D)"""
    if mode == "train":
        mask = (torch.rand_like(x) < p) / p
        out = x * mask
    else:
        out = x
    return out


def conv(x, w, b, stride=1, pad=0):
    """x: (N, C, H, W)  w: (F, C, HH, WW)  b: (F,)"""
    N, C, H, W = x.shape
    filters, _, HH, WW = w.shape
    padded = F.pad(x, (pad, pad, pad, pad))
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    out = x.new_zeros((N, filters, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * stride, j * stride
            window = padded[:, :, top : top + HH, left : left + WW]
            for f in range(filters):
                out[:, f, i, j] = (window * w[f]).sum(dim=(1, 2, 3)) + b[f]
    return out


def max_pool(x, size=2, stride=2):
    """x: (N, C, H, W)"""
    N, C, H, W = x.shape
    H_out = 1 + (H - size) // stride
    W_out = 1 + (W - size) // stride
    out = x.new_zeros((N, C, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * stride, j * stride
            window = x[:, :, top : top + size, left : left + size]
            out[:, :, i, j] = window.amax(dim=(2, 3))
    return out


def rnn(x, h0, Wx, Wh, b):
    """x: (N, T, D)  h0: (N, H)  Wx: (D, H)  Wh: (H, H)  b: (H,)"""
    h = x.new_zeros((x.shape[0], x.shape[1], h0.shape[1]))
    prev_h = h0
    for t in range(x.shape[1]):
        prev_h = torch.tanh(x[:, t] @ Wx + prev_h @ Wh + b)
        h[:, t] = prev_h
    return h


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
    """x: (N, D)  prev_h: (N, H)  prev_c: (N, H)  Wx: (D, 4*H)  Wh: (H, 4*H)  b: (4*H,)"""
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i = torch.sigmoid(a[:, :H])
    f = torch.sigmoid(a[:, H : 2 * H])
    o = torch.sigmoid(a[:, 2 * H : 3 * H])
    g = torch.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * torch.tanh(next_c)
    return next_h, next_c


def word_embedding(x, W):
    """x: (N, T) int  W: (V, D)"""
    out = W[x]
    return out


def softmax_loss(x, y):
    """x: (N, C)  y: (N,) int"""
    N = x.shape[0]
    shifted = x - x.max(dim=1, keepdim=True).values
    log_probs = shifted - torch.log(torch.exp(shifted).sum(dim=1, keepdim=True))
    loss = -log_probs[torch.arange(N), y].sum() / N
    return loss


def svm_loss(x, y):
    """x: (N, C)  y: (N,) int"""
    N = x.shape[0]
    correct = x[torch.arange(N), y]
    margins = (x - correct[:, None] + 1.0).clamp(min=0)
    margins[torch.arange(N), y] = 0.0
    loss = margins.sum() / N
    return loss


def two_layer_net(X, y, W1, b1, W2, b2, reg=0.0):
    """X: (N, D)  y: (N,) int  W1: (D, H)  b1: (H,)  W2: (H, C)  b2: (C,)"""
    hidden = (X.mm(W1) + b1).clamp(min=0)
    scores = hidden.mm(W2) + b2
    shifted = scores - scores.max(dim=1, keepdim=True).values
    probs = torch.exp(shifted) / torch.exp(shifted).sum(dim=1, keepdim=True)
    loss = -torch.log(probs[torch.arange(X.shape[0]), y]).mean()
    loss = loss + reg * ((W1 * W1).sum() + (W2 * W2).sum())
    return loss


def n_layer_net(X, y, W_in, W_hidden, b_hidden, W_out, reg=0.0):
    """X: (N, D)  y: (N,) int  W_in: (D, H)  W_hidden: (L, H, H)  b_hidden: (L, H)  W_out: (H, C)"""
    h = torch.tanh(X @ W_in)
    for layer in range(W_hidden.shape[0]):
        h = torch.tanh(h @ W_hidden[layer] + b_hidden[layer])
    scores = h @ W_out
    log_probs = scores - torch.logsumexp(scores, dim=1, keepdim=True)
    loss = -log_probs[torch.arange(X.shape[0]), y].mean()
    loss = loss + reg * (W_hidden**2).sum()
    return loss
