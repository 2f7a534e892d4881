def f(x, k):
    y = x * k
    if y > 0:
        y = y * y
    return y
