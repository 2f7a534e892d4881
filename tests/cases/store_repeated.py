def f(x, i, w):
    y = x.copy()
    y[i] = w
    return y * x
