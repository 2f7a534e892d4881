def f(x):
    y = x * x
    return y, y * x, x
