"""Python's operators, comparisons, and choices between values."""

from math import log as ln

import numpy as np

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.graph import Lit
from flatgrad.registry import constant, elementwise, general, linear

TWO = (1.3, 0.7)
VECTOR = (0.6, -1.2, 2.1)
COLUMN = ((0.4,), (-0.9,))


def literal(value):
    """The number that stands in the source at this place, or None."""
    match value:
        case Expr(atom=Lit(value=int() | float() as number)):
            return number
        case _:
            return None


def static(value):
    """What stands in the source as a constant, as Python has it; a graph value else."""
    return (
        value.atom.value
        if isinstance(value, Expr) and isinstance(value.atom, Lit)
        else value
    )


def unwrapped(value):
    """An option as shape rules read it: a constant as Python has it, a graph value without its builder."""
    value = static(value)
    return value.atom if isinstance(value, Expr) else value


def is_constant(value):
    """A number that stands in the source: nothing asks for its cotangent."""
    return isinstance(value, Expr) and isinstance(value.atom, Lit)


def absent(value):
    return static(value) is None


def kind_of(value):
    return value.atom.type.kind if isinstance(value, Expr) else "any"


def without_derivative(*ops, shape=None):
    """Operations whose derivative is not zero and not written down: no harm while nothing active goes in."""
    for op in ops:

        def formula(*data, **options):
            raise NotImplementedError("flatgrad has no derivative for it")

        formula.__name__ = op
        general(shape=shape)(formula)


@elementwise(
    at=[TWO, (VECTOR, COLUMN), (VECTOR, 2.0)], shape=shapes.arithmetic(shapes.sum_of)
)
def add(a, b, /):
    return 1, 1


@elementwise(
    at=[TWO, (VECTOR, COLUMN), (2.0, VECTOR)], shape=shapes.arithmetic(shapes.distance)
)
def sub(a, b, /):
    return 1, -1


@elementwise(at=[TWO, (VECTOR, COLUMN)], shape=shapes.arithmetic(shapes.multiple))
def mul(a, b, /):
    return b, a


@elementwise(at=[TWO, (VECTOR, COLUMN)], shape=shapes.elementwise_float)
def truediv(a, b, /, *, y):
    return 1 / b, -y / b


@elementwise(at=[(1.3,), (VECTOR,)], shape=shapes.elementwise)
def neg(x, /):
    return -1


@elementwise(at=(1.3,), shape=shapes.elementwise)
def pos(x, /):
    return 1


@elementwise(
    at=[(1.3, 2.7), (VECTOR, 2), (VECTOR, 3), (VECTOR, -1), ((0.5, 2.0), COLUMN)],
    shape=shapes.arithmetic(shapes.power),
)
def pow(x, p, /, *, y):
    """At 0**0, and where log(x) is not a number, the partials are 0."""
    exponent, base = literal(p), literal(x)
    if exponent is None:
        slope = p * x ** xp.where(p == 0, 1, p - 1)
    else:
        slope = exponent * x ** (exponent - 1) if exponent != 0 else 0
    return slope, y * (
        ln(base) if base is not None and base > 0 else xp.log(xp.where(x > 0, x, 1))
    )


@elementwise(
    at=[(7.3, 2.0), (-7.3, 2.0), (VECTOR, 0.5)],
    shape=shapes.arithmetic(shapes.remainder),
)
def mod(a, b, /):
    return 1, -(a // b)


@elementwise(at=[(7.3, 2.0), (-7.3, 2.0)], shape=shapes.elementwise)
def fmod(a, b, /):
    return 1, -xp.trunc(a / b)


@elementwise(at=[(1.3,), (-1.3,), (VECTOR,)], shape=shapes.elementwise)
def abs(x, /):
    return xp.sign(x)


# At a tie the gradient goes to the second argument, but to no constant: relu has the derivative 0 at 0.


@elementwise(at=[TWO, (VECTOR, COLUMN), (0.0, VECTOR)], shape=shapes.elementwise)
def maximum(a, b, /, *, y):
    return y > b, y == b if literal(a) is None else y > a


@elementwise(at=[TWO, (VECTOR, COLUMN), (0.0, VECTOR)], shape=shapes.elementwise)
def minimum(a, b, /, *, y):
    return y < b, y == b if literal(a) is None else y < a


@elementwise(at=TWO, shape=shapes.elementwise)
def fmax(a, b, /, *, y):
    return y != b, y == b


@elementwise(at=TWO, shape=shapes.elementwise)
def fmin(a, b, /, *, y):
    return y != b, y == b


@elementwise(
    at=[
        (VECTOR, -1.0, 1.0),
        (VECTOR, -1.0, None),
        (VECTOR, None, 1.0),
        (0.3, -1.0, 1.0),
    ],
    shape=shapes.elementwise,
)
def clip(x, low=None, high=None, /):
    """A bound that is None does not bind; at a bound x takes the gradient."""
    if absent(low) and absent(high):
        return 1, None, None
    if absent(high):
        return x >= low, x < low
    if absent(low):
        return x <= high, None, x > high
    return (x >= low) & (x <= high), x < low, x > high


@linear(
    at=[(True, 1.3, 0.7), (np.array([True, False, True]), VECTOR, COLUMN)],
    shape=shapes.selection,
)
def where(condition, a, b, /, *, y, g):
    """Selected, not multiplied: what was not chosen may have an infinite derivative."""
    left, right = xp.where(condition, g, 0), xp.where(condition, 0, g)
    return None, *(
        None if is_constant(x) else fitted(v, x, y) for x, v in ((a, left), (b, right))
    )


@elementwise(at=[(1.3, -0.7), (VECTOR, -1.0)], shape=shapes.elementwise_float)
def copysign(a, b, /):
    return xp.sign(a) * xp.sign(b), 0


@elementwise(at=[(1.3, 2.0), (VECTOR, -1.0)], shape=shapes.elementwise_float)
def nextafter(a, b, /):
    """a, but for its last digit."""
    return 1, 0


@elementwise(at=[(-1.3, 0.7), (VECTOR, 0.5)], shape=shapes.elementwise_float)
def heaviside(x, at_zero, /):
    return 0, x == 0


constant("floordiv", shape=shapes.arithmetic(shapes.quotient))
constant("eq", "ne", "lt", "le", "gt", "ge", shape=shapes.elementwise_bool)
constant(
    "is", "is_not", "in", "not_in", "not", "isclose", shape=shapes.elementwise_bool
)
constant(
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    shape=shapes.elementwise_bool,
)
constant(
    "signbit",
    "isnan",
    "isinf",
    "isfinite",
    "isneginf",
    "isposinf",
    "isreal",
    "iscomplex",
    shape=shapes.elementwise_bool,
)
constant("bitand", "bitor", "bitxor", "invert", shape=shapes.elementwise)
constant("lshift", "rshift", "gcd", "lcm", shape=shapes.elementwise_int)
constant(
    "sign", "floor", "ceil", "rint", "trunc", "fix", "round", shape=shapes.elementwise
)
constant("spacing", "ulp", shape=shapes.elementwise_float)
constant("int", shape=shapes.elementwise_int)
constant("bool", shape=shapes.elementwise_bool)
