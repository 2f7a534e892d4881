"""The functions of forward/ as users of torch write them: fused where torch is fused."""

from math import sqrt
from typing import Any as Tensor  # torch is not installed everywhere

import torch
from torch.nn import functional


def neuron(w0: Tensor, x0: Tensor, w1: Tensor, x1: Tensor, w2: Tensor) -> Tensor:
    return torch.sigmoid(w0 * x0 + w1 * x1 + w2)


def softmax_loss(scores: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(scores, y)


def two_layer_net(
    X: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, reg: float
) -> Tensor:
    hidden = torch.relu(torch.addmm(b1, X, W1))
    data_loss = functional.cross_entropy(torch.addmm(b2, hidden, W2), y)
    return data_loss + reg * ((W1 * W1).sum() + (W2 * W2).sum())


def batchnorm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    return functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    scores = q @ k.mT / sqrt(q.shape[-1])
    return torch.softmax(scores, dim=-1) @ v


def multi_head_attention(
    x: Tensor, Wq: Tensor, Wk: Tensor, Wv: Tensor, Wo: Tensor, H: int
) -> Tensor:
    N, T, E = x.shape
    q, k, v = ((x @ W).view(N, T, H, E // H).transpose(1, 2) for W in (Wq, Wk, Wv))
    heads = attention(q, k, v).transpose(1, 2).reshape(N, T, E)
    return heads @ Wo
