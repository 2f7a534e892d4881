def lag_one(x):
    m = x.mean()
    c0 = ((x - m) ** 2).sum()
    c1 = ((x[1:] - m) * (x[:-1] - m)).sum()
    return c1 / c0
