"""An equation's arguments and options: what is read of them, and what is concluded of their types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from flatgrad.graph import Eqn, Lit, Var
from flatgrad.registry import RULES, ShapeRule
from flatgrad.types import Contradiction, Dim, Shape, Type, join, join_dims, scalar

REAL = ("float", "int", "bool", "arange")


# ------------------------------------------------------------------------- what is read


def option(eqn: Eqn, name: str) -> Any:
    """The value of an option, the rule's default where it is not given, a Var where known at run time only."""
    rule = RULES.get(eqn.op)
    value = eqn.attrs.get(name, rule.defaults.get(name) if rule else None)
    return value.value if isinstance(value, Lit) else value


def data(eqn: Eqn, position: int) -> Type | None:
    """The type of a data argument, or None where it is not given."""
    return eqn.args[position].type if position < len(eqn.args) else None


def measure(type: Type) -> Dim | None:
    """The value of an integer as a length; an integer without one gets one."""
    if type.dim is None and type.kind == "int" and type.shape.is_scalar:
        type.dim = Dim()
    return type.dim


def bound(type: Type) -> Dim | None:
    """The same for what can only be an integer, as the bounds of a slice."""
    if type.kind in ("any", "int"):
        join(type.shape, scalar())
        type.kind = "int"
    return measure(type)


def spelled(type: Type | None) -> Shape | None:
    """The shape that an integer or a tuple of integers says, as in zeros((N, D))."""
    vague = type is None or (type.kind in ("none", "any") and type.dim is None)
    if type is None or (vague and type.items is None):
        return None
    if (whole := whole_shape(type)) is not None:
        return whole
    if type.items is not None:  # what stands in such a tuple can only be an integer
        dims = [bound(part) for part in type.items]
    else:
        dims = [measure(type)]
    known = [d for d in dims if d is not None]
    return Shape(known) if len(known) == len(dims) else None


def whole_shape(type: Type) -> Shape | None:
    """The array shape of which this tuple is `x.shape`, known before its rank is."""
    shape = type.shape.parts.get("whole")
    return shape if isinstance(shape, Shape) else None


def axes_of(axis: Any, rank: int) -> tuple[int, ...] | None:
    """Axes counted from the front; None where they are not known before the code runs."""
    match axis:
        case None:
            return tuple(range(rank))
        case int():
            return (axis_of(axis, rank),)
        case tuple() | list() if all(isinstance(a, int) for a in axis):
            return tuple(axis_of(a, rank) for a in axis)
        case _:
            return None


def axis_of(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise Contradiction(f"axis {axis}", f"an axis of an array of rank {rank}")
    return axis % rank


DTYPES = {"float": "float", "double": "float", "single": "float", "half": "float", "longdouble": "float",
          "uint": "int", "int": "int", "long": "int", "short": "int", "byte": "int", "ubyte": "int", "bool": "bool",
          "complex": "complex", "csingle": "complex", "cdouble": "complex"}  # fmt: skip
CODES = {"f": "float", "d": "float", "e": "float", "g": "float", "i": "int", "u": "int", "l": "int", "q": "int",
         "b": "int", "?": "bool", "c": "complex"}  # fmt: skip


def kind_of_dtype(dtype: Any) -> str:
    """float64, "int", np.bool_, x.dtype -> the kind of the elements; "any" where it is not known."""
    if isinstance(dtype, Var):
        return element_kind(dtype.type)
    text = str(getattr(dtype, "__name__", dtype)).rpartition(".")[2].lower()
    if (code := re.fullmatch(r"[<>=|]?([a-z?])\d*", text)) is not None:
        return CODES.get(code[1], "any")
    longest = max(filter(text.startswith, DTYPES), key=len, default="")
    return DTYPES.get(longest, "any")


def element_kind(dtype: Type) -> str:
    """The kind of the elements that a type of elements, as a value, speaks of."""
    return dtype.items[0].kind if dtype.kind == "dtype" and dtype.items else "any"


# -------------------------------------------------------------------- what is concluded


def learn(type: Type, kind: str) -> None:
    """Set the kind, unless nothing is known."""
    if kind != "any":
        type.kind = kind


def learn_dim(type: Type, dim: Dim) -> None:
    """`type` is an integer of this value."""
    learn(type, "int")
    join(type.shape, scalar())
    if type.dim is None:
        type.dim = dim
    else:
        join_dims(type.dim, dim)


def equate(a: Type, b: Type) -> None:
    """Two names for one value."""
    join(a.shape, b.shape)
    a.kind, b.kind = (b.kind if a.kind == "any" else a.kind), (
        a.kind if b.kind == "any" else b.kind
    )
    if a.dim is not None and b.dim is not None:
        join_dims(a.dim, b.dim)
    a.dim = b.dim = a.dim or b.dim
    if (whole := whole_shape(a) or whole_shape(b)) is not None:
        a.shape.parts["whole"] = b.shape.parts["whole"] = whole
    if a.items is not None and b.items is not None:
        for left, right in zip(a.items, b.items, strict=False):
            equate(left, right)
    a.items = b.items = b.items if a.items is None else a.items


def of_dtype(eqn: Eqn, otherwise: str) -> None:
    """The kind that `dtype` says, or `otherwise` where none is given."""
    dtype = option(eqn, "dtype")
    learn(eqn.out.type, otherwise if dtype is None else kind_of_dtype(dtype))


def result(eqn: Eqn, dims: Iterable[Dim], kind: str = "any") -> None:
    join(eqn.out.type.shape, Shape(dims))
    learn(eqn.out.type, kind)


def elements(kind: str) -> str:
    """The kind of elements that may come more than once, or be new ones: a range is one of integers then."""
    return "int" if kind == "arange" else kind


def promoted(kinds: Sequence[str]) -> str:
    """The kind of an arithmetic result."""
    if "complex" in kinds:
        return "complex"
    if any(k not in REAL for k in kinds):
        return "any"
    if "float" in kinds:
        return "float"
    return "bool" if set(kinds) == {"bool"} else "int"


def giving(kind: str, rule: ShapeRule) -> ShapeRule:
    """The same shape rule for an operation whose results are all of one kind."""

    def with_kind(eqn: Eqn) -> None:
        rule(eqn)
        inexact = kind == "float" and any(a.type.kind == "complex" for a in eqn.args)
        for out in eqn.outs:
            out.type.kind = "complex" if inexact else kind

    return with_kind


def anything(eqn: Eqn) -> None:
    """Nothing is known."""


def truth(eqn: Eqn) -> None:
    """One answer, yes or no."""
    result(eqn, (), "bool")


def option_type(eqn: Eqn, name: str) -> Type | None:
    """The type of an option that is data in all but name, as random_normal(size=(N, D))."""
    value = option(eqn, name)
    if value is None:
        return None
    return value.type if isinstance(value, Var) else Lit(value).type


def known_value(type: Type) -> int | None:
    return type.dim.known if type.dim is not None else None
