"""Shapes, lengths and tuples as values: x.shape, len(x), (N,) + x.shape."""

from __future__ import annotations

from flatgrad.graph import Eqn
from flatgrad.shapes.facts import (
    kind_of_dtype,
    learn,
    learn_dim,
    option,
    promoted,
    whole_shape,
)
from flatgrad.shapes.lengths import product
from flatgrad.types import Dim, Shape, Type, join, same_shape, scalar


def shape_of(eqn: Eqn) -> None:
    """x.shape: a tuple with one length for each axis."""
    x, out = eqn.args[0].type, eqn.out.type
    learn(out, "tuple")
    join(out.shape.parts.setdefault("whole", x.shape), x.shape)
    spell_out(out)


def spell_out(type: Type) -> None:
    """Once the rank is known, each length of the tuple has a type."""
    whole = whole_shape(type)
    dims = whole.dims if whole is not None else None
    if dims is not None and (type.items is None or len(type.items) != len(dims)):
        type.items = tuple(Type(scalar(), "int", d) for d in dims)


def length(eqn: Eqn) -> None:
    """len(x)"""
    x = eqn.args[0].type
    if x.items is not None and is_sequence(x):
        return learn_dim(eqn.out.type, Dim(len(x.items)))
    return learn_dim(eqn.out.type, axis_length(x.shape, 0) or Dim())


def axis_length(shape: Shape, axis: int) -> Dim | None:
    """The length of an axis, and if the rank is unknown the one that was given out before."""
    if shape.dims is not None:
        return shape.dims[axis] if -len(shape.dims) <= axis < len(shape.dims) else None
    made = shape.root().parts.setdefault(("length", axis), Dim())
    return made if isinstance(made, Dim) else None


def size(eqn: Eqn) -> None:
    """size(x), size(x, axis)"""
    x, axis = eqn.args[0].type, option(eqn, "axis")
    if isinstance(axis, int):
        return learn_dim(eqn.out.type, axis_length(x.shape, axis) or Dim())
    if x.shape.dims is not None and axis is None:
        return learn_dim(eqn.out.type, product(x.shape.dims))
    return learn_dim(eqn.out.type, x.shape.root().parts.setdefault("size", Dim()))


def ndim(eqn: Eqn) -> None:
    rank = eqn.args[0].type.shape.rank
    learn_dim(eqn.out.type, eqn.out.type.dim or Dim() if rank is None else Dim(rank))


def make_tuple(eqn: Eqn) -> None:
    """A tuple of values; a list of numbers is read as the array that NumPy makes of it."""
    out = eqn.out.type
    out.items = tuple(a.type for a in eqn.args)
    out.kind = "tuple"
    if eqn.attrs.get("list"):
        made = as_array(out)
        if not all(i.shape.is_scalar for i in out.items):
            out.kind = "list"
            return
        out.kind = made.kind
        join(out.shape, made.shape)


def as_array(type: Type) -> Type:
    """What is known of np.array(x), of a tuple or list too."""
    if not is_sequence(type):
        return type
    if type.items is None:
        return Type(Shape([Dim()]), "int" if whole_shape(type) is not None else "any")
    items = [as_array(i) for i in type.items]
    kind = promoted([i.kind for i in items]) if items else "float"
    first = items[0].shape if items else scalar()
    if first.dims is None or not all(same_shape(first, i.shape) for i in items):
        return Type(Shape(), kind)
    return Type(Shape((Dim(len(items)), *first.dims)), kind)


def is_sequence(type: Type) -> bool:
    """A tuple or list whose elements are known one by one."""
    return type.kind == "tuple" or (type.items is not None and type.kind != "dtype")


def joined_tuple(eqn: Eqn) -> None:
    """(N,) + x.shape"""
    learn(eqn.out.type, "tuple")
    parts = [a.type.items for a in eqn.args]
    known = [items for items in parts if items is not None]
    if len(known) == len(parts):
        eqn.out.type.items = tuple(item for items in known for item in items)


def make_slice(eqn: Eqn) -> None:
    learn(eqn.out.type, "slice")
    eqn.out.type.items = tuple(a.type for a in eqn.args)


def dtype_of(eqn: Eqn) -> None:
    """x.dtype: the type of elements, as a value."""
    learn(eqn.out.type, "dtype")
    eqn.out.type.items = (eqn.args[0].type,)


def external(eqn: Eqn) -> None:
    """A name of a library: int, np.float32. A constant of the file has no path, and may be called what it likes."""
    module, _, name = str(eqn.attrs.get("path", "")).rpartition(".")
    if (
        module in ("", "np", "numpy", "builtins", "torch")
        and kind_of_dtype(name) != "any"
    ):
        learn(eqn.out.type, "dtype")
        eqn.out.type.items = (Type(scalar(), kind_of_dtype(name)),)
