"""Calls of a library that are several operations: select, choose, block, unstack, sorted, gradients along axes.

Each function takes the arguments of the call by the library's names, and gives None where it does not read them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import joined
from flatgrad.frontend.scope import Arguments, Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.types import join, scalar

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


def _sorted(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """A list of numbers that are known one by one; arrays and their parts have no order, so that these are numbers."""
    held, turned = given.get("iterable"), given.get("reverse", Lit(False))
    if not isinstance(held, Struct) or held.kind == "dict" or not held.items:
        return None
    atoms = [low.atom(item, node) for item in held.items]
    for a in atoms:
        if isinstance(a, Var) and a.type.rank is None and a.type.kind in NUMBERS:
            join(a.type.shape, scalar())
    if not all(a.type.shape.is_scalar for a in atoms) or turned not in (
        Lit(False),
        Lit(True),
    ):
        return None
    ordered = low.emit("sort", low.emit("stack", *atoms))
    low.build.dialect = ""
    items = [low.emit("getitem", ordered, Lit(i)) for i in range(len(atoms))]
    return Struct(tuple(items[::-1] if turned == Lit(True) else items), "list")


NUMBERS = ("any", "float", "int")
STEPS = ("step0", "step1", "step2", "step3")
Read = Callable[["Lowering", cst.Call, Given], "Value | None"]
# The parameters that may be given by position, those that have to be named, and what reads them.
FUNCTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Read]] = {
    "numpy.select": (("condlist", "choicelist", "default"), (), _select),
    "numpy.choose": (("a", "choices"), (), _choose),
    "numpy.block": (("arrays",), (), _block),
    "builtins.sorted": (("iterable",), ("reverse",), _sorted),
    "numpy.cov": (("m", "y", "rowvar", "bias", "ddof"), (), joined.cov),
    "numpy.corrcoef": (("x", "y", "rowvar"), (), joined.corrcoef),
    "numpy.diff": (("a", "n", "axis", "prepend", "append"), (), joined.diff),
    "numpy.unstack": (("x",), ("axis",), _unstack),
    "numpy.gradient": (("f", *STEPS), ("axis", "edge_order"), _gradient),
}


# Those that are one operation, unless a call has what the operation does not read.
PLAIN: dict[str, Callable[[Arguments], bool]] = {
    "numpy.cov": joined.has_two,
    "numpy.corrcoef": joined.has_two,
    "numpy.diff": joined.has_array_ends,
}
