def f(x, y):
    q, r = divmod(x, y)
    return x / y + x % y + q * r + x // y
