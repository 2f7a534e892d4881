"""Calls of torch about shapes, types and devices -> equations: size, flatten, expand, chunk, to, new_zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.scope import Path, Refusal, Struct, Value
from flatgrad.frontend.tensors import (
    ABSENT,
    Given,
    atom,
    constant,
    handles,
    only,
)
from flatgrad.graph import Atom, Lit, Var
from flatgrad.shapes import kind_of_dtype

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


@handles("size(input, dim)")
def _size(low: Lowering, node: cst.Call, given: Given) -> Value:
    """x.size() is x.shape, and x.size(0) is x.shape[0]."""
    x = atom(low, node, given)
    low.build.dialect = "method"
    if given.get("dim", ABSENT) == ABSENT:
        return low.emit("shape", x, node=node)
    shape = low.emit("shape", x)
    low.build.dialect = ""
    return low.emit("getitem", shape, atom(low, node, given, "dim"), node=node)


def _like(low: Lowering, node: cst.Call, given: Given) -> Var:
    return low.emit("shape", atom(low, node, given, "other"))


@handles("view(input, *shape)")
def _view(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    if isinstance(given.get("shape", given.get("dtype")), Path):
        what = "the bits of numbers as those of another type have no gradient"
        raise Refusal("FG202", what, "use x.to(dtype)", node)
    return None


@handles("view_as(input, other)", "reshape_as(input, other)")
def _reshape_as(low: Lowering, node: cst.Call, given: Given) -> Value:
    low.build.dialect = "method"
    x = atom(low, node, given)
    return low.emit("reshape", x, _like(low, node, given), node=node)


@handles("expand_as(input, other)")
def _expand_as(low: Lowering, node: cst.Call, given: Given) -> Value:
    low.build.dialect = "method"
    x = atom(low, node, given)
    return low.emit("broadcast_to", x, _like(low, node, given), node=node)


@handles("sum_to_size(input, *size)")
def _sum_to_size(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """x.sum_to_size(like.shape)"""
    x, size = atom(low, node, given), given.get("size")
    made = next((e for e in reversed(low.build.eqns) if size in e.outs), None)
    if made is None or made.op != "shape":
        return None
    low.build.dialect = "torch"
    return low.emit("unbroadcast", x, made.args[0], node=node)


@handles("expand(input, *size)")
def _expand(low: Lowering, node: cst.Call, given: Given) -> Value:
    """-1 keeps a length."""
    x, size = atom(low, node, given), given.get("size", given.get("sizes"))
    low.build.dialect = "method"
    if isinstance(size, Var) and size.type.items is None and size.type.kind != "int":
        return low.emit("broadcast_to", x, size, node=node)
    parts: list[Value] = [size] if isinstance(size, Var | Lit) else _items(low, node, size)  # fmt: skip
    if any(p == Lit(-1) for p in parts):
        if x.type.rank is None:
            step = "state its shape with --shape, or write the lengths"
            what = "-1 keeps a length of a tensor whose rank is not known"
            raise Refusal("FG202", what, step, node)
        shape, before = low.emit("shape", x), len(parts) - x.type.rank
        low.build.dialect = ""
        parts = [
            low.emit("getitem", shape, Lit(i - before)) if p == Lit(-1) else p
            for i, p in enumerate(parts)
        ]
        low.build.dialect = "method"
    sizes = low.emit("tuple", *(low.atom(p, node) for p in parts))
    return low.emit("broadcast_to", x, sizes, node=node)


def _items(low: Lowering, node: cst.Call, value: Any) -> list[Value]:
    match value:
        case Struct(items=items):
            return [*items]
        case Lit(value=tuple() | list() as items):
            return [Lit(i) for i in items]
        case Var(type=known) if known.items is not None:
            return [low.emit("getitem", value, Lit(i)) for i in range(len(known.items))]
        case _:
            raise Refusal("FG202", "the sizes are not read", "write them one by one", node)  # fmt: skip


@handles("flatten(input, start_dim, end_dim)")
def _flatten(low: Lowering, node: cst.Call, given: Given) -> Value:
    x = atom(low, node, given)
    first, last = constant(given, "start_dim", 0), constant(given, "end_dim", -1)
    rank = x.type.rank
    if rank is not None and last not in (-1, rank - 1):
        first, last = first % rank, last % rank
    elif last == -1 or (rank is not None and last == rank - 1):
        last = None
    if (first < 0 and rank is None) or (last is not None and rank is None):
        step = "state its shape with --shape, or write reshape"
        what = "which axes of a tensor of unknown rank become one is not known"
        raise Refusal("FG202", what, step, node)
    first = first % rank if first < 0 and rank is not None else first
    low.build.dialect = "method"
    if first == 0 and last is None:
        return low.emit("reshape", x, Lit(-1), node=node)
    shape = low.emit("shape", x)
    low.build.dialect = ""
    kept: list[Atom] = [low.emit("getitem", shape, Lit(i)) for i in range(first)]
    after = range(last + 1, rank) if last is not None and rank is not None else ()
    kept += [Lit(-1), *(low.emit("getitem", shape, Lit(i)) for i in after)]
    sizes = low.emit("tuple", *kept)
    low.build.dialect = "method"
    return low.emit("reshape", x, sizes, node=node)


@handles("squeeze(input, dim)")
def _squeeze(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """An axis that is longer than 1 stays, so that it must be known whether it is."""
    axis, x = constant(given, "dim"), atom(low, node, given)
    if axis is None:
        return None
    dims = x.type.shape.dims
    if isinstance(axis, int) and dims is not None and dims[axis].known is not None:
        if dims[axis].known == 1:
            return low.emit("squeeze", x, node=node, axis=axis)
        return low.emit("alias", x, node=node)
    return low.emit("squeeze_if_single", x, node=node, axis=axis)


@handles("narrow(input, dim, start, length)")
def _narrow(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "dim", "start", "length")
    axis, x = constant(given, "dim"), atom(low, node, given)
    start, length = atom(low, node, given, "start"), atom(low, node, given, "length")
    if start == Lit(0):
        start, end = ABSENT, length
    else:
        end = low.emit("add", start, length)
    return _part(low, node, x, axis, low.emit("slice", start, end, ABSENT))


@handles("select(input, dim, index)")
def _select(low: Lowering, node: cst.Call, given: Given) -> Value:
    x, axis = atom(low, node, given), constant(given, "dim")
    return _part(low, node, x, axis, atom(low, node, given, "index"))


def _part(low: Lowering, node: cst.Call, x: Atom, axis: int, index: Atom) -> Var:
    if axis < 0:
        if x.type.rank is None:
            what = "an axis counted from the end of a tensor of unknown rank"
            raise Refusal("FG202", what, "count from the front", node)
        axis %= x.type.rank
    low.build.dialect = ""
    whole = Lit(slice(None))
    if axis:
        index = low.emit("tuple", *[whole] * axis, index)
    return low.emit("getitem", x, index, node=node)


# --- parts -------------------------------------------------------------------------------------------------------


@handles("chunk(input, chunks, dim)")
def _chunk(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "chunks", "dim")
    x, count = atom(low, node, given), constant(given, "chunks")
    axis = constant(given, "dim", 0)
    dims = x.type.shape.dims
    length = None if dims is None else dims[axis].known
    if length is not None and length % count:
        each = -(-length // count)
        sizes = [min(each, length - i) for i in range(0, length, each)]
        return _sized(low, node, x, tuple(sizes), axis)
    if length is not None:
        return _equal(low, node, x, count, axis)
    made = low.build.emit_all("chunk", [x, Lit(count)], count, node=node, attrs={"axis": axis})  # fmt: skip
    return Struct(tuple(e.atom for e in made))


def _equal(low: Lowering, node: cst.Call, x: Atom, count: int, axis: int) -> Struct:
    options = {"axis": axis} if axis else {}
    made = low.build.emit_all("split", [x, Lit(count)], count, node=node, attrs=options)
    return Struct(tuple(e.atom for e in made))


def _sized(
    low: Lowering, node: cst.Call, x: Atom, sizes: tuple[int, ...], axis: int
) -> Struct:
    cuts = tuple(sum(sizes[: i + 1]) for i in range(len(sizes) - 1))
    options = {"axis": axis} if axis else {}
    made = low.build.emit_all("split", [x, Lit(cuts)], len(sizes), node=node, attrs=options)  # fmt: skip
    return Struct(tuple(e.atom for e in made))


@handles("split(tensor, split_size, dim)")
def _split(low: Lowering, node: cst.Call, given: Given) -> Value:
    """Unlike NumPy's, it is told how long the parts are."""
    given = {"split_size" if k == "split_size_or_sections" else k: v for k, v in given.items()}  # fmt: skip
    only(node, given, "tensor", "split_size", "dim")
    x, axis = atom(low, node, given, "tensor"), constant(given, "dim", 0)
    size = given.get("split_size")
    dims = x.type.shape.dims
    length = None if dims is None else dims[axis]
    match size:
        case Lit(value=list() | tuple() as sizes):
            return _sized(low, node, x, tuple(sizes), axis)
        case Struct(items=items):
            return _sized_at_run_time(low, node, x, [low.atom(i, node) for i in items], axis)  # fmt: skip
        case Lit(value=int() as each) if length is not None and length.known:
            whole = length.known
            sizes = [min(each, whole - i) for i in range(0, whole, each)]
            return _sized(low, node, x, tuple(sizes), axis)
        case Var(type=known) | Lit(type=known) if known.dim is not None and length:
            count = length.over(known.dim).known
            if count is not None:
                return _equal(low, node, x, count, axis)
        case _:
            pass
    what = "into how many parts the tensor is split is not known"
    step = "state its shape with --shape, or use chunk"
    return low.opaque(what, [x], node, code="FG108", next_step=step)[0]


def _sized_at_run_time(
    low: Lowering, node: cst.Call, x: Atom, sizes: list[Atom], axis: int
) -> Struct:
    low.build.dialect = ""
    cuts: list[Atom] = sizes[:1]
    for size in sizes[1:-1]:
        cuts.append(low.emit("add", cuts[-1], size))
    options = {"axis": axis} if axis else {}
    places = low.emit("tuple", *cuts)
    made = low.build.emit_all("split", [x, places], len(sizes), node=node, attrs=options)  # fmt: skip
    return Struct(tuple(e.atom for e in made))


@handles("unbind(input, dim)")
def _unbind(low: Lowering, node: cst.Call, given: Given) -> Value:
    x, axis = atom(low, node, given), constant(given, "dim", 0)
    dims = x.type.shape.dims
    if dims is None or dims[axis].known is None:
        what = "into how many parts the tensor is split is not known"
        return low.opaque(what, [x], node, code="FG108")[0]
    count = dims[axis].known or 0
    axis %= len(dims)
    low.build.dialect = ""
    whole = (slice(None),) * axis
    parts = (Lit((*whole, i)) if axis else Lit(i) for i in range(count))
    return Struct(tuple(low.emit("getitem", x, part) for part in parts))


# --- types and devices -------------------------------------------------------------------------------------------

FLOATS = ("float", "double", "half", "bfloat16")
INTEGERS = ("long", "int", "short", "bool", "char", "byte")


@handles(*(f"{name}(input)" for name in (*FLOATS, *INTEGERS)))
def _converted(low: Lowering, node: cst.Call, given: Given) -> Value:
    assert isinstance(node.func, cst.Attribute)
    return _to(low, node, atom(low, node, given), node.func.attr.value)


@handles(
    "cpu(input)", "cuda(input, device)", "contiguous(input)", "type_as(input, other)"
)
def _moved(low: Lowering, node: cst.Call, given: Given) -> Value:
    return low.emit("to", atom(low, node, given), node=node)


@handles("to(input, target)", "type(input, target)")
def _target(low: Lowering, node: cst.Call, given: Given) -> Value:
    x = atom(low, node, given)
    asked = [v for k, v in given.items() if k != "input"]
    types = [v for v in asked if isinstance(v, Path)]
    names = [p.path.rpartition(".")[2] for p in types]
    for value in asked:
        match value:
            case Path() | Lit(value=bool() | None):
                pass
            case Lit(value=str() as text):
                names += [text.rpartition(".")[2].removesuffix("Tensor")] if "." in text else []  # fmt: skip
            case Var() if _is_device_or_tensor(low, value):
                pass
            case _:
                what = "a conversion to a type that is not known: a type of integers would have no gradient"
                return low.opaque(what, [x], node, code="FG202")[0]
    return _to(low, node, x, names[0] if names else "")


def _is_device_or_tensor(low: Lowering, value: Var) -> bool:
    made = next((e for e in low.build.eqns if value in e.outs), None)
    if made is not None and made.op in ("device", "dtype"):
        return made.op == "device" or made.args[0].type.kind not in ("int", "bool")
    tensor = bool(value.type.rank) and value.type.kind not in ("int", "bool", "arange")
    return value.name == "device" or value.type.kind == "str" or tensor


def _to(low: Lowering, node: cst.Call, x: Atom, name: str) -> Var:
    """In another precision, or elsewhere; fractions that are lost have no gradient."""
    if not name:
        return low.emit("to", x, node=node)
    kind = kind_of_dtype(name)
    if name in FLOATS or kind == "float":
        return low.emit("to", x, node=node, kind="float")
    if name in INTEGERS or kind in ("int", "bool"):
        kind = "bool" if "bool" in name.lower() else "int"
        return low.emit("to_integers", x, node=node, kind=kind)
    what = "a conversion to a type that is not known: a type of integers would have no gradient"
    return low.opaque(what, [x], node, code="FG202")[0]


@handles("new_zeros(input, *size)", "new_ones(input, *size)", "new_empty(input, *size)")
def _new(low: Lowering, node: cst.Call, given: Given) -> Value:
    assert isinstance(node.func, cst.Attribute)
    name = node.func.attr.value.removeprefix("new_")
    size = given.get("size", Struct(()))
    return low.emit(name, low.atom(size, node), node=node)


@handles("new_full(input, size, value)")
def _new_full(low: Lowering, node: cst.Call, given: Given) -> Value:
    given = {"value" if k == "fill_value" else k: v for k, v in given.items()}
    size, value = (atom(low, node, given, n) for n in ("size", "value"))
    return low.emit("full", size, value, node=node)


# --- padding -----------------------------------------------------------------------------------------------------


@handles("pad(input, pad, mode, value)")
def _pad(low: Lowering, node: cst.Call, given: Given) -> Value:
    """torch names the last axis first."""
    only(node, given, "input", "pad", "mode", "value")
    x = atom(low, node, given)
    ends = [low.atom(w, node) for w in _items(low, node, given.get("pad"))]
    if any(isinstance(e, Lit) and e.value < 0 for e in ends):
        raise Refusal("FG202", "a padding that cuts is not read", "take a slice", node)
    if constant(given, "mode", "constant") != "constant":
        what = "a padding that repeats elements is not read"
        return low.opaque(what, [x], node, code="FG202")[0]
    low.build.dialect = ""
    value = constant(given, "value")
    options = {} if value is None else {"value": value}
    if all(isinstance(e, Lit) for e in ends):
        widths: Atom = Lit(tuple(e.value for e in ends if isinstance(e, Lit)))
    else:
        widths = low.emit("tuple", *ends)
    return low.emit("frame", x, widths, node=node, **options)
