"""Reductions that leave NaN out: what is not there has the derivative 0."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules import reductions
from flatgrad.rules.reductions import AXES, ONE_AXIS, extreme, real, restore, slope

NAN = float("nan")
HOLES = ((1.0, NAN, 0.5), (0.3, 0.8, NAN))
SOME = [
    *AXES,
    probe((1.0, NAN, 0.5)),
    probe(HOLES, axis=1),
    probe(HOLES, axis=0, keepdims=True),
]
SPREAD = [*SOME, probe(HOLES, axis=1, ddof=1), probe(HOLES, ddof=1, keepdims=True)]


def there(x):
    return xp.logical_not(xp.isnan(x))


def filled(formula, x, value, **context):
    """A formula of x with `value` in place of NaN."""
    missing = xp.isnan(x)
    jvp, vjp = formula(xp.where(missing, value, x), **context)

    def without(tangent):
        return jvp(xp.where(missing, 0, tangent))

    def within(g):
        return xp.where(missing, 0, vjp(g))

    return without, within


@general(at=SOME, shape=shapes.reduction)
def nansum(x, /, axis=None, keepdims=False):
    return slope(there(x), axis, keepdims)


@general(at=SOME, shape=real)
def nanmean(x, /, axis=None, keepdims=False):
    known = there(x)
    return slope(known / xp.sum(known, axis=axis, keepdims=True), axis, keepdims)


@general(
    at=[*SOME, probe((NAN, 0.0, 3.0)), probe((2.0, NAN, 3.0))], shape=shapes.reduction
)
def nanprod(x, /, axis=None, keepdims=False):
    return filled(reductions.prod, x, 1, axis=axis, keepdims=keepdims)


@general(at=SOME, shape=shapes.reduction)
def nanmax(x, /, axis=None, keepdims=False, initial=None, *, y):
    return extreme(x, axis, keepdims, initial, y)


@general(at=SOME, shape=shapes.reduction)
def nanmin(x, /, axis=None, keepdims=False, initial=None, *, y):
    return extreme(x, axis, keepdims, initial, y)


def spread(x, axis, ddof):
    """How far each element is from the mean, 0 if it is not there, and how many count."""
    known = there(x)
    apart = xp.where(known, x - xp.nanmean(x, axis=axis, keepdims=True), 0)
    many = xp.sum(known, axis=axis, keepdims=True)
    return apart, many - ddof if ddof else many


@general(at=SPREAD, shape=real)
def nanvar(x, /, axis=None, keepdims=False, ddof=0):
    apart, degrees = spread(x, axis, ddof)
    return slope(2 * apart / degrees, axis, keepdims)


@general(at=[*SPREAD, probe((0.5, NAN, 0.5))], shape=real)
def nanstd(x, /, axis=None, keepdims=False, ddof=0, *, y):
    """0 where all elements are equal, as for std."""
    apart, degrees = spread(x, axis, ddof)
    y = restore(y, axis, keepdims)
    return slope(apart / (degrees * (y + (y == 0))), axis, keepdims)


RUNNING = [*ONE_AXIS, probe(HOLES, axis=1), probe((2.0, NAN, 0.0, 1.5), axis=0)]


@general(at=RUNNING, shape=shapes.scan)
def nancumsum(x, /, axis=None):
    def running(x, axis):
        def jvp(dx):
            return xp.cumsum(dx, axis=axis)

        return jvp, lambda g: reductions.cumsum(x, axis=axis, g=g)

    return filled(running, x, 0, axis=axis)


@general(at=RUNNING, shape=shapes.scan)
def nancumprod(x, /, axis=None, *, y):
    return filled(reductions.cumprod, x, 1, axis=axis, y=y)
