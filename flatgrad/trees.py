"""Cotangents of trees: what is added to a part of a part is added to the tree, by its path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import TYPE_CHECKING, Any

from flatgrad.graph import Atom, Block, Eqn, Lit, Var, all_equations

if TYPE_CHECKING:
    from flatgrad.simplify import _Walk

CONTAINERS = ("list", "dict", "tree")
MAY_HOLD = (*CONTAINERS, "tuple")
UPDATING = {"setitem", "index_add", "list_append", "list_insert", "list_pop"}
RESIZING = {"list_append", "list_insert", "list_pop", "list_drop", "list_concat"}

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


# The result is the first argument with a change, or a part of it.
VERSIONS = {"getitem", "alias", "list_copy", "dict_copy", "dict_update", "dict_setdefault", "dict_values", "list_sort"}  # fmt: skip
VERSIONS |= UPDATING


def given(block: Block) -> set[Atom]:
    """Lists and dicts that came in as parameters, in all of their versions: what they hold is anything."""
    held = {p for p in block.params if p.type.kind in CONTAINERS}
    return versions(held, block.eqns, VERSIONS) if held else set()


def versions(values: Iterable[Atom], eqns: Iterable[Eqn], ops: Set[str]) -> set[Atom]:
    """The values, and what the operations `ops`, slices, branches and loops make of them."""
    found, every, size = {*values}, list(all_equations(eqns)), -1
    while size != len(found):
        size = len(found)
        for eqn in every:
            for value, out in _handed_on(eqn, ops):
                if value in found:
                    found.add(out)
    return found


def _handed_on(eqn: Eqn, ops: Set[str]) -> Iterator[tuple[Atom, Var]]:
    """A value, and what is another version of it."""
    if eqn.op in ops or (eqn.op == "getitem" and eqn.args[1].type.kind == "slice"):
        yield from ((eqn.args[0], out) for out in eqn.outs)
    elif eqn.op == "if":
        for block in eqn.blocks:
            yield from zip(block.outs, eqn.outs, strict=True)
    elif eqn.blocks:
        body, outs = eqn.blocks[-1], eqn.outs[1:]
        starts = eqn.args[len(eqn.args) - len(outs) :]
        for ends in (starts, body.outs[1:]):
            yield from zip(ends, body.params[1:], strict=True)
        yield from zip(body.params[1:], outs, strict=True)


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
