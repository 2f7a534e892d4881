"""Dicts and lists of settings: names, flags, counts, and what a layer keeps from one call to the next.

    self.bn_params = [{"mode": "train"} for i in range(depth)]

They carry no gradient, and what is stored into them stays in the forward part, as it stands. So nothing may be read
out of them later than the text does: what is read is a value of its own, and the backward never reads it again. Of
running averages it is not followed how one call hands them on to the next. Anything else that may carry a gradient
is refused where it could come back out of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.scope import Arguments, Callee, Refusal, Value, atoms_in
from flatgrad.frontend.storages import vars_in
from flatgrad.graph import Atom, Lit, Var
from flatgrad.types import Shape, Type, join

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

KIND = "settings"
PLAIN = {"str", "int", "bool", "none", KIND}
RUNNING = re.compile(r"running|moving")  # keys of averages over all calls
STORING = ("update", "setdefault")
# How many there are has to stay, since loops may run over them.
CHANGING = ("append", "extend", "insert", "remove", "pop", "popitem", "clear", "reverse", "sort")  # fmt: skip


def is_settings(value: Any) -> bool:
    return isinstance(value, Var) and value.type.kind == KIND


def read(low: Lowering, node: cst.CSTNode, held: Var, others: Sequence[Atom]) -> Var:
    """Something of `held`, as it is now: it may be what has been stored before."""
    key = others[0] if others else None
    stored = low.kept.get(low.storages.root(held), [])
    others = [*others, *(v for k, v in stored if not _are_apart(k, key))]
    what = "what a dict of settings holds carries no gradient"
    step = "keep what has one elsewhere"
    attrs = {"what": what, "code": "FG108", "next_step": step, "taken": True, "now": True}  # fmt: skip
    low.build.dialect = ""
    (made,) = low.build.emit_all("opaque", [held, *others], 1, node=node, attrs=attrs)
    assert isinstance(made.atom, Var)
    return made.atom


def item(low: Lowering, node: cst.CSTNode, held: Var, index: Atom) -> Var:
    """held[index]: of a list of settings, settings."""
    part = read(low, node, held, [index])
    if index.type.kind == "int":
        part.type.kind = KIND
    return part


def _are_apart(a: Atom | None, b: Atom | None) -> bool:
    """Two keys that are written down and differ."""
    return isinstance(a, Lit) and isinstance(b, Lit) and a != b


def _is_running(key: Atom | None) -> bool:
    return isinstance(key, Lit) and RUNNING.search(str(key.value)) is not None


def store(
    low: Lowering, node: cst.CSTNode, held: Var, key: Atom | None, value: Value
) -> None:
    """held[key] = value: what is read out of it later may be the array of the value."""
    low.note()
    fractions = [v for v in vars_in(value) if v.type.kind not in PLAIN]
    around = low.loop_depth > 0 or low.given is not None or low.parent[0] is not None
    if fractions and around and not _is_running(key):
        what = "a value that may carry a gradient is kept in a dict of settings"
        step = "keep it in a variable, or in an attribute of its own"
        raise Refusal("FG401", what, step, node)
    if not around:
        kept = low.kept.setdefault(low.storages.root(held), [])
        kept.extend((key, v) for v in fractions)
    for var in vars_in(value):
        if var in low.storages.arrays or not var.type.shape.is_scalar:
            low.storages.approach(var, low.storages.items_of(held))


def refuse_augmented(target: cst.CSTNode) -> Refusal:
    what = "a dict of settings is augmented"
    step = "write settings[key] = settings[key] + value"
    return Refusal("FG106", what, step, target)


def called(
    low: Lowering, node: cst.Call, function: Any, given: Arguments
) -> Value | None:
    """A method of settings, or a function of a library that is given them; None of other calls."""
    match function:
        case (Var() as held, str() as name) if is_settings(held):
            return _method(low, node, held, name, given)
        case Callee():
            return None
        case _:
            found = [v for v in given.atoms if isinstance(v, Var) and is_settings(v)]
            if not found:
                return None
            others = [a for a in given.atoms if a is not found[0]]
            return read(low, node, found[0], others)


def _method(
    low: Lowering, node: cst.Call, held: Var, name: str, given: Arguments
) -> Value:
    if name in CHANGING:
        what = f"a .{name}() of a dict or list of settings is not read"
        raise Refusal("FG106", what, "give each setting a value by its key", node)
    if name in STORING:
        for value in (*given.positional, *given.keywords.values()):
            store(low, node, held, None, value)
    if name in STORING and name != "setdefault":
        return Lit(None)
    part = read(low, node, held, given.atoms)
    match name, given.positional:
        case "get" | "setdefault", [_, Lit(value=int() | float())]:
            part.type = Type(Shape(()), "any")
        case "get" | "setdefault", [_, Var() as default] if default.type.kind not in ("list", "dict", "str"):  # fmt: skip
            join(part.type.shape, default.type.shape)
        case _:
            pass
    return part


def refuse_kept(low: Lowering, node: cst.CSTNode, values: Iterable[Value]) -> None:
    """A helper that stands by itself would read what is kept in settings without its gradient."""
    for value in values:
        kept = low.kept.get(low.storages.root(value), []) if isinstance(value, Var) and is_settings(value) else []  # fmt: skip
        if any(not _is_running(key) for key, _ in kept):
            what = (
                "a value that may carry a gradient is handed on in a dict of settings"
            )
            raise Refusal("FG401", what, "pass it as an argument", node)


def tested(low: Lowering, node: Any, values: Sequence[Value]) -> Var | None:
    """ "seed" in settings, as it is now; None of a test of something else."""
    held = next((v for v in values if is_settings(v)), None)
    if held is None or node is None:
        return None
    assert isinstance(held, Var)
    others = [a for v in values for a in atoms_in(v) if a is not held]
    return read(low, node, held, others)


__all__ = ["KIND", "called", "is_settings", "item", "read", "refuse_augmented", "refuse_kept", "store", "tested"]  # fmt: skip
