def g(x):
    return x * x


def f(x, g, f):
    return g * x + f * g
