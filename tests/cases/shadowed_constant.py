A = 3.0


def scaled(x):
    return A * x


def f(x, A):
    return scaled(x) * A
