"""Calls of a library that are several operations: select, choose, block, unstack, gradient along several axes.

Each function takes the arguments of the call by the library's names, and gives None where it does not read them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.scope import Arguments, Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.namespaces import Bound

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

Given = dict[str, Value]


def function(
    low: Lowering, node: cst.Call, path: str, given: Arguments
) -> Value | None:
    """What a call of the importable `path` gives; None where it is one operation."""
    if path not in FUNCTIONS or (path in PLAIN and not PLAIN[path](given)):
        return None
    names, keywords, read = FUNCTIONS[path]
    few = len(given.positional) <= len(names)
    if few and {*given.keywords} <= {*names, *keywords} and given.rest is None:
        named = dict(zip(names, given.positional, strict=False)) | given.keywords
        low.build.dialect = "numpy"
        if (made := read(low, node, named)) is not None:
            return made
    what = f"{path.removeprefix('builtins.')} with these arguments is not read"
    step = "write its options down, and give the shapes of arrays with --shape"
    return low.opaque(what, given.atoms, node, code="FG202", next_step=step)[0]


def of_some(low: Lowering, node: cst.Call, bound: Bound[Value]) -> Value | None:
    """sum(x, where=mask, initial=1) and the like, as the sum of what is there and of what comes first."""
    told = {k: v for k, v in bound.options.items() if v != Lit(None)}
    mask, first = told.pop("where", None), told.pop("initial", None)
    mask = None if mask == Lit(True) else mask
    plain = {
        k: v.value
        for k, v in told.items()
        if isinstance(v, Lit) and k in ("axis", "keepdims")
    }
    axis = told.get("axis")
    if isinstance(axis, Struct) and all(isinstance(i, Lit) for i in axis.items):
        plain["axis"] = tuple(i.value for i in axis.items)  # type: ignore[union-attr]
    unread = {*told} - {*plain}
    if (
        bound.op not in SOME
        or (mask is None and first is None)
        or unread
        or len(bound.data) != 1
    ):
        return None
    (held,) = bound.data.values()
    if not isinstance(held, Var):
        return None
    some = None if mask is None else low.atom(_only(mask), node)
    start = None if first is None else low.atom(_only(first), node)
    low.build.dialect = "numpy"
    return SOME[bound.op](low, node, held, some, start, plain)


def _only(option: Value | tuple[Value, ...]) -> Value:
    return Struct(option) if isinstance(option, tuple) else option


def _total(op: str, together: str, neutral: int) -> Callable[..., Value | None]:
    """A sum or a product: of neutral numbers where nothing is there, and with what comes first."""

    def read(low: Lowering, node: cst.Call, x: Var, some: Atom | None, start: Atom | None, plain: dict[str, Any]) -> Value | None:  # fmt: skip
        there = x if some is None else low.emit("where", some, x, Lit(neutral))
        made = low.emit(op, there, node=node if start is None else None, **plain)
        return made if start is None else low.emit(together, made, start, node=node)

    return read


def _mean(low: Lowering, node: cst.Call, x: Var, some: Atom | None, start: Atom | None, plain: dict[str, Any]) -> Value | None:  # fmt: skip
    if some is None or start is not None:
        return None
    total = low.emit("sum", low.emit("where", some, x, Lit(0)), **plain)
    ones = low.emit("where", some, low.emit("ones_like", x), Lit(0))
    return low.emit("truediv", total, low.emit("sum", ones, **plain), node=node)


def _extreme(op: str) -> Callable[..., Value | None]:
    """What is not there is no more than what is given besides, a number that stands in the text."""

    def read(low: Lowering, node: cst.Call, x: Var, some: Atom | None, start: Atom | None, plain: dict[str, Any]) -> Value | None:  # fmt: skip
        if some is None or not isinstance(start, Lit):
            return None
        there = low.emit("where", some, x, start)
        return low.emit(op, there, node=node, initial=start.value, **plain)

    return read


SOME = {
    "sum": _total("sum", "add", 0),
    "prod": _total("prod", "mul", 1),
    "mean": _mean,
    "max": _extreme("max"),
    "min": _extreme("min"),
}


def _select(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """The first condition that holds says which."""
    match given.get("condlist"), given.get("choicelist"):
        case Struct(items=conditions), Struct(items=choices) if len(conditions) == len(
            choices
        ):
            default = low.atom(given.get("default", Lit(0)), node)
            return _first_of(low, node, conditions, choices, default)
        case _:
            return None


def _choose(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """The number of the choice, for each element."""
    match given.get("a"), given.get("choices"):
        case Var() as number, Struct(items=choices) if choices and {*given} == {
            "a",
            "choices",
        }:
            hits = [low.emit("eq", number, Lit(i)) for i in range(len(choices) - 1)]
            return _first_of(low, node, hits, choices[:-1], low.atom(choices[-1], node))
        case _:
            return None


def _first_of(
    low: Lowering,
    node: cst.Call,
    conditions: Sequence[Value],
    choices: Sequence[Value],
    total: Atom,
) -> Value:
    pairs = list(zip(conditions, choices, strict=True))[::-1]
    for i, (condition, choice) in enumerate(pairs):
        here = node if i == len(pairs) - 1 else None
        tested, chosen = low.atom(condition, node), low.atom(choice, node)
        total = low.emit("where", tested, chosen, total, node=here)
    return total


def _block(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """Nested lists of arrays: those of the innermost go side by side, along the last axis."""
    nested = given.get("arrays")
    leaves = _leaves(low, node, nested)
    depth = _depth(nested)
    if not isinstance(nested, Struct) or depth is None:
        return None
    ranks = [a.type.rank for a in leaves]
    if None in ranks:
        return None
    rank = max(depth, *(r for r in ranks if r is not None))
    return _joined(low, node, nested, depth, rank, whole=True)


def _leaves(low: Lowering, node: cst.Call, value: Any) -> list[Atom]:
    if isinstance(value, Struct):
        return [a for item in value.items for a in _leaves(low, node, item)]
    return [low.atom(value, node)]


def _depth(value: Any) -> int | None:
    """How deep the lists are nested, if it is the same everywhere."""
    if not isinstance(value, Struct):
        return 0
    depths = {_depth(item) for item in value.items}
    if value.kind != "list" or len(depths) != 1 or (inner := depths.pop()) is None:
        return None
    return inner + 1


def _joined(
    low: Lowering, node: cst.Call, value: Any, depth: int, rank: int, whole: bool
) -> Atom:
    if depth == 0:
        array = low.atom(value, node)
        missing = rank - (array.type.rank or 0)
        if not missing:
            return array
        return low.emit("reshape", array, _with_axes(low, array, missing))
    parts = [_joined(low, node, item, depth - 1, rank, False) for item in value.items]
    here = node if whole else None
    return low.emit("concatenate", *parts, axis=-depth, node=here)


def _with_axes(low: Lowering, array: Atom, count: int) -> Atom:
    """A shape with axes of length 1 in front."""
    ones = [Lit(1)] * count
    shape = low.emit("shape", array)
    lengths = [low.emit("getitem", shape, Lit(i)) for i in range(array.type.rank or 0)]
    return low.emit("tuple", *ones, *lengths)


def _unstack(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    axis, array = given.get("axis", Lit(0)), low.atom(given["x"], node)
    dims = array.type.shape.dims
    if not isinstance(axis, Lit) or not isinstance(axis.value, int) or not dims:
        return None
    at = axis.value % len(dims)
    count = dims[at].known
    if count is None:
        return None
    before = (slice(None),) * at
    low.build.dialect = ""
    indices = [(*before, i) if before else i for i in range(count)]
    return Struct(tuple(low.emit("getitem", array, Lit(i)) for i in indices))


def _gradient(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """One array for each axis; the array itself for one axis."""
    array = low.atom(given["f"], node)
    steps = [low.atom(v, node) for k, v in given.items() if k.startswith("step")]
    rank, order = array.type.rank, given.get("edge_order", Lit(1))
    axes = _axes(given.get("axis", Lit(None)), rank)
    if axes is None or order not in (Lit(1), Lit(2)):
        return None
    if len(steps) == 1:
        steps = steps * len(axes)
    if steps and len(steps) != len(axes):
        return None
    here = node if len(axes) == 1 else None
    options = {"edge_order": order.value} if order == Lit(2) else {}  # type: ignore[union-attr]
    made = tuple(
        low.emit("gradient", array, *steps[i : i + 1], axis=axis, node=here, **options)
        for i, axis in enumerate(axes)
    )
    return made[0] if len(made) == 1 and not _is_tuple(given) else Struct(made)


def _is_tuple(given: Given) -> bool:
    """axis=(0,) asks for a list, of one array."""
    return isinstance(given.get("axis"), Struct)


def _axes(axis: Value, rank: int | None) -> list[int] | None:
    match axis:
        case Lit(value=None):
            return None if rank is None else list(range(rank))
        case Lit(value=int() as one):
            return [one]
        case Struct(items=items) if all(isinstance(i, Lit) for i in items):
            return [i.value for i in items]  # type: ignore[union-attr]
        case _:
            return None


def _cov(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """The covariance of the variables of two arrays, put together first."""
    both = _together(low, node, given)
    options = {k: v.value for k, v in given.items() if isinstance(v, Lit) and k in ("bias", "ddof")}  # fmt: skip
    if both is None or {*given} - {"m", "y", "rowvar"} - {*options}:
        return None
    table, rowvar = both
    return low.emit("cov", table, node=node, rowvar=rowvar, **options)


def _corrcoef(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """The same for their correlation."""
    both = _together(low, node, {("m" if k == "x" else k): v for k, v in given.items()})
    if both is None:
        return None
    table, rowvar = both
    return low.emit("corrcoef", table, node=node, rowvar=rowvar)


def _together(low: Lowering, node: cst.Call, given: Given) -> tuple[Atom, bool] | None:
    """All variables as rows, or as columns, of one array; whether they are rows."""
    arrays = [low.atom(given[k], node) for k in ("m", "y") if given.get(k, Lit(None)) != Lit(None)]  # fmt: skip
    match [a.type.rank for a in arrays], given.get("rowvar", Lit(True)):
        case [1 | 2], Lit(value=bool() as by_rows):
            return arrays[0], by_rows
        case [1, 1], Lit(value=bool()):
            return low.emit("stack", *arrays), True
        case [2, 2], Lit(value=bool() as by_rows):
            axis = 0 if by_rows else 1
            return low.emit("concatenate", *arrays, axis=axis), by_rows
        case _:
            return None


def _diff(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """With arrays put before and after, whose numbers of axes are known."""
    array, axis = low.atom(given["a"], node), given.get("axis", Lit(-1))
    n, count = array.type.rank, given.get("n", Lit(1))
    if n is None or not isinstance(axis, Lit) or not isinstance(count, Lit):
        return None
    ends = [given.get(name, Lit(None)) for name in ("prepend", "append")]
    first, last = (_as_part(low, node, end, n) for end in ends)
    if None in (first, last):
        return None
    parts = [*(first or ()), array, *(last or ())]
    whole = low.emit("concatenate", *parts, axis=axis.value)
    options = {} if axis == Lit(-1) else {"axis": axis.value}
    return low.emit("diff", whole, node=node, n=count.value, **options)


def _as_part(low: Lowering, node: cst.Call, end: Value, n: int) -> list[Atom] | None:
    """What stands before or after an array, with as many axes; None where that is not known."""
    if end == Lit(None):
        return []
    part = low.atom(end, node)
    if part.type.rank == n and not isinstance(part, Lit):
        return [part]
    if part.type.rank == 0 and n == 1:
        return [low.emit("stack", part)]
    return None


def _sorted(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """A list of numbers that are known one by one."""
    held, turned = given.get("iterable"), given.get("reverse", Lit(False))
    if not isinstance(held, Struct) or held.kind == "dict" or not held.items:
        return None
    atoms = [low.atom(item, node) for item in held.items]
    if not all(a.type.shape.is_scalar for a in atoms) or turned not in (
        Lit(False),
        Lit(True),
    ):
        return None
    ordered = low.emit("sort", low.emit("stack", *atoms))
    low.build.dialect = ""
    items = [low.emit("getitem", ordered, Lit(i)) for i in range(len(atoms))]
    return Struct(tuple(items[::-1] if turned == Lit(True) else items), "list")


STEPS = ("step0", "step1", "step2", "step3")
Read = Callable[["Lowering", cst.Call, Given], "Value | None"]
# The parameters that may be given by position, those that have to be named, and what reads them.
FUNCTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Read]] = {
    "numpy.select": (("condlist", "choicelist", "default"), (), _select),
    "numpy.choose": (("a", "choices"), (), _choose),
    "numpy.block": (("arrays",), (), _block),
    "builtins.sorted": (("iterable",), ("reverse",), _sorted),
    "numpy.cov": (("m", "y", "rowvar", "bias", "ddof"), (), _cov),
    "numpy.corrcoef": (("x", "y", "rowvar"), (), _corrcoef),
    "numpy.diff": (("a", "n", "axis", "prepend", "append"), (), _diff),
    "numpy.unstack": (("x",), ("axis",), _unstack),
    "numpy.gradient": (("f", *STEPS), ("axis", "edge_order"), _gradient),
}


def _has_two(given: Arguments) -> bool:
    return len(given.positional) > 1 or "y" in given.keywords


def _has_array_ends(given: Arguments) -> bool:
    ends = [
        *given.positional[3:],
        *(given.keywords.get(k) for k in ("prepend", "append")),
    ]
    return any(end is not None and not isinstance(end, Lit) for end in ends)


# Those that are one operation, unless a call has what the operation does not read.
PLAIN: dict[str, Callable[[Arguments], bool]] = {
    "numpy.cov": _has_two,
    "numpy.corrcoef": _has_two,
    "numpy.diff": _has_array_ends,
}
