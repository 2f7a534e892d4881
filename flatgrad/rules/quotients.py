"""Numbers taken apart: quotient and remainder, fraction and whole, mantissa and exponent."""

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import xp
from flatgrad.registry import elementwise, general
from flatgrad.rules.arithmetic import absent
from flatgrad.types import join, scalar

NUMBERS, OTHERS = (7.3, -7.3, 2.9), (2.0, 2.5, -1.5)


def as_first(eqn):
    """Each result is like the argument; an exponent is an integer."""
    x = eqn.args[0].type
    for out in eqn.outs:
        shapes.broadcast(out.type, [x])
        shapes.learn(out.type, "float")
    if eqn.op == "frexp":
        shapes.learn(eqn.outs[1].type, "int")


def as_both(eqn):
    types = [a.type for a in eqn.args]
    for out in eqn.outs:
        shapes.broadcast(out.type, types)
        shapes.learn(out.type, shapes.promoted([t.kind for t in types]))


@general(at=[(7.3, 2.0), (NUMBERS, OTHERS), (NUMBERS, 2.0)], shape=as_both)
def divmod(a, b, /, *, y):
    """The quotient is a whole number, and jumps."""
    quotient, rest = y

    def jvp(da, db=None):
        moved = 0 if absent(da) else da
        moved = moved if absent(db) else moved - quotient * db
        return xp.zeros_like(quotient), moved + xp.zeros_like(rest)

    def vjp(g):
        _, g_rest = g
        if absent(g_rest):
            return None, None
        return fitted(g_rest, a, rest), fitted(-quotient * g_rest, b, rest)

    return jvp, vjp


@general(at=[(7.3,), (NUMBERS,)], shape=as_first)
def modf(x, /, *, y):
    def jvp(dx):
        return dx, xp.zeros_like(x)

    def vjp(g):
        return g[0]

    return jvp, vjp


@general(at=[(7.3,), (NUMBERS,)], shape=as_first)
def frexp(x, /, *, y):
    """x = mantissa * 2^exponent"""
    _, exponent = y

    def jvp(dx):
        return xp.ldexp(dx, -exponent), xp.zeros_like(x)

    def vjp(g):
        return None if absent(g[0]) else xp.ldexp(g[0], -exponent)

    return jvp, vjp


@general(at=[(0.7, 3), (NUMBERS, [1, -2, 0])], shape=shapes.elementwise_float)
def ldexp(x, n, /, *, y):
    """x * 2^n"""

    def jvp(dx, dn=None):
        return xp.ldexp(dx, n)

    def vjp(g):
        return fitted(xp.ldexp(g, n), x, y), None

    return jvp, vjp


@elementwise(at=[(7.3, 2.0), (-7.3, 2.5)], shape=shapes.elementwise_float)
def ieee_remainder(a, b, /, *, y):
    """What is left of a by the nearest multiple of b."""
    return 1, (y - a) / b


def one_number(eqn):
    join(eqn.out.type.shape, scalar())


@general(at=[(NUMBERS, OTHERS)], shape=shapes.giving("float", one_number))
def dist(p, q, /, *, y):
    """The distance of two points; 0 where they meet."""
    apart = xp.asarray(p) - xp.asarray(q)
    direction = apart / (y + (y == 0))

    def jvp(dp, dq=None):
        moved = 0 if absent(dp) else xp.sum(direction * dp)
        return moved if absent(dq) else moved - xp.sum(direction * dq)

    def vjp(g):
        return g * direction, -g * direction

    return jvp, vjp
