def f(x, y):
    return x**y + pow(y, 3) + 2**x + x**-2 + (-x) ** 2 - x**0.5 * y**0
