"""Element by element: results as wide as the arguments together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flatgrad.graph import Eqn, Var
from flatgrad.registry import ShapeRule
from flatgrad.shapes.facts import (
    bound,
    elements,
    equate,
    giving,
    learn,
    learn_dim,
    measure,
    of_dtype,
    option_type,
    promoted,
    spelled,
)
from flatgrad.shapes.tuples import as_array, is_sequence, joined_tuple
from flatgrad.types import Dim, Shape, Type, broadcast_shape, join, scalar

WHOLE = {"add", "sub", "mul"}  # an integer if all arguments are, and else none


def broadcast(result: Type, args: Sequence[Type]) -> None:
    """Join the shapes of an elementwise operation; lengths that may be 1 are left apart."""
    shapes = [a.shape for a in args if a.kind not in ("none", "str")]
    if result.shape.is_scalar:
        for shape in shapes:
            join(shape, scalar())
    wide = [s for s in shapes if not s.is_scalar]
    joint = wide[0] if len(wide) == 1 else broadcast_shape(wide)
    if joint is not None:
        join(result.shape, joint)


def elementwise(eqn: Eqn) -> None:
    types = [a.type for a in eqn.args]
    broadcast(eqn.out.type, types)
    learn(eqn.out.type, promoted([t.kind for t in types if t.kind != "none"]))


def with_options(eqn: Eqn) -> None:
    """An elementwise operation some of whose arguments are options: these are broadcast too."""
    varying = [o for o in eqn.attrs.values() if isinstance(o, Var)]
    if not any(isinstance(o, list | tuple) for o in eqn.attrs.values()):
        broadcast(eqn.out.type, [v.type for v in (*eqn.args, *varying)])
    eqn.out.type.kind = "float"


elementwise_float = giving("float", elementwise)
elementwise_bool = giving("bool", elementwise)
elementwise_int = giving("int", elementwise)


def selection(eqn: Eqn) -> None:
    """where(condition, a, b): the condition says nothing about the kind."""
    types = [a.type for a in eqn.args]
    broadcast(eqn.out.type, types)
    learn(eqn.out.type, promoted([t.kind for t in types[1:]]))


def arithmetic(operation: Callable[[Dim, Dim], Dim | None]) -> ShapeRule:
    """An elementwise operation that also computes with lengths."""

    def rule(eqn: Eqn) -> None:
        if eqn.op == "add" and _joins_sequences(eqn):
            return joined_tuple(eqn)
        elementwise(eqn)
        if eqn.op in WHOLE and _is_integer(eqn.out.type):
            for argument in eqn.args:
                bound(argument.type)
        if all(a.type.kind == "int" and a.type.shape.is_scalar for a in eqn.args):
            first, *others = [measure(a.type) or Dim() for a in eqn.args]
            second = others[0] if others else first
            learn_dim(
                eqn.out.type, operation(first, second) or eqn.out.type.dim or Dim()
            )
        return None

    return rule


def _is_integer(type: Type) -> bool:
    """One that is known to be: it is the bound of a slice, or a length."""
    return type.kind == "int" and type.shape.is_scalar


def _joins_sequences(eqn: Eqn) -> bool:
    """(N,) + x.shape, [a, b] + [c]: not arithmetic."""
    types = [a.type for a in eqn.args]
    return any(t.kind == "tuple" for t in types) or all(map(is_sequence, types))


def same(eqn: Eqn) -> None:
    """The result is like the first argument."""
    join(eqn.out.type.shape, eqn.args[0].type.shape)
    learn(eqn.out.type, eqn.args[0].type.kind)


def triangle(eqn: Eqn) -> None:
    """The result is like a matrix; a vector is stretched to one first."""
    x, out = eqn.args[0].type, eqn.out.type
    learn(out, elements(x.kind))
    if x.rank == 1:
        join(out.shape, Shape([*(x.shape.dims or ())] * 2))
    elif x.rank or (out.rank or 0) > 2:
        join(out.shape, x.shape)


def identical(eqn: Eqn) -> None:
    """The result is the first argument."""
    equate(eqn.out.type, eqn.args[0].type)


def cast(eqn: Eqn) -> None:
    """The same shape, the kind that `dtype` says."""
    x = as_array(eqn.args[0].type)
    if (shape := spelled(option_type(eqn, "shape"))) is not None:
        join(eqn.out.type.shape, shape)
    else:
        join(eqn.out.type.shape, x.shape)
    of_dtype(eqn, x.kind)


def like_second(eqn: Eqn) -> None:
    """unbroadcast(g, like): the shape of the second argument."""
    join(eqn.out.type.shape, eqn.args[1].type.shape)
    learn(eqn.out.type, eqn.args[0].type.kind)
