import math


def f(x):
    try:
        y = math.log(x)
    except ValueError:
        y = 0.0
    return y
