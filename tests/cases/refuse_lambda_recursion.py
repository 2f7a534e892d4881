def f(x):
    power = lambda t, n: t if n == 0 else t * power(t, n - 1)
    return power(x, 3)
