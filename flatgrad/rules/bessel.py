"""Bessel functions: the order is an option, for no derivative in it is known in closed form."""

from flatgrad.builder import xp
from flatgrad.constants import Constant
from flatgrad.registry import elementwise, probe
from flatgrad.rules.special import ANY, POSITIVE, written
from flatgrad.shapes import elementwise_float as real
from flatgrad.shapes import with_options

ROOT_PI = Constant("sqrt(pi)")


@elementwise(at=ANY, shape=real)
def j0(x, /):
    return -xp.j1(x)


@elementwise(at=[*ANY, (0.0,)], shape=real)
def j1(x, /):
    return (xp.j0(x) - xp.jv(x, v=2)) / 2


@elementwise(at=POSITIVE, shape=real)
def y0(x, /):
    return -xp.y1(x)


@elementwise(at=POSITIVE, shape=real)
def y1(x, /, *, y):
    return xp.y0(x) - y / x


@elementwise(at=ANY, shape=real)
def i0(x, /):
    return xp.i1(x)


@elementwise(at=[*ANY, (0.0,)], shape=real)
def i1(x, /):
    return (xp.i0(x) + xp.iv(x, v=2)) / 2


@elementwise(at=ANY, shape=real)
def i0e(x, /, *, y):
    return xp.i1e(x) - xp.sign(x) * y


@elementwise(at=ANY, shape=real)
def i1e(x, /, *, y):
    return (xp.i0e(x) + xp.ive(x, v=2)) / 2 - xp.sign(x) * y


@elementwise(at=POSITIVE, shape=real)
def k0(x, /):
    return -xp.k1(x)


@elementwise(at=POSITIVE, shape=real)
def k1(x, /, *, y):
    return -xp.k0(x) - y / x


@elementwise(at=POSITIVE, shape=real)
def k0e(x, /, *, y):
    return y - xp.k1e(x)


@elementwise(at=POSITIVE, shape=real)
def k1e(x, /, *, y):
    return y - xp.k0e(x) - y / x


ORDERS = [probe(1.4, v=1), probe([0.3, 2.2, 5.1], v=2.5)]


@elementwise(at=ORDERS, shape=with_options)
def jv(z, /, v=...):
    return (xp.jv(z, v=v - 1) - xp.jv(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_options)
def yv(z, /, v=...):
    return (xp.yv(z, v=v - 1) - xp.yv(z, v=v + 1)) / 2


# yn and kn take whole orders only, and cut off what is beyond.
WHOLE = [probe(1.4, n=0), probe([0.3, 2.2, 5.1], n=2)]


@elementwise(at=WHOLE, shape=with_options)
def yn(x, /, n=...):
    return (xp.yn(x, n=n - 1) - xp.yn(x, n=n + 1)) / 2


@elementwise(at=WHOLE, shape=with_options)
def kn(x, /, n=...):
    return -(xp.kn(x, n=n - 1) + xp.kn(x, n=n + 1)) / 2


@elementwise(at=ORDERS, shape=with_options)
def iv(z, /, v=...):
    return (xp.iv(z, v=v - 1) + xp.iv(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_options)
def kv(z, /, v=...):
    return -(xp.kv(z, v=v - 1) + xp.kv(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_options)
def ive(z, /, v=..., *, y):
    return (xp.ive(z, v=v - 1) + xp.ive(z, v=v + 1)) / 2 - xp.sign(z) * y


@elementwise(at=ORDERS, shape=with_options)
def kve(z, /, v=..., *, y):
    return y - (xp.kve(z, v=v - 1) + xp.kve(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_options)
def jve(z, /, v=...):
    return (xp.jve(z, v=v - 1) - xp.jve(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_options)
def yve(z, /, v=...):
    return (xp.yve(z, v=v - 1) - xp.yve(z, v=v + 1)) / 2


# ------------------------------------------- Struve functions, DLMF 11.4.27 and 11.4.29


def _rest(x, v):
    return (x / 2) ** v * xp.rgamma(written(v + 1.5, x)) / ROOT_PI


@elementwise(at=ORDERS, shape=with_options)
def struve(x, /, v=...):
    return (xp.struve(x, v=v - 1) - xp.struve(x, v=v + 1) + _rest(x, v)) / 2


@elementwise(at=ORDERS, shape=with_options)
def modstruve(x, /, v=...):
    return (xp.modstruve(x, v=v - 1) + xp.modstruve(x, v=v + 1) + _rest(x, v)) / 2


# ------------------------------------------------- spherical ones, DLMF 10.51.2 and 10.51.5

TWICE = [
    *WHOLE,
    probe([0.3, 2.2], n=0, derivative=True),
    probe(1.4, n=3, derivative=True),
]


def _spherical(name, before, after):
    """f' = (before * n f[n - 1] + after * (n + 1) f[n + 1]) / (2 n + 1), which serves f'' too."""

    def slope(z, n, derivative):
        if derivative is False:
            return getattr(xp, name)(z, n=n, derivative=True)
        if derivative is not True or not isinstance(n, int):
            what = f"{name} with a derivative or an order that is not written down"
            raise NotImplementedError(what)
        f = getattr(xp, name)
        higher = after * (n + 1) * f(z, n=n + 1, derivative=True)
        lower = before * n * f(z, n=n - 1, derivative=True) if n > 0 else 0
        return (lower + higher) / (2 * n + 1)

    return slope


@elementwise(at=[*TWICE, probe(0.0, n=1, derivative=True)], shape=with_options)
def spherical_jn(z, /, n=..., derivative=False):
    return _spherical("spherical_jn", 1, -1)(z, n, derivative)


@elementwise(at=TWICE, shape=with_options)
def spherical_yn(z, /, n=..., derivative=False):
    return _spherical("spherical_yn", 1, -1)(z, n, derivative)


@elementwise(at=TWICE, shape=with_options)
def spherical_in(z, /, n=..., derivative=False):
    return _spherical("spherical_in", 1, 1)(z, n, derivative)


@elementwise(at=TWICE, shape=with_options)
def spherical_kn(z, /, n=..., derivative=False):
    return _spherical("spherical_kn", -1, -1)(z, n, derivative)
