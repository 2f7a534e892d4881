import math


def f(x, y):
    a = math.exp(-(x**2)) * math.sin(y)
    b = math.exp(-(x**2)) * math.cos(y)
    return (a + b) * math.exp(-(x**2)) / math.sin(y)
