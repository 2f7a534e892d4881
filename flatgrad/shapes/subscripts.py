"""What each subscript of x[a, b, ...] does, and what can be asked about them."""

from __future__ import annotations

from collections.abc import Sequence

from flatgrad.graph import Atom
from flatgrad.types import Type

INTEGERS = ("int", "arange")  # "arange" are integers of which no two are equal


def index_parts(index: Type) -> tuple[Type, ...] | None:
    """The subscripts of x[a, b, ...], or None where their number is unknown."""
    return index.items if index.kind == "tuple" else (index,)


def learn_integers(parts: Sequence[Type]) -> None:
    """x[np.arange(N), y]: what stands beside a range are integers, never a mask."""
    if len(parts) > 1 and any(p.kind == "arange" for p in parts):
        for part in parts:
            if part.kind in ("any", "array"):
                part.kind = "int"


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
    parts = index_parts(atom.type) or ()
    fancy = [
        p for p in parts if role_of(p) not in ("slice", "none", "ellipsis", "integer")
    ]
    if len(fancy) == 1 and fancy[0].kind == "bool":
        return False
    if (written := _written_out(fancy)) is not None:
        return len({*written}) < len(written)
    counted = any(p.kind == "arange" and p.shape.rank == 1 for p in fancy)
    return not (
        counted and all(p.kind in INTEGERS and p.shape.rank in (0, 1) for p in fancy)
    )


def _written_out(parts: Sequence[Type]) -> list[tuple[int, ...]] | None:
    """The places that lists of numbers name: [0, 1], [2, 2] -> (0, 2), (1, 2); None where one counts from the end."""
    columns = []
    for part in parts:
        numbers = [i.dim.known if i.dim is not None else None for i in part.items or ()]
        if (
            part.kind != "int"
            or not numbers
            or any(n is None or n < 0 for n in numbers)
        ):
            return None
        columns.append([n for n in numbers if n is not None])
    if not columns or len({len(c) for c in columns}) > 1:
        return None
    return [*zip(*columns, strict=True)]
