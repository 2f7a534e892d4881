# Made by flatgrad.

from math import exp, log, pi, sqrt

from scipy.special import ndtr


def black_scholes_grad(
    S: float, K: float, T: float, r: float, sigma: float, grad_price=1.0
):
    """Price of a European call option; its gradient holds what traders call the Greeks."""
    sqrt_T = sqrt(T)
    d1 = (log(S / K) + (r + sigma**2 / 2) * T) / (sigma * sqrt_T)
    d2 = d1 - sigma * sqrt(T)
    ndtr_d1 = ndtr(d1)
    e = exp(-r * T)
    ndtr_d2 = ndtr(d2)
    price = S * ndtr_d1 - K * e * ndtr_d2

    # price = S * ndtr_d1 - K * e * ndtr_d2
    grad_product = -grad_price
    grad_product2 = grad_product * ndtr_d2
    grad_product3 = grad_product2 * K * e
    grad_d1 = grad_price * S * exp(-(d1**2 / 2)) / sqrt(2 * pi)
    grad_S = grad_price * ndtr_d1
    grad_r = -(grad_product3 * T)
    grad_T = -(grad_product3 * r)
    grad_K = grad_product2 * e
    grad_d2 = grad_product * (K * e) * exp(-(d2**2 / 2)) / sqrt(2 * pi)
    # d2 = d1 - sigma * sqrt(T)
    grad_d1 += grad_d2
    # d1 = (log(S / K) + (r + sigma**2 / 2) * T) / (sigma * sqrt_T)
    grad_total = grad_d1 / (sigma * sqrt_T)
    grad_product4 = -grad_d2 - grad_d1 * d1 / (sigma * sqrt_T)
    grad_total2 = grad_total * T
    grad_ratio = grad_total / (S / K)
    grad_S += grad_ratio / K
    grad_K -= grad_ratio * (S / K) / K
    grad_sigma = grad_total2 * sigma + grad_product4 * sqrt_T
    grad_r += grad_total2
    grad_T += grad_total * (r + sigma**2 / 2) + 0.5 * grad_product4 * sigma / sqrt_T

    return price, (grad_S, grad_K, grad_T, grad_r, grad_sigma)
