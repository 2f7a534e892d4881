"""Arithmetic with lengths: Dims -> Dim, as far as numbers and N + 1 go; None where nothing can be said."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from flatgrad.types import Dim


def product(dims: Iterable[Dim]) -> Dim:
    """The product of lengths: one of them where all others are 1, a number where all are known."""
    dims = [*dims]
    known = [d.known for d in dims if d.known is not None]
    unknown = [d for d in dims if d.known is None]
    if not unknown or 0 in known:
        return Dim(prod(known))
    return unknown[0] if len(unknown) == 1 and prod(known) == 1 else Dim()


def difference(a: Dim, b: Dim) -> Dim:
    """a - b where one is a number or both are N plus something."""
    (left, i), (right, j) = a.root(), b.root()
    if left is right:
        return Dim(i - j)
    return Dim() if b.known is None else a.plus(-b.known)


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of lengths of which at most one is unknown."""
    dims = [*dims]
    known = [d.known for d in dims if d.known is not None]
    unknown = [d for d in dims if d.known is None]
    if len(unknown) > 1:
        return Dim()
    return unknown[0].plus(sum(known)) if unknown else Dim(sum(known))


def quotient(a: Dim, b: Dim) -> Dim | None:
    return Dim(a.known // b.known) if a.known is not None and b.known else None


def multiple(a: Dim, b: Dim) -> Dim | None:
    together = product([a, b])
    return together if together.known is not None or together in (a, b) else None


def sum_of(a: Dim, b: Dim) -> Dim | None:
    return total([a, b]) if a.known is not None or b.known is not None else None


def distance(a: Dim, b: Dim) -> Dim | None:
    return (
        difference(a, b) if b.known is not None or a.root()[0] is b.root()[0] else None
    )


def remainder(a: Dim, b: Dim) -> Dim | None:
    return Dim(a.known % b.known) if a.known is not None and b.known else None


def power(a: Dim, b: Dim) -> Dim | None:
    if a.known is not None and b.known is not None and 0 <= b.known < 64:
        return Dim(int(a.known**b.known))
    return None
