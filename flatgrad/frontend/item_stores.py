"""xs[i] = v, xs[i] += v, xs += more and del xs[i], where xs is a list or a dict -> equations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.frontend import expressions, settings
from flatgrad.frontend.containers import (
    as_list,
    item_atom,
    loose,
    put_back,
    renewed,
    replaced,
)
from flatgrad.frontend.scope import Refusal, Struct, Value
from flatgrad.frontend.storages import vars_in
from flatgrad.graph import Atom, Lit, Var

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


def store(
    low: Lowering, target: cst.Subscript, base: Value, index: Atom, value: Value
) -> bool:
    """xs[i] = v where xs is a list or a dict, or a part of one; False where it is an array."""
    if isinstance(base, Struct):
        if (known := _stored(base, index, value)) is not None:
            replaced(low, base, known)
            return True
        if base.kind == "tuple":
            return False
        name = target.value.value if isinstance(target.value, cst.Name) else ""
        base = loose(low, name, base)
    if not isinstance(base, Var):
        return False
    if settings.is_settings(base):
        settings.store(low, target, base, index, value)
        return True
    if index.type.kind == "str" and base.type.kind == "any":
        base.type.kind = "dict"
    if base.type.kind not in ("list", "dict") and not _is_in_list(low, target):
        return False
    _leave_open(base)
    _refuse_put_twice(low, target)
    item = item_atom(low, target, value)
    if index.type.kind == "slice":
        raise Refusal(
            "FG106",
            "a store into a slice of a list is not read",
            "store the items one by one",
            target,
        )
    low.build.dialect = ""
    new = low.emit("setitem", base, index, item)
    put_back(low, target.value, base, new)
    return True


def augment_name(
    low: Lowering, target: cst.Name, op: str, more: cst.BaseExpression
) -> bool:
    """xs += [a, b]"""
    base = low.frame.env.get(target.value)
    listed = isinstance(base, Struct) and base.kind == "list"
    if op != "add" or not (
        listed or (isinstance(base, Var) and base.type.kind == "list")
    ):
        return False
    base, added = low.expression(target), low.expression(more)
    if isinstance(base, Struct):
        if isinstance(added, Struct):
            renewed(low, base, (*base.items, *added.items))
            return True
        base = loose(low, target.value, base)
    assert isinstance(base, Var)
    low.build.dialect = ""
    put_back(
        low, target, base, low.emit("list_concat", base, as_list(low, target, added))
    )
    return True


def augment_part(
    low: Lowering, target: cst.Subscript, op: str, node: cst.BaseExpression
) -> bool:
    """xs[i] += v where xs is a list or a dict; False where it is an array."""
    base = low.expression(target.value)
    index = expressions.index(low, target)
    if settings.is_settings(base):
        raise settings.refuse_augmented(target)
    known = isinstance(base, Struct) and base.kind != "tuple"
    if not known and not (isinstance(base, Var) and _is_held(low, target, base, index)):
        return False
    if (
        isinstance(base, Struct)
        and isinstance(index, Lit)
        and (kept := _stored(base, index, Lit(0))) is not None
    ):
        return _augment_known(low, target, op, node, base, index, kept)
    if isinstance(base, Struct):
        base = loose(
            low, target.value.value if isinstance(target.value, cst.Name) else "", base
        )
    assert isinstance(base, Var)
    _leave_open(base)
    _refuse_put_twice(low, target)
    amount = low.atom(low.expression(node), node)
    if low.module.imports_library_of_arrays():
        low.note()
        if base.type.kind in ("list", "dict"):
            low.storages.spoil_items(base, low.build.statement)
    low.build.dialect = ""
    if op in ("add", "sub") and amount.type.kind not in ("list", "str"):
        amount = low.emit("neg", amount) if op == "sub" else amount
        new = low.emit("index_add", base, index, amount, repeats=False)
    else:
        part = low.emit("getitem", base, index)
        new = low.emit("setitem", base, index, low.emit(op, part, amount))
    put_back(low, target.value, base, new)
    return True


def _leave_open(base: Var) -> None:
    """rows[i] of a list of rows is a list or an array: it is gone back through as either."""
    if base.type.kind == "any" and base.type.rank is None:
        base.type.kind = "tree"


def _is_held(low: Lowering, target: cst.Subscript, base: Var, index: Atom) -> bool:
    return (
        base.type.kind in ("list", "dict")
        or _is_key(base, index)
        or _is_in_list(low, target)
    )


def _is_key(base: Var, index: Atom) -> bool:
    if index.type.kind == "str" and base.type.kind == "any":
        base.type.kind = "dict"
    return base.type.kind == "dict"


def _augment_known(
    low: Lowering, target: cst.Subscript, op: str, node: cst.BaseExpression, base: Struct, index: Lit, kept: Struct
) -> bool:  # fmt: skip
    """An array among the items is written in place, a number gets another value."""
    old = expressions._item(base, index.value, target)
    if isinstance(old, Struct):
        return False
    amount = low.atom(low.expression(node), node)
    old = low.atom(old, target)
    low.build.dialect = ""
    new = low.emit(op, old, amount)
    low.note()
    if isinstance(old, Var) and not (
        old.type.shape.is_scalar and old not in low.storages.arrays
    ):
        _refuse_twice(low, target, kept, old)
        low.overwrite(old, new, unsure=True)
    after = _stored(base, index, new)
    assert after is not None
    replaced_after_write(low, base, target, after)
    return True


def _refuse_twice(
    low: Lowering, target: cst.Subscript, others: Struct, old: Var
) -> None:
    """The array is another item, too, or may be."""
    if any(low.storages.may_share(v, old) for v in vars_in(others)):
        what = "another item may share the array that is written in place"
        raise Refusal("FG401", what, "put a copy of it into the list or dict", target)


def replaced_after_write(
    low: Lowering, old: Struct, target: cst.Subscript, new: Struct
) -> None:
    """The write may have made the names of the list stale; the one that it was made through is not."""
    replaced(low, old, new)
    if isinstance(target.value, cst.Name):
        low.note()
        low.storages.hold(low.frame, target.value.value, new)


def _is_in_list(low: Lowering, target: cst.Subscript) -> bool:
    """rows[i][j] where rows is a list or a dict."""
    return _list_around(low, target) is not None


def _list_around(low: Lowering, target: cst.Subscript) -> Var | None:
    """The list or dict rows of rows[i][j]."""
    match target.value:
        case cst.Subscript(value=outer):
            held = low.frame.values.get(outer)
            known = isinstance(held, Var) and held.type.kind in ("list", "dict")
            return held if known else None  # type: ignore[return-value]
        case _:
            return None


def _refuse_put_twice(low: Lowering, target: cst.Subscript) -> None:
    """A write into rows[i], which may be another item of rows, too."""
    held, statement = _list_around(low, target), low.build.statement
    if held is not None and statement is not None:
        low.note()
        low.storages.refuse_twice(held, statement)


def _stored(base: Struct, index: Atom, value: Value) -> Struct | None:
    if not isinstance(index, Lit):
        return None
    if base.kind == "dict":
        known = dict(zip(base.keys, base.items, strict=True)) | {index.value: value}
        return Struct(tuple(known.values()), "dict", tuple(known))
    items = [*base.items]
    if (
        base.kind != "list"
        or type(index.value) is not int
        or not -len(items) <= index.value < len(items)
    ):
        return None
    items[index.value] = value
    return base.of(items)


def delete(low: Lowering, node: cst.Del) -> bool:
    """del xs[i]; False where something else is deleted."""
    match node.target:
        case cst.Subscript() as target:
            base, index = low.expression(target.value), expressions.index(low, target)
        case _:
            return False
    if (
        isinstance(base, Struct)
        and isinstance(index, Lit)
        and _stored(base, index, Lit(0)) is not None
    ):
        known = [*base.items]
        at = base.keys.index(index.value) if base.kind == "dict" else index.value
        known.pop(at)
        keys = tuple(k for k in base.keys if k != index.value)
        renewed(low, base, known, keys)
        return True
    if isinstance(base, Struct) and base.kind != "tuple":
        base = loose(
            low, target.value.value if isinstance(target.value, cst.Name) else "", base
        )
    if (
        not isinstance(base, Var)
        or base.type.kind not in ("list", "dict")
        or index.type.kind == "slice"
    ):
        return False
    low.build.dialect = ""
    item = low.emit("getitem", base, index)
    low.build.dialect = ""
    put_back(low, target.value, base, low.emit("list_drop", base, index, item))
    return True
