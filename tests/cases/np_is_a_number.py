import numpy
from numpy import exp


def total(np, zeros_like):
    ones = np * zeros_like
    return numpy.cos(ones) + exp(np)
