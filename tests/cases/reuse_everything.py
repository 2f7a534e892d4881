# ruff: noqa: F403, F405
from math import *


def g(x):
    a = x * x
    b = a * x
    c = a + b
    a = sin(c) * a
    b += a * x
    return a * b + c / x
