from math import exp


def B(kappa, tau):
    return (1 - exp(-kappa * tau)) / kappa


def zero_coupon(r, kappa, theta, sigma, tau):
    b = B(kappa, tau)
    A = (theta - sigma**2 / (2 * kappa**2)) * (b - tau) - sigma**2 * b**2 / (4 * kappa)
    return exp(A - b * r)
