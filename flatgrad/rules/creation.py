"""New arrays, conversions, and questions about an array."""

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.registry import constant, general, linear, multilinear, probe
from flatgrad.rules.arithmetic import absent, unwrapped
from flatgrad.rules.axes import MATRIX, VECTOR
from flatgrad.shapes.containers import a_list, zeros

# --------------------------------------------------------------------------------------------- conversions


def of_fractions(g, dtype):
    """The cotangent through a conversion: no more than None where the fraction is lost."""
    kind = "float" if absent(dtype) else shapes.kind_of_dtype(unwrapped(dtype))
    match kind:
        case "float" | "complex":
            return g
        case "int" | "bool":
            return None
        case _:
            raise NotImplementedError(
                "a conversion to a type that is not known: a type of integers would have no gradient"
            )


@linear(at=[probe(VECTOR), probe(VECTOR, dtype="float64")], shape=shapes.cast)
def copy(x, /, dtype=None, order=None, *, g):
    return of_fractions(g, dtype)


@linear(at=[probe(VECTOR), probe(VECTOR, dtype="float64")], shape=shapes.cast)
def asarray(x, /, dtype=None, order=None, *, g):
    return of_fractions(g, dtype)


@linear(at=[probe(VECTOR, dtype="float64")], shape=shapes.cast)
def astype(x, /, dtype=None, order=None, copy=None, *, g):
    return of_fractions(g, dtype)


@linear(at=[(1.3,), ((1.3,),)], shape=shapes.number)
def float(x, /, *, g):
    return g if of_one_number(x) else xp.reshape(g, xp.shape(x))


@linear(
    at=[(1.3,), ((1.3,),), probe(VECTOR, args=1), probe(MATRIX, args=4), probe(MATRIX, args=(1, -1))],
    shape=shapes.item,
)  # fmt: skip
def item(x, /, args=None, *, g):
    match args:
        case None:
            return g if of_one_number(x) else xp.reshape(g, xp.shape(x))
        case int() if not isinstance(x, Expr) or x.ndim != 1:
            flat = xp.index_add(xp.zeros(xp.size(x)), args, g)
            return xp.reshape(flat, xp.shape(x))
        case int() | tuple():
            return xp.index_add(xp.zeros_like(x), args, g)
        case _:
            raise NotImplementedError("item at a place that is not written down")


def of_one_number(x):
    return isinstance(x, Expr) and x.atom.type.shape.is_scalar


@linear(at=(VECTOR,), shape=shapes.same)
def real_if_close(x, /, tol=100, *, g):
    """Of a real array it is that array."""
    return g


# ---------------------------------------------------------------------------------------------- new arrays


@multilinear(at=[((2, 3), 1.5), (3, 0.5)], shape=shapes.filled)
def full(shape, value, /, dtype=None, order=None, *, g):
    return None, of_fractions(fitted(g, value), dtype)


def _filled(value, y, dtype=None):
    def jvp(dx, dvalue):
        return xp.zeros_like(y) if dvalue is None else xp.full_like(y, dvalue)

    def vjp(g):
        return None, of_fractions(fitted(g, value), dtype)

    return jvp, vjp


@general(at=[(MATRIX, 1.5), (MATRIX, VECTOR)], shape=shapes.cast)
def full_like(x, value, /, dtype=None, order=None, *, y):
    return _filled(value, y, dtype)


@general(at=[(MATRIX, 1.5)], shape=shapes.same)
def fill(x, value, /, *, y):
    return _filled(value, y)


constant("zeros", "ones", "empty", shape=shapes.filled)
constant("zeros_like", shape=zeros)
constant("ones_like", "empty_like", shape=shapes.cast)
constant("eye", "identity", "tri", shape=shapes.square)
constant("stop_gradient", shape=shapes.same)


# --------------------------------------------------------------------------------- questions about an array


constant("shape", shape=shapes.shape_of)
constant("ndim", shape=shapes.ndim)
constant("size", shape=shapes.size)
constant("len", shape=shapes.length)


@linear(shape=shapes.make_tuple)
def tuple_(*items, list=False, g):
    return tuple(g[i] for i in range(len(items)))


constant("slice", shape=shapes.make_slice)
constant("dtype", shape=shapes.dtype_of)
constant(
    "result_type",
    "isinstance",
    "print",
    "broadcast_shapes",
    "nbytes",
    "itemsize",
)
constant("isscalar", "iscomplexobj", "isrealobj", shape=shapes.truth)


@linear(shape=a_list)
def tolist(x, /, *, g):
    """A list of lists, whose cotangent is one too."""
    return xp.asarray(g)
