from math import exp, log, sqrt

from scipy.special import ndtr


def black_scholes(S: float, K: float, T: float, r: float, sigma: float):
    """Price of a European call option; its gradient holds what traders call the Greeks."""
    d1 = (log(S / K) + (r + sigma**2 / 2) * T) / (sigma * sqrt(T))
    d2 = d1 - sigma * sqrt(T)
    price = S * ndtr(d1) - K * exp(-r * T) * ndtr(d2)
    return price
