"""Arithmetic with lengths: Dims -> Dim; None where nothing can be said."""

from __future__ import annotations

from collections.abc import Iterable

from flatgrad.types import (
    Dim,
    Polynomial,
    add_polynomials,
    dim_of,
    multiply_polynomials,
    polynomial,
)


def product(dims: Iterable[Dim]) -> Dim:
    """The product of lengths."""
    total: Polynomial = {(): 1}
    for dim in dims:
        total = multiply_polynomials(total, polynomial(dim))
    return dim_of(total)


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of lengths."""
    found: Polynomial = {}
    for dim in dims:
        found = add_polynomials(found, polynomial(dim))
    return dim_of(found)


def difference(a: Dim, b: Dim) -> Dim:
    """a - b"""
    minus = {terms: -number for terms, number in polynomial(b).items()}
    return dim_of(add_polynomials(polynomial(a), minus))


def quotient(a: Dim, b: Dim) -> Dim:
    """a // b"""
    if a.known is not None and b.known:
        return Dim(a.known // b.known)
    return a.over(b)


def multiple(a: Dim, b: Dim) -> Dim:
    return product([a, b])


def sum_of(a: Dim, b: Dim) -> Dim:
    return total([a, b])


distance = difference


def remainder(a: Dim, b: Dim) -> Dim | None:
    return Dim(a.known % b.known) if a.known is not None and b.known else None


def power(a: Dim, b: Dim) -> Dim | None:
    if a.known is not None and b.known is not None and 0 <= b.known < 64:
        return Dim(int(a.known**b.known))
    return None
