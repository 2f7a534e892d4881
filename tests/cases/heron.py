import math as m


def heron(a, b, c):
    s = (a + b + c) / 2
    return m.sqrt(s * (s - a) * (s - b) * (s - c))
