"""x[index], x[index] = value, take: what is known of an array and of its part."""

from __future__ import annotations

from collections.abc import Sequence

from flatgrad.graph import Eqn, Var
from flatgrad.shapes.broadcasting import same
from flatgrad.shapes.containers import CONTAINERS, MAY_HOLD, are_strings, item_type
from flatgrad.shapes.facts import (
    axes_of,
    bound,
    elements,
    equate,
    known_value,
    learn,
    learn_dim,
    option,
    whole_shape,
)
from flatgrad.shapes.items import appended, each_of, taken
from flatgrad.shapes.lengths import difference
from flatgrad.shapes.subscripts import index_parts, learn_integers, role_of
from flatgrad.shapes.tuples import axis_length, is_sequence, spell_out
from flatgrad.types import (
    Contradiction,
    Dim,
    Shape,
    Type,
    broadcast_shape,
    join,
    same_shape,
    scalar,
)


def along_axis(eqn: Eqn) -> None:
    """take_along_axis(x, indices, axis): like the indices, where these are not stretched."""
    learn(eqn.out.type, elements(eqn.args[0].type.kind))
    dims = eqn.args[1].type.shape.dims
    if dims is not None and all(d.known != 1 for d in dims):
        join(eqn.out.type.shape, eqn.args[1].type.shape)


def getitem(eqn: Eqn) -> None:
    x, index = eqn.args[0].type, eqn.args[1].type
    if index.kind == "str" and x.kind == "any":
        learn(x, "dict")
    if eqn.attrs.get("unpacked") and x.shape.dims is None and index.kind != "slice":
        return None
    if x.kind == "list" and index.kind == "slice":
        eqn.out.type.each = each_of(x)
    elif x.kind == "list" and index.kind == "int" and index.shape.is_scalar:
        taken(eqn.out.type, x)
    if x.kind in CONTAINERS:
        if x.shape.parts.get("numbers") and index.kind == "int":
            join(eqn.out.type.shape, scalar())
        return learn(eqn.out.type, item_type(x, index))
    if x.kind == "tuple" and index.kind != "slice" and are_strings(x):
        return learn(eqn.out.type, "str")
    if x.kind == "tuple" or (is_sequence(x) and role_of(index) in ("integer", "slice")):
        return _item(eqn)
    learn(eqn.out.type, "int" if x.kind == "arange" else x.kind)
    indexed(x.shape, eqn.out.type.shape, index)
    return None


def indexed(x: Shape, part: Shape, index: Type) -> None:
    """Join what is known of x and of x[index]."""
    parts = index_parts(index)
    if parts is None:
        return
    learn_integers(parts)
    roles = [role_of(p) for p in parts]
    if x.dims is None:
        _part_of_unknown(x, part, parts, roles)
    elif "unknown" in roles:
        join(part, x.root().parts.setdefault(("part", *parts), part))
    elif (dims := _indexed(x.dims, parts, roles)) is not None:
        join(part, Shape(dims))


def _indexed(
    dims: tuple[Dim, ...], parts: Sequence[Type], roles: Sequence[str]
) -> list[Dim] | None:
    """The lengths of x[parts]; None where they are unknown."""
    ranks = [_consumed(part, role) for part, role in zip(parts, roles, strict=True)]
    if None in ranks:
        return None
    left = len(dims) - sum(rank or 0 for rank in ranks)
    if left < 0:
        raise Contradiction(
            f"{len(dims) - left} subscripts",
            f"an index of an array of shape {Shape(dims)}",
        )
    if "ellipsis" not in roles:
        parts, roles, ranks = (
            [*parts, Type(kind="ellipsis")],
            [*roles, "ellipsis"],
            [*ranks, 0],
        )
    fancy = "array" in roles or "mask" in roles
    rest, found = iter(dims), list[Dim]()
    arrays, places = (
        list[Shape | None](),
        list[int](),
    )  # None: what separates arrays from one another
    for part, role, rank in zip(parts, roles, ranks, strict=True):
        taken = [next(rest) for _ in range(left if role == "ellipsis" else rank or 0)]
        match role:
            case "slice":
                found.append(slice_length(taken[0], part))
            case "ellipsis":
                found += taken
            case "none":
                found.append(Dim(1))
            case _ if fancy:
                arrays.append(chosen(part) if role == "mask" else part.shape)
                places.append(len(found))
        if role in ("slice", "ellipsis", "none"):
            arrays.append(None)
    return _with_arrays(found, arrays, places)


def chosen(mask: Type) -> Shape:
    """The shape of what a mask picks: the same wherever this mask is used."""
    found: Shape = mask.shape.root().parts.setdefault(("chosen", mask), Shape([Dim()]))
    return found


def _consumed(part: Type, role: str) -> int | None:
    """How many axes a subscript takes; an ellipsis is counted later."""
    if role == "mask":
        return part.shape.rank
    return 0 if role in ("none", "ellipsis") else 1


def _with_arrays(
    found: list[Dim], arrays: Sequence[Shape | None], places: Sequence[int]
) -> list[Dim] | None:
    """Insert the axes of the index arrays: in their place if they are adjacent, else in front."""
    shapes = [a for a in arrays if a is not None]
    if not shapes:
        return found
    joint = shapes[0] if len(shapes) == 1 else broadcast_shape(shapes)
    if joint is None or joint.dims is None:
        return None
    inner = "".join("a" if a is not None else " " for a in arrays).strip()
    at = places[0] if " " not in inner else 0
    return [*found[:at], *joint.dims, *found[at:]]


def _part_of_unknown(
    x: Shape, part: Shape, parts: Sequence[Type], roles: Sequence[str]
) -> None:
    """x[i], x[1:] of an array of unknown rank: one shape for each way of cutting."""
    if roles == ["mask"] and same_shape(x, parts[0].shape):
        return join(part, chosen(parts[0]))
    cuts = [_cut(p, r) for p, r in zip(parts, roles, strict=True)]
    if None in cuts:
        return join(part, x.root().parts.setdefault(("part", *parts), part))
    if part.dims is not None:
        kept = sum(cut != "integer" for cut in cuts)
        if len(part.dims) < kept:
            raise Contradiction(
                f"a part with {kept} or more axes", f"one of shape {part}"
            )
        dims = iter(part.dims)
        before: list[Dim] = []
        for cut in cuts:
            match cut:
                case "integer":
                    before.append(Dim())
                case "none":
                    next(dims)
                case int():
                    before.append(next(dims).plus(cut))
        join(x, Shape([*before, *dims]))
    else:
        join(part, x.root().parts.setdefault(tuple(cuts), Shape()))
    return None


def _cut(part: Type, role: str) -> int | str | None:
    """By how much a slice shortens its axis; the role of a subscript that is no slice."""
    if role != "slice":
        return role if role in ("integer", "none") else None
    start, stop, step = part.items or (None, None, None)
    if start is None or stop is None or step is None:
        return None
    at, end, by = (
        0 if t.kind == "none" else known_value(t) for t in (start, stop, step)
    )
    if (
        at is None
        or end is None
        or by not in (0, 1)
        or at < 0
        or end > 0
        or (end == 0 and stop.kind != "none")
    ):
        return None
    return at - end


def slice_length(axis: Dim, part: Type) -> Dim:
    """The length of x[start:stop:step] along an axis; bounds are taken to lie within it."""
    start, stop, step = part.items or (Type(), Type(), Type())
    by = 1 if step.kind == "none" else known_value(step)
    first, last = bound(start), bound(stop)
    if (
        not by
        or (first is None and start.kind != "none")
        or (last is None and stop.kind != "none")
    ):
        return Dim()
    numbers = [None if d is None else d.known for d in (first, last)]
    if (
        axis.known is not None
        and (first is None or numbers[0] is not None)
        and (last is None or numbers[1] is not None)
    ):
        return Dim(len(range(axis.known)[slice(numbers[0], numbers[1], by)]))
    if first is None and last is None and by in (1, -1):
        return axis
    if by != 1:
        return Dim()
    return difference(
        _from_front(last or axis, axis), _from_front(first or Dim(0), axis)
    )


def _from_front(at: Dim, axis: Dim) -> Dim:
    """A bound that counts from the end, counted from the front."""
    return axis.plus(at.known) if at.known is not None and at.known < 0 else at


def _item(eqn: Eqn) -> None:
    """t[i], t[1:] of a tuple."""
    x, index = eqn.args[0].type, eqn.args[1].type
    spell_out(x)
    at = known_value(index)
    if index.kind == "slice":
        bounds = [
            None if t.kind == "none" else known_value(t) for t in index.items or ()
        ]
        certain = all(
            t.kind == "none" or known_value(t) is not None for t in index.items or ()
        )
        learn(eqn.out.type, "tuple")
        if x.items is not None and certain:
            eqn.out.type.items = x.items[slice(*bounds)]
    elif at is not None and x.items is not None:
        if not -len(x.items) <= at < len(x.items):
            raise Contradiction(f"{at}", f"an index of a tuple of {len(x.items)}")
        equate(eqn.out.type, x.items[at])
    elif at is not None and (whole := whole_shape(x)) is not None:
        learn_dim(eqn.out.type, axis_length(whole, at) or Dim())
    elif whole_shape(x) is not None:
        learn_dim(eqn.out.type, eqn.out.type.dim or Dim())


def take(eqn: Eqn) -> None:
    """take(x, indices, axis): indexing along one axis."""
    x, index, axis = eqn.args[0].type, eqn.args[1].type, option(eqn, "axis")
    learn(eqn.out.type, elements(x.kind))
    if index.shape.dims is None or isinstance(axis, Var):
        return
    if axis is None:
        join(eqn.out.type.shape, index.shape)
    elif x.shape.dims is not None:
        (at,) = axes_of(axis, len(x.shape.dims)) or (0,)
        dims = x.shape.dims
        join(
            eqn.out.type.shape, Shape((*dims[:at], *index.shape.dims, *dims[at + 1 :]))
        )


def updated(eqn: Eqn) -> None:
    """setitem(x, index, value): like x; the value fits x[index], or is broadcast to it."""
    x, index = eqn.args[0].type, eqn.args[1].type
    if x.kind in MAY_HOLD:
        learn(eqn.out.type, x.kind)
        return appended(eqn) if index.kind == "int" else None
    same(eqn)
    learn(eqn.out.type, elements(x.kind))
    join(x.shape, eqn.out.type.shape)
    if not x.shape.is_scalar:
        indexed(x.shape, Shape(), index)
    return None
