"""Shape rules: Eqn -> None; what is known of arguments and results is joined, in both directions.

A rule is called when its equation is written and again in a few later rounds, so it may be repeated, and
what it makes up (a new length for `-1`) it leaves on the result's type, where the next round finds it. A
rule never guesses: where a length cannot be known, it stays unknown and the text asks at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import prod
from typing import Any

from flatgrad.graph import Atom, Eqn, Lit, Var
from flatgrad.registry import RULES, ShapeRule
from flatgrad.types import (
    Contradiction,
    Dim,
    Shape,
    Type,
    broadcast_shape,
    join,
    join_dims,
    same_dim,
    scalar,
)

REAL = ("float", "int", "bool", "arange")
INTEGERS = ("int", "arange")  # "arange" are integers of which no two are equal

# ------------------------------------------------------------------------------------------- what is read


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
    if type is None or (type.kind in ("none", "any") and type.dim is None):
        return None
    if (whole := whole_shape(type)) is not None:
        return whole
    parts = type.items if type.items is not None else (type,)
    dims = [measure(part) for part in parts]
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
            return (_axis(axis, rank),)
        case tuple() | list() if all(isinstance(a, int) for a in axis):
            return tuple(_axis(a, rank) for a in axis)
        case _:
            return None


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise Contradiction(f"axis {axis}", f"an axis of an array of rank {rank}")
    return axis % rank


def kind_of_dtype(dtype: Any) -> str:
    """float64, "int", np.bool_ -> the kind of the elements; "any" where it is not known."""
    text = str(getattr(dtype, "__name__", dtype)).rpartition(".")[2].lower()
    known = {"float": "float", "double": "float", "single": "float", "half": "float", "uint": "int",
             "int": "int", "long": "int", "bool": "bool", "complex": "complex"}  # fmt: skip
    if isinstance(dtype, Var):
        return "any"
    return next(
        (kind for start, kind in known.items() if text.startswith(start)), "any"
    )


# ---------------------------------------------------------------------------------------- what is concluded


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


def result(eqn: Eqn, dims: Iterable[Dim], kind: str = "any") -> None:
    join(eqn.out.type.shape, Shape(dims))
    learn(eqn.out.type, kind)


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


def product(dims: Iterable[Dim]) -> Dim:
    """The product of lengths: one of them where all others are 1, a number where all are known."""
    dims = [*dims]
    known = [d.known for d in dims if d.known is not None]
    unknown = [d for d in dims if d.known is None]
    if not unknown or 0 in known:
        return Dim(prod(known))
    return unknown[0] if len(unknown) == 1 and prod(known) == 1 else Dim()


def difference(a: Dim, b: Dim) -> Dim:
    """a - b where one is a number or both are N plus something."""
    (left, i), (right, j) = a.root(), b.root()
    if left is right:
        return Dim(i - j)
    return Dim() if b.known is None else a.plus(-b.known)


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of lengths of which at most one is unknown."""
    dims = [*dims]
    known = [d.known for d in dims if d.known is not None]
    unknown = [d for d in dims if d.known is None]
    if len(unknown) > 1:
        return Dim()
    return unknown[0].plus(sum(known)) if unknown else Dim(sum(known))


# ------------------------------------------------------------------------------------ element by element


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
        if eqn.op == "add" and any(a.type.kind == "tuple" for a in eqn.args):
            return joined_tuple(eqn)
        elementwise(eqn)
        if all(a.type.kind == "int" and a.type.shape.is_scalar for a in eqn.args):
            first, *others = [measure(a.type) or Dim() for a in eqn.args]
            second = others[0] if others else first
            learn_dim(
                eqn.out.type, operation(first, second) or eqn.out.type.dim or Dim()
            )
        return None

    return rule


def quotient(a: Dim, b: Dim) -> Dim | None:
    return Dim(a.known // b.known) if a.known is not None and b.known else None


def multiple(a: Dim, b: Dim) -> Dim | None:
    together = product([a, b])
    return together if together.known is not None or together in (a, b) else None


def sum_of(a: Dim, b: Dim) -> Dim | None:
    return total([a, b]) if a.known is not None or b.known is not None else None


def distance(a: Dim, b: Dim) -> Dim | None:
    return (
        difference(a, b) if b.known is not None or a.root()[0] is b.root()[0] else None
    )


def remainder(a: Dim, b: Dim) -> Dim | None:
    return Dim(a.known % b.known) if a.known is not None and b.known else None


def power(a: Dim, b: Dim) -> Dim | None:
    if a.known is not None and b.known is not None and 0 <= b.known < 64:
        return Dim(int(a.known**b.known))
    return None


def same(eqn: Eqn) -> None:
    """The result is like the first argument."""
    join(eqn.out.type.shape, eqn.args[0].type.shape)
    learn(eqn.out.type, eqn.args[0].type.kind)


def identical(eqn: Eqn) -> None:
    """The result is the first argument."""
    equate(eqn.out.type, eqn.args[0].type)


def cast(eqn: Eqn) -> None:
    """The same shape, the kind that `dtype` says."""
    dtype = option(eqn, "dtype")
    if (shape := spelled(option_type(eqn, "shape"))) is not None:
        join(eqn.out.type.shape, shape)
    else:
        join(eqn.out.type.shape, eqn.args[0].type.shape)
    learn(
        eqn.out.type, eqn.args[0].type.kind if dtype is None else kind_of_dtype(dtype)
    )


def option_type(eqn: Eqn, name: str) -> Type | None:
    """The type of an option that is data in all but name, as random_normal(size=(N, D))."""
    value = option(eqn, name)
    if value is None:
        return None
    return value.type if isinstance(value, Var) else Lit(value).type


# ------------------------------------------------------------------------------------------- reductions


def reduction(eqn: Eqn) -> None:
    """sum(x, axis, keepdims) and all that drop axes in the same way."""
    x, out = eqn.args[0].type, eqn.out.type
    axis, keepdims = option(eqn, "axis"), option(eqn, "keepdims")
    learn(out, x.kind if x.kind in ("float", "complex") else promoted([x.kind, "int"]))
    if isinstance(axis, Var) or isinstance(keepdims, Var):
        return
    if axis is None and not keepdims:
        join(out.shape, scalar())
    elif x.shape.dims is not None:
        _reduce(out.shape, x.shape.dims, axis, keepdims)
    elif out.shape.dims is not None and axis is not None:
        _unreduce(x.shape, out.shape.dims, axis, keepdims)


def _reduce(out: Shape, dims: tuple[Dim, ...], axis: Any, keepdims: bool) -> None:
    axes = axes_of(axis, len(dims)) if dims else ()
    if axes is not None:
        kept = [
            Dim(1) if i in axes else d
            for i, d in enumerate(dims)
            if keepdims or i not in axes
        ]
        join(out, Shape(kept))


def _unreduce(x: Shape, dims: tuple[Dim, ...], axis: Any, keepdims: bool) -> None:
    """Put back the axes that are gone, of unknown length."""
    count = 1 if isinstance(axis, int) else len(axis)
    rank = len(dims) if keepdims else len(dims) + count
    axes = axes_of(axis, rank)
    if axes is not None and (rank > 1 or keepdims):
        rest = iter([d for i, d in enumerate(dims) if not (keepdims and i in axes)])
        join(x, Shape(Dim() if i in axes else next(rest) for i in range(rank)))


def scan(eqn: Eqn) -> None:
    """cumsum(x, axis): like x, or flat without an axis."""
    x, out = eqn.args[0].type, eqn.out.type
    learn(out, promoted([x.kind, "int"]))
    if option(eqn, "axis") is not None:
        join(out.shape, x.shape)
    elif x.shape.dims is not None:
        join(out.shape, Shape([product(x.shape.dims)]))


# ------------------------------------------------------------------------------------ other arrangements


def reshape(eqn: Eqn) -> None:
    x, out, asked = eqn.args[0].type, eqn.out.type, eqn.args[1].type
    learn(out, x.kind)
    if asked.items is None and (whole := whole_shape(asked)) is not None:
        return join(out.shape, whole)
    parts = asked.items if asked.items is not None else (asked,)
    dims = [measure(part) for part in parts]
    told = [d for d in dims if d is not None]
    if len(told) < len(dims):
        return None
    free = [d for d in told if d.known == -1]
    rest = [d for d in told if d.known != -1]
    if not free:
        return join(out.shape, Shape(told))
    missing = _missing(x.shape.dims, rest) or Dim()
    return join(out.shape, Shape(missing if d in free else d for d in told))


def _missing(dims: tuple[Dim, ...] | None, rest: Sequence[Dim]) -> Dim | None:
    """What -1 stands for: the axes of x that are not among the rest."""
    if dims is None:
        return None
    left = [d for d in dims if d.known != 1]
    unmatched = []
    for d in (d for d in rest if d.known != 1):
        match = next((e for e in left if same_dim(d, e)), None)
        if match is None:
            unmatched.append(d)
        else:
            left.remove(match)
    whole = product(left)
    return quotient(whole, product(unmatched)) if unmatched else whole


def flat(eqn: Eqn) -> None:
    x = eqn.args[0].type
    learn(eqn.out.type, x.kind)
    if x.shape.dims is not None:
        join(eqn.out.type.shape, Shape([product(x.shape.dims)]))
    else:
        join(eqn.out.type.shape, Shape([Dim()]))


def permuted(eqn: Eqn, order: Callable[[int], Sequence[int] | None]) -> None:
    """Axis i of the result is axis order(rank)[i] of the argument."""
    x, out = eqn.args[0].type, eqn.out.type
    learn(out, x.kind)
    rank = x.shape.rank if x.shape.rank is not None else out.shape.rank
    axes = None if rank is None else order(rank)
    if axes is None or rank is None:
        return
    if x.shape.dims is None:
        join(x.shape, Shape(Dim() for _ in range(rank)))
    dims = x.shape.dims or ()
    join(out.shape, Shape(dims[a] for a in axes))


def transpose(eqn: Eqn) -> None:
    axes = option(eqn, "axes")
    if axes is None:
        return permuted(eqn, lambda rank: range(rank)[::-1])
    if isinstance(axes, Var):
        return None
    if eqn.args[0].type.shape.dims is None:
        join(eqn.args[0].type.shape, Shape(Dim() for _ in axes))
    return permuted(eqn, lambda rank: axes_of(tuple(axes), rank))


def matrix_transpose(eqn: Eqn) -> None:
    permuted(eqn, lambda rank: [*range(rank - 2), rank - 1, rank - 2])


def swapaxes(eqn: Eqn) -> None:
    def order(rank: int) -> Sequence[int] | None:
        axes = axes_of((option(eqn, "axis1"), option(eqn, "axis2")), rank)
        if axes is None:
            return None
        other = {axes[0]: axes[1], axes[1]: axes[0]}
        return [other.get(i, i) for i in range(rank)]

    permuted(eqn, order)


def moveaxis(eqn: Eqn) -> None:
    def order(rank: int) -> Sequence[int] | None:
        source, destination = (
            axes_of(option(eqn, name), rank) for name in ("source", "destination")
        )
        if source is None or destination is None:
            return None
        axes = [i for i in range(rank) if i not in source]
        for to, origin in sorted(zip(destination, source, strict=True)):
            axes.insert(to, origin)
        return axes

    permuted(eqn, order)


def squeeze(eqn: Eqn) -> None:
    x, out, axis = eqn.args[0].type, eqn.out.type, option(eqn, "axis")
    learn(out, x.kind)
    dims = x.shape.dims
    if dims is None or isinstance(axis, Var):
        return
    if axis is not None:
        axes = axes_of(axis, len(dims)) or ()
        join(out.shape, Shape(d for i, d in enumerate(dims) if i not in axes))
    elif all(d.known is not None for d in dims):
        join(out.shape, Shape(d for d in dims if d.known != 1))


def expand_dims(eqn: Eqn) -> None:
    x, out, axis = eqn.args[0].type, eqn.out.type, option(eqn, "axis")
    learn(out, x.kind)
    if isinstance(axis, Var) or axis is None:
        return
    count = 1 if isinstance(axis, int) else len(axis)
    if x.shape.dims is not None:
        axes = axes_of(axis, len(x.shape.dims) + count) or ()
        rest = iter(x.shape.dims)
        rank = len(x.shape.dims) + count
        join(out.shape, Shape(Dim(1) if i in axes else next(rest) for i in range(rank)))
    elif out.shape.dims is not None:
        axes = axes_of(axis, len(out.shape.dims)) or ()
        join(x.shape, Shape(d for i, d in enumerate(out.shape.dims) if i not in axes))


def broadcast_to(eqn: Eqn) -> None:
    learn(eqn.out.type, eqn.args[0].type.kind)
    if (shape := spelled(eqn.args[1].type)) is not None:
        join(eqn.out.type.shape, shape)


def like_second(eqn: Eqn) -> None:
    """unbroadcast(g, like): the shape of the second argument."""
    join(eqn.out.type.shape, eqn.args[1].type.shape)
    learn(eqn.out.type, eqn.args[0].type.kind)


def tile(eqn: Eqn) -> None:
    x, reps = eqn.args[0].type, spelled(eqn.args[1].type)
    learn(eqn.out.type, x.kind)
    if reps is None or reps.dims is None or x.shape.dims is None:
        return
    rank = max(len(reps.dims), len(x.shape.dims))
    long, counts = ((Dim(1),) * (rank - len(d)) + d for d in (x.shape.dims, reps.dims))
    join(
        eqn.out.type.shape,
        Shape(product(pair) for pair in zip(long, counts, strict=True)),
    )


def repeat(eqn: Eqn) -> None:
    x, count, axis = eqn.args[0].type, eqn.args[1].type, option(eqn, "axis")
    learn(eqn.out.type, x.kind)
    if isinstance(axis, Var) or x.shape.dims is None:
        return
    dims = x.shape.dims if axis is not None else (product(x.shape.dims),)
    (at,) = axes_of(axis, len(dims)) or (0,)
    times = measure(count)
    long = Dim() if times is None else product([dims[at], times])
    join(eqn.out.type.shape, Shape((*dims[:at], long, *dims[at + 1 :])))


def pad(eqn: Eqn) -> None:
    x, widths = eqn.args[0].type, eqn.args[1].type
    learn(eqn.out.type, x.kind)
    dims = x.shape.dims
    if dims is None:
        return
    added = _padding(widths, len(dims))
    new = [
        Dim() if more is None else total([d, *more])
        for d, more in zip(dims, added, strict=True)
    ]
    join(eqn.out.type.shape, Shape(new))


def _padding(widths: Type, rank: int) -> list[list[Dim] | None]:
    """What is added before and after each axis: p, (p, q), or ((p, q), (r, s))."""
    if (both := measure(widths)) is not None:
        return [[both, both]] * rank
    parts = widths.items or ()
    pairs = [part.items if part.items is not None else (part,) for part in parts]
    if parts and all(part.items is None for part in parts):
        pairs = [tuple(parts)]
    if len(pairs) == 1:
        pairs = pairs * rank
    if len(pairs) != rank:
        return [None] * rank
    ends = [
        [measure(end) for end in (pair * 2 if len(pair) == 1 else pair)]
        for pair in pairs
    ]
    return [
        [d for d in pair if d is not None] if None not in pair else None
        for pair in ends
    ]


def concatenate(eqn: Eqn) -> None:
    types, out, axis = [a.type for a in eqn.args], eqn.out.type, option(eqn, "axis")
    if axis is None:
        _concatenate(eqn, lambda dims: (product(dims),), lambda rank: 0)
    rank = next((t.shape.rank for t in (*types, out) if t.shape.rank is not None), None)
    if rank is None or axis is None or isinstance(axis, Var):
        return
    for t in (*types, out):
        if t.shape.dims is None:
            join(t.shape, Shape(Dim() for _ in range(rank)))
    _concatenate(eqn, lambda dims: dims, lambda rank: _axis(axis, rank))


Dims = tuple[Dim, ...]


def _concatenate(
    eqn: Eqn, fit: Callable[[Dims], Dims], axis: Callable[[int], int]
) -> None:
    """Put arguments of known rank together along an axis, each of them fitted before."""
    learn(eqn.out.type, promoted([a.type.kind for a in eqn.args]))
    known = [fit(dims) for a in eqn.args if (dims := a.type.shape.dims) is not None]
    if len(known) < len(eqn.args):
        return
    at = axis(len(known[0]))
    for other in known[1:]:
        _join_others(known[0], other, at)
    joined = [*known[0]]
    joined[at] = total(part[at] for part in known)
    join(eqn.out.type.shape, Shape(joined))


def _join_others(a: Sequence[Dim], b: Sequence[Dim], at: int) -> None:
    if len(a) != len(b):
        raise Contradiction(str(Shape(a)), str(Shape(b)))
    for i, (d, e) in enumerate(zip(a, b, strict=True)):
        if i != at:
            join_dims(d, e)


def widened(dims: Dims, rank: int) -> Dims:
    """The shape of atleast_1d, atleast_2d, atleast_3d."""
    match rank, len(dims):
        case 3, 1:
            return (Dim(1), *dims, Dim(1))
        case 3, 2:
            return (*dims, Dim(1))
        case _:
            return (*(Dim(1) for _ in range(rank - len(dims))), *dims)


def at_least(rank: int) -> ShapeRule:
    def rule(eqn: Eqn) -> None:
        learn(eqn.out.type, eqn.args[0].type.kind)
        if (dims := eqn.args[0].type.shape.dims) is not None:
            join(eqn.out.type.shape, Shape(widened(dims, rank)))

    return rule


def vstack(eqn: Eqn) -> None:
    _concatenate(eqn, lambda dims: widened(dims, 2), lambda rank: 0)


def hstack(eqn: Eqn) -> None:
    _concatenate(eqn, lambda dims: widened(dims, 1), lambda rank: 0 if rank == 1 else 1)


def dstack(eqn: Eqn) -> None:
    _concatenate(eqn, lambda dims: widened(dims, 3), lambda rank: 2)


def column_stack(eqn: Eqn) -> None:
    def columns(dims: Dims) -> Dims:
        return dims if len(dims) > 1 else (*widened(dims, 1), Dim(1))

    _concatenate(eqn, columns, lambda rank: 1)


def append(eqn: Eqn) -> None:
    concatenate(eqn)


def rot90(eqn: Eqn) -> None:
    x, turns, axes = eqn.args[0].type, option(eqn, "k"), option(eqn, "axes")
    learn(eqn.out.type, x.kind)
    if x.shape.dims is not None and isinstance(turns, int) and isinstance(axes, tuple):
        first, second = axes_of(axes, len(x.shape.dims)) or (0, 1)
        dims = [*x.shape.dims]
        if turns % 2:
            dims[first], dims[second] = dims[second], dims[first]
        join(eqn.out.type.shape, Shape(dims))


def stack(eqn: Eqn) -> None:
    """All arguments have one shape; the new axis counts them."""
    types, out, axis = [a.type for a in eqn.args], eqn.out.type, option(eqn, "axis")
    learn(out, promoted([t.kind for t in types]))
    for t in types[1:]:
        join(types[0].shape, t.shape)
    if isinstance(axis, Var) or not types:
        return
    axis = 0 if axis is None else axis
    dims, whole = types[0].shape.dims, out.shape.dims
    if dims is not None:
        (at,) = axes_of(axis, len(dims) + 1) or (0,)
        join(out.shape, Shape((*dims[:at], Dim(len(types)), *dims[at:])))
    elif whole is not None:
        (at,) = axes_of(axis, len(whole)) or (0,)
        join(types[0].shape, Shape((*whole[:at], *whole[at + 1 :])))


def split(eqn: Eqn) -> None:
    """split(x, 3): equal parts; split(x, (a, b)): up to a, from a to b, from b on."""
    x, sections, axis = eqn.args[0].type, eqn.args[1].type, option(eqn, "axis")
    dims, outs = x.shape.dims, [o.type for o in eqn.outs]
    for out in outs:
        learn(out, x.kind)
    if dims is None or isinstance(axis, Var):
        return
    (at,) = axes_of(axis, len(dims)) or (0,)
    for out, length in zip(outs, _lengths(dims[at], sections, len(outs)), strict=True):
        join(out.shape, Shape((*dims[:at], length, *dims[at + 1 :])))


def _lengths(whole: Dim, sections: Type, count: int) -> list[Dim]:
    if sections.items is None:
        each = quotient(whole, measure(sections) or Dim()) or Dim()
        return [each] * count
    cuts = [Dim(0), *(measure(item) or Dim() for item in sections.items), whole]
    if len(cuts) != count + 1:
        return [Dim() for _ in range(count)]
    return [difference(b, a) for a, b in pairwise(cuts)]


def diagonal(eqn: Eqn) -> None:
    """diag(v, k) of a vector is a matrix, diag and diagonal of a matrix are a vector."""
    x, out = eqn.args[0].type, eqn.out.type
    learn(out, x.kind)
    offset = option(eqn, "k") if eqn.op == "diag" else option(eqn, "offset")
    dims = x.shape.dims
    if dims is None or not isinstance(offset, int):
        return
    if eqn.op == "diag" and len(dims) == 1:
        side = dims[0].plus(abs(offset))
        join(out.shape, Shape([side, side]))
    elif len(dims) == 2:
        join(
            out.shape, Shape([dims[0].plus(-abs(offset)) if same_dim(*dims) else Dim()])
        )


def resized(*changes: str) -> ShapeRule:
    """Like x, but for one axis, which has a length of its own: diff, sort with k."""

    def rule(eqn: Eqn) -> None:
        x, axis, shorter = (
            eqn.args[0].type,
            option(eqn, "axis"),
            option(eqn, changes[0]) if changes else None,
        )
        learn(eqn.out.type, x.kind)
        if x.shape.dims is None or not isinstance(axis, int):
            return
        (at,) = axes_of(axis, len(x.shape.dims)) or (0,)
        dims = [*x.shape.dims]
        dims[at] = dims[at].plus(-shorter) if isinstance(shorter, int) else Dim()
        join(eqn.out.type.shape, Shape(dims))

    return rule


# -------------------------------------------------------------------------------- shapes, tuples, lengths


def shape_of(eqn: Eqn) -> None:
    """x.shape: a tuple with one length for each axis."""
    x, out = eqn.args[0].type, eqn.out.type
    learn(out, "tuple")
    join(out.shape.parts.setdefault("whole", x.shape), x.shape)
    _spell_out(out)


def _spell_out(type: Type) -> None:
    """Once the rank is known, each length of the tuple has a type."""
    whole = whole_shape(type)
    dims = whole.dims if whole is not None else None
    if dims is not None and (type.items is None or len(type.items) != len(dims)):
        type.items = tuple(Type(scalar(), "int", d) for d in dims)


def length(eqn: Eqn) -> None:
    """len(x)"""
    x = eqn.args[0].type
    if x.items is not None and x.kind == "tuple":
        return learn_dim(eqn.out.type, Dim(len(x.items)))
    return learn_dim(eqn.out.type, _axis_length(x.shape, 0) or Dim())


def _axis_length(shape: Shape, axis: int) -> Dim | None:
    """The length of an axis, and if the rank is unknown the one that was given out before."""
    if shape.dims is not None:
        return shape.dims[axis] if -len(shape.dims) <= axis < len(shape.dims) else None
    made = shape.root().parts.setdefault(("length", axis), Dim())
    return made if isinstance(made, Dim) else None


def size(eqn: Eqn) -> None:
    """size(x), size(x, axis)"""
    x, axis = eqn.args[0].type, option(eqn, "axis")
    if isinstance(axis, int):
        return learn_dim(eqn.out.type, _axis_length(x.shape, axis) or Dim())
    if x.shape.dims is not None and axis is None:
        return learn_dim(eqn.out.type, product(x.shape.dims))
    return learn_dim(eqn.out.type, x.shape.root().parts.setdefault("size", Dim()))


def ndim(eqn: Eqn) -> None:
    rank = eqn.args[0].type.shape.rank
    learn_dim(eqn.out.type, eqn.out.type.dim or Dim() if rank is None else Dim(rank))


def item(eqn: Eqn) -> None:
    """x.item(): the one element."""
    result(eqn, (), eqn.args[0].type.kind)


def along_axis(eqn: Eqn) -> None:
    """take_along_axis(x, indices, axis): like the indices, where these are not stretched."""
    learn(eqn.out.type, eqn.args[0].type.kind)
    dims = eqn.args[1].type.shape.dims
    if dims is not None and all(d.known != 1 for d in dims):
        join(eqn.out.type.shape, eqn.args[1].type.shape)


def array_of(eqn: Eqn) -> None:
    """array((a, b), dtype): stack with a kind."""
    stack(eqn)
    if (dtype := option(eqn, "dtype")) is not None:
        learn(eqn.out.type, kind_of_dtype(dtype))


def make_tuple(eqn: Eqn) -> None:
    learn(eqn.out.type, "tuple")
    eqn.out.type.items = tuple(a.type for a in eqn.args)


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


# --------------------------------------------------------------------------------------------- new arrays


def filled(eqn: Eqn) -> None:
    """zeros(shape, dtype), full(shape, value, dtype)"""
    out, dtype = eqn.out.type, option(eqn, "dtype")
    if (shape := spelled(eqn.args[0].type)) is not None:
        join(out.shape, shape)
    value = data(eqn, 1)
    kind = (
        value.kind
        if value is not None and value.shape.is_scalar
        else "any" if value else "float"
    )
    learn(out, kind if dtype is None else kind_of_dtype(dtype))


def drawn(eqn: Eqn) -> None:
    """Random numbers: `size` says the shape, else the parameters of the distribution do."""
    size = option_type(eqn, "size") or option_type(eqn, "shape")
    if size is None:
        return broadcast(eqn.out.type, [a.type for a in eqn.args])
    if (shape := spelled(size)) is not None:
        join(eqn.out.type.shape, shape)
    return None


def drawn_with_shape(eqn: Eqn) -> None:
    """rand(N, D): the arguments are the lengths."""
    size = option_type(eqn, "shape") or option_type(eqn, "size")
    types = [a.type for a in eqn.args] if size is None else [size]
    single = types[0] if len(types) == 1 else Type(kind="tuple", items=tuple(types))
    if (shape := spelled(single)) is not None:
        join(eqn.out.type.shape, shape)


def square(eqn: Eqn) -> None:
    """eye(n, m)"""
    learn(
        eqn.out.type,
        (
            "float"
            if option(eqn, "dtype") is None
            else kind_of_dtype(option(eqn, "dtype"))
        ),
    )
    columns = data(eqn, 1) or option_type(eqn, "M")
    rows = bound(eqn.args[0].type)
    across = rows if columns is None or columns.kind == "none" else bound(columns)
    if rows is not None and across is not None:
        join(eqn.out.type.shape, Shape([rows, across]))


def arange(eqn: Eqn) -> None:
    types, dtype = [a.type for a in eqn.args], option(eqn, "dtype")
    start, stop = (None, types[0]) if len(types) == 1 else types[:2]
    integer = all(t.kind == "int" for t in types)
    learn(eqn.out.type, "arange" if integer and dtype is None else kind_of_dtype(dtype))
    if not integer and dtype is None:
        learn(eqn.out.type, promoted([t.kind for t in types]))
    end, begin = measure(stop), Dim(0) if start is None else measure(start)
    simple = integer and len(types) < 3 and end is not None and begin is not None
    long = (
        difference(end, begin)
        if simple and end is not None and begin is not None
        else Dim()
    )
    join(eqn.out.type.shape, Shape([long]))


def spaced(eqn: Eqn) -> None:
    """linspace(start, stop, num)"""
    learn(eqn.out.type, "float")
    count, axis = option_type(eqn, "num"), option(eqn, "axis")
    long = bound(count) if count is not None else None
    if all(a.type.shape.is_scalar for a in eqn.args) and axis in (0, None):
        join(eqn.out.type.shape, Shape([long or Dim()]))


# ----------------------------------------------------------------------------------------------- indexing


def index_parts(index: Type) -> tuple[Type, ...] | None:
    """The subscripts of x[a, b, ...], or None where their number is unknown."""
    return index.items if index.kind == "tuple" else (index,)


def _role(part: Type) -> str:
    """What a subscript does: integer slice none ellipsis mask array, or unknown."""
    match part.kind:
        case "slice" | "none" | "ellipsis":
            return part.kind
        case "bool":
            return "mask"
        case _ if part.shape.is_scalar or part.dim is not None:
            return "integer" if part.kind in ("int", "any") else "unknown"
        case "int" | "arange":
            return "array" if part.shape.dims is not None else "unknown"
        case _:
            return "unknown"


def getitem(eqn: Eqn) -> None:
    x, index = eqn.args[0].type, eqn.args[1].type
    if x.kind == "tuple":
        return _item(eqn)
    learn(eqn.out.type, "int" if x.kind == "arange" else x.kind)
    indexed(x.shape, eqn.out.type.shape, index)
    return None


def indexed(x: Shape, part: Shape, index: Type) -> None:
    """Join what is known of x and of x[index]."""
    parts = index_parts(index)
    roles = [_role(p) for p in parts or ()]
    if parts is None or "unknown" in roles:
        return
    if x.dims is None:
        _part_of_unknown(x, part, parts, roles)
    elif (dims := _indexed(x.dims, parts, roles)) is not None:
        join(part, Shape(dims))


def _indexed(
    dims: tuple[Dim, ...], parts: Sequence[Type], roles: Sequence[str]
) -> list[Dim] | None:
    """The lengths of x[parts]; None where they are unknown."""
    ranks = [_consumed(part, role) for part, role in zip(parts, roles, strict=True)]
    if None in ranks:
        return None
    left = len(dims) - sum(rank or 0 for rank in ranks)
    if left < 0:
        raise Contradiction(
            f"{len(dims) - left} subscripts",
            f"an index of an array of shape {Shape(dims)}",
        )
    if "ellipsis" not in roles:
        parts, roles, ranks = (
            [*parts, Type(kind="ellipsis")],
            [*roles, "ellipsis"],
            [*ranks, 0],
        )
    fancy = "array" in roles or "mask" in roles
    rest, found = iter(dims), list[Dim]()
    arrays, places = (
        list[Shape | None](),
        list[int](),
    )  # None: what separates arrays from one another
    for part, role, rank in zip(parts, roles, ranks, strict=True):
        taken = [next(rest) for _ in range(left if role == "ellipsis" else rank or 0)]
        match role:
            case "slice":
                found.append(slice_length(taken[0], part))
            case "ellipsis":
                found += taken
            case "none":
                found.append(Dim(1))
            case _ if fancy:
                arrays.append(Shape([Dim()]) if role == "mask" else part.shape)
                places.append(len(found))
        if role in ("slice", "ellipsis", "none"):
            arrays.append(None)
    return _with_arrays(found, arrays, places)


def _consumed(part: Type, role: str) -> int | None:
    """How many axes a subscript takes; an ellipsis is counted later."""
    if role == "mask":
        return part.shape.rank
    return 0 if role in ("none", "ellipsis") else 1


def _with_arrays(
    found: list[Dim], arrays: Sequence[Shape | None], places: Sequence[int]
) -> list[Dim] | None:
    """Insert the axes of the index arrays: in their place if they are adjacent, else in front."""
    shapes = [a for a in arrays if a is not None]
    if not shapes:
        return found
    joint = shapes[0] if len(shapes) == 1 else broadcast_shape(shapes)
    if joint is None or joint.dims is None:
        return None
    inner = "".join("a" if a is not None else " " for a in arrays).strip()
    at = places[0] if " " not in inner else 0
    return [*found[:at], *joint.dims, *found[at:]]


def _part_of_unknown(
    x: Shape, part: Shape, parts: Sequence[Type], roles: Sequence[str]
) -> None:
    """x[i], x[1:] of an array of unknown rank: one shape for each way of cutting."""
    cuts = [_cut(p, r) for p, r in zip(parts, roles, strict=True)]
    if None in cuts:
        return
    if part.dims is not None:
        dims = iter(part.dims)
        before: list[Dim] = []
        for cut in cuts:
            match cut:
                case "integer":
                    before.append(Dim())
                case "none":
                    next(dims)
                case int():
                    before.append(next(dims).plus(cut))
        join(x, Shape([*before, *dims]))
    else:
        join(part, x.root().parts.setdefault(tuple(cuts), Shape()))


def _cut(part: Type, role: str) -> int | str | None:
    """By how much a slice shortens its axis; the role of a subscript that is no slice."""
    if role != "slice":
        return role if role in ("integer", "none") else None
    start, stop, step = part.items or (None, None, None)
    if start is None or stop is None or step is None:
        return None
    at, end, by = (0 if t.kind == "none" else _known(t) for t in (start, stop, step))
    if (
        at is None
        or end is None
        or by not in (0, 1)
        or at < 0
        or end > 0
        or (end == 0 and stop.kind != "none")
    ):
        return None
    return at - end


def _known(type: Type) -> int | None:
    return type.dim.known if type.dim is not None else None


def slice_length(axis: Dim, part: Type) -> Dim:
    """The length of x[start:stop:step] along an axis; bounds are taken to lie within it."""
    start, stop, step = part.items or (Type(), Type(), Type())
    by = 1 if step.kind == "none" else _known(step)
    first, last = bound(start), bound(stop)
    if (
        not by
        or (first is None and start.kind != "none")
        or (last is None and stop.kind != "none")
    ):
        return Dim()
    numbers = [None if d is None else d.known for d in (first, last)]
    if (
        axis.known is not None
        and (first is None or numbers[0] is not None)
        and (last is None or numbers[1] is not None)
    ):
        return Dim(len(range(axis.known)[slice(numbers[0], numbers[1], by)]))
    if first is None and last is None and by in (1, -1):
        return axis
    if by != 1:
        return Dim()
    return difference(
        _from_front(last or axis, axis), _from_front(first or Dim(0), axis)
    )


def _from_front(at: Dim, axis: Dim) -> Dim:
    """A bound that counts from the end, counted from the front."""
    return axis.plus(at.known) if at.known is not None and at.known < 0 else at


def _item(eqn: Eqn) -> None:
    """t[i], t[1:] of a tuple."""
    x, index = eqn.args[0].type, eqn.args[1].type
    _spell_out(x)
    at = _known(index)
    if index.kind == "slice":
        bounds = [None if t.kind == "none" else _known(t) for t in index.items or ()]
        certain = all(
            t.kind == "none" or _known(t) is not None for t in index.items or ()
        )
        learn(eqn.out.type, "tuple")
        if x.items is not None and certain:
            eqn.out.type.items = x.items[slice(*bounds)]
    elif at is not None and x.items is not None:
        if not -len(x.items) <= at < len(x.items):
            raise Contradiction(f"{at}", f"an index of a tuple of {len(x.items)}")
        equate(eqn.out.type, x.items[at])
    elif at is not None and (whole := whole_shape(x)) is not None:
        learn_dim(eqn.out.type, _axis_length(whole, at) or Dim())
    elif whole_shape(x) is not None:
        learn_dim(eqn.out.type, eqn.out.type.dim or Dim())


def take(eqn: Eqn) -> None:
    """take(x, indices, axis): indexing along one axis."""
    x, index, axis = eqn.args[0].type, eqn.args[1].type, option(eqn, "axis")
    learn(eqn.out.type, x.kind)
    if index.shape.dims is None or isinstance(axis, Var):
        return
    if axis is None:
        join(eqn.out.type.shape, index.shape)
    elif x.shape.dims is not None:
        (at,) = axes_of(axis, len(x.shape.dims)) or (0,)
        dims = x.shape.dims
        join(
            eqn.out.type.shape, Shape((*dims[:at], *index.shape.dims, *dims[at + 1 :]))
        )


def updated(eqn: Eqn) -> None:
    """setitem(x, index, value): like x; the value fits x[index], or is broadcast to it."""
    x, index = eqn.args[0].type, eqn.args[1].type
    same(eqn)
    join(x.shape, eqn.out.type.shape)
    if not x.shape.is_scalar:
        indexed(x.shape, Shape(), index)


# ----------------------------------------------------------------------------- questions about subscripts


def is_basic_index(atom: Atom) -> bool | None:
    """Whether x[atom] is a view of x, made of integers and slices only; None where it cannot be known."""
    parts = index_parts(atom.type)
    if parts is None:
        return None
    roles = [_role(p) for p in parts]
    if (
        "array" in roles
        or "mask" in roles
        or any(
            p.kind in INTEGERS and r == "unknown"
            for p, r in zip(parts, roles, strict=True)
        )
    ):
        return False if "array" in roles or "mask" in roles else None
    return None if "unknown" in roles else True


def may_repeat(atom: Atom) -> bool:
    """Whether x[atom] may read one element twice; False only if it surely does not."""
    if is_basic_index(atom):
        return False
    if isinstance(atom, Lit) and isinstance(atom.value, list):
        return len({*atom.value}) < len(atom.value) or any(
            not isinstance(i, int) or i < 0 for i in atom.value
        )
    parts = index_parts(atom.type) or ()
    fancy = [
        p for p in parts if _role(p) not in ("slice", "none", "ellipsis", "integer")
    ]
    if len(fancy) == 1 and fancy[0].kind == "bool":
        return False
    counted = any(p.kind == "arange" and p.shape.rank == 1 for p in fancy)
    return not (
        counted and all(p.kind in INTEGERS and p.shape.rank in (0, 1) for p in fancy)
    )
