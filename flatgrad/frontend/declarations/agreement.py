"""Declarations of one name -> one that says what they say together; contradictions are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flatgrad.frontend.declarations.kinds import VAGUE
from flatgrad.frontend.declarations.statements import Declared


def merge(declared: Sequence[Declared]) -> list[Declared]:
    """With those of one name that agree joined into the one that says most."""
    merged: dict[tuple[str, bool], list[Declared]] = {}
    for new in declared:
        same = merged.setdefault((new.name, new.is_result), [])
        for index, old in enumerate(same):
            joined = join(old, new)
            if joined is not None:
                same[index] = joined
                break
        else:
            same.append(new)
    return sorted((one for same in merged.values() for one in same), key=line_of)


def line_of(declared: Declared) -> int:
    """Where it stands."""
    return declared.line


def join(one: Declared, other: Declared) -> Declared | None:
    """What both say together, or None if they contradict each other."""
    if other.dims is not None and one.dims is None:
        one, other = other, one
    kinds = {one.kind, other.kind}
    exact = kinds - set(VAGUE) or {"array"} & kinds or kinds
    scalar_and_array = one.dims == () and other.dims is None and other.kind != "any"
    if len(exact) > 1 or scalar_and_array or not same_shape(one, other):
        return None
    known = one.leading if one.leading is not None else other.leading
    leading = known if one.dims is None else None
    return replace(one, kind=exact.pop(), leading=leading)


def same_shape(one: Declared, other: Declared) -> bool:
    """Whether two shapes can be one; dims of the first are known if any are."""
    if one.dims is not None and other.dims is not None:
        return one.dims == other.dims
    if one.dims is not None:
        return other.leading is None or one.dims[: len(other.leading)] == other.leading
    return None in (one.leading, other.leading) or one.leading == other.leading
