"""Lists and dicts that grow and shrink, and the arrays made of them.

A list has a list of cotangents: what an item was put in by, its cotangent is taken out by, and the other way round.
"""

from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.graph import Lit
from flatgrad.registry import constant, general, linear
from flatgrad.rules.arithmetic import is_constant
from flatgrad.shapes import containers as shapes
from flatgrad.shapes.containers import list_with, list_without


def _tangent(value, dot):
    """The tangent of `value`, zeros where it has none."""
    if dot is not None:
        return dot
    return 0.0 if is_constant(value) else xp.zeros_like(value)


def _popped(g, index):
    return g.builder.emit_all("list_pop", (g, index), 2)


def _known(index):
    """The integer that an index is, or None."""
    value = index.atom if isinstance(index, Expr) else Lit(index)
    return (
        value.value if isinstance(value, Lit) and isinstance(value.value, int) else None
    )


@general(shape=list_with)
def list_append(xs, v, /):
    def jvp(dxs, dv):
        return xp.list_append(_tangent(xs, dxs), _tangent(v, dv))

    def vjp(g):
        rest, last = _popped(g, -1)
        return rest, None if is_constant(v) else last

    return jvp, vjp


@general(shape=list_with)
def list_insert(xs, index, v, /):
    def jvp(dxs, di, dv):
        return xp.list_insert(_tangent(xs, dxs), index, _tangent(v, dv))

    def vjp(g):
        at = _known(index)
        rest, part = _popped(g, at - 1 if at is not None and at < 0 else index)
        return rest, None, None if is_constant(v) else part

    return jvp, vjp


@general(shape=list_without)
def list_pop(xs, index, /, *, y):
    """(what is left, the item)"""

    def jvp(dxs, di):
        return tuple(_popped(dxs, index))

    def vjp(gs):
        rest, part = (
            xp.zeros_like(p) if g is None else g for p, g in zip(y, gs, strict=True)
        )
        at = _known(index)
        if xs.atom.type.kind == "dict":
            return xp.setitem(rest, index, part), None
        if at == -1:
            return xp.list_append(rest, part), None
        return (
            xp.list_insert(rest, at + 1 if at is not None and at < 0 else index, part),
            None,
        )

    return jvp, vjp


@general(shape=shapes.same_container)
def list_drop(xs, index, item, /):
    """What is left without the item."""

    def jvp(dxs, di, ditem):
        return _popped(_tangent(xs, dxs), index)[0]

    def vjp(g):
        zero, at = xp.zeros_like(item), _known(index)
        if xs.atom.type.kind == "dict":
            return xp.setitem(g, index, zero), None, None
        if at == -1:
            return xp.list_append(g, zero), None, None
        return (
            xp.list_insert(g, at + 1 if at is not None and at < 0 else index, zero),
            None,
            None,
        )

    return jvp, vjp


@general(shape=shapes.a_list)
def list_concat(xs, ys, /):
    def jvp(dxs, dys):
        return xp.list_concat(_tangent(xs, dxs), _tangent(ys, dys))

    def vjp(g):
        build = g.builder
        cut = build.emit("len", xs)
        first = build.emit("getitem", g, build.emit("slice", Lit(None), cut, Lit(None)))
        second = build.emit(
            "getitem", g, build.emit("slice", cut, Lit(None), Lit(None))
        )
        return first, second

    return jvp, vjp


@linear(shape=shapes.a_list)
def list_repeat(xs, count, /, *, g):
    return xp.list_fold(g, xs)


@linear(shape=shapes.same_container)
def list_copy(xs, /, kind="list", *, g):
    return g


@linear(shape=shapes.a_dict)
def dict_copy(d, /, *, g):
    return g


@general(shape=shapes.a_list)
def list_sort(xs, /, reverse=False):
    def jvp(dxs):
        return xp.list_taken(dxs, xp.list_order(xs, reverse=reverse))

    def vjp(g):
        return xp.list_unsort(g, xp.list_order(xs, reverse=reverse))

    return jvp, vjp


@linear(shape=shapes.a_dict)
def dict_(*values, keys=(), g):
    return tuple(g[key] for key in keys)


@general(shape=shapes.a_dict)
def dict_update(d, other, /):
    """The keys of `other` win."""

    def jvp(dd, dother):
        return xp.dict_update(_tangent(d, dd), _tangent(other, dother))

    def vjp(g):
        return xp.dict_without(g, other, d), xp.dict_restricted(g, other)

    return jvp, vjp


@general(shape=shapes.a_dict)
def dict_setdefault(d, key, value, /):
    def jvp(dd, dkey, dvalue):
        return xp.dict_setdefault(_tangent(d, dd), key, _tangent(value, dvalue))

    def vjp(g):
        return xp.dict_restricted(g, d), None, xp.dict_fresh(g, key, d)

    return jvp, vjp


@linear(shape=shapes.a_list)
def dict_values(d, /, *, g):
    return xp.dict_zipped(d, g)


@linear(shape=shapes.a_list)
def unzip(xs, /, *, g):
    return xp.unzip(g)


# --- what is made of all items ---------------------------------------------------------------------------------------


@linear(shape=shapes.stacked)
def stack_list(xs, /, axis=0, dtype=None, *, g):
    return xp.unstack(g, axis=axis)


@linear(shape=shapes.stacked)
def join_list(xs, /, way="concatenate", axis=0, *, g):
    return xp.parts_like(g, xs, way=way, axis=axis)


@general()
def sum_list(xs, start, /):
    def jvp(dxs, dstart):
        total = xp.sum_list(_tangent(xs, dxs), 0)
        return total if dstart is None else dstart + total

    def vjp(g):
        return _for_each(g, xs), fitted(g, start)

    return jvp, vjp


def _for_each(g, xs):
    """`g` as often as there are items, summed to the shape of each; numbers are not broadcast."""
    if g.atom.type.shape.is_scalar or xs.atom.type.shape.parts.get("numbers"):
        return xp.list_filled(g, xp.len(xs))
    return xp.list_fitted(g, xs)


def _picked(xs, y):
    """The item that is the largest or smallest."""

    def jvp(dxs):
        return dxs[xp.list_index(xs, y)]

    def vjp(g):
        at = xp.list_index(xs, y)
        return xp.index_add(xp.zeros_like(xs), at, g, repeats=False)

    return jvp, vjp


@general()
def max_list(xs, /, *, y):
    return _picked(xs, y)


@general()
def min_list(xs, /, *, y):
    return _picked(xs, y)


# --- cotangents of containers: linear in the first argument -----------------------------------------------------------


@linear(shape=shapes.like_first)
def tree_add(tree, *path_and_value, g):
    value = g
    for step in path_and_value[:-1]:
        value = value[step]
    return (g, *(None for _ in path_and_value[:-1]), value)


@linear(shape=shapes.like_first)
def add_trees(a, b, /, *, g):
    return g, g


@linear(shape=shapes.a_list)
def list_filled(g_, count, /, *, g):
    return xp.sum_list(g, 0)


@linear(shape=shapes.a_list)
def unstack(x, /, axis=0, *, g):
    return xp.stack_list(g, axis=axis)


constant(
    "list_fold",
    "list_taken",
    "list_unsort",
    "list_fitted",
    "parts_like",
    "dict_zipped",
    shape=shapes.a_list,
)
constant(
    "dict_without",
    "dict_cleared",
    "dict_restricted",
    "dict_filled",
    "dict_fitted",
    shape=shapes.a_dict,
)
constant("dict_fresh")
constant("list_order", shape=shapes.a_list)
constant("list_index", shape=shapes.picked)
