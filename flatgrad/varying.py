"""Body of a loop -> the values in it that may have another shape in each iteration."""

from __future__ import annotations

from collections.abc import Iterable

from flatgrad.graph import Atom, Block, Eqn, all_equations
from flatgrad.registry import RULES, Kind
from flatgrad.types import Shape, same_shape
from flatgrad.versions import CONTAINERS, MAY_HOLD, RESIZING, UPDATING, versions

COUNTS = ("int", "slice", "tuple", "bool", "arange")
STORES = ("setitem", "index_add")


def varying(body: Block) -> set[Atom]:
    """They come from items of lists and dicts, from branches, or are as long as a number says that changes."""
    index, *params = body.params
    pairs = zip(params, body.outs[1:], strict=True)
    found: set[Atom] = {p for p, end in pairs if not same_shape(p.type.shape, end.type.shape)}  # fmt: skip
    found |= {p for p in params if p.type.kind in CONTAINERS and _is_resized(body, p)}
    changing: set[Atom] = {index, *(p for p in params if p.type.kind in COUNTS)}
    _spread(body.eqns, found, changing)
    return found


def _is_resized(body: Block, held: Atom) -> bool:
    """The iteration puts items into the list or dict, or takes some out."""
    same = versions({held}, body.eqns, UPDATING | {"alias"})
    return any(e.op in RESIZING and e.args[0] in same for e in all_equations(body.eqns))


def takes_an_item(eqn: Eqn) -> bool:
    takes = ("getitem", "list_pop", "dict_get")
    return eqn.op in takes and eqn.args[0].type.kind in MAY_HOLD


def _spread(eqns: Iterable[Eqn], found: set[Atom], changing: set[Atom]) -> None:
    for eqn in eqns:
        for block in eqn.blocks:
            _enter(eqn, block, found, changing)
        if not changing.isdisjoint(eqn.reads()):
            changing.update(o for o in eqn.outs if o.type.kind in COUNTS)
        if eqn.blocks:
            outs = _joined(eqn, found)
        elif takes_an_item(eqn) or _is_sized(eqn, found, changing) or not found.isdisjoint(_shaping(eqn)):  # fmt: skip
            outs = {*eqn.outs}
        else:
            outs = set()
        found.update(o for o in outs if not _is_spelled_out(o.type.shape))


def _shaping(eqn: Eqn) -> Iterable[Atom]:
    """What decides the shape of the result: of an array that is written into, the array alone."""
    array = eqn.op in STORES and eqn.args[0].type.kind not in MAY_HOLD
    return eqn.args[:1] if array else eqn.reads()


def _enter(eqn: Eqn, block: Block, found: set[Atom], changing: set[Atom]) -> None:
    if block.params:
        index, *params = block.params
        changing.update((index, *(p for p in params if p.type.kind in COUNTS)))
        starts = eqn.args[len(eqn.args) - len(params) :]
        for start, param, end in zip(starts, params, block.outs[1:], strict=True):
            same = same_shape(param.type.shape, end.type.shape)
            if start in found or not same:
                found.add(param)
    _spread(block.eqns, found, changing)


def _joined(eqn: Eqn, found: set[Atom]) -> set[Atom]:
    """Results of a branch that its ways give several shapes, or of a loop whose iterations do."""
    if eqn.op == "if":
        one, other = (block.outs for block in eqn.blocks)
        ends = zip(eqn.outs, one, other, strict=True)
        return {
            out
            for out, a, b in ends
            if a in found or b in found or not same_shape(a.type.shape, b.type.shape)
        }
    body = eqn.blocks[-1]
    ends = zip(eqn.outs[1:], body.params[1:], body.outs[1:], strict=True)
    return {out for out, param, end in ends if param in found or end in found}


def _is_sized(eqn: Eqn, found: set[Atom], changing: set[Atom]) -> bool:
    """A number that changes, or a mask, decides how many elements there are."""
    rule = RULES.get(eqn.op)
    if eqn.op in STORES or (rule is not None and rule.kind is Kind.ELEMENTWISE):
        return False
    if eqn.op == "getitem":
        index = eqn.args[1]
        is_mask = index.type.kind == "bool" and not index.type.shape.is_scalar
        return is_mask or (index.type.kind != "int" and index in changing)
    kept = (a for a in eqn.args if a not in found and not a.type.shape.is_scalar)
    same = any(same_shape(a.type.shape, o.type.shape) for a in kept for o in eqn.outs)
    return not same and not changing.isdisjoint(eqn.args)


def _is_spelled_out(shape: Shape) -> bool:
    """Every length is a number or has a name, so that it is the same all through."""
    if shape.dims is None:
        return False
    return all(d.known is not None or d.root()[0].name for d in shape.dims)
