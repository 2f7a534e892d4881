"""Names of all libraries -> spellings, and operations -> their first names."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from flatgrad.namespaces import (
    array_names,
    jax_names,
    numpy_names,
    python_names,
    science_names,
    scipy_names,
    stats_names,
    torch_names,
)
from flatgrad.namespaces.lines import read_line, read_names
from flatgrad.namespaces.spelling import UFUNC_OPTIONS, Spelling, meanings


def lookup(namespace: str, name: str) -> Spelling | None:
    """What `name` means in `namespace`, or None where flatgrad does not know it."""
    return _tables().get(namespace, {}).get(name)


def namespaces() -> list[str]:
    """Every library that has a table, and "ndarray" for the methods of arrays."""
    return [*_tables()]


def spell(op: str, namespace: str) -> str | None:
    """The name of `op` in `namespace`: the first that is listed."""
    return _names().get(namespace, {}).get(op)


UNARY = (
    numpy_names.UNARY
    | scipy_names.UNARY
    | python_names.UNARY
    | torch_names.UNARY
    | jax_names.UNARY
)
BINARY = (
    numpy_names.BINARY | scipy_names.BINARY | python_names.BINARY | torch_names.BINARY
)
SIGNATURES = (
    numpy_names.SIGNATURES
    | array_names.SIGNATURES
    | scipy_names.SIGNATURES
    | stats_names.SIGNATURES
    | science_names.SIGNATURES
    | python_names.SIGNATURES
    | torch_names.SIGNATURES
    | jax_names.SIGNATURES
)
METHODS = ("ndarray", "torch.Tensor")


# scipy's libraries of algorithms, asked last for the name of an operation.
ALGORITHMS = tuple(science_names.SIGNATURES)


@cache
def _tables() -> dict[str, dict[str, Spelling]]:
    tables: dict[str, dict[str, Spelling]] = {}
    for namespace in (*SIGNATURES, *UNARY, *BINARY):
        tables[namespace] = {}
        for spelling in spellings(namespace):
            _add(tables[namespace], spelling)
    return tables


@cache
def _names() -> dict[str, dict[str, str]]:
    """Namespace -> op -> its first name; a name that means an operation outright goes before a fold."""
    names: dict[str, dict[str, str]] = {}
    for namespace in _tables():
        names[namespace] = {}
        for spelling in sorted(spellings(namespace), key=lambda s: s.fold):
            names[namespace].setdefault(spelling.op, spelling.name)
    return names


def _add(table: dict[str, Spelling], spelling: Spelling) -> None:
    """Enter a spelling; a second one of the same name is what the first one means otherwise."""
    first = table.get(spelling.name)
    if first is None:
        table[spelling.name] = spelling
    else:
        for meaning in reversed(meanings(first)):
            spelling = replace(meaning, otherwise=spelling)
        table[spelling.name] = spelling


def spellings(namespace: str) -> list[Spelling]:
    """All names of a library, in the order of the tables."""
    options = UFUNC_OPTIONS if namespace in ("numpy", "scipy.special") else ()
    found = []
    for table, data in ((UNARY, ("x",)), (BINARY, ("x1", "x2"))):
        for names, op in read_names(table.get(namespace, "")):
            found += [
                Spelling(op, name, (*data, *options), data=len(data)) for name in names
            ]
    lines = map(str.strip, SIGNATURES.get(namespace, "").splitlines())
    for line in filter(None, lines):
        found += read_line(line, method=namespace in METHODS)
    return found
