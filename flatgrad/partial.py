"""Block -> the values in it that are not assigned on every way through: a name holds nothing where a branch skipped it."""

from __future__ import annotations

from collections.abc import Iterable

from flatgrad.graph import Atom, Eqn, Lit

NOTHING = Lit(None)


def partial_values(eqns: Iterable[Eqn]) -> set[Atom]:
    """Results of branches and loops that may be nothing."""
    found: set[Atom] = {NOTHING}
    listed = list(eqns)
    size = 0
    while size != len(found):
        size = len(found)
        _spread(listed, found)
    return found - {NOTHING}


def _spread(eqns: Iterable[Eqn], found: set[Atom]) -> None:
    for eqn in eqns:
        for block in eqn.blocks:
            _spread(block.eqns, found)
        if eqn.op == "if":
            for block in eqn.blocks:
                found.update(
                    o
                    for o, end in zip(eqn.outs, block.outs, strict=True)
                    if end in found
                )
        elif eqn.blocks:
            _spread_loop(eqn, found)


def _spread_loop(eqn: Eqn, found: set[Atom]) -> None:
    body, outs = eqn.blocks[-1], eqn.outs[1:]
    starts = eqn.args[len(eqn.args) - len(outs) :]
    carried = zip(starts, body.params[1:], body.outs[1:], outs, strict=True)
    for start, param, end, out in carried:
        if start in found or end in found:
            found.update((param, out))
