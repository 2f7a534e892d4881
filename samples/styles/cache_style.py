# Made by flatgrad.


def layernorm_backward(dout, cache):
    x_hat, gamma, std = cache
    diff = x_hat * std

    # out = gamma * x_hat + beta
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    dbeta = dout.sum(axis=0)
    # x_hat = diff / std
    dx = dx_hat / std
    dmu = -dx.sum(axis=1, keepdims=True)
    dstd = -(dx_hat * x_hat / std).sum(axis=1, keepdims=True)
    # std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    dx += dstd * diff / std / dout.shape[1]
    # mu = x.mean(axis=1, keepdims=True)
    dx += dmu / dout.shape[1]

    return dx, dgamma, dbeta
