"""Assignments of the source -> names bound, elements stored: `a = v`, `a, b = v`, `a[i] = v`, `a += v`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import expressions, stores
from flatgrad.frontend.scope import Refusal, Struct, Value, word_for
from flatgrad.graph import Atom, Lit, Var
from flatgrad.shapes import may_repeat
from flatgrad.types import Dim, join_dims

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

AUGMENTED = {
    cst.AddAssign: "add", cst.SubtractAssign: "sub", cst.MultiplyAssign: "mul", cst.DivideAssign: "truediv",
    cst.PowerAssign: "pow", cst.MatrixMultiplyAssign: "matmul", cst.FloorDivideAssign: "floordiv",
    cst.ModuloAssign: "mod", cst.BitAndAssign: "bitand", cst.BitOrAssign: "bitor", cst.BitXorAssign: "bitxor",
    cst.LeftShiftAssign: "lshift", cst.RightShiftAssign: "rshift",
}  # fmt: skip


def assign(
    low: Lowering, target: cst.BaseExpression, value: Value, source: cst.CSTNode
) -> None:
    """Give `target` the value that was read from the expression `source`."""
    match target:
        case cst.Name():
            _bind(low, target, value, source)
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            _unpack(low, target, elements, value, source)
        case cst.Subscript(value=cst.Name()):
            index = expressions.index(low, target)
            if not stores.store(
                low, target, low.expression(target.value), index, value
            ):
                _store(low, target, "setitem", index, value)
        case cst.Subscript() if stores.store(
            low,
            target,
            low.expression(target.value),
            expressions.index(low, target),
            value,
        ):
            pass
        case _:
            raise _unread_target(target)


def _unread_target(target: cst.CSTNode) -> Refusal:
    step = "assign to a name or to elements of a named array"
    return Refusal("FG106", "an assignment to this target is not read", step, target)


def _bind(low: Lowering, target: cst.Name, value: Value, source: cst.CSTNode) -> None:
    """The first name of a new value becomes its own; any other name is an alias."""
    if isinstance(value, Lit | Var):
        fresh = isinstance(value, Var) and not value.name
        if not fresh or value in low.externals.values():
            low.build.dialect = ""
            value = low.emit("alias", value, node=source)
        assert isinstance(value, Var)
        value.name = target.value
        low.wrote(target, value)
    low.hold(target.value, value)


# --- unpacking -----------------------------------------------------------------------------------------------


def _unpack(
    low: Lowering,
    target: cst.BaseExpression,
    elements: Sequence[cst.BaseElement],
    value: Value,
    source: cst.CSTNode,
) -> None:
    stars = [i for i, e in enumerate(elements) if isinstance(e, cst.StarredElement)]
    star = stars[0] if stars else None
    if isinstance(value, Struct):
        parts = _known_parts(value, len(elements), star, target)
    else:
        parts = _parts(low, low.atom(value, source), len(elements), star)
    for element, part in zip(elements, parts, strict=True):
        assign(low, element.value, part, source)


def _known_parts(
    value: Struct, count: int, star: int | None, target: cst.CSTNode
) -> list[Value]:
    items = list(value.items)
    if star is not None and len(items) >= count - 1:
        end = len(items) - (count - 1 - star)
        middle = Struct(tuple(items[star:end]), "list")
        return [*items[:star], middle, *items[end:]]
    if star is None and len(items) == count:
        return items
    what = f"{len(items)} values are unpacked into {count} names"
    step = "unpack as many names as there are values"
    raise Refusal("FG107", what, step, target)


def _parts(low: Lowering, whole: Atom, count: int, star: int | None) -> list[Value]:
    if star is None:
        _agree_on_length(low, whole, count)
        indices: list[Any] = list(range(count))
    else:
        after = count - 1 - star
        middle = slice(star, -after or None)
        indices = [*range(star), middle, *range(-after, 0)]
    low.build.dialect = ""
    unknown = (
        {"unpacked": True}
        if whole.type.rank is None and whole.type.items is None
        else {}
    )
    return [low.emit("getitem", whole, Lit(i), **unknown) for i in indices]


def _agree_on_length(low: Lowering, whole: Atom, count: int) -> None:
    items, dims = whole.type.items, whole.type.shape.dims
    if items is None and dims:
        join_dims(dims[0], Dim(count, source=f"{count} names take its elements"))
    elif items is not None and len(items) != count:
        raise _wrong_number(low, whole, len(items), count)


def _wrong_number(low: Lowering, whole: Atom, length: int, count: int) -> Refusal:
    """`a, b, c = x.shape` says how many axes x has."""
    assert low.build.statement is not None
    node = low.build.statement.node
    made = next((e for e in reversed(low.build.eqns) if whole in e.outs), None)
    if made is None or made.op != "shape":
        what = f"{length} values are unpacked into {count} names"
        step = "unpack as many names as there are values"
        return Refusal("FG107", what, step, node)
    array = made.args[0]
    name = array.name if isinstance(array, Var) and array.name else "the array"
    what = f"{name} has {length} axes, and {count} names take their lengths"
    told = (str(d.root()[0].source or "") for d in array.type.shape.dims or ())
    step = "\n".join(dict.fromkeys(filter(None, told)))
    return Refusal("FG301", what, step or "state its shape with --shape", node)


# --- augmented assignments -------------------------------------------------------------------------------------


def augment(low: Lowering, node: cst.AugAssign) -> None:
    """`a += v` and the like."""
    op = AUGMENTED[type(node.operator)]
    match node.target:
        case cst.Name():
            _augment_name(low, node.target, op, node)
        case cst.Subscript() if stores.augment_part(low, node.target, op, node.value):
            pass
        case cst.Subscript(value=cst.Name()):
            _augment_part(low, node.target, op, node.value)
        case _:
            raise _unread_target(node.target)


def _augment_name(
    low: Lowering, target: cst.Name, op: str, node: cst.AugAssign
) -> None:
    """An array is written in place, a number gets another value."""
    if stores.augment_name(low, target, op, node.value):
        return
    old = low.atom(low.expression(target), target)
    right = low.atom(low.expression(node.value), node.value)
    low.build.dialect = ""
    new = low.emit(op, old, right, node=node)
    new.name = target.value
    low.note()
    array = old in low.storages.arrays
    if isinstance(old, Var) and (array or not old.type.shape.is_scalar):
        low.overwrite(old, new, unsure=old.type.rank is None and not array)
    low.wrote(target, new)
    low.hold(target.value, new)


def _augment_part(
    low: Lowering, target: cst.Subscript, op: str, value: cst.BaseExpression
) -> None:
    """a[i] += v adds to a part; any other operator takes the part out and puts the result back."""
    index = expressions.index(low, target)
    amount = low.atom(low.expression(value), value)
    if op in ("add", "sub") and (isinstance(amount, Lit) or not may_repeat(index)):
        low.build.dialect = ""
        amount = low.emit("neg", amount) if op == "sub" else amount
        _store(low, target, "index_add", index, amount, repeats=False)
        return
    base = low.atom(low.expression(target.value), target.value)
    old = low.emit("getitem", base, index)
    low.build.dialect = ""
    _store(low, target, "setitem", index, low.emit(op, old, amount))


# --- stores ------------------------------------------------------------------------------------------------------


def _store(
    low: Lowering,
    target: cst.Subscript,
    op: str,
    index: Atom,
    value: Value,
    **attrs: Any,
) -> None:
    base = low.expression(target.value)
    if not isinstance(base, Var):
        what = f"an element of a {word_for(base)} is assigned"
        raise Refusal("FG106", what, "assign to elements of a named array", target)
    amount = low.atom(value, target)
    low.build.dialect = ""
    if _drops_fractions(base, amount):
        new = _integer_store(low, target, [base, index, amount])
    else:
        new = low.emit(op, base, index, amount, **attrs)
    low.write(target.value, base, new)


def _drops_fractions(base: Atom, amount: Atom) -> bool:
    whole = base.type.kind in ("int", "bool", "arange")
    return whole and amount.type.kind not in ("int", "bool")


def _integer_store(low: Lowering, target: cst.Subscript, reads: Sequence[Atom]) -> Var:
    what = "a store into an integer array drops the fraction, so no gradient flows through it"
    step = "make the array one of floats: np.zeros(n) rather than np.zeros(n, dtype=int)"  # fmt: skip
    return low.opaque(what, reads, target, code="FG403", next_step=step)[0]
