"""Lists and dicts that grow and shrink, and the arrays made of them.

A list has a list of cotangents: what an item was put in by, its cotangent is taken out by, and the other way round.
"""

from flatgrad.broadcasting import fitted
from flatgrad.builder import Expr, xp
from flatgrad.graph import Lit
from flatgrad.registry import constant, general, linear
from flatgrad.rules.arithmetic import is_constant
from flatgrad.shapes import containers as shapes


def _without_tangents(*tangents):
    raise NotImplementedError("forward mode of lists")


def _popped(g, index):
    return g.builder.emit_all("list_pop", (g, index), 2)


def _known(index):
    """The integer that an index is, or None."""
    value = index.atom if isinstance(index, Expr) else Lit(index)
    return (
        value.value if isinstance(value, Lit) and isinstance(value.value, int) else None
    )


@general(shape=shapes.same_container)
def list_append(xs, v, /):
    def vjp(g):
        rest, last = _popped(g, -1)
        return rest, None if is_constant(v) else last

    return _without_tangents, vjp


@general(shape=shapes.same_container)
def list_insert(xs, index, v, /):
    def vjp(g):
        at = _known(index)
        rest, part = _popped(g, at - 1 if at is not None and at < 0 else index)
        return rest, None, None if is_constant(v) else part

    return _without_tangents, vjp


@general(shape=shapes.same_container)
def list_pop(xs, index, /, *, y):
    """(what is left, the item)"""

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

    return _without_tangents, vjp


@general(shape=shapes.same_container)
def list_drop(xs, index, item, /):
    """What is left without the item."""

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

    return _without_tangents, vjp


@general(shape=shapes.a_list)
def list_concat(xs, ys, /):
    def vjp(g):
        build = g.builder
        cut = build.emit("len", xs)
        first = build.emit("getitem", g, build.emit("slice", Lit(None), cut, Lit(None)))
        second = build.emit(
            "getitem", g, build.emit("slice", cut, Lit(None), Lit(None))
        )
        return first, second

    return _without_tangents, vjp


@linear(shape=shapes.a_list)
def list_repeat(xs, count, /, *, g):
    return xp.list_fold(g, xs)


@linear(shape=shapes.same_container)
def list_copy(xs, /, kind="list", *, g):
    return g


@linear(shape=shapes.a_dict)
def dict_copy(d, /, *, g):
    return g


@linear(shape=shapes.a_list)
def list_sort(xs, /, reverse=False, *, g):
    return xp.list_unsort(g, xp.list_order(xs, reverse=reverse))


@linear(shape=shapes.a_dict)
def dict_(*values, keys=(), g):
    return tuple(g[key] for key in keys)


@general(shape=shapes.a_dict)
def dict_update(d, other, /):
    """The keys of `other` win."""

    def vjp(g):
        return xp.dict_without(g, other, d), xp.dict_restricted(g, other)

    return _without_tangents, vjp


@general(shape=shapes.a_dict)
def dict_setdefault(d, key, value, /):
    def vjp(g):
        return xp.dict_restricted(g, d), None, xp.dict_fresh(g, key, d)

    return _without_tangents, vjp


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
    def vjp(g):
        return _for_each(g, xs), fitted(g, start)

    return _without_tangents, vjp


def _for_each(g, xs):
    """`g` as often as there are items, summed to the shape of each; numbers are not broadcast."""
    if g.atom.type.shape.is_scalar or xs.atom.type.shape.parts.get("numbers"):
        return xp.list_filled(g, xp.len(xs))
    return xp.list_fitted(g, xs)


def _extreme(xs, y, g):
    return xp.index_add(xp.zeros_like(xs), xp.list_index(xs, y), g, repeats=False)


@linear()
def max_list(xs, /, *, y, g):
    return _extreme(xs, y, g)


@linear()
def min_list(xs, /, *, y, g):
    return _extreme(xs, y, g)


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
