from math import erf, sqrt


def cdf(x, mu, s):
    y = (z := (x - mu) / s) * 0.5 + erf(z / sqrt(2))
    return y * (w := z * z + 1) + w
