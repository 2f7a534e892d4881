import math


def neuron(w0, x0, w1, x1, w2):
    """A sigmoid neuron with two inputs and the bias w2; all of them are floats."""
    s = w0 * x0 + w1 * x1 + w2
    L = 1 / (1 + math.exp(-s))
    return L
