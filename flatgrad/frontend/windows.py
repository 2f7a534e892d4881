"""How names show one array: after a write through any of them, each shows the part that it showed before.

The graph has no arrays that change. A store through a view gives a new value of the view; put back into what it is
a view of, it gives a new value of that, up to the array itself; and from there each other name gets its part again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flatgrad.frontend.scope import Refusal
from flatgrad.frontend.storages import vars_in
from flatgrad.graph import Eqn, Lit, Statement, Var

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

COUNTED = ("int", "bool", "str", "arange")
RESHAPING = {"reshape", "ravel", "expand_dims", "squeeze"}


@dataclass
class Renewed:
    """What has taken the place of each value, and all that was made for it."""

    after: dict[Var, Var]
    made: set[Var] = field(default_factory=set)


def write(low: Lowering, old: Var, new: Var, *, unsure: bool) -> None:
    """The array of `old` holds `new` from now on, and whatever shows it follows."""
    statement = low.build.statement
    assert statement is not None
    low.note()
    _refuse_collection(low, old, new, statement)
    renewed = Renewed({} if unsure else {old: new}, {new})
    if not unsure:
        _put_back(low, old, new, statement, renewed)
        _show_again(low, old, statement, renewed)
    low.storages.write(
        old, new, statement, unsure=unsure, after=renewed.after, made=renewed.made
    )


def _refuse_collection(low: Lowering, old: Var, new: Var, statement: Statement) -> None:
    """d = defaultdict(float); d[k] += x: neither an array nor a dict that is followed."""
    root = low.storages.root(old)
    if not any(low.storages.root(v) is root for v in low.collections):
        return
    made = next((e for e in low.build.eqns if new in e.outs), None)
    put = made.args[1:] if made is not None else ()
    if any(isinstance(v, Var) and v.type.kind not in COUNTED for v in put[-1:]):
        what = "what is put into this collection is not followed"
        step = "use a dict, and give it what it begins with: if k not in d: d[k] = 0.0"
        raise Refusal("FG106", what, step, statement.node)


# --- from a view to the array -----------------------------------------------------------------------------------


def _put_back(
    low: Lowering, old: Var, new: Var, statement: Statement, renewed: Renewed
) -> None:
    """The new value of everything that `old` is a view of."""
    storages = low.storages
    if old in storages.unsure:  # something is stored into it: it is no number
        storages.views[old] = storages.unsure[old]
    while old in storages.views:
        base, eqn = storages.views[old]
        put = _base_after(low, base, eqn, new)
        low.note()
        storages.views.pop(put, None)
        if put is not new:
            storages.views[new] = (put, eqn)
            renewed.made.add(put)
            _name(low, base, put, statement)
        renewed.after[base] = put
        old, new = base, put


def _base_after(low: Lowering, base: Var, eqn: Eqn, part: Var) -> Var:
    """`base` once its view by `eqn` holds `part`."""
    low.build.dialect = ""
    match eqn.op:
        case "alias" | "asarray":
            return part
        case "getitem":
            return low.emit("setitem", base, eqn.args[1], part)
        case "transpose":
            return low.emit("transpose", part, **_inverse(eqn.attrs.get("axes")))
        case "moveaxis":
            source, destination = eqn.attrs.get("source", 0), eqn.attrs.get(
                "destination", 0
            )
            return low.emit("moveaxis", part, source=destination, destination=source)
        case "matrix_transpose" | "swapaxes":
            return low.emit(eqn.op, part, **eqn.attrs)
        case _:
            return low.emit("reshape", part, low.emit("shape", base))


def flat(low: Lowering, array: Var) -> Var:
    """a.flat: all elements one after the other, whatever the layout."""
    made = low.emit("reshape", array, Lit(-1))
    low.note()
    low.storages.approach(made, array)
    low.storages.views[made] = (array, low.build.eqns[-1])
    return made


def _inverse(axes: Any) -> dict[str, Any]:
    if axes is None:
        return {}
    return {"axes": tuple(sorted(range(len(axes)), key=lambda i: axes[i] % len(axes)))}


# --- from the array to what else shows it -----------------------------------------------------------------------


def _show_again(
    low: Lowering, old: Var, statement: Statement, renewed: Renewed
) -> None:
    """Every value that a name still stands for, and that is a view of something with a new value."""
    held = low.storages.held(old)
    for value in dict.fromkeys(v for found in held for v in vars_in(found)):
        shown_again(low, value, statement, renewed)


def shown_again(
    low: Lowering, value: Var, statement: Statement, renewed: Renewed
) -> Var | None:
    """The part of the new array that `value` was of the old one; None where that is not known."""
    if value in renewed.after:
        return renewed.after[value]
    if value not in low.storages.views:
        return None
    base, eqn = low.storages.views[value]
    above = shown_again(low, base, statement, renewed)
    if above is None:
        return None
    made = above
    if eqn.op not in ("alias", "asarray"):
        low.build.dialect = eqn.dialect
        made = low.emit(eqn.op, above, *eqn.args[1:], **eqn.attrs)
        renewed.made.add(made)
        low.note()
        _name(low, value, made, statement)
    renewed.after[value] = made
    return made


def _name(low: Lowering, before: Var, value: Var, statement: Statement) -> None:
    """The statement gives the name of `before` another value, by whatever name it writes."""
    if before.name and low.frame.env.get(before.name) is before:
        value.name = before.name
        low.frame.writes[value] = (None, statement)


# --- over branches and loops ------------------------------------------------------------------------------------


def path(low: Lowering, value: Var) -> list[tuple[Var, Eqn]]:
    """(what it is a view of, by what), from `value` up to the array."""
    found: list[tuple[Var, Eqn]] = []
    while value in low.storages.views:
        base, eqn = low.storages.views[value]
        found.append((base, eqn))
        value = base
    return found


def steps_to(low: Lowering, value: Var, base: Var) -> list[Eqn] | None:
    """How `value` shows `base`, outermost step first; None if it is no view of it."""
    wanted = unaliased(low, base)
    steps: list[Eqn] = []
    here = unaliased(low, value)
    while here is not wanted:
        if here not in low.storages.views:
            return None
        above, eqn = low.storages.views[here]
        steps.insert(0, eqn)
        here = unaliased(low, above)
    return steps


def unaliased(low: Lowering, value: Var) -> Var:
    """The first of the values that are this very array."""
    while value in low.storages.views and low.storages.views[value][1].op in (
        "alias",
        "asarray",
    ):
        value = low.storages.views[value][0]
    return value


def same_steps(left: list[Eqn] | None, right: list[Eqn] | None) -> bool:
    """Both show the same part of their arrays."""
    if left is None or right is None or len(left) != len(right):
        return False
    return all(
        a.op == b.op and a.args[1:] == b.args[1:] and dict(a.attrs) == dict(b.attrs)
        for a, b in zip(left, right, strict=True)
    )


def shown(low: Lowering, base: Var, steps: list[Eqn]) -> Var:
    """The part of `base` that these steps show; a value of its own, which may have a name."""
    for eqn in steps:
        low.build.dialect = eqn.dialect
        base = low.emit(eqn.op, base, *eqn.args[1:], **eqn.attrs)
    if not steps:
        low.build.dialect = ""
        base = low.emit("alias", base)
    low.note()
    return base


__all__ = ["path", "same_steps", "shown", "steps_to", "write"]
