"""Equations -> versions of lists and dicts: what changes, branches and loops make of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from flatgrad.graph import Atom, Block, Eqn, Var, all_equations
from flatgrad.types import Type

CONTAINERS = ("list", "dict", "tree")
MAY_HOLD = (*CONTAINERS, "tuple")
UPDATING = {"setitem", "index_add", "list_append", "list_insert", "list_pop"}
RESIZING = {"list_append", "list_insert", "list_pop", "list_drop", "list_concat"}
# The result is the first argument with a change, or a part of it.
VERSIONS = {"getitem", "alias", "list_copy", "dict_copy", "dict_update", "dict_setdefault", "dict_values", "list_sort"}  # fmt: skip
VERSIONS |= UPDATING
# The result may be the memory of the first argument.
VIEWS = {
    "alias", "transpose", "matrix_transpose", "reshape", "expand_dims", "squeeze", "getitem", "ravel", "swapaxes",
    "moveaxis", "stop_gradient", "asarray", "unbroadcast", "diagonal", "flip", "astype", "real", "imag", "split", "chunk", "rot90",
    "diag", "matrix_diagonal", "rollaxis", "broadcast_arrays", "real_if_close",
}  # fmt: skip


def given(block: Block) -> set[Atom]:
    """Lists and dicts that came in as parameters, or that comprehensions made, in all of their versions.

    What these hold is anything.
    """
    made = (e.outs for e in block.eqns if e.op == "for" and e.attrs.get("inline"))
    every = (*block.params, *(out for outs in made for out in outs))
    held = {v for v in every if v.type.kind in CONTAINERS}
    return versions(held, block.eqns, VERSIONS) if held else set()


def versions(values: Iterable[Atom], eqns: Iterable[Eqn], ops: Set[str]) -> set[Atom]:
    """The values, and what the operations `ops`, slices, branches and loops make of them."""
    found, every, size = {*values}, list(all_equations(eqns)), -1
    while size != len(found):
        size = len(found)
        for eqn in every:
            for value, out in handed_on(eqn, ops):
                if value in found:
                    found.add(out)
    return found


def handed_on(eqn: Eqn, ops: Set[str]) -> Iterator[tuple[Atom, Var]]:
    """A value, and what is another version of it."""
    cut = eqn.op == "getitem" and eqn.args[1].type.kind == "slice"
    if eqn.op in ops or (cut and not ops.isdisjoint(UPDATING)):
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


def cotangent_type_of(value: Var) -> Type:
    """The type of the cotangent of a value: its structure or its shape, with fractions."""
    kind = value.type.kind if value.type.kind in MAY_HOLD else "float"
    return Type(value.type.shape, kind, None, value.type.items, value.type.each)
