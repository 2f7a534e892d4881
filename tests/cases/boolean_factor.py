def f(t, x, w):
    # t: (n,), x: (n,), w: (n,)
    return (t >= 0) * (x @ w) + (1 - (t > 0.7)) * x
