"""Bessel functions: the order is an option, for no derivative in it is known in closed form."""

from flatgrad.builder import xp
from flatgrad.registry import elementwise, probe
from flatgrad.rules.special import ANY, POSITIVE, with_numbers
from flatgrad.shapes import elementwise_float as real


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


@elementwise(at=ORDERS, shape=with_numbers)
def jv(z, /, v=...):
    return (xp.jv(z, v=v - 1) - xp.jv(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_numbers)
def yv(z, /, v=...):
    return (xp.yv(z, v=v - 1) - xp.yv(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_numbers)
def iv(z, /, v=...):
    return (xp.iv(z, v=v - 1) + xp.iv(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_numbers)
def kv(z, /, v=...):
    return -(xp.kv(z, v=v - 1) + xp.kv(z, v=v + 1)) / 2


@elementwise(at=ORDERS, shape=with_numbers)
def ive(z, /, v=..., *, y):
    return (xp.ive(z, v=v - 1) + xp.ive(z, v=v + 1)) / 2 - xp.sign(z) * y


@elementwise(at=ORDERS, shape=with_numbers)
def kve(z, /, v=..., *, y):
    return y - (xp.kve(z, v=v - 1) + xp.kve(z, v=v + 1)) / 2
