"""What formulas ask of the axes of an array: their number and lengths, and the index of a part along one."""

from flatgrad.builder import Expr, xp
from flatgrad.graph import Lit

VECTOR = (1.0, -2.0, 0.5)
MATRIX = ((1.0, -2.0, 0.5), (0.3, 0.8, -1.1))
SQUARE = ((1.0, -2.0, 0.5), (0.3, 0.8, -1.1), (0.7, 0.2, -0.4))
CUBE = (((0.3, -0.7), (1.2, 0.1), (0.9, -1.4)), ((2.1, 0.4), (-0.2, 0.6), (1.1, -0.3)))
ROW = ((0.4, -0.9, 1.6),)


def known_rank(x):
    """The number of axes, or None."""
    return x.ndim if isinstance(x, Expr) else len(xp.shape(x))


def written_down(name, value):
    """An option that decides which formula it is."""
    if isinstance(value, Expr):
        raise NotImplementedError(f"{name}= that is not written down")
    return value


def rank(x):
    """The number of axes, which some formulas must know before the code runs."""
    n = known_rank(x)
    if n is None:
        raise NotImplementedError(
            "the shape of its argument is not known: give it with --shape"
        )
    return n


def extent(x, axis):
    """The length of an axis, a number if that is known."""
    dims = x.atom.type.shape.dims if isinstance(x, Expr) else None
    known = None if dims is None else dims[axis].known
    return xp.shape(x)[axis] if known is None else known


def written(like, op, *args, **options):
    """An operation as text, also where all that it reads is known, beside the graph value `like`."""
    if isinstance(like, Expr):
        return like.builder.emit(op, *args, **options)
    return getattr(xp, op)(*args, **options)


def as_array(x):
    """What the source gives as a list of numbers, as an array; anything else as it is."""
    given = x.atom.value if isinstance(x, Expr) and isinstance(x.atom, Lit) else x
    return written(x, "constant_array", x) if isinstance(given, list | tuple) else x


def tuple_of(*items):
    return xp.tuple(*items) if any(isinstance(i, Expr) for i in items) else items


def along(axis, part):
    """The index that takes `part` along one axis and all of the others."""
    whole = slice(None)
    if axis >= 0:
        parts = (*[whole] * axis, part)
    else:
        parts = (Ellipsis, part, *[whole] * (-axis - 1))
    return part if len(parts) == 1 else tuple_of(*parts)


def together(axes):
    """One axis as a number, several as a tuple."""
    axes = tuple(axes)
    return axes[0] if len(axes) == 1 else axes


def between(start, stop):
    return (
        xp.slice(start, stop, None)
        if isinstance(start, Expr) or isinstance(stop, Expr)
        else slice(start, stop)
    )


def cut(g, lengths, axis):
    """Consecutive parts of g of these lengths; the last one takes the rest."""
    parts, start = [], None
    for n in lengths[:-1]:
        stop = n if start is None else start + n
        parts.append(g[along(axis, between(start, stop))])
        start = stop
    return (*parts, g[along(axis, between(start, None))])
