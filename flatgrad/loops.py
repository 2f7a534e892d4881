"""What is known of all iterations of a loop at once: parts of an array that no two of them touch."""

from __future__ import annotations

from collections.abc import Iterable

from flatgrad.graph import Atom, Block, Eqn, Lit, Var, all_equations
from flatgrad.versions import UPDATING, VIEWS, versions

STORES = {"setitem", "index_add"}


def is_drained(body: Block, position: int, numbers: tuple[Var, ...] = ()) -> bool:
    """Each iteration reads a part of what is carried that no other one reads, and then sets it to zero.

    Nobody sees these zeros: the array may as well stay as it is. `numbers` are the indices of the loops around.
    """
    param, end = body.params[position], body.outs[position]
    shown, names = _shown(body.eqns, param), {end}
    made = _made(body, end)
    while made is not None and made.op == "alias":
        names.add(end := made.args[0])
        made = _made(body, end)
    ends = {*body.outs[:position], *body.outs[position + 1 :]}
    if made is None or (shown | names) & ends:
        return False
    others = [
        e
        for e in body.eqns
        if e is not made
        and e.op != "alias"
        and not (shown | names).isdisjoint(e.reads())
    ]
    numbers = (*numbers, (body.undoes or body).params[0])
    if made.op == "for":
        inner = made.outs.index(end)
        starts = [i for i, a in enumerate(made.args) if a in shown]
        (block,) = made.blocks
        return (
            not others
            and starts == [inner]
            and not shown & {*block.free()}
            and is_drained(block, inner, numbers)
        )
    if made.op != "setitem" or made.args[2] != Lit(0) or made.args[0] not in shown:
        return False
    index = made.args[1]
    return all(is_own_part(body, index, n) for n in numbers) and all(
        e.op == "getitem" and e.args[1] == index for e in others
    )


def _made(body: Block, value: Atom) -> Eqn | None:
    return next((e for e in body.eqns if value in e.outs), None)


def _shown(eqns: Iterable[Eqn], value: Var) -> set[Atom]:
    """The value and its other names."""
    found: set[Atom] = {value}
    for eqn in eqns:
        if eqn.op == "alias" and eqn.args[0] in found:
            found.add(eqn.out)
    return found


def is_own_part(body: Block, index: Atom, number: Var) -> bool:
    """x[index] is another part of x for each value of `number`, the index of a loop."""
    if number.type.kind != "int":
        return False
    if index is number:
        return True
    eqns = (*(body.undoes.eqns if body.undoes is not None else ()), *body.eqns)
    made = next((e for e in eqns if index in e.outs), None)
    return made is not None and made.op == "tuple" and number in made.args


def is_overwritten(loop: Eqn) -> bool:
    """The loop runs over an array, or a view of one, of which an iteration writes more than its own item."""
    body = loop.blocks[-1]
    index, *params = body.params
    made: dict[Atom, Eqn] = {out: eqn for eqn in body.eqns for out in eqn.outs}
    read = {e.args[0] for e in body.eqns if e.op == "getitem" and e.args[1] is index}

    def shown(value: Atom) -> Atom:
        """The array that the value is a view of."""
        while value in made and made[value].op in VIEWS:
            value = made[value].args[0]
        return value

    def is_kept(value: Atom, array: Atom, whole: Atom) -> bool:
        """All that was stored into the array is the item of `whole`, which it is or has as a part."""
        if value is array:
            return True
        eqn = made.get(value)
        if (
            eqn is None
            or eqn.op not in STORES
            or not is_kept(eqn.args[0], array, whole)
        ):
            return False
        place, part = eqn.args[1:3]
        if array is whole:
            return place is index
        views = (
            v for v, e in made.items() if e.op == "getitem" and e.args == (array, place)
        )
        return any(is_kept(part, v, whole) for v in views)

    ends = zip(params, body.outs[1:], strict=True)
    return any(
        shown(whole) is param and not is_kept(end, param, whole)
        for param, end in ends
        for whole in read
    )


def renewed_items(loop: Eqn) -> set[Atom]:
    """Items of a loop that an earlier iteration may have put there: what the loop began with had others."""
    body = loop.blocks[-1]
    ends = zip(body.params[1:], body.outs[1:], strict=True)
    changed = {p for p, end in ends if p is not end and _is_changed_ahead(body, p)}
    return versions(
        {e.out for e in body.eqns if e.op == "getitem" and e.args[0] in changed},
        body.eqns,
        {"alias", "getitem"},
    )


def _is_changed_ahead(body: Block, held: Var) -> bool:
    """Something is stored into it at a place that other iterations read, too."""
    number = body.params[0]
    found = versions({held}, body.eqns, UPDATING | {"alias"})
    stores = [
        e for e in all_equations(body.eqns) if e.op in UPDATING and e.args[0] in found
    ]
    return any(
        e.args[1] is not number and not is_own_part(body, e.args[1], number)
        for e in stores
    )
