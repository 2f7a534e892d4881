"""Index arrays that are known to name no place twice, by how they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flatgrad.graph import Eqn, Lit, Var

PLACES = {
    "nonzero",
    "triu_indices",
    "tril_indices",
    "diag_indices",
    "ix_",
}  # tuples that go together
VECTORS = {"flatnonzero", "unique"}


def apart(parts: Sequence[Var], made: Mapping[Var, Eqn]) -> bool:
    """The places that these arrays name together are different from one another."""
    if not parts:
        return False
    if len(parts) == 1 and _is_tuple_of_places(parts[0], made):
        return True
    if _are_all_of_one(parts, made):
        return True
    flat = all(p.type.rank in (0, 1) for p in parts)
    return any(_are_distinct(p, made) for p in parts) and (flat or len(parts) == 1)


def _is_tuple_of_places(value: Var, made: Mapping[Var, Eqn]) -> bool:
    eqn = made.get(value)
    while eqn is not None and eqn.op == "alias":
        eqn = made.get(eqn.args[0]) if isinstance(eqn.args[0], Var) else None
    return eqn is not None and eqn.op in PLACES


def _are_all_of_one(parts: Sequence[Var], made: Mapping[Var, Eqn]) -> bool:
    """rows, cols of one np.nonzero(mask): each of its arrays, once."""
    sources = set()
    numbers = []
    for part in parts:
        eqn = _origin(part, made)
        if eqn is None or eqn.op != "getitem" or not isinstance(eqn.args[0], Var):
            return False
        number = eqn.args[1]
        if not _is_tuple_of_places(eqn.args[0], made) or not isinstance(number, Lit):
            return False
        sources.add(eqn.args[0])
        numbers.append(number.value)
    return (
        len(sources) == 1
        and len(parts) > 1
        and sorted(numbers) == list(range(len(parts)))
    )


def _origin(value: Var, made: Mapping[Var, Eqn]) -> Eqn | None:
    eqn = made.get(value)
    while eqn is not None and eqn.op == "alias" and isinstance(eqn.args[0], Var):
        eqn = made.get(eqn.args[0])
    return eqn


def _are_distinct(value: Var, made: Mapping[Var, Eqn]) -> bool:
    """No two elements of the vector are equal."""
    eqn = _origin(value, made)
    if eqn is None:
        return False
    source = eqn.args[0] if eqn.args else None
    if eqn.op in VECTORS:
        return len(eqn.outs) == 1
    if eqn.op == "argsort":
        return isinstance(source, Var) and source.type.rank == 1
    if eqn.op == "getitem" and isinstance(source, Var):
        return _is_part_of_distinct(eqn, source, made)
    return False


def _is_part_of_distinct(eqn: Eqn, source: Var, made: Mapping[Var, Eqn]) -> bool:
    """order[:k], or the one array of np.nonzero of a vector."""
    index, origin = eqn.args[1], _origin(source, made)
    if origin is not None and origin.op == "nonzero":
        return isinstance(origin.args[0], Var) and origin.args[0].type.rank == 1
    return index.type.kind in ("slice", "bool") and _are_distinct(source, made)


__all__ = ["apart"]
