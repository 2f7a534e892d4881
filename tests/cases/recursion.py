def f(x, n=3):
    # deeper and deeper
    if n == 0:
        return x
    return x * f(x, n - 1)
