from math import sin


def wave(x):
    return sin(x)


def f(x):
    sin = x * 3.0
    return wave(x) * sin
