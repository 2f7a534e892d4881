"""Values between knots, on straight lines."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules.arithmetic import absent
from flatgrad.rules.axes import as_array
from flatgrad.types import join

ASCENDING = (0.1, 0.7, 1.0, 1.8)
FOUR = (0.4, -1.2, 2.0, 0.7)


def interpolated_shape(eqn):
    x, y = eqn.args[0].type, eqn.out.type
    join(y.shape, x.shape)
    shapes.learn(y, "float")


@general(
    at=[
        (0.5, ASCENDING, FOUR),
        ((0.3, -1.0, 0.9, 2.5), ASCENDING, FOUR),
        (((0.3, 0.2), (1.4, 0.9)), ASCENDING, FOUR),
        ((0.3, -1.0, 0.9, 2.5), ASCENDING, FOUR, 0.3, None),
        ((0.3, -1.0, 0.9, 2.5), ASCENDING, FOUR, 0.3, -0.8),
        probe((0.35, -1.05, 0.95, 2.65, 1.95), (0.1, 0.7, 3.05, 1.8), FOUR, period=2.0),
    ],
    shape=interpolated_shape,
)
def interp(x, knots, values, left=None, right=None, /, period=None):
    """A mean of the values at the two knots around x; beyond the ends `left` and `right`, or the last value."""
    knots, values = as_array(knots), as_array(values)
    if period is not None:
        return _periodic(x, knots, values, period)
    lower = _lower_knot(x, knots)
    before, after = x < knots[0], x > knots[-1]
    return _mean_of_two(
        x, knots, values, (lower, lower + 1), (left, before), (right, after)
    )


def _lower_knot(x, knots):
    """Where the knot before x is; the first or the last but one beyond the ends."""
    return xp.clip(xp.searchsorted(knots, x, side="right") - 1, 0, xp.size(knots) - 2)


def _mean_of_two(x, knots, values, at, left, right):
    """The derivative of (1 - t) * values[i] + t * values[j], t = (x - knots[i]) / (knots[j] - knots[i])."""
    (i, j), (first, before), (last, after) = at, left, right
    wide = knots[j] - knots[i]
    t = xp.clip((x - knots[i]) / wide, 0, 1)
    outside = before | after
    slope = xp.where(outside, 0, (values[j] - values[i]) / wide)

    def within(v):
        """Nothing of what an end gives instead."""
        v = v if absent(first) else xp.where(before, 0, v)
        return v if absent(last) else xp.where(after, 0, v)

    def jvp(dx, dknots=None, dvalues=None, dfirst=None, dlast=None):
        moved = 0 if absent(dx) else slope * dx
        if not absent(dknots):
            moved = moved - slope * ((1 - t) * dknots[i] + t * dknots[j])
        if not absent(dvalues):
            moved = moved + within((1 - t) * dvalues[i] + t * dvalues[j])
        for d, beyond in ((dfirst, before), (dlast, after)):
            moved = moved if absent(d) else moved + xp.where(beyond, d, 0)
        return moved

    def vjp(g):
        inner = within(g)
        from_values = _to_both(values, i, j, inner * (1 - t), inner * t)
        across = g * slope
        from_knots = _to_both(knots, i, j, across * (t - 1), -across * t)
        ends = (
            None if absent(end) else xp.sum(xp.where(beyond, g, 0))
            for end, beyond in ((first, before), (last, after))
        )
        return g * slope, from_knots, from_values, *ends

    return jvp, vjp


def _to_both(x, i, j, first, second):
    return xp.index_add(xp.index_add(xp.zeros_like(x), i, first), j, second)


def _periodic(x, knots, values, period):
    """One knot before and one after those of a period, which are put in order."""
    place = knots % period
    order = xp.argsort(place)
    around = xp.concatenate(order[-1:], order, order[:1])
    ordered = place[order]
    wider = xp.concatenate(ordered[-1:] - period, ordered, ordered[:1] + period)
    lower = xp.searchsorted(wider, x % period, side="right") - 1
    low, high = wider[lower], wider[lower + 1]
    i, j = around[lower], around[lower + 1]
    wide = high - low
    t, slope = (x % period - low) / wide, (values[j] - values[i]) / wide

    def jvp(dx, dknots=None, dvalues=None, *_):
        moved = 0 if absent(dx) else slope * dx
        if not absent(dknots):
            moved = moved - slope * ((1 - t) * dknots[i] + t * dknots[j])
        if not absent(dvalues):
            moved = moved + (1 - t) * dvalues[i] + t * dvalues[j]
        return moved

    def vjp(g):
        across = g * slope
        from_knots = _to_both(knots, i, j, across * (t - 1), -across * t)
        return across, from_knots, _to_both(values, i, j, g * (1 - t), g * t)

    return jvp, vjp
