"""What operations on lists, tuples and dicts make of the nodes that these hold; no node is made of them.

What is computed from all items of a list, as its sum, is computed from the items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flatgrad.graph import Eqn
from flatgrad.graph_nodes import (
    NOT_KNOWN,
    Constant,
    Held,
    as_held,
    leaves,
    nodes_in,
    value_of,
)

if TYPE_CHECKING:
    from flatgrad.tracing import Trace

NOTHING: Sequence[Any] = ()  # the operation is none on a list


def regrouped(
    trace: Trace, eqn: Eqn, args: tuple[Held, ...], options: dict[str, Held]
) -> Sequence[Held]:
    """The results of an operation on lists and the like, or NOTHING."""
    plain = {key: value_of(value) for key, value in options.items()}
    if not eqn.op.startswith("list_") and eqn.op not in TAKING_LISTS:
        return NOTHING
    args = tuple(map(_opened, args))
    if eqn.op in MAKING:
        return [MAKING[eqn.op](args, plain)]
    if not any(isinstance(a, list | tuple | dict) for a in args[:1]):
        return NOTHING
    if _is_vague(args[1:]):
        return NOTHING
    if eqn.op in FROM_ITEMS:
        return [FROM_ITEMS[eqn.op](trace, eqn, args, plain)]
    if eqn.op == "index_add":
        return [_added(trace, eqn, *args)]
    change = CHANGES.get(eqn.op)
    return NOTHING if change is None else change(args, plain)


def _opened(held: Held) -> Held:
    """A constant list, as a list of constants."""
    known = isinstance(held, Constant) and isinstance(held.value, list | dict)
    return as_held(held.value) if known else held


def _is_vague(args: Sequence[Held]) -> bool:
    return any(
        isinstance(leaf, Constant) and leaf.value is NOT_KNOWN for leaf in leaves(args)
    )


MAKING: dict[str, Callable[[Sequence[Held], dict[str, Any]], Held]] = {
    "tuple": lambda items, o: [*items] if o.get("list") else tuple(items),
    "list": lambda items, o: [*items],
    "dict": lambda values, o: dict(zip(o["keys"], values, strict=True)),
}


def _getitem(args: Sequence[Held], options: Any) -> Sequence[Held]:
    held, index = args
    found = held[value_of(index)]
    return [found]


def _setitem(args: Sequence[Held], options: Any) -> Sequence[Held]:
    held, index, value = args
    changed = held.copy()
    changed[value_of(index)] = value
    return [changed]


def _append(args: Sequence[Held], options: Any) -> Sequence[Held]:
    return [[*args[0], args[1]]]


def _insert(args: Sequence[Held], options: Any) -> Sequence[Held]:
    changed = [*args[0]]
    changed.insert(value_of(args[1]), args[2])
    return [changed]


def _pop(args: Sequence[Held], options: Any) -> Sequence[Held]:
    left = args[0].copy()
    item = left.pop(value_of(args[1]))
    return [left, item]


def _drop(args: Sequence[Held], options: Any) -> Sequence[Held]:
    left = args[0].copy()
    left.pop(value_of(args[1]))
    return [left]


def _sort(args: Sequence[Held], options: dict[str, Any]) -> Sequence[Held]:
    return [sorted(args[0], key=value_of, reverse=bool(options.get("reverse")))]


def _setdefault(args: Sequence[Held], options: Any) -> Sequence[Held]:
    held, key, value = args
    return [{value_of(key): value} | held]


def _copy(args: Sequence[Held], options: dict[str, Any]) -> Sequence[Held]:
    kind = options.get("kind", "list")
    return [tuple(args[0]) if kind == "tuple" else [*args[0]]]


CHANGES: dict[str, Callable[[Sequence[Held], dict[str, Any]], Sequence[Held]]] = {
    "getitem": _getitem,
    "setitem": _setitem,
    "list_append": _append,
    "list_insert": _insert,
    "list_pop": _pop,
    "list_drop": _drop,
    "list_sort": _sort,
    "list_concat": lambda args, o: [[*args[0], *args[1]]],
    "list_repeat": lambda args, o: [[*args[0]] * value_of(args[1])],
    "list_copy": _copy,
    "dict_copy": lambda args, o: [dict(args[0])],
    "dict_update": lambda args, o: [{**args[0], **args[1]}],
    "dict_setdefault": _setdefault,
    "dict_values": lambda args, o: [[*args[0].values()]],
    "unzip": lambda args, o: [[*map(list, zip(*args[0], strict=True))]],
    "len": lambda args, o: [Constant(len(args[0]))],
}


def _added(trace: Trace, eqn: Eqn, held: Held, index: Held, value: Held) -> Held:
    changed, at = held.copy(), value_of(index)
    changed[at] = trace.emit(eqn, "add", changed[at], value)
    return changed


def joined(trace: Trace, eqn: Eqn, items: Held, axis: int = 0) -> Held:
    """The array of the items."""
    if not isinstance(items, list | tuple) or not nodes_in(items):
        return items
    arrays = [joined(trace, eqn, item) for item in items]
    options = {"axis": axis} if axis else {}
    return trace.emit(eqn, "stack", *arrays, **options)


def _stacked(trace: Trace, eqn: Eqn, args: Any, options: dict[str, Any]) -> Held:
    array = joined(trace, eqn, args[0], options.get("axis", 0))
    if isinstance(array, list | tuple):
        return trace.emit(eqn, "constant_array", Constant(value_of(array)))
    if options.get("dtype") is None:
        return array
    return trace.emit(eqn, "astype", array, dtype=options["dtype"])


def _put_together(trace: Trace, eqn: Eqn, args: Any, options: dict[str, Any]) -> Held:
    way = options.get("way", "concatenate")
    more = (
        {"axis": options["axis"]} if way == "concatenate" and "axis" in options else {}
    )
    return trace.emit(eqn, way, *args[0], **more)


def _folded(op: str) -> Callable[..., Held]:
    def fold(trace: Trace, eqn: Eqn, args: Any, options: dict[str, Any]) -> Held:
        items, *start = args
        terms = [*start, *items] if op == "add" else [*items]
        if op == "add" and len(terms) > 1 and value_of(terms[0]) is not NOT_KNOWN:
            begins = value_of(terms[0])
            terms = terms[1:] if isinstance(begins, int) and begins == 0 else terms
        total = terms[0]
        for term in terms[1:]:
            total = trace.emit(eqn, op, total, term)
        return total

    return fold


FROM_ITEMS: dict[str, Callable[..., Held]] = {
    "stack_list": _stacked,
    "join_list": _put_together,
    "sum_list": _folded("add"),
    "max_list": _folded("maximum"),
    "min_list": _folded("minimum"),
}
TAKING_LISTS = {*MAKING, *CHANGES, *FROM_ITEMS, "index_add"}
