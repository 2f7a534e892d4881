"""Special functions of one variable that come as a bundle: several results, each with its slope."""

from functools import wraps

from flatgrad.builder import Expr, xp
from flatgrad.constants import Constant
from flatgrad.graph import Var
from flatgrad.registry import general, probe
from flatgrad.rules.matrices import plus
from flatgrad.shapes import learn
from flatgrad.types import join

PI = Constant("pi")


def like_the_variable(eqn):
    """Each result is like the variable; an option that is an array would be broadcast with it."""
    options = [o for o in eqn.attrs.values() if isinstance(o, Var)]
    for out in eqn.outs:
        learn(out.type, "float")
        if all(o.type.shape.is_scalar for o in options):
            join(out.type.shape, eqn.args[0].type.shape)


def bundle(at):
    """A rule from a formula that returns the slope of each result."""

    def declare(formula):
        @wraps(formula)
        def rule(*data, **context):
            slopes = formula(*data, **context)

            def jvp(dx):
                return tuple(slope * dx for slope in slopes)

            def vjp(g):
                parts = zip(g, slopes, strict=True)
                return plus(*(None if c is None else c * slope for c, slope in parts))

            return jvp, vjp

        return general(at=at, shape=like_the_variable)(rule)

    return declare


ANY = [(0.4,), ([-1.3, 0.2, 2.1],)]
POSITIVE = [(0.4,), ([0.3, 1.2, 7.1],)]


@bundle(at=POSITIVE)
def sici(x, /, *, y):
    return xp.sinc(x / PI), xp.cos(x) / x


@bundle(at=POSITIVE)
def shichi(x, /, *, y):
    at_0 = x == 0
    return xp.sinh(x) / (x + at_0) + at_0, xp.cosh(x) / x


@bundle(at=ANY)
def fresnel(z, /, *, y):
    angle = PI * z**2 / 2
    return xp.sin(angle), xp.cos(angle)


@bundle(at=[*ANY, (-20.5,)])
def airy(z, /, *, y):
    ai, slope_of_ai, bi, slope_of_bi = y
    return slope_of_ai, z * ai, slope_of_bi, z * bi


@bundle(at=POSITIVE)
def itj0y0(x, /, *, y):
    return xp.j0(x), xp.y0(x)


@bundle(at=POSITIVE)
def iti0k0(x, /, *, y):
    return xp.i0(x), xp.k0(x)


@bundle(at=[probe(0.4, m=0.3), probe([-1.3, 0.2, 2.1], m=0.8)])
def ellipj(u, /, m=..., *, y):
    """DLMF 22.13.1; no derivative in m is written here."""
    if isinstance(m, list | tuple) or (isinstance(m, Expr) and m.ndim != 0):
        raise NotImplementedError("ellipj with a parameter that is not a number")
    sn, cn, dn, _ = y
    return cn * dn, -sn * dn, -m * sn * cn, dn
