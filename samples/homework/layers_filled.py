"""Layers of a network: each forward is written, each backward is yours to write."""

import numpy as np


def affine_forward(x, w, b):
    """
    A fully connected layer; each of the N inputs is flattened to D numbers.

    Inputs:
    - x: numpy array of shape (N, d_1, ..., d_k) with d_1 * ... * d_k = D
    - w: numpy array of shape (D, M), the weights
    - b: numpy array of shape (M,), the biases

    Returns a tuple of:
    - out: the scores, of shape (N, M)
    - cache: (x, w, b)
    """
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    """
    The backward pass of a fully connected layer.

    Inputs:
    - dout: upstream derivative, of shape (N, M)
    - cache: what the forward pass kept

    Returns a tuple of:
    - dx, dw, db: gradients, each of the shape of what it belongs to
    """
    x, w, b = cache
    dx, dw, db = None, None, None
    ###########################################################################
    # TODO: write the backward pass of the fully connected layer.             #
    ###########################################################################
    # out = x.reshape(x.shape[0], -1).dot(w) + b
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = dout.sum(axis=0)
    ###########################################################################
    #                             END OF YOUR CODE                            #
    ###########################################################################
    return dx, dw, db


def relu_forward(x):
    """
    A layer of rectified linear units.

    Input:
    - x: numpy array of any shape

    Returns a tuple of:
    - out: of the same shape as x
    - cache: x
    """
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    """The backward pass of a layer of rectified linear units."""
    dx, x = None, cache
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    x = cache

    # out = np.maximum(0, x)
    dx = dout * (x > 0)

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx


def batchnorm_forward(x, gamma, beta, bn_param):
    """
    Batch normalization.

    Inputs:
    - x: numpy array of shape (N, D)
    - gamma: scale, of shape (D,)
    - beta: shift, of shape (D,)
    - bn_param: dictionary with
      - mode: 'train' or 'test'
      - eps: a constant for numeric stability
      - momentum: of the running mean and variance
      - running_mean, running_var: arrays of shape (D,)

    Returns a tuple of:
    - out: of shape (N, D)
    - cache: what the backward pass needs
    """
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
        cache = (x_hat, gamma, std)

        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
    elif mode == "test":
        out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
    else:
        raise ValueError('Invalid forward batchnorm mode "%s"' % mode)

    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def batchnorm_backward(dout, cache):
    """
    The backward pass of batch normalization in training mode.

    Inputs:
    - dout: upstream derivatives, of shape (N, D)
    - cache: what the forward pass kept

    Returns a tuple of:
    - dx: of shape (N, D)
    - dgamma, dbeta: of shape (D,)
    """
    dx, dgamma, dbeta = None, None, None
    # TODO: store the gradients in dx, dgamma and dbeta.
    x_hat, gamma, std = cache
    N, D = dout.shape
    diff = x_hat * std

    # out = gamma * x_hat + beta
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    dbeta = dout.sum(axis=0)
    # x_hat = diff / std
    dx = dx_hat / std
    dmu = -dx.sum(axis=0)
    dstd = -(dx_hat * x_hat / std).sum(axis=0)
    # std = np.sqrt(var + eps)
    dvar = 0.5 * dstd / std
    # var = x.var(axis=0)
    dx += 2 / N * dvar * diff
    # mu = x.mean(axis=0)
    dx += dmu / N
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    """
    Layer normalization.

    Inputs:
    - x: numpy array of shape (N, D)
    - gamma: scale, of shape (D,)
    - beta: shift, of shape (D,)
    - ln_param: dictionary with eps, a constant for numeric stability
    """
    eps = ln_param.get("eps", 1e-5)
    mu = np.mean(x, axis=1, keepdims=True)
    var = np.mean((x - mu) ** 2, axis=1, keepdims=True)
    inverse_std = 1 / np.sqrt(var + eps)
    x_hat = (x - mu) * inverse_std
    out = gamma * x_hat + beta
    cache = (x, mu, inverse_std, gamma)
    return out, cache


def layernorm_backward(dout, cache):
    """The backward pass of layer normalization: dx, dgamma, dbeta."""
    x, mu, inverse_std, gamma = cache
    diff = x - mu
    root = 1 / inverse_std
    x_hat = (x - mu) * inverse_std

    # out = gamma * x_hat + beta
    dgamma = np.sum(dout * x_hat, axis=0)
    dx_hat = dout * gamma
    dbeta = dout.sum(axis=0)
    # x_hat = (x - mu) * inverse_std
    dinverse_std = np.sum(dx_hat * diff, axis=1, keepdims=True)
    # inverse_std = 1 / root
    dvar = -0.5 * dinverse_std * inverse_std / root / root
    # var = np.mean(diff**2, axis=1, keepdims=True)
    dx = dx_hat * inverse_std + 2 / x.shape[1] * dvar * diff
    dmu = -dx.sum(axis=1, keepdims=True)
    # mu = np.mean(x, axis=1, keepdims=True)
    dx += dmu / x.shape[1]
    return dx, dgamma, dbeta


def dropout_forward(x, dropout_param):
    """
    Inverted dropout.

    Inputs:
    - x: numpy array of any shape
    - dropout_param: dictionary with p, the probability to keep a neuron, mode and,
      if wanted, a seed

    Returns a tuple of:
    - out: of the same shape as x
    - cache: (dropout_param, mask)
    """
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])

    mask = None
    if mode == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    else:
        out = x

    cache = (dropout_param, mask)
    return out, cache


def dropout_backward(dout, cache):
    """The backward pass of inverted dropout."""
    dropout_param, mask = cache
    mode = dropout_param["mode"]
    dx = None
    # BEGIN YOUR CODE
    p, mode = dropout_param["p"], dropout_param["mode"]

    if mode == "train":
        # out = x * mask
        dx = dout * mask
    else:
        # out = x
        dx = dout
    # END YOUR CODE
    return dx


def conv_forward_naive(x, w, b, conv_param):
    """
    A convolution, with loops.

    Inputs:
    - x: numpy array of shape (N, C, H, W)
    - w: filters, of shape (F, C, HH, WW)
    - b: biases, of shape (F,)
    - conv_param: dictionary with the integers stride and pad

    Returns a tuple of:
    - out: of shape (N, F, H', W')
    - cache: (x, w, b, conv_param)
    """
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    window = x_pad[
                        n, :, i * stride : i * stride + HH, j * stride : j * stride + WW
                    ]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    cache = (x, w, b, conv_param)
    return out, cache


def conv_backward_naive(dout, cache):
    """The backward pass of a convolution: dx, dw, db."""
    dx, dw, db = None, None, None
    ###########################################################################
    # TODO: write the backward pass of the convolution.                       #
    ###########################################################################
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))

    dx_pad = np.zeros(x_pad.shape)
    dw = np.zeros(w.shape)
    db = np.zeros(b.shape)
    for n in reversed(range(N)):
        for f in reversed(range(F)):
            for i in reversed(range(H_out)):
                for j in reversed(range(W_out)):
                    window = x_pad[
                        n, :, i * stride : i * stride + HH, j * stride : j * stride + WW
                    ]
                    # out[n, f, i, j] = np.sum(window * w[f]) + b[f]
                    dtotal = dout[n, f, i, j]
                    dw[f] += dtotal * window
                    dwindow = dtotal * w[f]
                    db[f] += dtotal
                    # window = x_pad[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    dx_pad[
                        n, :, i * stride : i * stride + HH, j * stride : j * stride + WW
                    ] += dwindow
    # x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx = dx_pad[:N, :C, pad : pad + H, pad : pad + W]
    ###########################################################################
    #                             END OF YOUR CODE                            #
    ###########################################################################
    return dx, dw, db


def max_pool_forward_naive(x, pool_param):
    """
    Max pooling, with loops.

    Inputs:
    - x: numpy array of shape (N, C, H, W)
    - pool_param: dictionary with the integers pool_height, pool_width and stride
    """
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    H_out = 1 + (H - height) // stride
    W_out = 1 + (W - width) // stride
    out = np.zeros((N, C, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            window = x[
                :, :, i * stride : i * stride + height, j * stride : j * stride + width
            ]
            out[:, :, i, j] = window.max(axis=(2, 3))
    cache = (x, pool_param)
    return out, cache


def max_pool_backward_naive(dout, cache):
    """The backward pass of max pooling."""
    dx = None
    x, pool_param = cache
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    H_out = 1 + (H - height) // stride
    W_out = 1 + (W - width) // stride

    dx = np.zeros(x.shape)
    for i in reversed(range(H_out)):
        for j in reversed(range(W_out)):
            window = x[
                :, :, i * stride : i * stride + height, j * stride : j * stride + width
            ]
            # out[:, :, i, j] = window.max(axis=(2, 3))
            hit = window == window.max(axis=(2, 3), keepdims=True)
            dwindow = (
                np.expand_dims(dout[:, :, i, j], axis=(2, 3))
                * hit
                / hit.sum(axis=(2, 3), keepdims=True)
            )
            # window = x[:, :, i * stride : i * stride + height, j * stride : j * stride + width]
            dx[
                :, :, i * stride : i * stride + height, j * stride : j * stride + width
            ] += dwindow
    return dx


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """
    One step of a recurrent network.

    Inputs:
    - x: numpy array of shape (N, D), the input of this step
    - prev_h: of shape (N, H), the hidden state before
    - Wx: of shape (D, H)
    - Wh: of shape (H, H)
    - b: of shape (H,)
    """
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    """One step back: dx, dprev_h, dWx, dWh, db."""
    dx, dprev_h, dWx, dWh, db = None, None, None, None, None
    x, prev_h, Wx, Wh, next_h = cache

    # next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    da = dnext_h * (1 - next_h**2)
    dx = da @ Wx.T
    dWx = x.T @ da
    dprev_h = da @ Wh.T
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """
    One step of an LSTM.

    Inputs:
    - x: numpy array of shape (N, D), the input of this step
    - prev_h: of shape (N, H), the hidden state before
    - prev_c: of shape (N, H), the cell state before
    - Wx: of shape (D, 4H)
    - Wh: of shape (H, 4H)
    - b: of shape (4H,)

    Returns a tuple of:
    - next_h: of shape (N, H)
    - next_c: of shape (N, H)
    - cache: what the backward pass needs
    """
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    """One step back: dx, dprev_h, dprev_c, dWx, dWh, db."""
    dx, dprev_h, dprev_c, dWx, dWh, db = None, None, None, None, None, None
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    H = prev_h.shape[1]
    tanh_next_c = np.tanh(next_c)

    # next_h = o * tanh_next_c
    dnext_c = dnext_c + dnext_h * o * (1 - tanh_next_c**2)
    do = dnext_h * tanh_next_c
    # next_c = f * prev_c + i * g
    df = dnext_c * prev_c
    dprev_c = dnext_c * f
    di = dnext_c * g
    dg = dnext_c * i
    # g = np.tanh(a[:, 3 * H :])
    da = np.zeros((dnext_h.shape[0], Wx.shape[1]))
    da[:, 3 * H :] = dg * (1 - g**2)
    # o = sigmoid(a[:, 2 * H : 3 * H])
    da[:, 2 * H : 3 * H] += do * o * (1 - o)
    # f = sigmoid(a[:, H : 2 * H])
    da[:, H : 2 * H] += df * f * (1 - f)
    # i = sigmoid(a[:, :H])
    da[:, :H] += di * i * (1 - i)
    # a = x @ Wx + prev_h @ Wh + b
    dx = da @ Wx.T
    dWx = x.T @ da
    dprev_h = da @ Wh.T
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def word_embedding_forward(x, W):
    """
    Vectors of words.

    Inputs:
    - x: integer array of shape (N, T), the indices of the words
    - W: numpy array of shape (V, D), a vector for each word

    Returns a tuple of:
    - out: of shape (N, T, D)
    - cache: what the backward pass needs
    """
    out = W[x]
    cache = (x, W.shape)
    return out, cache


def word_embedding_backward(dout, cache):
    """The gradient of the vectors."""
    dW = None
    x, W_shape = cache

    # out = W[x]
    dW = np.zeros(W_shape)
    np.add.at(dW, x, dout)
    return dW
