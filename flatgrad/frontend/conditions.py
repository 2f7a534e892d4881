"""Expressions that choose -> inline `if` equations: `a if c else b`, `a and b`, `a or b`, `a < b < f(c)`.

What stands in the parts that need not be evaluated is read in blocks of their own, so that nothing is hoisted out of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.builder import Builder
from flatgrad.frontend import settings
from flatgrad.frontend.branches import Way, joined, way
from flatgrad.frontend.module import nodes_in
from flatgrad.frontend.scope import Refusal, Struct, Value, atoms_in
from flatgrad.graph import Atom, Lit, Var
from flatgrad.registry import infer
from flatgrad.types import join, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

COMPARISONS: dict[type[cst.BaseCompOp], str] = {
    cst.Equal: "eq", cst.NotEqual: "ne", cst.LessThan: "lt", cst.LessThanEqual: "le", cst.GreaterThan: "gt",
    cst.GreaterThanEqual: "ge",
}  # fmt: skip
NUMBERS = {"any", "float", "int", "bool", "arange"}
SIMPLE = (
    cst.Name,
    cst.Integer,
    cst.Float,
    cst.Attribute,
    cst.UnaryOperation,
    cst.SimpleString,
)


def condition(low: Lowering, node: Any) -> Atom:
    """The value of an expression that is tested: what it compares are numbers, not arrays."""
    match node:
        case cst.BooleanOperation():
            value = low.frame.values[node] = boolean(low, node, truth=True)
        case _:
            value = low.expression(node)
    if isinstance(value, Struct):
        return Lit(bool(value.items))
    if (asked := settings.tested(low, node, [value])) is not None:
        return asked
    test = low.atom(value, node)
    if isinstance(node, cst.Comparison):
        _one_truth(low, test)
    return test


def tested(low: Lowering, node: Any) -> Atom:
    """The same for an expression whose value nobody takes: all that is kept of it is whether it holds."""
    test = condition(low, node)
    made = next((e for e in reversed(low.build.eqns) if test in e.outs), None)
    if (
        made is None
        or made.op != "opaque"
        or made.outs != (test,)
        or made.node is not node
    ):
        return test
    now = {"now": True} if made.attrs.get("now") else {}
    return low.emit("test", test, node=node, **now)


def _one_truth(low: Lowering, test: Atom) -> None:
    """A comparison that is tested compares numbers."""
    made = low.build.eqns[-1] if low.build.eqns else None
    if made is None or test not in made.outs:
        return
    low.tested.update(made.args)
    if test.type.shape.dims is not None:
        return
    kinds = {a.type.kind for a in made.args}
    ordered = made.op in ("lt", "le", "gt", "ge")
    told = ordered or (made.op in ("eq", "ne") and kinds & {"float", "int", "bool"})
    if told and kinds <= NUMBERS:
        join(test.type.shape, scalar())
        infer(made)


# --- one of two values -------------------------------------------------------------------------------------------


def ternary(low: Lowering, node: cst.IfExp) -> Value:
    """a if c else b"""
    test = tested(low, node.test)
    if isinstance(test, Lit):
        return low.expression(node.body if test.value else node.orelse)
    return chosen(low, test, node, _part(low, node.body), _part(low, node.orelse))


def boolean(low: Lowering, node: cst.BooleanOperation, truth: bool = False) -> Value:
    """a and b, a or b: the left one decides whether the right one is evaluated."""
    test = tested(low, node.left) if truth else condition(low, node.left)
    both = isinstance(node.operator, cst.And)
    left = test if truth else low.frame.values[node.left]

    def right() -> Value:
        return tested(low, node.right) if truth else low.expression(node.right)

    if isinstance(test, Lit):
        return right() if bool(test.value) is both else left
    _refuse_names(node.right)
    more = way(low, right)
    same = way(low, lambda: left)
    return chosen(low, test, node, *((more, same) if both else (same, more)))


def _part(low: Lowering, node: Any) -> Way:
    _refuse_names(node)
    return way(low, lambda: low.constant(low.expression(node), node))


def _refuse_names(node: cst.CSTNode) -> None:
    """`c and (t := f(x))` may leave t as it was."""
    for inner in nodes_in(node):
        if isinstance(inner, cst.NamedExpr):
            what = "a name is assigned in a part of an expression that need not be evaluated"
            raise Refusal("FG118", what, "give the assignment a line of its own", inner)


def chosen(low: Lowering, test: Atom, node: Any, first: Way, second: Way) -> Value:
    """The `if` equation that stands for `node`."""
    _refuse_writes(low, node, first, second)
    value = joined(low, test, _alike(low, node, [first, second]), inline=True)
    assert value is not None
    made = low.build.eqns[-1] if low.build.eqns else None
    if made is not None and isinstance(value, Var) and made.outs == (value,):
        low.build.eqns[-1] = replace(made, node=node)
    return value


def _refuse_writes(low: Lowering, node: Any, first: Way, second: Way) -> None:
    for frame, names in first.envs.items():
        if any(names.get(n) is not v for n, v in second.envs[frame].items()):
            what = "an array is written into in a part of an expression that need not be evaluated"
            raise Refusal("FG118", what, "give the write a line of its own", node)


def _alike(low: Lowering, node: Any, ways: Sequence[Way]) -> list[Way]:
    """Where one way gives a list of known items and the other an array, both give an array."""
    structured = [isinstance(w.value, Struct) for w in ways]
    if all(structured) or not any(structured):
        return list(ways)
    return [_as_one(low, node, w) if isinstance(w.value, Struct) else w for w in ways]


def _as_one(low: Lowering, node: Any, found: Way) -> Way:
    assert found.value is not None
    value = found.value
    outer = low.build
    low.build = Builder(list(found.eqns), statement=outer.statement)
    try:
        one = low.atom(value, node)
        return replace(found, eqns=tuple(low.build.eqns), value=one)
    finally:
        low.build = outer


# --- comparisons -------------------------------------------------------------------------------------------------


def comparison(low: Lowering, node: cst.Comparison) -> Value:
    """a < b, a is None, a < b < c"""
    left = low.expression(node.left)
    if len(node.comparisons) == 1:
        (only,) = node.comparisons
        return _pair(
            low, left, type(only.operator), low.expression(only.comparator), node
        )
    if all(isinstance(c.comparator, SIMPLE) for c in node.comparisons[1:]):
        values = [left, *(low.expression(c.comparator) for c in node.comparisons)]
        if _is_named_constant(node, values):
            return _link(low, node, left, 0)
        atoms = [a for v in values for a in atoms_in(v)]
        _all_numbers(atoms)
        low.tested.update(atoms)
        return low.emit("test", *atoms, node=node)
    return _link(low, node, left, 0)


def _is_named_constant(node: cst.Comparison, values: Sequence[Value]) -> bool:
    """A name stands for a constant: the text of the comparison may not be read where that name is not."""
    sides = [node.left, *(c.comparator for c in node.comparisons)]
    return any(
        isinstance(side, cst.Name) and isinstance(value, Lit)
        for side, value in zip(sides, values, strict=True)
    )


def _link(low: Lowering, node: cst.Comparison, left: Value, position: int) -> Value:
    """The comparison at `position`, and the later ones where it holds."""
    target = node.comparisons[position]
    right = low.expression(target.comparator)
    found = low.atom(_pair(low, left, type(target.operator), right, None), node)
    if position + 1 == len(node.comparisons):
        return found
    _one_truth(low, found)
    _refuse_names(node.comparisons[position + 1])
    more = way(low, lambda: _link(low, node, right, position + 1))
    return chosen(low, found, node, more, way(low, lambda: found))


def _pair(low: Lowering, left: Value, operator: Any, right: Value, node: Any) -> Value:
    if (known := _known(left, operator, right)) is not None:
        return Lit(known)
    _learn_text(left, right)
    if (asked := settings.tested(low, node, [left, right])) is not None:
        return asked
    op = COMPARISONS.get(operator)
    if op is None:
        return low.emit("test", *atoms_in(left), *atoms_in(right), node=node)
    a, b = (low.atom(v, node or low.here() or low.node) for v in (left, right))
    low.build.dialect = ""
    return low.emit(op, a, b, node=node)


def _learn_text(left: Value, right: Value) -> None:
    """mode == "train" and mode in ("train", "test"): mode is a string."""
    for one, other in ((left, right), (right, left)):
        texts = other.items if isinstance(other, Struct) else (other,)
        told = bool(texts) and all(isinstance(t, Lit) and isinstance(t.value, str) for t in texts)  # fmt: skip
        if told and isinstance(one, Var) and one.type.kind == "any" and one.type.rank is None:  # fmt: skip
            one.type.kind = "str"


OPERATORS: dict[Any, Callable[[Any, Any], bool]] = {
    cst.Equal: lambda a, b: bool(a == b), cst.NotEqual: lambda a, b: bool(a != b),
    cst.Is: lambda a, b: a is b, cst.IsNot: lambda a, b: a is not b,
}  # fmt: skip


def _known(left: Value, operator: Any, right: Value) -> bool | None:
    """Whether the comparison holds, where both sides are known: defaults of helpers are tested so."""
    if operator in (cst.Is, cst.IsNot) and Lit(None) in (left, right):
        other = right if left == Lit(None) else left
        if isinstance(other, Var):
            return None
        return (other == Lit(None)) is (operator is cst.Is)
    if operator in (cst.In, cst.NotIn) and isinstance(right, Struct):
        items = [v.value for v in right.items if isinstance(v, Lit)]
        if isinstance(left, Lit) and len(items) == len(right.items):
            return (left.value in items) is (operator is cst.In)
        return None
    if isinstance(left, Lit) and isinstance(right, Lit) and operator in OPERATORS:
        return OPERATORS[operator](left.value, right.value)
    return None


def _all_numbers(atoms: Sequence[Atom]) -> None:
    """A chain of comparisons is a condition, so that it is one of numbers."""
    if {a.type.kind for a in atoms} <= NUMBERS:
        for atom in atoms:
            if atom.type.shape.dims is None:
                join(atom.type.shape, scalar())


__all__ = ["boolean", "comparison", "condition", "ternary", "tested"]
