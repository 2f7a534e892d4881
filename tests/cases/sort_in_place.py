def f(x):
    y = x.copy()
    y.sort()
    return y * x
