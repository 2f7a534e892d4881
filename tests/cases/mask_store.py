def leaky(x, alpha):
    # x: (N, D)
    out = x.copy()
    out[x < 0] *= alpha
    return out
