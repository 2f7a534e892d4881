"""Equations -> which values are lists or dicts because branches, loops and copies hand lists or dicts on to them.

In: the equations of a function, some values of which are known to be lists or dicts by what is done to them. Out: the
same kind for every value that is one and the same in other places, where nothing is known of it. That one way of a
branch gives a list says nothing of the other way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flatgrad.graph import Eqn, Var
from flatgrad.versions import handed_on

KINDS = ("list", "dict")
SAME = {"alias", "copy"}
TAKING = {"getitem", "list_pop", *SAME}  # what they give may be a list or a dict


def spread(eqns: Iterable[Eqn]) -> None:
    """A list is what it was handed on from; what is handed on from lists alone is one."""
    every = list(eqns)
    made = {out: eqn.op for eqn in every for out in eqn.outs}
    sources: dict[Var, list[Var]] = {}
    for eqn in every:
        for source, value in handed_on(eqn, SAME):
            if isinstance(source, Var) and isinstance(value, Var):
                sources.setdefault(value, []).append(source)
    for kind in KINDS:
        while _tell(_before(sources, kind), kind, made) or _tell(_after(sources, kind), kind, made):  # fmt: skip
            pass


def _before(sources: Mapping[Var, Sequence[Var]], kind: str) -> set[Var]:
    """What a value of this kind is handed on from: one way of a branch, what a loop began with."""
    known = (value for value in sources if value.type.kind == kind)
    return {source for value in known for source in sources[value]}


def _after(sources: Mapping[Var, Sequence[Var]], kind: str) -> set[Var]:
    """What is handed on from values of this kind alone, in loops from themselves too."""
    found = {value for value in sources if value.type.kind in ("any", kind)}
    while other := {v for v in found if not _all_are(sources[v], kind, found)}:
        found -= other
    return found


def _all_are(values: Iterable[Var], kind: str, found: set[Var]) -> bool:
    return all(v.type.kind == kind or v in found for v in values)


def _tell(values: Iterable[Var], kind: str, made: Mapping[Var, str]) -> bool:
    """Whether that was news for one of them."""
    told = [v for v in values if _may_be(v, made)]
    for value in told:
        value.type.kind = kind
    return bool(told)


def _may_be(value: Var, made: Mapping[Var, str]) -> bool:
    taken = made.get(value, "for") in (*TAKING, "for", "while", "if")
    return taken and value.type.kind == "any" and value.type.rank is None
