"""Equations -> which values are lists or dicts because branches, loops and copies hand lists or dicts on to them.

In: the equations of a function, some values of which are known to be lists or dicts by what is done to them. Out: the
same kind for every value that is one and the same in other places, where nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flatgrad.graph import Atom, Eqn, Var
from flatgrad.versions import handed_on

KINDS = ("list", "dict")
SAME = {"alias", "copy"}
TAKING = {"getitem", "list_pop", *SAME}  # what they give may be a list or a dict


def spread(eqns: Iterable[Eqn]) -> None:
    """Give every value the kind of those that it is handed on from, or to."""
    every = list(eqns)
    made = {out: eqn.op for eqn in every for out in eqn.outs}
    joins: set[Atom] = set()
    groups = _Groups()
    for eqn in every:
        for source, value in handed_on(eqn, SAME):
            joins.add(value)
            if isinstance(source, Var):
                groups.join(source, value)
    for members in groups.all():
        kinds = {v.type.kind for v in members} & {*KINDS}
        leaves = [v for v in members if v not in joins]
        known = [v for v in members if v.type.kind in KINDS]
        if len(kinds) == 1 and (
            joins.intersection(known) or all(v in known for v in leaves)
        ):
            _tell(members, kinds.pop(), made)


def _tell(members: Iterable[Var], kind: str, made: dict[Var, str]) -> None:
    for value in members:
        taken = made.get(value, "for") in (*TAKING, "for", "while", "if")
        if taken and value.type.kind == "any" and value.type.rank is None:
            value.type.kind = kind


class _Groups:
    """Values that are one and the same."""

    def __init__(self) -> None:
        self.up: dict[Any, Any] = {}

    def root(self, value: Any) -> Any:
        while (up := self.up.setdefault(value, value)) is not value:
            value = up
        return value

    def join(self, one: Var, other: Var) -> None:
        self.up[self.root(one)] = self.root(other)

    def all(self) -> list[list[Var]]:
        found: dict[Any, list[Var]] = {}
        for value in list(self.up):
            found.setdefault(self.root(value), []).append(value)
        return list(found.values())
