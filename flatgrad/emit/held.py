"""A function and where its values are found -> what is known of the values that its names hold."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from flatgrad.emit.availability import Availability
from flatgrad.emit.parts import Held
from flatgrad.frontend.module import nodes_in
from flatgrad.frontend.pairs import run_by
from flatgrad.frontend.scope import Function
from flatgrad.graph import Eqn, Var, all_equations

PLAIN = {
    "slice",
    "len",
    "int",
    "float",
    "bool",
    "str",
    "range",
    "min",
    "max",
    "abs",
    "isinstance",
    "tuple",
    "sorted",
}
PLAIN_METHODS = {"get", "format", "lower", "upper", "strip", "startswith", "endswith"}


def held(function: Function, available: Availability, asides: Sequence[str]) -> Held:
    """Shapes, shared arrays, what is written into and what is drawn: by the names of the emitted forward."""
    names = available.names_of
    return Held(
        shapes={name: value.type.shape for value, name in names.items()},
        sharing=[*map(frozenset, _sharing(function, names))],
        written=frozenset(_written(function, names)),
        drawn=frozenset(_drawn(function, available.eqns, names)),
        asides=asides,
    )


def _known(function: Function, names: dict[Var, str], value: Var) -> set[str]:
    """The names of a value, and those that its array has ever had."""
    storages = function.storages
    found = set(storages.names.get(storages.root(value), ()))
    return found | {n for n in (names.get(value), value.name) if n}


def _sharing(function: Function, names: dict[Var, str]) -> list[set[str]]:
    """The names of each array."""
    found: dict[Var, set[str]] = {}
    for value in {*function.storages.parent, *names}:
        root = function.storages.root(value)
        found.setdefault(root, set()).update(_known(function, names, value))
    return [group for group in found.values() if len(group) > 1]


def _written(function: Function, names: dict[Var, str]) -> set[str]:
    targets = function.storages.targets
    return {n for value in targets for n in _known(function, names, value)}


def _is_the_same_again(eqn: Eqn) -> bool:
    """Computed from the same values it gives the same."""
    if eqn.op != "opaque":
        return not eqn.op.startswith("random")
    calls = (
        [n for n in nodes_in(eqn.node) if isinstance(n, cst.Call)] if eqn.node else []
    )
    return eqn.node is not None and all(_is_plain(call.func) for call in calls)


def _is_plain(function: cst.BaseExpression) -> bool:
    match function:
        case cst.Name(value=name):
            return name in PLAIN
        case cst.Attribute(attr=cst.Name(value=name)):
            return name in PLAIN_METHODS
        case _:
            return False


def _drawn(function: Function, eqns: Sequence[Eqn], names: dict[Var, str]) -> set[str]:
    """What comes from a generator, or from text that is not read, with what its statement gives names to."""
    found: set[str] = set()
    for eqn in all_equations(eqns):
        inner = run_by(eqn.attrs["pair"]) if eqn.op == "call" else (eqn,)
        if all(map(_is_the_same_again, inner)):
            continue
        found |= {n for o in eqn.outs for n in (names.get(o), o.name) if n}
        if eqn.statement is not None:
            written = eqn.statement.frame.writes.items()
            here = [v for v, (_, at) in written if at is eqn.statement]
            found |= {n for v in here for n in (names.get(v), v.name) if n}
    return found
