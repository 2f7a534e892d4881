"""Assignments of the source -> names bound, elements stored: `a = v`, `a, b = v`, `a[i] = v`, `a += v`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import expressions, item_stores, permutations, positions, windows
from flatgrad.frontend.branches import either
from flatgrad.frontend.module import nodes_in
from flatgrad.frontend.pragmas import stopped_atom
from flatgrad.frontend.scope import Refusal, Stale, Struct, Value, word_for
from flatgrad.graph import Atom, Block, Eqn, Lit, Var
from flatgrad.shapes import may_repeat
from flatgrad.types import Dim, join_dims

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

PARTS = "the rest of a tuple"  # no name of Python's
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
        case cst.Subscript():
            held = low.expression(target.value)
            index = expressions.index(low, target)
            if not item_stores.store(low, target, held, index, value):
                _refuse_immutable(low, target)
                base = _base(low, target)
                _store(low, target, base, "setitem", index, value, **apart(low, index))
        case _:
            raise _unread_target(target)


def _refuse_immutable(low: Lowering, target: cst.CSTNode) -> None:
    if low.module.library == "jax.numpy":
        what = "arrays of jax are never written in place"
        raise Refusal("FG106", what, "write x = x.at[i].set(v)", target)


def _unread_target(target: cst.CSTNode) -> Refusal:
    step = "assign to a name or to elements of a named array"
    return Refusal("FG106", "an assignment to this target is not read", step, target)


def _bind(low: Lowering, target: cst.Name, value: Value, source: cst.CSTNode) -> None:
    """The first name of a new value becomes its own; any other name is an alias."""
    value = low.constant(value, source)
    if isinstance(value, Lit | Var):
        fresh = isinstance(value, Var) and not value.name
        if not fresh or value in low.externals.values():
            low.build.dialect = ""
            value = low.emit("alias", value, node=source)
        assert isinstance(value, Var)
        value.name = target.value
        low.wrote(target, value)
    else:
        low.rebound(target)
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
        parts = parts_of(low, low.atom(value, source), len(elements), star)
    _give(low, elements, parts, source)


def _give(
    low: Lowering,
    elements: Sequence[cst.BaseElement],
    parts: Sequence[Value],
    source: cst.CSTNode,
) -> None:
    """One after the other: a store into one of the targets may change what the others are to get."""
    stored = any(isinstance(e.value, cst.Subscript) for e in elements)
    for number, element in enumerate(elements):
        rest = Struct(tuple(parts[number:]))
        if stored and number:
            found = low.frame.env.pop(PARTS)
            if isinstance(found, Stale):
                raise Refusal("FG401", "a part of an array is taken and written into by one statement",
                              "state its shape with --shape, or take a copy first", source)  # fmt: skip
            assert isinstance(found, Struct)
            rest = found
            parts = [*parts[:number], *rest.items]
        if stored and number + 1 < len(elements):
            low.hold(PARTS, Struct(rest.items[1:]))
        assign(low, element.value, rest.items[0], source)


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


def parts_of(low: Lowering, whole: Atom, count: int, star: int | None) -> list[Value]:
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
        case cst.Subscript() if item_stores.augment_part(
            low, node.target, op, node.value
        ):
            pass
        case cst.Subscript():
            _refuse_immutable(low, node.target)
            _augment_part(low, node.target, op, node.value)
        case _:
            raise _unread_target(node.target)


def _augment_name(
    low: Lowering, target: cst.Name, op: str, node: cst.AugAssign
) -> None:
    """An array is written in place, a number gets another value."""
    if item_stores.augment_name(low, target, op, node.value):
        return
    held = low.expression(target)
    if op == "bitor" and _is_dict(held):
        what = "an update of a dict by |= is not read"
        raise Refusal("FG106", what, "store the items one by one", target)
    old = low.atom(held, target)
    right = low.atom(low.expression(node.value), node.value)
    low.build.dialect = ""
    left, right = stopped_atom(low, old), stopped_atom(low, right)
    low.build.dialect = ""
    new = low.emit(op, left, right, node=node)
    new.name = target.value
    low.note()
    array = old in low.storages.arrays
    written = low.module.library != "jax.numpy"  # else a new array gets the name
    if isinstance(old, Var) and written and (array or not old.type.shape.is_scalar):
        unsure = old.type.rank is None and not array
        others = _other_names(low, target.value, old) if unsure else {}
        low.overwrite(old, new, unsure=unsure)
        _follow_arrays(low, others, new)
    low.wrote(target, new)
    low.hold(target.value, new)


def _is_dict(value: Value) -> bool:
    if isinstance(value, Struct):
        return value.kind == "dict"
    return isinstance(value, Var) and value.type.kind == "dict"


def _other_names(low: Lowering, name: str, value: Var) -> dict[str, Var]:
    """The other names of this very value."""
    return {
        other: held
        for other, held in low.frame.env.items()
        if other != name
        and isinstance(held, Var)
        and windows.steps_to(low, held, value) == []
    }


def _follow_arrays(low: Lowering, names: dict[str, Var], new: Var) -> None:
    """What was written in place, if it is an array, is what its other names hold, too: the code asks when it runs.

    Not of what each iteration keeps, which is a copy, and an array in any case.
    """
    statement = low.build.statement
    assert statement is not None
    for name, old in names.items():
        if low.loop_depth:
            why = f"{name} and {new.name} may share one array, and {new.name} was written in place"
            low.storages.hold(low.frame, name, Stale(name, why, statement))
            continue
        low.build.dialect = ""
        test = low.emit("is_ndarray", new, old)
        now = Var(name, either(new.type, old.type))
        blocks = (Block((), (), (new,)), Block((), (), (old,)))
        attrs = {"inline": True}
        low.build.eqns.append(
            Eqn((now,), "if", (test,), attrs, statement, blocks=blocks)
        )
        low.storages.meet(now, [new, old])
        low.storages.approach(now, new)
        low.hold(name, now)
        low.merged(now)


def _augment_part(
    low: Lowering, target: cst.Subscript, op: str, value: cst.BaseExpression
) -> None:
    """a[i] += v adds to a part; any other operator takes the part out and puts the result back."""
    base = _base(low, target)
    index = expressions.index(low, target)
    amount = low.atom(low.expression(value), value)
    if (
        not low.stopping
        and op in ("add", "sub")
        and (isinstance(amount, Lit) or not may_meet(low, index))
    ):
        low.build.dialect = ""
        amount = low.emit("neg", amount) if op == "sub" else amount
        _store(low, target, base, "index_add", index, amount, repeats=False)
        return
    old, amount = stopped_atom(low, _part(low, target, base, index)), stopped_atom(
        low, amount
    )
    low.build.dialect = ""
    _store(
        low,
        target,
        base,
        "setitem",
        index,
        low.emit(op, old, amount),
        **apart(low, index),
    )


READ_TWICE = (
    cst.Name, cst.Integer, cst.Subscript, cst.SubscriptElement, cst.Index, cst.Slice, cst.BinaryOperation,
    cst.UnaryOperation, cst.Attribute, cst.Colon, cst.Comma, cst.BaseParenthesizableWhitespace, cst.LeftSquareBracket,
    cst.RightSquareBracket, cst.Dot, cst.BaseBinaryOp, cst.BaseUnaryOp, cst.LeftParen, cst.RightParen,
)  # fmt: skip


def _part(low: Lowering, target: cst.Subscript, base: Var, index: Atom) -> Atom:
    """What stands in the part that is stored into; as an expression of the text where that may be read twice."""
    if not all(isinstance(node, READ_TWICE) for node in nodes_in(target)):
        return low.emit("getitem", base, index)
    again = target.deep_clone()
    return low.atom(low.expression(again), again)


# --- stores ------------------------------------------------------------------------------------------------------


def _base(low: Lowering, target: cst.Subscript) -> Var:
    """The array that is stored into: one that has a name, or a part or view of one."""
    match target.value:
        case cst.Attribute(value=value, attr=cst.Name(value="flat")):
            array = low.atom(low.expression(value), value)
            low.build.dialect = ""
            base: Value = windows.flat(low, array) if isinstance(array, Var) else array
        case _:
            base = low.expression(target.value)
    held = low.frame.env.get(_root(target.value))
    unnamed = not isinstance(target.value, cst.Name) and not isinstance(held, Var)
    if not isinstance(base, Var) or unnamed:
        what = f"an element of a {word_for(base)} is assigned"
        if unnamed:
            raise _unread_target(target)
        raise Refusal("FG106", what, "assign to elements of a named array", target)
    if _may_be_a_list(base, held):
        what = "an element of an item that may be a list is assigned"
        raise Refusal("FG106", what, "take the item out, and put it back", target)
    return base


def _may_be_a_list(base: Var, held: Value | None) -> bool:
    """A part of a list or a dict, of which it is not known that it is an array."""
    outer = isinstance(held, Var) and held is not base
    holds = outer and held.type.kind in ("list", "dict", "tree", "tuple")  # type: ignore[union-attr]
    return holds and base.type.rank is None


def _root(node: cst.BaseExpression) -> str:
    """The name that a[i][j], a.T[i] and a.ravel()[i] begin with."""
    while not isinstance(node, cst.Name):
        match node:
            case cst.Subscript(value=inner) | cst.Attribute(value=inner):
                node = inner
            case cst.Call(func=cst.Attribute(value=inner)):
                node = inner
            case _:
                return ""
    return node.value


def may_meet(low: Lowering, index: Atom) -> bool:
    """An element may be stored into twice: the index may repeat."""
    if not may_repeat(index):
        return False
    made = low.storages.indices
    low.note()
    parts = [index]
    if isinstance(index, Var):
        tuples = [e for e in low.build.eqns if index in e.outs and e.op == "tuple"]
        parts = list(tuples[0].args) if tuples else parts
    fancy = [
        p
        for p in parts
        if isinstance(p, Var) and p.type.kind != "slice" and not p.type.shape.is_scalar
    ]
    if any(isinstance(p, Lit) and isinstance(p.value, list) for p in parts):
        return True
    return not positions.apart(fancy, made)


def apart(low: Lowering, index: Atom) -> dict[str, bool]:
    """What is noted of a store by an index that may look as if it repeated, and does not."""
    return {"repeats": False} if may_repeat(index) and not may_meet(low, index) else {}


def _store(
    low: Lowering,
    target: cst.Subscript,
    base: Var,
    op: str,
    index: Atom,
    value: Value,
    **attrs: Any,
) -> None:
    amount = low.atom(value, target)
    low.build.dialect = ""
    if (
        op == "setitem"
        and (moved := permutations.moved(low, base, index, amount)) is not None
    ):
        low.write(target.value, base, moved)
        return
    if drops_fractions(base, amount):
        new = _integer_store(low, target, [base, index, amount])
    else:
        new = low.emit(op, base, index, amount, **attrs)
    low.write(target.value, base, new)


def drops_fractions(base: Atom, amount: Atom) -> bool:
    whole = base.type.kind in ("int", "bool", "arange")
    return whole and amount.type.kind not in ("int", "bool")


def _integer_store(low: Lowering, target: cst.Subscript, reads: Sequence[Atom]) -> Var:
    what = "a store into an integer array drops the fraction, so no gradient flows through it"
    step = "make the array one of floats: np.zeros(n) rather than np.zeros(n, dtype=int)"  # fmt: skip
    return low.opaque(what, reads, target, code="FG403", next_step=step)[0]
