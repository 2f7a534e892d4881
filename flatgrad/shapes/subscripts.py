"""What each subscript of x[a, b, ...] does, and what can be asked about them."""

from __future__ import annotations

from flatgrad.graph import Atom, Lit
from flatgrad.types import Type

INTEGERS = ("int", "arange")  # "arange" are integers of which no two are equal


def index_parts(index: Type) -> tuple[Type, ...] | None:
    """The subscripts of x[a, b, ...], or None where their number is unknown."""
    return index.items if index.kind == "tuple" else (index,)


def role_of(part: Type) -> str:
    """What a subscript does: integer slice none ellipsis mask array, or unknown."""
    match part.kind:
        case "slice" | "none" | "ellipsis":
            return part.kind
        case "bool":
            return "mask"
        case _ if part.shape.is_scalar or part.dim is not None:
            return "integer" if part.kind in ("int", "any") else "unknown"
        case "int" | "arange":
            return "array" if part.shape.dims is not None else "unknown"
        case _:
            return "unknown"


def is_basic_index(atom: Atom) -> bool | None:
    """Whether x[atom] is a view of x, made of integers and slices only; None where it cannot be known."""
    parts = index_parts(atom.type)
    if parts is None:
        return None
    roles = [role_of(p) for p in parts]
    if (
        "array" in roles
        or "mask" in roles
        or any(
            p.kind in INTEGERS and r == "unknown"
            for p, r in zip(parts, roles, strict=True)
        )
    ):
        return False if "array" in roles or "mask" in roles else None
    return None if "unknown" in roles else True


def may_repeat(atom: Atom) -> bool:
    """Whether x[atom] may read one element twice; False only if it surely does not."""
    if is_basic_index(atom):
        return False
    if isinstance(atom, Lit) and isinstance(atom.value, list):
        return len({*atom.value}) < len(atom.value) or any(
            not isinstance(i, int) or i < 0 for i in atom.value
        )
    parts = index_parts(atom.type) or ()
    fancy = [
        p for p in parts if role_of(p) not in ("slice", "none", "ellipsis", "integer")
    ]
    if len(fancy) == 1 and fancy[0].kind == "bool":
        return False
    counted = any(p.kind == "arange" and p.shape.rank == 1 for p in fancy)
    return not (
        counted and all(p.kind in INTEGERS and p.shape.rank in (0, 1) for p in fancy)
    )
