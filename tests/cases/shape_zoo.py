import numpy as np


def f(x):
    """x : (A, B, C) array"""
    y = np.moveaxis(x, 0, -1).swapaxes(0, 1)
    z = np.squeeze(y[:1], axis=0) + np.expand_dims(y[0, 0], 0)
    t = np.tile(z, (2, 1)) * np.repeat(z, 2, axis=0)
    r = np.rot90(np.flip(t, 1)) + np.fliplr(t.T)
    return r.ravel()[::3] @ r.flatten()[::3] + np.tril(z).sum() * np.triu(z, 1).sum()
