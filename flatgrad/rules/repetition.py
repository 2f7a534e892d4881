"""Elements repeated, and arrays framed."""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import general, general_complex, linear, probe
from flatgrad.rules.arithmetic import static
from flatgrad.rules.axes import (
    CUBE,
    MATRIX,
    ROW,
    VECTOR,
    along,
    between,
    extent,
    known_rank,
    rank,
    tuple_of,
    written,
)


@linear(at=[(VECTOR, (2, 3)), (ROW, (2, 3)), (2.0, (2,))], shape=shapes.broadcast_to)
def broadcast_to(x, shape, /, *, g):
    return xp.unbroadcast(g, x)


@linear(at=[(MATRIX, ((1, 1, 1),)), (MATRIX, 1)], shape=shapes.like_second)
def unbroadcast(x, like, /, *, g):
    return xp.broadcast_to(g, xp.shape(x))


def entries(value):
    """The elements of an integer or a tuple of integers."""
    value = static(value)
    if not isinstance(value, Expr):
        return list(value) if isinstance(value, tuple | list) else [value]
    known = value.atom.type
    if known.items is None and not known.shape.is_scalar:
        raise NotImplementedError("the number of its elements is not known")
    return (
        [value] if known.items is None else [value[i] for i in range(len(known.items))]
    )


@linear(
    at=[(VECTOR, 2), (MATRIX, (2, 3)), (VECTOR, (2, 1)), (CUBE, 2)], shape=shapes.tile
)
def tile(x, reps, /, *, g):
    n, counts = rank(x), entries(reps)
    lengths = [1] * (len(counts) - n) + [extent(x, i) for i in range(n)]
    counts = [1] * (n - len(counts)) + counts
    blocks = tuple_of(*(m for pair in zip(counts, lengths, strict=True) for m in pair))
    total = xp.sum(xp.reshape(g, blocks), axis=tuple(range(0, 2 * len(lengths), 2)))
    return xp.reshape(total, xp.shape(x)) if len(lengths) > n else total


def gathered(g, x, places):
    """What was read from these places of the elements of x, added up there."""
    total = xp.bincount(flat(places), flat(g), minlength=xp.size(x))
    return total if known_rank(x) == 1 else xp.reshape(total, xp.shape(x))


def flat(v):
    return v if known_rank(v) == 1 else xp.ravel(v)


@linear(
    at=[
        probe(VECTOR, 2),
        probe(MATRIX, 3),
        probe(MATRIX, 2, axis=0),
        probe(MATRIX, 2, axis=-1),
        probe(VECTOR, [1, 0, 3]),
        probe(MATRIX, [2, 0, 1], axis=1),
    ],
    shape=shapes.repeat,
)
def repeat(x, repeats, /, axis=None, *, g):
    if not is_one_number(repeats):
        many = xp.size(x) if axis is None else extent(x, axis)
        places = xp.repeat(written(g, "arange", many), repeats)
        if axis is None:
            return gathered(g, x, places)
        return xp.index_add(xp.zeros_like(x), along(axis, places), g)
    each = entries(repeats)
    if axis is None:
        return xp.reshape(
            xp.sum(xp.reshape(g, tuple_of(-1, *each)), axis=1), xp.shape(x)
        )
    n = known_rank(x) if axis >= 0 else rank(x)
    at = axis + 1 if n is None else axis % n + 1
    if n is None:
        blocks = x.shape[:at] + tuple_of(*each) + x.shape[at:]
    else:
        lengths = [extent(x, i) for i in range(n)]
        blocks = tuple_of(*lengths[:at], *each, *lengths[at:])
    return xp.sum(xp.reshape(g, blocks), axis=at)


@general_complex(at=[([0.5 - 1.2j, 1.3 + 0.4j], [1, 3]), ([0.5 - 1.2j, 1.3 + 0.4j], 2)])
def repeat_(x, repeats, /, axis=None):
    """np.bincount adds up real numbers only."""

    def jvp(dx, _):
        return xp.repeat(dx, repeats, **({} if axis is None else {"axis": axis}))

    def vjp(g):
        if is_one_number(repeats) or axis is not None:
            return repeat(x, repeats, axis=axis, g=g), None
        places = xp.repeat(written(g, "arange", xp.size(x)), repeats)
        if known_rank(x) != 1:
            places = xp.unravel_index(places, shape=xp.shape(x))
        return xp.index_add(xp.zeros_like(x), places, g), None

    return jvp, vjp


def is_one_number(value):
    value = static(value)
    if isinstance(value, Expr):
        return value.atom.type.shape.is_scalar
    return not isinstance(value, list | tuple)


@linear(
    at=[probe((0.4, -1.2, 2.0, 0.7), 2), probe(MATRIX, 2, axis=1), probe(MATRIX, (2, 2)), probe(CUBE, (2, 2), axis=(0, 2))],
    shape=shapes.anything,
)  # fmt: skip
def sliding_window_view(x, window, /, axis=None, *, g):
    """Each element is in as many windows as reach it."""
    places = xp.reshape(written(g, "arange", xp.size(x)), xp.shape(x))
    options = {} if axis is None else {"axis": axis}
    return gathered(g, x, xp.sliding_window_view(places, window, **options))


def paddings(widths, n):
    """(before, after) for each of n axes."""
    parts = [tuple(entries(w)) for w in entries(widths)]
    pairs = [sum(parts, ())] if all(len(p) == 1 for p in parts) else parts
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    return pairs * n if len(pairs) == 1 else pairs


# Each element is one of the argument, the nearest or one counted back from the end.
COPYING = ("edge", "reflect", "symmetric", "wrap")


@general(
    at=[
        probe(VECTOR, 2),
        probe(MATRIX, (1, 2)),
        probe(MATRIX, ((1, 0), (0, 2))),
        probe(VECTOR, 1, constant_values=3.0),
        probe(VECTOR, 2, mode="edge"),
        probe(MATRIX, ((1, 0), (1, 2)), mode="reflect"),
        probe(MATRIX, 1, mode="symmetric"),
        probe(CUBE, 1, mode="wrap"),
    ],
    shape=shapes.pad,
)
def pad(x, pad_width, /, mode="constant", constant_values=0):
    mode = static(mode)
    if mode != "constant" and mode not in COPYING:
        raise NotImplementedError(f"pad with mode={mode!r}")
    how = {} if mode == "constant" else {"mode": mode}

    def jvp(dx, *_):
        return xp.pad(dx, pad_width, **how)

    def vjp(g):
        if how:
            places = xp.reshape(written(g, "arange", xp.size(x)), xp.shape(x))
            return gathered(g, x, xp.pad(places, pad_width, **how))
        widths = paddings(pad_width, rank(x))
        return g[
            tuple_of(*(inner(b, a, extent(x, i)) for i, (b, a) in enumerate(widths)))
        ]

    return jvp, vjp


@general_complex(at=[([0.5 - 1.2j, 1.3 + 0.4j], 2)])
def pad_(x, pad_width, /, mode="constant", constant_values=0):
    """Where elements are copied, np.bincount adds up real numbers only."""
    if static(mode) != "constant":
        raise NotImplementedError("complex values padded other than with a constant")
    return pad(x, pad_width)


def inner(before, after, n):
    """The slice that leaves the padding out."""
    if isinstance(before, Expr) or isinstance(after, Expr):
        return between(before, before + n)
    return slice(before or None, -after or None)
