"""Functions of scipy.special with several results, with orders, and with arguments in any place."""

import numpy as np
from scipy import special
from scipy.special import airy, ellipj, ellipkinc, eval_legendre, fresnel, sici


def pendulum(t, k):
    sn, cn, dn, phi = ellipj(t, 0.6)
    return sn * cn + dn * phi + ellipkinc(phi, k)


def turns(phi, m):
    return special.ellipeinc(phi, m) - special.ellipkinc(phi, m)


def edge_of_a_shadow(x):
    s, c = fresnel(x)
    return (s + 0.5) ** 2 + (c + 0.5) ** 2


def waves(x):
    ai, _, bi, slope = airy(x)
    return ai * bi + slope + sici(np.exp(x))[1]


def series(x, c):
    total = 0.0
    for n in range(len(c)):
        total = total + c[n] * eval_legendre(n, x)
    return total


def all_orders(x):
    n = np.arange(4)
    return special.jv(n, x) + special.eval_hermite(n, x) + special.spherical_jn(n, x)


def transformed(x, lam):
    return special.inv_boxcox(special.boxcox(x, lam), 0.5) * special.agm(x, 2.0)


def gaps(n, k):
    return special.factorial(n) / special.comb(n, k) + special.comb(7, k)
