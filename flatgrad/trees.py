"""Cotangents of trees: what is added to a part of a part is added to the tree, by its path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flatgrad.graph import Atom, Eqn, Lit, Var, all_equations
from flatgrad.versions import CONTAINERS, MAY_HOLD, UPDATING

if TYPE_CHECKING:
    from flatgrad.simplify import _Walk


Part = tuple[Var, Atom]


def parts_of(eqns: Iterable[Eqn]) -> dict[Var, Part]:
    """Trees that are items of others: layers[i] of layers."""
    every = list(all_equations(eqns))
    updated = {e.args[0] for e in every if e.op in UPDATING}
    found: dict[Var, Part] = {}
    for eqn in every:
        if eqn.op == "alias" and isinstance(base := eqn.args[0], Var) and base in found:
            found[eqn.out] = found[base]
        if eqn.op != "getitem" or eqn.out.type.kind not in CONTAINERS:
            continue
        base, index = eqn.args
        whole = index.type.kind not in ("slice", "tuple")
        if (
            whole
            and isinstance(base, Var)
            and base.type.kind in CONTAINERS
            and base not in updated
        ):
            found[eqn.out] = base, index
    return found


def root_and_path(parts: dict[Var, Part], value: Var) -> tuple[Var, list[Atom]]:
    path: list[Atom] = []
    while value in parts:
        value, index = parts[value]
        path.insert(0, index)
    return value, path


def shorter(walk: _Walk, eqn: Eqn) -> Any:
    """A simpler way to compute what is added to a tree, or None."""
    match eqn.op, eqn.args:
        case "add_trees", (total, part):
            for whole, piece in ((total, part), (part, total)):
                stores = _stores(walk, piece)
                if stores is not None and isinstance(whole, Var):
                    return _stored(walk, whole, stores)
            return None
        case "zeros_like", (Var() as x,) if (
            made := walk.primal.get(x)
        ) is not None and not x.name:
            within = made.op in ("setitem", "index_add") and x.type.kind != "dict"
            return walk.build.emit("zeros_like", made.args[0]) if within else None
        case "dict_cleared", (g, key, Var() as d):
            return _cleared(walk, g, key, d)
        case "dict_zipped", (d, part):
            return _spread_over(walk, d, part)
        case ("index_add" | "tree_add"), (x, *path, value) if x.type.kind in CONTAINERS:
            stores = (
                _stores(walk, value, nested=True)
                if value.type.kind in CONTAINERS
                else None
            )
            if not stores:
                return None
            grown = walk.build.wrap(x)
            for store in stores:
                grown = walk.build.emit("tree_add", grown, *path, *store.args[1:])
            return grown
        case _:
            return None


def _cleared(walk: _Walk, g: Atom, key: Atom, d: Var) -> Any:
    """What has been read at a key was there: its cotangent is zero now."""
    held = walk.seen.get(("getitem", (d, key), ()))
    if held is None:
        return None
    return walk.build.emit("setitem", g, key, walk.build.emit("zeros_like", held))


OVER_VALUES = {"list_filled": "dict_filled", "list_fitted": "dict_fitted"}


def _spread_over(walk: _Walk, d: Atom, part: Atom) -> Any:
    """What is the same for each of the values of `d`, as a dict: the values themselves need not be at hand."""
    made = walk.made_by(part)
    if made is None or made.op not in OVER_VALUES:
        return None
    return walk.build.emit(OVER_VALUES[made.op], made.args[0], d)


def _stored(walk: _Walk, whole: Atom, stores: list[Eqn]) -> Any:
    grown = walk.build.wrap(whole)
    for store in stores:
        if store.op == "tree_add":
            grown = walk.build.emit("tree_add", grown, *store.args[1:])
        else:
            grown = walk.build.emit("index_add", grown, *store.args[1:], repeats=False)
    return grown


def _stores(walk: _Walk, value: Atom, nested: bool = False) -> list[Eqn] | None:
    """The additions that made `value` out of zeros, first to last; None if it was made otherwise."""
    stores: list[Eqn] = []
    made = walk.made_by(value)
    while made is not None and made.op in ("index_add", "tree_add", "setitem"):
        if nested and made.args[1].type.kind == "slice":
            return None
        stores.insert(0, made)
        made = walk.made_by(made.args[0])
    return stores if made is not None and made.op == "zeros_like" else None


__all__ = ["CONTAINERS", "MAY_HOLD", "Lit", "parts_of", "root_and_path", "shorter"]
