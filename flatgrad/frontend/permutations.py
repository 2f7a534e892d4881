"""a[[i, j]] = a[[j, i]] -> one store after the other: right also where i and j are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flatgrad.graph import Atom, Eqn, Lit, Var

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


def moved(low: Lowering, base: Var, index: Atom, value: Atom) -> Var | None:
    """`base` with parts of an array stored into listed places; None of any other store."""
    taken = _made(low, value)
    if taken is None or taken.op != "getitem":
        return None
    left, right = _listed(low, index), _listed(low, taken.args[1])
    if left is None or right is None or len(left) != len(right):
        return None
    source = taken.args[0]
    parts = [low.emit("getitem", source, _index(low, i)) for i in right]
    for place, part in zip(left, parts, strict=True):
        base = low.emit("setitem", base, _index(low, place), part)
    return base


def _made(low: Lowering, value: Atom) -> Eqn | None:
    return next((e for e in reversed(low.build.eqns) if value in e.outs), None)


def _listed(low: Lowering, index: Atom) -> list[list[Atom]] | None:
    """The indices that [i, j] or (:, [i, j]) stands for, one for each of the listed numbers."""
    made = _made(low, index)
    parts = list(made.args) if made is not None and made.op == "tuple" else [index]
    if isinstance(index, Lit) and isinstance(index.value, tuple):
        parts = [Lit(p) for p in index.value]
    numbers = [_numbers(low, p) for p in parts]
    lists = [i for i, n in enumerate(numbers) if n is not None]
    if len(lists) != 1 or not all(
        p.type.kind == "slice" for i, p in enumerate(parts) if i != lists[0]
    ):
        return None
    at = lists[0]
    return [[*parts[:at], n, *parts[at + 1 :]] for n in numbers[at] or ()]


def _numbers(low: Lowering, part: Atom) -> list[Atom] | None:
    """i and j of the list [i, j]."""
    if (
        isinstance(part, Lit)
        and isinstance(part.value, list)
        and all(type(v) is int for v in part.value)
    ):
        return [Lit(v) for v in part.value]
    made = _made(low, part)
    if made is None or made.op != "stack" or made.node is not None:
        return None
    whole = all(
        a.type.shape.is_scalar and a.type.kind in ("int", "arange") for a in made.args
    )
    return list(made.args) if whole else None


def _index(low: Lowering, parts: list[Atom]) -> Atom:
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(p, Lit) for p in parts):
        return Lit(tuple(p.value for p in parts if isinstance(p, Lit)))
    return low.emit("tuple", *parts)


__all__ = ["moved"]
