import numpy as np


def adam(w, g, m, v, lr, t, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g**2)
    mt = m / (1 - beta1**t)
    vt = v / (1 - beta2**t)
    w = w - lr * mt / (np.sqrt(vt) + eps)
    return w, m, v
