"""Reading and writing parts of an array."""

import numpy as np

from flatgrad import shapes
from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.graph import Lit
from flatgrad.registry import constant, general, linear, probe
from flatgrad.rules.arithmetic import is_constant, static
from flatgrad.rules.axes import (
    along,
    as_array,
    extent,
    rank,
    together,
    tuple_of,
    written,
)
from flatgrad.shapes.containers import MAY_HOLD
from flatgrad.types import Dim, Shape, join

VECTOR = (1.0, -2.0, 0.5)
MATRIX = ((1.0, -2.0, 0.5), (0.3, 0.8, -1.1))
PARTS = [
    (VECTOR, 1),
    (VECTOR, slice(1, None)),
    (MATRIX, (slice(None), 2)),
    (MATRIX, (Ellipsis, None, slice(None, None, -1))),
    (VECTOR, (slice(None), None)),
    (VECTOR, None),
    (MATRIX, (None, Ellipsis, None)),
    (MATRIX, Ellipsis),
    (VECTOR, [0, 2, 0]),
    (MATRIX, ([0, 1], [2, 2])),
    (VECTOR, [True, False, True]),
]


@linear(at=PARTS, shape=shapes.getitem)
def getitem(x, index, /, *, g):
    added = added_axes(index)
    if added is None:
        return xp.index_add(xp.zeros_like(x), index, g)
    return without_axes(g, added) if added else g


def just_made(v):
    """The equation behind a value, if it was written a moment ago."""
    return next((e for e in v.builder.eqns[:-5:-1] if e.outs == (v.atom,)), None)


def without_axes(g, axes):
    """g without these axes of length 1; where a sum has just kept one of them, the sum without it."""
    made = just_made(g) if isinstance(g, Expr) else None
    if made is not None and made.op == "sum" and made.attrs.get("keepdims"):
        axis, n = made.attrs.get("axis"), g.ndim
        if (
            isinstance(axis, int)
            and n is not None
            and [axis % n] == [a % n for a in axes]
        ):
            return xp.sum(g.builder.wrap(made.args[0]), axis=axis)
    return xp.squeeze(g, axis=together(axes))


def added_axes(index):
    """The new axes of x[:, None] and the like, which rearrange x and leave nothing out; None of other indices."""
    known = index.atom.type if isinstance(index, Expr) else Lit(index).type
    parts = shapes.index_parts(known)
    roles = [shapes.role_of(p) for p in parts or [known]]
    cuts = (i for p in parts or () if p.kind == "slice" for i in p.items or ())
    if not {*roles} <= {"none", "slice", "ellipsis"} or any(
        c.kind != "none" for c in cuts
    ):
        return None
    front = roles.index("ellipsis") if "ellipsis" in roles else len(roles)
    return [
        i if i < front else i - len(roles)
        for i, role in enumerate(roles)
        if role == "none"
    ]


def is_container(g):
    """The cotangent of a list or a dict."""
    return isinstance(g, Expr) and g.atom.type.kind in MAY_HOLD


def moved(x, dx):
    """A tangent as an array that can be written to; 0 and None say that x does not move."""
    return xp.zeros_like(x) if isinstance(static(dx), int | None) else dx


def put(x, value, dvalue):
    """The tangent of what is stored into x: an item of a list or dict has one of its own shape."""
    if dvalue is not None or not is_container(x) or is_constant(value):
        return 0 if dvalue is None else dvalue
    return xp.zeros_like(value)


def taken(g, index, value):
    """The cotangent of what was written to a part; None of a constant.

    Where an array may be written into, the value may have been stretched.
    """
    if is_constant(value):
        return None
    part = xp.getitem(g, index)
    items = is_container(g) and (g.atom.type.kind != "tree" or is_container(value))
    return part if items else fitted(part, value)


def added(g, index, value):
    """The cotangent of what was added to a part, which it may have been stretched to, in lists and dicts too."""
    if is_constant(value) or is_container(value):
        return taken(g, index, value)
    return fitted(xp.getitem(g, index), value)


def cleared(g, x, index, value, given):
    """The cotangent of `x`, of which what was at the index is no part of the result."""
    if is_container(g) and given:
        if x.atom.type.kind == "dict":
            return xp.dict_cleared(g, index, x)
        return xp.setitem(g, index, xp.zeros_like(xp.getitem(x, index)))
    zero = xp.zeros_like(value) if is_container(g) and not is_constant(value) else 0
    return xp.setitem(g, index, zero)


def is_one_item(index):
    return isinstance(index, Expr) and index.atom.type.kind in ("int", "str")


def may_widen(value):
    """It may be an array, which makes one of a number that it is added to."""
    return (
        not is_constant(value)
        and not value.atom.type.shape.is_scalar
        and not is_container(value)
    )


def narrow(g, xs, index):
    """The cotangents of items, of which the one at the index may have been a number before."""
    return xp.setitem(g, index, fitted(xp.getitem(g, index), xp.getitem(xs, index)))


@general(
    at=[
        (VECTOR, 1, 0.3),
        (MATRIX, (slice(None), 1), (0.4, 0.6)),
        (MATRIX, slice(0, 1), 2.0),
        (VECTOR, [0, 2], 0.7),
    ],
    shape=shapes.updated,
)
def setitem(x, index, value, /, given=False):
    """x with x[index] = value; where an index repeats, which value stays is up to the library.

    What a list or a dict that was `given` held before is anything; what one that the function filled held, was like
    the value.
    """

    def jvp(dx, dindex, dvalue):
        return xp.setitem(moved(x, dx), index, put(x, value, dvalue))

    def vjp(g):
        part = taken(g, index, value)  # before it is overwritten
        return cleared(g, x, index, value, given), None, part

    return jvp, vjp


@general(
    at=[
        (VECTOR, 1, 0.3),
        (VECTOR, [0, 2, 0], (0.1, 0.2, 0.3)),
        (MATRIX, [0, 1, 1], 0.7),
        (MATRIX, slice(1), VECTOR),
    ],
    shape=shapes.updated,
)
def index_add(x, index, value, /, given=False):
    """x with value added at index, as often as the index says.

    A number in a list or a dict that was `given` may become an array.
    """

    def jvp(dx, dindex, dvalue):
        return xp.index_add(moved(x, dx), index, 0 if dvalue is None else dvalue)

    def vjp(g):
        narrowed = given and is_one_item(index) and may_widen(value)
        before = narrow(g, x, index) if narrowed else g
        return before, None, added(g, index, value)

    return jvp, vjp


@linear(
    at=[
        probe(MATRIX, [0, 5, 0]),
        probe(MATRIX, [2, 2], axis=1),
        probe(MATRIX, 1, axis=0),
        probe(MATRIX, [-1, 7, 3], mode="wrap"),
        probe(MATRIX, [-1, 7, 1], axis=1, mode="clip"),
    ],
    shape=shapes.take,
)
def take(x, indices, /, axis=None, mode="raise", *, g):
    if mode != "raise":
        many = xp.size(x) if axis is None else extent(x, axis)
        indices = as_array(indices)
        indices = indices % many if mode == "wrap" else xp.clip(indices, 0, many - 1)
    if axis is None:
        return xp.reshape(xp.index_add(xp.zeros(xp.size(x)), indices, g), xp.shape(x))
    return xp.index_add(xp.zeros_like(x), along(axis, static(indices)), g)


def every(x, indices, axis):
    """The index that reads x[..., indices, ...], with an arange for each other axis."""
    n = rank(x)

    def positions(i):
        layout = tuple(-1 if j == i else 1 for j in range(n))
        return xp.reshape(written(x, "arange", extent(x, i)), layout)

    return tuple_of(*(indices if i == axis % n else positions(i) for i in range(n)))


@linear(
    at=[
        probe(MATRIX, np.array([[1, 1], [0, 2]]), axis=1),
        probe(MATRIX, np.array([[1, 0, 1]]), axis=0),
        probe(MATRIX, np.array([1, 4, 4]), axis=None),
    ],
    shape=shapes.along_axis,
)
def take_along_axis(x, indices, /, axis=-1, *, g):
    if axis is None:
        places = xp.unravel_index(indices, shape=xp.shape(x))
        return xp.index_add(xp.zeros_like(x), places, g)
    return xp.index_add(xp.zeros_like(x), every(x, indices, axis), g)


def sorted_shape(eqn):
    (shapes.scan if shapes.option(eqn, "axis") is None else shapes.same)(eqn)


@general(
    at=[probe(VECTOR), probe(MATRIX), probe(MATRIX, axis=0), probe(MATRIX, axis=None)],
    shape=sorted_shape,
)
def sort(x, /, axis=-1):
    flat = axis is None
    at = 0 if flat else axis
    order = xp.argsort(xp.ravel(x) if flat else x, axis=at)

    def jvp(dx):
        return xp.take_along_axis(xp.ravel(dx) if flat else dx, order, axis=at)

    def vjp(g):
        back = xp.take_along_axis(g, xp.argsort(order, axis=at), axis=at)
        return xp.reshape(back, xp.shape(x)) if flat else back

    return jvp, vjp


@general(
    at=[probe(VECTOR), probe(MATRIX, axis=0), probe(VECTOR, n=2), probe(MATRIX), probe(VECTOR, prepend=0.0),
        probe(MATRIX, n=2, append=0.0), probe(VECTOR, prepend=0.3, append=0.1)],
    shape=shapes.differences,
)  # fmt: skip
def diff(x, /, n=1, axis=-1, prepend=None, append=None):
    """The transpose of a difference is the negative difference of what is framed by zeros."""
    if isinstance(prepend, Expr) or isinstance(append, Expr):
        raise NotImplementedError("diff with arrays put before or after")
    where = {} if axis == -1 else {"axis": axis}
    first, last = prepend is not None, append is not None

    def jvp(dx):
        ends = ({"prepend": 0} if first else {}) | ({"append": 0} if last else {})
        return xp.diff(dx, n=n, **where, **ends)

    def vjp(g):
        for _ in range(n):
            g = -xp.diff(g, prepend=0, append=0, **where)
        return (
            g[along(axis, slice(int(first), -1 if last else None))]
            if first or last
            else g
        )

    return jvp, vjp


def distinct_places(eqn):
    """Places in ascending order."""
    shapes.learn(eqn.out.type, "arange")
    if eqn.out.type.shape.dims is None:
        join(eqn.out.type.shape, Shape([Dim()]))


constant("nonzero", "argwhere", "searchsorted", "digitize", "lexsort")
constant("flatnonzero", shape=distinct_places)
constant("argsort", "argpartition", shape=shapes.giving("int", shapes.same))
constant("isin", shape=shapes.giving("bool", shapes.same))
constant(
    "tril_indices",
    "triu_indices",
    "diag_indices",
    "indices",
    "ix_",
    "ravel_multi_index",
    "unravel_index",
)
constant("is_ndarray", shape=shapes.giving("bool", shapes.number))
constant("range", shape=shapes.arange)
constant("reversed")
