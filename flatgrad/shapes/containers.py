"""Lists, dicts and trees of arrays: of which kind a result is."""

from __future__ import annotations

from flatgrad.graph import Eqn
from flatgrad.shapes.broadcasting import cast
from flatgrad.shapes.facts import giving, learn, option
from flatgrad.shapes.items import appended, each_of, popped
from flatgrad.types import Type, join, scalar

CONTAINERS = (
    "list",
    "dict",
    "tree",
)  # a tree: an array or a list, tuple or dict of trees
MAY_HOLD = (*CONTAINERS, "tuple")


def same_container(eqn: Eqn) -> None:
    """A list made of lists, another version of a dict."""
    kind = eqn.args[0].type.kind
    learn(eqn.outs[0].type, kind if kind in CONTAINERS else "list")


def list_with(eqn: Eqn) -> None:
    """A list or a dict with one item more, or another item."""
    same_container(eqn)
    appended(eqn)


def list_without(eqn: Eqn) -> None:
    """What is left of a list or a dict, and the item that was taken."""
    same_container(eqn)
    popped(eqn)


def a_list(eqn: Eqn) -> None:
    learn(eqn.out.type, "list")


def a_dict(eqn: Eqn) -> None:
    learn(eqn.out.type, "dict")


def zeros(eqn: Eqn) -> None:
    """zeros_like(x): of a list, a list."""
    kind = eqn.args[0].type.kind
    if kind in MAY_HOLD:
        learn(eqn.out.type, "list" if kind == "tuple" else kind)
        eqn.out.type.each = each_of(eqn.args[0].type)
    else:
        cast(eqn)


def like_first(eqn: Eqn) -> None:
    """A sum of trees, or what was added to a part of one."""
    learn(eqn.out.type, eqn.args[0].type.kind)
    if eqn.args[0].type.kind not in MAY_HOLD:
        join(eqn.args[0].type.shape, eqn.out.type.shape)


def picked(eqn: Eqn) -> None:
    """The position of an item."""
    join(eqn.out.type.shape, scalar())
    learn(eqn.out.type, "int")


def are_strings(held: Type) -> bool:
    return bool(held.items) and all(i.kind == "str" for i in held.items or ())


def item_type(held: Type, index: Type) -> str:
    """The kind of xs[index] where xs is a list or a dict."""
    if index.kind != "slice" and are_strings(held):
        return "str"
    return "list" if held.kind == "list" and index.kind == "slice" else "any"


def stacked(eqn: Eqn) -> None:
    """np.array(xs) of a list of which nothing is known."""
    dtype = option(eqn, "dtype")
    learn(eqn.out.type, "float" if dtype is None else "any")


__all__ = [
    "CONTAINERS", "MAY_HOLD", "a_dict", "a_list", "are_strings", "giving", "item_type", "like_first", "list_with",
    "list_without", "picked", "same_container", "stacked", "zeros",
]  # fmt: skip
