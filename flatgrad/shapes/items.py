"""Lists that are filled one by one -> what each item is, where all items are alike.

    ys = []; ys.append(0.5 * y)    each item is a number, if y is one

Only numbers are followed, and arrays whose lengths are written down: the length of an array that an iteration makes may
be another one in the next, and a list holds those of all of them.
"""

from __future__ import annotations

from flatgrad.graph import Eqn
from flatgrad.shapes.facts import learn
from flatgrad.types import Shape, Type, join, same_shape

NOTHING = Type(kind="none")  # of a list that is empty
NUMBERS = ("bool", "int", "float")
HELD = {kind: Type(kind=kind) for kind in ("list", "dict")}  # of a list of lists


def each_of(held: Type) -> Type | None:
    """What each item of a list is; None where they differ, or nothing is known."""
    if held.each is not None or held.items is None:
        return held.each
    found: Type | None = NOTHING
    for item in held.items:
        found = both(found, item)
    return found


def both(a: Type | None, b: Type | None) -> Type | None:
    """What is either like `a` or like `b`."""
    if a is None or b is None:
        return None
    if a is NOTHING or b is NOTHING:
        found = b if a is NOTHING else a
        return HELD.get(found.kind, found)
    if a is b or a.kind == b.kind in HELD:
        return HELD.get(a.kind, a)
    alike = same_shape(a.shape, b.shape) and is_lasting(a.shape)
    return Type(a.shape, _kind(a.kind, b.kind)) if alike else None


def _kind(a: str, b: str) -> str:
    if a in NUMBERS and b in NUMBERS:
        return max(a, b, key=NUMBERS.index)
    return a if a == b else "any"


def is_lasting(shape: Shape) -> bool:
    """A number, or an array whose lengths are the same all through a loop."""
    return shape.dims is not None and all(d.known is not None for d in shape.dims)


def taken(item: Type, held: Type) -> None:
    """`item` is one of the items of a list."""
    each = each_of(held)
    if (
        each is not None
        and each.kind in HELD
        and item.kind == "any"
        and item.rank is None
    ):
        item.kind = each.kind
    if each is None or each is NOTHING or not is_lasting(each.shape):
        return
    join(item.shape, each.shape)
    if item.kind == "any" and each.kind in NUMBERS:
        learn(item, each.kind)


def appended(eqn: Eqn) -> None:
    """xs.append(v), xs.insert(i, v) and xs[i] = v"""
    out, held, value = eqn.outs[0].type, eqn.args[0].type, eqn.args[-1].type
    if out.kind == "list":
        out.each = both(each_of(held), value)


def popped(eqn: Eqn) -> None:
    """xs.pop(): what is left, and the item"""
    left, item = (out.type for out in eqn.outs)
    if left.kind == "list":
        left.each = each_of(eqn.args[0].type)
        taken(item, eqn.args[0].type)


__all__ = ["appended", "both", "each_of", "is_lasting", "popped", "taken"]
