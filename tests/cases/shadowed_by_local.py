RATE = 3.0


def scaled(x):
    return RATE * x


def f(x):
    RATE = x * x
    return scaled(x) * RATE
