"""Arrays that a loop carries: which of them are views of others, and which may share one array at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flatgrad.frontend import windows
from flatgrad.frontend.scope import Refusal, Value
from flatgrad.frontend.storages import vars_in
from flatgrad.graph import Atom, Eqn, Var, all_equations
from flatgrad.versions import CONTAINERS, RESIZING, UPDATING, versions

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

Key = (
    tuple[str, int] | Var
)  # a value that a name carries, or one from outside of the loop


@dataclass
class Shared:
    """What is taken for granted of the arrays that an iteration starts with."""

    # (a list or dict, a name whose array may lie in it after an iteration)
    held: set[tuple[str, str]] = field(default_factory=set)
    apart: set[str] = field(
        default_factory=set
    )  # names that are no views of others all through the loop
    touching: set[frozenset[Key]] = field(
        default_factory=set
    )  # what may share an array after an iteration


def derived(
    low: Lowering, starts: dict[str, Value], shared: Shared
) -> dict[str, tuple[str, list[Eqn]]]:
    """Names that show the array of another: of which name, and by which steps."""
    found: dict[str, tuple[str, list[Eqn]]] = {}
    arrays = {
        n: v for n, v in starts.items() if isinstance(v, Var) and n not in shared.apart
    }
    for number, (name, value) in enumerate(arrays.items()):
        best: tuple[str, list[Eqn]] | None = None
        for other_number, (other, base) in enumerate(arrays.items()):
            steps = windows.steps_to(low, value, base) if other != name else None
            if (
                steps is None
                or (not steps and other_number > number)
                or not _holds_an_array(low, base)
            ):
                continue
            if best is None or len(steps) > len(best[1]):
                best = other, steps
        if best is not None:
            found[name] = best
    return found


def _holds_an_array(low: Lowering, value: Var) -> bool:
    return value in low.storages.arrays or not value.type.shape.is_scalar


def show(
    low: Lowering, views: dict[str, tuple[str, list[Eqn]]], named: bool = True
) -> None:
    """Give these names their parts of what the others hold now."""
    statement = low.build.statement
    assert statement is not None
    for name, (base, steps) in views.items():
        array = low.frame.env.get(base)
        if not isinstance(array, Var):
            continue
        made = windows.shown(low, array, steps)
        if named:
            made.name = name
            low.frame.writes[made] = (None, statement)
        low.storages.hold(low.frame, name, made)


def still_derived(
    low: Lowering, ends: dict[str, Value], views: dict[str, tuple[str, list[Eqn]]]
) -> list[str]:
    """Names that an iteration leaves as something else than the view that they were."""
    lost = []
    for name, (base, steps) in views.items():
        end, array = ends.get(name), ends.get(base)
        known = isinstance(end, Var) and isinstance(array, Var)
        if not known or not windows.same_steps(_steps(low, end, array), steps):
            lost.append(name)
    return lost


def _steps(low: Lowering, value: Value | None, base: Value | None) -> list[Eqn] | None:
    assert isinstance(value, Var)
    assert isinstance(base, Var)
    return windows.steps_to(low, value, base)


# --- what may share an array --------------------------------------------------------------------------------------


def visible(low: Lowering, carried: Iterable[str]) -> list[Var]:
    """Arrays that names stand for which the loop does not carry."""
    inside = set(carried)
    found: list[Var] = []
    for frame in low._all_frames():
        for name, value in frame.env.items():
            if frame is not low.frame or name not in inside:
                found += vars_in(value)
    return [v for v in dict.fromkeys(found) if _holds_an_array(low, v)]


def in_containers(low: Lowering) -> list[Var]:
    """The arrays that lie in the lists and dicts that names stand for."""
    found = [
        v for f in low._all_frames() for held in f.env.values() for v in vars_in(held)
    ]
    held = dict.fromkeys(v for v in found if v.type.kind in CONTAINERS)
    return list(dict.fromkeys(map(low.storages.item_of, held)))


def touch(
    low: Lowering, new: Mapping[Any, Var], pairs: Iterable[frozenset[Key]]
) -> None:
    """The arrays of these new values may be one."""
    for pair in pairs:
        values = [new.get(key, key) for key in pair]
        first, last = values[0], values[-1]
        if isinstance(first, Var) and isinstance(last, Var):
            low.storages.approach(first, last)


def touching(
    low: Lowering, values: Mapping[Any, Atom], outside: Sequence[Var]
) -> set[frozenset[Key]]:
    """Which of the values may share an array, with one another or with one from outside."""
    arrays = {
        k: v
        for k, v in values.items()
        if isinstance(v, Var) and _holds_an_array(low, v)
    }
    keys = list(arrays)
    found: set[frozenset[Key]] = set()
    for number, key in enumerate(keys):
        others: list[tuple[Key, Var]] = [(k, arrays[k]) for k in keys[number + 1 :]]
        others += [(v, v) for v in outside]
        for other, value in others:
            if low.storages.may_share(arrays[key], value):
                found.add(frozenset((key, other)))
    return found


def holding(low: Lowering, ends: Mapping[str, Value]) -> set[tuple[str, str]]:
    """Which of the names stand for lists or dicts in which the array of another may lie."""
    values = {n: v for n, v in ends.items() if isinstance(v, Var)}
    found: set[tuple[str, str]] = set()
    for name, held in values.items():
        for other, value in values.items():
            if (
                other != name
                and _holds_an_array(low, value)
                and low.storages.lies_in(value, held)
            ):
                found.add((name, other))
    return found


def hold(
    low: Lowering, params: Mapping[str, Sequence[Var]], held: Iterable[tuple[str, str]]
) -> None:
    """The arrays of the one may lie in the other."""
    for name, other in held:
        for container in params.get(name, ()):
            for value in params.get(other, ()):
                low.storages.approach(low.storages.items_of(container), value)


# --- what a loop runs over ----------------------------------------------------------------------------------------


def current(low: Lowering, held: Atom) -> Atom:
    """What a loop runs over, as it is in this iteration."""
    if not isinstance(held, Var):
        return held
    assert low.build.statement is not None
    renewed = windows.Renewed(dict(low.entering))
    found = windows.shown_again(low, held, low.build.statement, renewed)
    if found is None and held.type.kind not in ("arange", "int", "str", "dict"):
        low.running.append(held)
    return found or held


def meet(low: Lowering, held: Sequence[Var], params: Mapping[Var, Var]) -> None:
    """What a loop runs over may lie in the arrays that an iteration starts with."""
    low.note()
    for value in held:
        for start, param in params.items():
            if low.storages.may_share(value, start):
                low.storages.approach(value, param)


def refuse_written(
    low: Lowering,
    held: Sequence[Var],
    params: dict[Var, Var],
    rebound: Set[str],
    count: int,
) -> None:
    """What the loop runs over must not be written into by another name, in a way that is not followed."""
    written = low.storages.targets[count:]
    for value in held:
        if value.type.kind in ("tuple", "list"):
            _refuse_written_items(low, value, written)
            continue
        arrays = {value, *(base for base, _ in windows.path(low, value))}
        for start, param in params.items():
            # Where the name gets another array, another name may have this one in a later iteration.
            moved = bool(written) and param.name in rebound and start in arrays
            followed = not any(low.storages.may_share(w, param) for w in written)
            if moved or (low.storages.may_share(value, start) and not followed):
                what = "the array that this loop runs over may be written into under another name"
                raise Refusal("FG401", what, "loop over a copy of it", low.here())


def _refuse_written_items(low: Lowering, held: Var, written: Sequence[Var]) -> None:
    """for v in (x, y): v *= 0.5 writes into x and y, which the loop does not know by these names."""
    storages = low.storages
    items = storages.items_of(held) if held.type.kind == "list" else held
    if any(storages.may_share(w, items) for w in written):
        what = "the arrays that this loop runs over are written into"
        raise Refusal("FG401", what, "write into each of them by its name", low.here())


def gone_through(eqns: Iterable[Eqn]) -> set[Atom]:
    """What the equations that begin an iteration take its items from."""
    return {e.args[0] for e in eqns if e.op == "getitem"}


def refuse_resized(low: Lowering, through: set[Atom], eqns: Sequence[Eqn]) -> None:
    """A loop over a list ends where the list ends then: it must not get longer or shorter."""
    resizing = [e for e in all_equations(eqns) if e.op in RESIZING]
    if not resizing:
        return
    held = versions(through, eqns, {*UPDATING, *RESIZING, "alias"})
    for eqn in resizing:
        if eqn.args[0] in held:
            what = "the list that this loop runs over gets longer or shorter in it"
            node = eqn.node or (eqn.statement.node if eqn.statement else low.here())
            raise Refusal("FG121", what, "loop over xs.copy()", node)


__all__ = [
    "Shared",
    "current",
    "derived",
    "gone_through",
    "hold",
    "holding",
    "in_containers",
    "refuse_resized",
    "refuse_written",
    "show",
    "still_derived",
    "touch",
    "touching",
    "visible",
]
