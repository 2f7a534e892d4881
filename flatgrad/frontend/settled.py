"""Equations in which some tests are constants -> those of the ways that are taken, as straight-line code."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from flatgrad.graph import Atom, Eqn, Lit, Var

COMPARED: dict[str, Callable[..., Any]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "is": operator.is_, "is_not": operator.is_not, "not": operator.not_,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b,
}  # fmt: skip


def settled(
    eqns: Iterable[Eqn], results: Sequence[Atom]
) -> tuple[list[Eqn], list[Atom]]:
    """`if axis is None:` with a known axis is one of its two bodies."""
    known: dict[Atom, Atom] = {}
    straight = list(_straight(eqns, known))
    return straight, [known.get(result, result) for result in results]


def _straight(eqns: Iterable[Eqn], known: dict[Atom, Atom]) -> Iterator[Eqn]:
    for written in eqns:
        eqn = _with_known(written, known)
        if eqn.op == "if" and isinstance(eqn.args[0], Lit):
            block = eqn.blocks[0 if eqn.args[0].value else 1]
            yield from _straight(block.eqns, known)
            ends = (known.get(end, end) for end in block.outs)
            known.update(zip(eqn.outs, ends, strict=True))
        elif (value := _value(eqn)) is not None:
            known[eqn.out] = value
        else:
            yield eqn


def _value(eqn: Eqn) -> Atom | None:
    """What the equation gives, where that is known now."""
    if eqn.op == "ifelse" and isinstance(eqn.args[0], Lit):
        return eqn.args[1 if eqn.args[0].value else 2]
    if eqn.op in COMPARED:
        values = [arg.value for arg in eqn.args if isinstance(arg, Lit)]
        if len(values) == len(eqn.args):
            return Lit(COMPARED[eqn.op](*values))
    return None


def _with_known(eqn: Eqn, known: dict[Atom, Atom]) -> Eqn:
    args = tuple(known.get(arg, arg) for arg in eqn.args)
    attrs = {
        name: known.get(value, value) if isinstance(value, Var) else value
        for name, value in eqn.attrs.items()
    }
    return replace(eqn, args=args, attrs=attrs)


__all__ = ["settled"]
