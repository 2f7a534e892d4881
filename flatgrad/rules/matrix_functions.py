"""Functions of a square matrix that are no power series in its elements: logarithm, sine, real powers.

Of f at a, the derivative along e is the upper right block of f([[a, e], [0, a]]), and the cotangent is the same
with the transpose of a (Higham, "Functions of Matrices" (2008), theorem 3.6).
"""

from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules.matrices import (
    POSITIVE,
    SQUARE,
    absent,
    like_square,
    plus,
    rank,
    square_matrix,
)
from flatgrad.shapes import giving, learn
from flatgrad.types import join

REAL_SPECTRUM = [[2.0, 0.3, -0.5], [0.1, 1.1, 0.2], [0.0, 0.2, 0.7]]
SMALL = [[0.4, 0.1, -0.2], [-0.3, 0.5, 0.1], [0.2, -0.1, 0.3]]


def like_first_square(eqn):
    learn(eqn.out.type, "float")
    square_matrix(eqn.args[0].type.shape)
    join(eqn.out.type.shape, eqn.args[0].type.shape)


def of_blocks(a, e, zeros):
    """[[a, e], [0, a]], or one such for each matrix of a stack."""
    if rank(a) == 2:
        return xp.vstack(xp.hstack(a, e), xp.hstack(zeros, a))
    return _beside(_beside(a, e, -1), _beside(zeros, a, -1), -2)


def _beside(one, other, axis):
    return xp.concatenate(one, other, axis=axis)


def upper_right(blocks, a):
    n = xp.shape(a)[0 if rank(a) == 2 else -1]
    rows = slice(n) if isinstance(n, int) else xp.slice(None, n, None)
    columns = slice(n, None) if isinstance(n, int) else xp.slice(n, None, None)
    places = (rows, columns) if rank(a) == 2 else (..., rows, columns)
    return blocks[places if isinstance(n, int) else xp.tuple(*places)]


def both_modes(function, a, *others):
    zeros = xp.zeros_like(a)

    def jvp(da):
        return upper_right(function(of_blocks(a, da, zeros), *others), a)

    def vjp(g):
        return upper_right(function(of_blocks(a.mT, g, zeros), *others), a)

    return jvp, vjp


@general(at=[(POSITIVE,), (SQUARE,)], shape=giving("float", like_square))
def logm(a, /):
    return both_modes(xp.logm, a)


@general(at=[(SMALL,), (SQUARE,)], shape=giving("float", like_square))
def sinm(a, /):
    return both_modes(xp.sinm, a)


@general(at=[(SMALL,), (SQUARE,)], shape=giving("float", like_square))
def cosm(a, /):
    return both_modes(xp.cosm, a)


@general(at=[(SMALL,)], shape=giving("float", like_square))
def tanm(a, /):
    return both_modes(xp.tanm, a)


@general(at=[(SMALL,)], shape=giving("float", like_square))
def sinhm(a, /):
    return both_modes(xp.sinhm, a)


@general(at=[(SMALL,)], shape=giving("float", like_square))
def coshm(a, /):
    return both_modes(xp.coshm, a)


@general(at=[(SMALL,)], shape=giving("float", like_square))
def tanhm(a, /):
    return both_modes(xp.tanhm, a)


@general(at=[(POSITIVE, 0.3), (REAL_SPECTRUM, -1.4)], shape=like_first_square)
def fractional_matrix_power(a, t, /, *, y):
    """The derivative in the exponent is log(a) a^t."""
    along, back = both_modes(xp.fractional_matrix_power, a, t)

    def jvp(da, dt):
        of_t = None if absent(dt) else dt * (xp.logm(a) @ y)
        return plus(None if absent(da) else along(da), of_t)

    def vjp(g):
        return back(g), xp.sum(g * (xp.logm(a) @ y))

    return jvp, vjp


@general(at=[probe(SQUARE, SMALL, compute_expm=False)], shape=like_first_square)
def expm_frechet(a, e, /, compute_expm=True):
    """The derivative of the exponential at `a` along `e`: linear in `e`, and itself a block of an exponential."""
    if compute_expm is not False:
        raise NotImplementedError("expm_frechet with the exponential: give compute_expm=False")  # fmt: skip
    zeros = xp.zeros_like(a)

    def second(a, e, d):
        """The second derivative of the exponential at `a` along `e` and `d`."""
        along = of_blocks(d, zeros, zeros)
        return upper_right(xp.expm_frechet(of_blocks(a, e, zeros), along), a)

    def jvp(da, de):
        of_a = None if absent(da) else second(a, e, da)
        return plus(of_a, None if absent(de) else xp.expm_frechet(a, de))

    def vjp(g):
        return second(a.mT, e.mT, g), xp.expm_frechet(a.mT, g)

    return jvp, vjp
