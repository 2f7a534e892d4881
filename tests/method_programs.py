"""Classes as people write them: networks of courses, an estimator, a system of physics, a cell with a state."""

NETS = """\
import numpy as np


def affine_forward(x, w, b):
    '''x: (N, D)  w: (D, M)  b: (M,)'''
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def affine_relu_forward(x, w, b):
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    cache = (fc_cache, relu_cache)
    return out, cache


def batchnorm_forward(x, gamma, beta, bn_param):
    '''x: (N, D)  gamma: (D,)  beta: (D,)'''
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
    out, cache = None, None
    if mode == "train":
        mu = x.mean(axis=0)
        var = x.var(axis=0)
        std = np.sqrt(var + eps)
        x_hat = (x - mu) / std
        out = gamma * x_hat + beta
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
        cache = (x_hat, std, gamma)
    elif mode == "test":
        x_hat = (x - running_mean) / np.sqrt(running_var + eps)
        out = gamma * x_hat + beta
    else:
        raise ValueError('Invalid forward batchnorm mode "%s"' % mode)
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def dropout_forward(x, dropout_param):
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
    out = out.astype(x.dtype, copy=False)
    return out, cache


def softmax_loss(x, y):
    '''x: (N, C)  y: (N,) labels'''
    shifted_logits = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted_logits), axis=1, keepdims=True)
    log_probs = shifted_logits - np.log(Z)
    probs = np.exp(log_probs)
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


class TwoLayerNet(object):
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.params = {}
        self.reg = reg
        self.params["W1"] = np.random.normal(0, weight_scale, (input_dim, hidden_dim))
        self.params["b1"] = np.zeros(hidden_dim)
        self.params["W2"] = np.random.normal(0, weight_scale, (hidden_dim, num_classes))
        self.params["b2"] = np.zeros(num_classes)

    def loss(self, X, y=None):
        scores = None
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        h1, cache1 = affine_relu_forward(X, W1, b1)
        scores, cache2 = affine_forward(h1, W2, b2)

        # If y is None then we are in test mode so just return scores
        if y is None:
            return scores

        loss, grads = 0, {}
        loss, dscores = softmax_loss(scores, y)
        loss += 0.5 * self.reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
        return loss, grads


class FullyConnectedNet(object):
    def __init__(
        self,
        hidden_dims,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout_keep_ratio=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        self.normalization = normalization
        self.use_dropout = dropout_keep_ratio != 1
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = dtype
        self.params = {}
        dims = [input_dim] + hidden_dims + [num_classes]
        for i in range(self.num_layers):
            self.params["W" + str(i + 1)] = weight_scale * np.random.randn(dims[i], dims[i + 1])
            self.params["b" + str(i + 1)] = np.zeros(dims[i + 1])
            if self.normalization and i < self.num_layers - 1:
                self.params["gamma" + str(i + 1)] = np.ones(dims[i + 1])
                self.params["beta" + str(i + 1)] = np.zeros(dims[i + 1])
        self.dropout_param = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": dropout_keep_ratio}
            if seed is not None:
                self.dropout_param["seed"] = seed
        self.bn_params = []
        if self.normalization == "batchnorm":
            self.bn_params = [{"mode": "train"} for i in range(self.num_layers - 1)]
        for k, v in self.params.items():
            self.params[k] = v.astype(dtype)

    def loss(self, X, y=None):
        '''X: (N, D)'''
        X = X.astype(self.dtype)
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.dropout_param["mode"] = mode
        if self.normalization == "batchnorm":
            for bn_param in self.bn_params:
                bn_param["mode"] = mode
        scores = None

        caches = []
        out = X
        for i in range(1, self.num_layers):
            w, b = self.params["W" + str(i)], self.params["b" + str(i)]
            out, fc_cache = affine_forward(out, w, b)
            bn_cache = None
            if self.normalization == "batchnorm":
                gamma, beta = self.params["gamma" + str(i)], self.params["beta" + str(i)]
                out, bn_cache = batchnorm_forward(out, gamma, beta, self.bn_params[i - 1])
            out, relu_cache = relu_forward(out)
            dropout_cache = None
            if self.use_dropout:
                out, dropout_cache = dropout_forward(out, self.dropout_param)
            caches.append((fc_cache, bn_cache, relu_cache, dropout_cache))
        w, b = self.params["W" + str(self.num_layers)], self.params["b" + str(self.num_layers)]
        scores, cache = affine_forward(out, w, b)

        # If test mode return early.
        if mode == "test":
            return scores

        loss, grads = 0.0, {}
        loss, dscores = softmax_loss(scores, y)
        for i in range(1, self.num_layers + 1):
            w = self.params["W" + str(i)]
            loss += 0.5 * self.reg * np.sum(w * w)
        return loss, grads
"""

CAPTIONING = """\
import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h, cache = None, None
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_forward(x, h0, Wx, Wh, b):
    '''
    - x: Input data for the entire timeseries, of shape (N, T, D).
    - h0: Initial hidden state, of shape (N, H)
    - Wx: Weight matrix for input-to-hidden connections, of shape (D, H)
    - Wh: Weight matrix for hidden-to-hidden connections, of shape (H, H)
    - b: Biases of shape (H,)
    '''
    h, cache = None, None
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    cache = []
    prev_h = h0
    for t in range(T):
        prev_h, step_cache = rnn_step_forward(x[:, t, :], prev_h, Wx, Wh, b)
        h[:, t, :] = prev_h
        cache.append(step_cache)
    return h, cache


def word_embedding_forward(x, W):
    out, cache = None, None
    out = W[x]
    cache = (x, W)
    return out, cache


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    M = b.shape[0]
    out = x.reshape(N * T, D).dot(w).reshape(N, T, M) + b
    cache = x, w, b, out
    return out, cache


def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    x_flat = x.reshape(N * T, V)
    y_flat = y.reshape(N * T)
    mask_flat = mask.reshape(N * T)
    probs = np.exp(x_flat - np.max(x_flat, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N
    dx_flat = probs.copy()
    dx_flat[np.arange(N * T), y_flat] -= 1
    dx_flat /= N
    dx_flat *= mask_flat[:, None]
    if verbose:
        print("dx_flat: ", dx_flat.shape)
    dx = dx_flat.reshape(N, T, V)
    return loss, dx


class CaptioningRNN:
    def __init__(self, word_to_idx, input_dim=512, wordvec_dim=128, hidden_dim=128, cell_type="rnn", dtype=np.float32):
        if cell_type not in {"rnn", "lstm"}:
            raise ValueError('Invalid cell_type "%s"' % cell_type)
        self.cell_type = cell_type
        self.dtype = dtype
        self.word_to_idx = word_to_idx
        self.idx_to_word = {i: w for w, i in word_to_idx.items()}
        self.params = {}
        vocab_size = len(word_to_idx)
        self._null = word_to_idx["<NULL>"]
        self._start = word_to_idx.get("<START>", None)
        self._end = word_to_idx.get("<END>", None)
        self.params["W_embed"] = np.random.randn(vocab_size, wordvec_dim)
        self.params["W_embed"] /= 100
        self.params["W_proj"] = np.random.randn(input_dim, hidden_dim)
        self.params["W_proj"] /= np.sqrt(input_dim)
        self.params["b_proj"] = np.zeros(hidden_dim)
        dim_mul = {"lstm": 4, "rnn": 1}[cell_type]
        self.params["Wx"] = np.random.randn(wordvec_dim, dim_mul * hidden_dim)
        self.params["Wx"] /= np.sqrt(wordvec_dim)
        self.params["Wh"] = np.random.randn(hidden_dim, dim_mul * hidden_dim)
        self.params["Wh"] /= np.sqrt(hidden_dim)
        self.params["b"] = np.zeros(dim_mul * hidden_dim)
        self.params["W_vocab"] = np.random.randn(hidden_dim, vocab_size)
        self.params["W_vocab"] /= np.sqrt(hidden_dim)
        self.params["b_vocab"] = np.zeros(vocab_size)
        for k, v in self.params.items():
            self.params[k] = v.astype(self.dtype)

    def loss(self, features, captions):
        '''
        - features: Input image features, of shape (N, D)
        - captions: Ground-truth captions; an integer array of shape (N, T + 1)
        '''
        captions_in = captions[:, :-1]
        captions_out = captions[:, 1:]
        mask = captions_out != self._null
        W_proj, b_proj = self.params["W_proj"], self.params["b_proj"]
        W_embed = self.params["W_embed"]
        Wx, Wh, b = self.params["Wx"], self.params["Wh"], self.params["b"]
        W_vocab, b_vocab = self.params["W_vocab"], self.params["b_vocab"]
        loss, grads = 0.0, {}
        h0, cache_h0 = affine_forward(features, W_proj, b_proj)
        x, cache_x = word_embedding_forward(captions_in, W_embed)
        if self.cell_type == "rnn":
            h, cache_h = rnn_forward(x, h0, Wx, Wh, b)
        scores, cache_scores = temporal_affine_forward(h, W_vocab, b_vocab)
        loss, dscores = temporal_softmax_loss(scores, captions_out, mask)
        return loss, grads
"""

ESTIMATOR = """\
import numpy as np


class LogisticRegression:
    '''Binary classifier.'''

    n_features: int

    def __init__(self, n_features, alpha=0.1):
        self.coef_ = np.zeros(n_features)
        self.intercept_ = 0.0
        self.alpha = alpha

    def decision_function(self, X):
        return X @ self.coef_ + self.intercept_

    def predict_proba(self, X):
        z = self.decision_function(X)
        return 1 / (1 + np.exp(-z))

    @property
    def penalty(self):
        return 0.5 * self.alpha * np.sum(self.coef_**2)

    def loss(self, X, y):
        '''X: (N, D)  y: (N,)'''
        p = self.predict_proba(X)
        nll = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        return nll + self.penalty
"""

PENDULUM = """\
import numpy as np


class Pendulum:
    g = 9.81

    def __init__(self, length=1.0, mass=1.0, damping=0.05):
        self.length = length
        self.mass = mass
        self.damping = damping

    def acceleration(self, theta, omega):
        return -self.g / self.length * np.sin(theta) - self.damping * omega / self.mass

    def energy(self, theta, omega):
        kinetic = 0.5 * self.mass * (self.length * omega) ** 2
        return kinetic - self.mass * self.g * self.length * np.cos(theta)

    def simulate(self, theta: float, omega: float, dt: float, steps: int):
        '''The energy after some steps of the semi-implicit Euler method.'''
        for _ in range(steps):
            omega = omega + dt * self.acceleration(theta, omega)
            theta = theta + dt * omega
        return self.energy(theta, omega)
"""

CELL = """\
import numpy as np


class Cell:
    def __init__(self, W, U):
        self.W = W
        self.U = U
        self.h = np.zeros(U.shape[0])

    def step(self, x):
        self.h = np.tanh(x @ self.W + self.h @ self.U)
        return self.h

    def run(self, xs):
        '''xs: (T, D)'''
        total = 0.0
        for t in range(xs.shape[0]):
            h = self.step(xs[t])
            total += np.sum(h**2)
        return total

    def reset(self):
        self.h = 0.0 * self.h

    def run2(self, xs):
        self.reset()
        for t in range(xs.shape[0]):
            self.step(xs[t])
        return np.sum(self.h)
"""

TENSORS = """\
import torch


class Linear(object):
    @staticmethod
    def forward(x, w, b):
        '''
        - x: A tensor containing input data, of shape (N, d_1, ... d_k)
        - w: A tensor of weights, of shape (D, M)
        - b: A tensor of biases, of shape (M,)
        '''
        out = None
        out = x.reshape(x.shape[0], -1).mm(w) + b
        cache = (x, w, b)
        return out, cache

    @staticmethod
    def backward(dout, cache):
        x, w, b = cache
        dx, dw, db = None, None, None
        return dx, dw, db


class ReLU(object):
    @staticmethod
    def forward(x):
        out = None
        out = x.clamp(min=0)
        cache = x
        return out, cache


class Linear_ReLU(object):
    @staticmethod
    def forward(x, w, b):
        a, fc_cache = Linear.forward(x, w, b)
        out, relu_cache = ReLU.forward(a)
        cache = (fc_cache, relu_cache)
        return out, cache


def softmax_loss(x, y):
    shifted_logits = x - x.max(dim=1, keepdim=True).values
    Z = shifted_logits.exp().sum(dim=1, keepdim=True)
    log_probs = shifted_logits - Z.log()
    probs = log_probs.exp()
    N = x.shape[0]
    loss = (-1.0 / N) * log_probs[torch.arange(N), y].sum()
    dx = probs.clone()
    dx[torch.arange(N), y] -= 1
    dx /= N
    return loss, dx


class TwoLayerNet(object):
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0, dtype=torch.float32, device="cpu"):
        self.params = {}
        self.reg = reg
        self.params["W1"] = torch.normal(0.0, weight_scale, (input_dim, hidden_dim), dtype=dtype, device=device)
        self.params["b1"] = torch.zeros(hidden_dim, dtype=dtype, device=device)
        self.params["W2"] = torch.normal(0.0, weight_scale, (hidden_dim, num_classes), dtype=dtype, device=device)
        self.params["b2"] = torch.zeros(num_classes, dtype=dtype, device=device)

    def loss(self, X, y=None):
        '''X: (N, D)'''
        scores = None
        h, cache1 = Linear_ReLU.forward(X, self.params["W1"], self.params["b1"])
        scores, cache2 = Linear.forward(h, self.params["W2"], self.params["b2"])
        if y is None:
            return scores
        loss, grads = 0, {}
        loss, dscores = softmax_loss(scores, y)
        loss += self.reg * ((self.params["W1"] ** 2).sum() + (self.params["W2"] ** 2).sum())
        return loss, grads
"""

PLAIN = """\
import numpy as np


class Scale:
    def __init__(self, w):
        self.w = w
        self.h = 1.0
        self.__p = 2.0

    def base(self, x: float):
        return self.w * x

    def run(self, x: float):
        return self.base(x) ** 2

    def straight(self, x: float):
        a = self.h * x
        self.h = np.sin(self.h * x)
        b = self.h * x
        self.h = np.cos(self.h * self.h)
        return a + b * self.h

    def advance(self, x: float):
        self.h = np.sin(self.h * x)
        return self.h * 2

    def twice(self, x: float):
        a = self.advance(x)
        b = self.advance(x * x)
        return a * b + self.h

    def private(self, x: float):
        return self.__p * x * self.__p

    def ways(self, x: float, n: int):
        for i in range(n):
            if i % 2 == 0:
                self.h = self.h * np.sin(x)
            else:
                self.h += x
        return self.h**2

    def nothing(self, x: float):
        return x * x

    def nested(self, x: float):
        def f(y):
            return y * self.w

        return f(f(x))

    def each(self, xs):
        return sum(self.w * x for x in xs)

    def told(self, x: float):
        '''Uses self.w and w, which is the weight.'''
        # self.w times x
        assert x > 0, f"{self.w} is bad for {x}"
        return self.w * x  # self.w

    def both(self, x: float):
        return x * self.w, x + self.h

    def joined(self, x: float):
        a, b = self.both(x)
        return a * b

    def either(self, x: float):
        return self.base(x) if x > 0 else self.h * x

    def shrink(self, x):
        '''x: (N,)'''
        self.w *= 0.5
        return np.sum(self.w * x)

    def shadow(self, w: float):
        return self.w * w

    def middle(self, x: float):
        return self.advance(x) + self.h

    def whole(self, x: float):
        return use(self, x)

    def above(self, x: float):
        return super().base(x)

    def handed(self, x: float):
        return apply(self.base, x)

    def again(self, x: float):
        return x if x < 1 else self.again(x / 2)

    def inner(self, x: float):
        def f(y):
            self.h = y

        f(x)
        return self.h

    def many(self, x: float):
        for _ in range(2):
            self.h = np.sin(self.h * x)
        return self.h * 2

    def renewed(self, x: float):
        a = self.many(x)
        b = self.many(x * x)
        return a * b + self.h

    def between(self, x: float):
        a = self.many(x)
        c = self.h * x
        b = self.many(x * x)
        return a * b * c


class Square(Scale):
    def base(self, x: float):
        return self.w * x * x + self.h
"""

SETTINGS = """\
import numpy as np


def keep(x, settings):
    settings["h"] = np.tanh(x)
    if settings["mode"] == "train":
        x = x * 2
    return x


class Layer:
    def __init__(self, w):
        self.w = w
        self.settings = {"mode": "train", "n": 3}

    def asked(self, x: float):
        y = x * self.w if self.settings["mode"] == "train" else x
        if "seen" not in self.settings:
            y = y * y
        self.settings["mode"] = "test"
        self.settings["seen"] = True
        return y * self.settings["n"]

    def other(self, x: float):
        self.settings["h"] = np.sin(self.w * x)
        return self.settings["n"] * x * self.w

    def running(self, x):
        '''x: (N,)'''
        m = self.settings.get("running_mean", 0.0)
        self.settings["running_mean"] = 0.9 * m + 0.1 * x.mean()
        return np.sum((x - m) ** 2 * self.w)

    def direct(self, x: float):
        self.settings["h"] = np.sin(self.w * x)
        return self.settings["h"] * 2

    def loop(self, x: float, n: int):
        for _ in range(n):
            h = self.settings.get("h", 1.0)
            self.settings["h"] = np.sin(h * x)
        return h * self.w

    def helped(self, x: float):
        return keep(x, self.settings) * self.w

    def handed(self, x: float):
        self.settings["k"] = x
        return looked(x, self.settings) * self.w

    def mean(self, x):
        self.settings["running_mean"] = x.mean()
        return np.sum((x - self.settings["running_mean"]) * self.w)

    def added(self, x: float):
        self.settings["n"] += 1
        return x * self.w


def looked(x, settings):
    for _ in range(2):
        x = x * settings["k"]
    return x
"""
