def f(x, k):
    y = x
    if k > 0:
        y = (x, x * x)
    return y[0]
