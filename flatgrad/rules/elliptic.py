"""Elliptic integrals and functions, in Carlson's form where Legendre's loses digits (DLMF 19.18, 19.25), and the mean."""

from flatgrad.builder import xp
from flatgrad.constants import Constant
from flatgrad.registry import elementwise
from flatgrad.shapes import elementwise_float as real

PI, TWO_OVER_3_PI = Constant("pi"), Constant("2 / (3 * pi)")
ANGLES = [(0.4, 0.3), ([-2.3, 0.7, 5.1], -0.6), ([0.0, 0.7, 9.1], 0.0), (1.1, 0.999)]
POSITIVES = [(0.4, 1.3, 2.2), ([0.4, 1.3], 1.3, [1.3, 0.2])]


@elementwise(
    at=[(1.3, 1.3), ([0.4, 2.2], 1.4), (0.4, 9.0), (1e-6, 2.0), (-0.4, -1.3)],
    shape=real,
)
def agm(a, b, /, *, y):
    """pi a / 2 / K(1 - (b / a)^2), where the derivative of K in m is elliprd(0, 1, 1 - m) / 6."""
    scale = TWO_OVER_3_PI * y**2
    a, b = xp.abs(a), xp.abs(b)  # both may be negative
    return scale * a * xp.elliprd(0, b**2, a**2), scale * b * xp.elliprd(0, a**2, b**2)


def remainder(phi):
    """phi as a whole number of half turns and a rest, with the sine and squared cosine of the rest."""
    turns = xp.round(phi / PI)
    rest = phi - PI * turns
    return turns, xp.sin(rest) ** 3, xp.cos(rest) ** 2


@elementwise(at=ANGLES, shape=real)
def ellipkinc(phi, m, /):
    turns, cubed, cosine = remainder(phi)
    squared = 1 - m * (1 - cosine)
    whole, rest = xp.elliprd(0, 1, 1 - m), xp.elliprd(cosine, 1, squared)
    return 1 / xp.sqrt(squared), (2 * turns * whole + cubed * rest) / 6


@elementwise(at=ANGLES, shape=real)
def ellipeinc(phi, m, /):
    turns, cubed, cosine = remainder(phi)
    squared = 1 - m * (1 - cosine)
    whole, rest = xp.elliprd(0, 1 - m, 1), xp.elliprd(cosine, squared, 1)
    return xp.sqrt(squared), -(2 * turns * whole + cubed * rest) / 6


@elementwise(at=POSITIVES, shape=real)
def elliprf(x, y_, z, /):
    return (
        -xp.elliprd(y_, z, x) / 6, -xp.elliprd(z, x, y_) / 6, -xp.elliprd(x, y_, z) / 6,
    )  # fmt: skip


@elementwise(at=[(0.4, 1.3), ([0.4, 1.3], [1.3, 1.3])], shape=real)
def elliprc(x, y_, /):
    return -xp.elliprd(y_, y_, x) / 6, -xp.elliprd(x, y_, y_) / 3
