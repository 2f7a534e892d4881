"""Files as a course hands them out: forwards are written, gradients are not."""

from __future__ import annotations

from method_programs import CAPTIONING, NETS

TASK = """\
    ###########################################################################
    # TODO: Implement the backward pass.                                      #
    ###########################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
"""


def with_stubs(text: str, results: dict[str, str]) -> str:
    """An empty backward behind each forward: affine, dx, dw, db."""
    for name, returned in results.items():
        start = text.index(f"def {name}_forward")
        end = text.index("\n\n\n", start)
        nothing = ", ".join("None" for _ in returned.split(", "))
        head = f"\n\n\ndef {name}_backward(dout, cache):\n    {returned} = {nothing}\n"
        text = f"{text[:end]}{head}{TASK}    return {returned}{text[end:]}"
    return text


FULLY_CONNECTED = with_stubs(
    NETS,
    {
        "affine": "dx, dw, db",
        "relu": "dx",
        "affine_relu": "dx, dw, db",
        "batchnorm": "dx, dgamma, dbeta",
        "dropout": "dx",
    },
)

SHAPES = {
    "rnn_step": "x: (N, D)  prev_h: (N, H)  Wx: (D, H)  Wh: (H, H)  b: (H,)",
    "affine": "x: (N, D)  w: (D, M)  b: (M,)",
    "temporal_affine": "x: (N, T, D)  w: (D, M)  b: (M,)",
}


def _with_shapes(text: str) -> str:
    for name, told in SHAPES.items():
        start = text.index(":\n", text.index(f"def {name}_forward")) + 2
        text = f'{text[:start]}    """{told}"""\n{text[start:]}'
    return text


RECURRENT = with_stubs(
    _with_shapes(CAPTIONING),
    {
        "rnn_step": "dx, dprev_h, dWx, dWh, db",
        "rnn": "dx, dh0, dWx, dWh, db",
        "word_embedding": "dW",
        "affine": "dx, dw, db",
        "temporal_affine": "dx, dw, db",
    },
)

LOSSES = '''\
import numpy as np


def svm_loss(x, y):
    """x: (N, C)  y: (N,) labels"""
    loss, dx = 0.0, None
    N = x.shape[0]
    right = x[np.arange(N), y]
    margins = np.maximum(0, x - right[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    # TODO: dx
    return loss, dx


def svm_loss_naive(W, X, y, reg):
    """W: (D, C)  X: (N, D)  y: (N,)"""
    dW = np.zeros(W.shape)  # initialize the gradient as zero
    num_classes = W.shape[1]
    num_train = X.shape[0]
    loss = 0.0
    for i in range(num_train):
        scores = X[i].dot(W)
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - scores[y[i]] + 1
            if margin > 0:
                loss += margin
    loss /= num_train
    loss += reg * np.sum(W * W)

    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return loss, dW


def softmax_loss(X, y, W):
    """X: (N, D)  y: (N,)  W: (D, C)"""
    loss = 0.0
    dW = np.zeros_like(W)
    scores = X.dot(W)
    scores -= np.max(scores, axis=1, keepdims=True)
    loss = -np.log(np.exp(scores[np.arange(len(y)), y]) / np.exp(scores).sum(axis=1)).mean()
    return loss, dW


def net_loss(params, X, y=None, reg=0.1):
    """X: (N, D)  y: (N,) labels"""
    W1, b1 = params["W1"], params["b1"]  # W1: (D, H)  b1: (H,)
    W2 = params["W2"]  # (H, C)
    scores = np.maximum(0, X @ W1 + b1) @ W2
    if y is None:
        return scores
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean() + reg * np.sum(W1**2)
    grads = {}
    #######################################
    # TODO: Store the results in grads.   #
    #######################################
    return loss, grads
'''

# Layers that are written, with results in an order of their own, and one that writes into what it is given.
OWN_LAYERS = '''\
import numpy as np


def affine_forward(x, w, b):
    """x: (N, D)  w: (D, M)  b: (M,)"""
    out = x @ w + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dw = x.T @ dout
    dx = dout @ w.T
    db = dout.sum(axis=0)
    return dw, dx, db


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    dx = dout
    dx[cache <= 0] = 0
    return dx


def block_forward(x, w, b):
    """x: (N, D)  w: (D, D)  b: (D,)"""
    a, fc_cache = affine_forward(x, w, b)
    r, relu_cache = relu_forward(a)
    out = r + a
    cache = (fc_cache, relu_cache)
    return out, cache


def block_backward(dout, cache):
    dx, dw, db = None, None, None
    return dx, dw, db
'''

STATIC = '''\
import torch


class Linear(object):
    @staticmethod
    def forward(x, w, b):
        """x: (N, d_1, ..., d_k)  w: (D, M)  b: (M,)"""
        out = None
        out = x.view(x.shape[0], -1).mm(w) + b
        cache = (x, w, b)
        return out, cache

    @staticmethod
    def backward(dout, cache):
        x, w, b = cache
        dx, dw, db = None, None, None
        # Replace "pass" statement with your code
        pass
        return dx, dw, db


class ReLU(object):
    @staticmethod
    def forward(x):
        out = x.clamp(min=0)
        cache = x
        return out, cache

    @staticmethod
    def backward(dout, cache):
        dx, x = None, cache
        pass
        return dx


class Linear_ReLU(object):
    @staticmethod
    def forward(x, w, b):
        a, fc_cache = Linear.forward(x, w, b)
        out, relu_cache = ReLU.forward(a)
        cache = (fc_cache, relu_cache)
        return out, cache

    @staticmethod
    def backward(dout, cache):
        fc_cache, relu_cache = cache
        pass


def softmax_loss(x, y):
    """x: (N, C)  y: (N,)"""
    shifted = x - x.max(dim=1, keepdim=True).values
    log_probs = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    N = x.shape[0]
    loss = (-1.0 / N) * log_probs[torch.arange(N), y].sum()
    dx = None
    return loss, dx


class TwoLayerNet(object):
    def __init__(self, D=4, H=5, C=3, reg=0.1, dtype=torch.float64):
        self.params = {}
        self.reg = reg
        self.params["W1"] = 0.5 * torch.randn(D, H, dtype=dtype)
        self.params["b1"] = torch.zeros(H, dtype=dtype)
        self.params["W2"] = 0.5 * torch.randn(H, C, dtype=dtype)
        self.params["b2"] = torch.zeros(C, dtype=dtype)

    def loss(self, X, y=None):
        scores = None
        h, cache1 = Linear_ReLU.forward(X, self.params["W1"], self.params["b1"])
        scores, cache2 = Linear.forward(h, self.params["W2"], self.params["b2"])
        if y is None:
            return scores

        loss, grads = 0, {}
        loss, dout = softmax_loss(scores, y)
        loss += self.reg * (torch.sum(self.params["W1"] ** 2) + torch.sum(self.params["W2"] ** 2))
        # Replace "pass" statement with your code
        pass
        #                     END OF YOUR CODE                  #
        return loss, grads
'''
