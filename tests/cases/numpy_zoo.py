import numpy as np


def f(x):
    a = np.log2(x) + np.log10(x) + np.cbrt(x) + np.exp2(x) + np.reciprocal(x)
    b = np.sinh(x) * np.arcsinh(x) - np.arctan(x) / np.tan(0.1 * x)
    c = np.sinc(x) + np.square(x) + np.float_power(x, 1.5) + np.heaviside(x, 0.5) * x
    return np.sum(a + b * c)
