"""What a function returns -> the results of its graph, and which of them a cotangent comes in by.

A function with several results may return anything along with its arrays and numbers: homework has
`return out, cache` with a tuple or a dict of what the backward needs. Such a result comes back whole, as the
function returns it, and has no seed: NAME_grad(x, w, grad_out) returns (out, cache), (grad_x, grad_w). Each array,
number and list that is computed has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.frontend.loops import growing
from flatgrad.frontend.scope import Callee, Path, Stale, Struct, Value
from flatgrad.graph import Atom, Lit, Var, all_equations

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


def is_several(result: Value | None) -> bool:
    """The function returns a tuple: each item is a result."""
    return isinstance(result, Struct) and result.kind == "tuple"


def atoms(low: Lowering, result: Value) -> list[Atom] | None:
    """The results as values of the graph; None where one of them cannot be one."""
    if unfit(low, result) is not None:
        return None
    return [
        _atom(low, part, node)
        for part, node in zip(_parts(result), _nodes(low, result), strict=True)
    ]


def written(low: Lowering) -> dict[str, Var]:
    """Of a helper that stands by itself: what each parameter that it writes into holds in the end."""
    if low.given is None:
        return {}
    low.note()
    found: dict[str, Var] = {}
    for name, param in low.params.items():
        if not low.storages.written(param) and low.frame.env.get(name) is param:
            continue
        last = low.frame.env.get(name)
        listed = param.type.kind in ("list", "dict")
        if not low.storages.written(param) and not (listed and _grows(low, name)):
            continue
        same = isinstance(last, Var) and low.storages.root(last) is low.storages.root(
            param
        )
        if low.given.again:  # what becomes of it is for its caller to say
            found[name] = last if isinstance(last, Var) else param
            continue
        if (
            not isinstance(last, Var)
            or not same
            or last in low.storages.destroyed
            or not _is_array(low, param)
        ):
            what = f"{low.node.name.value} writes into its argument {name}"
            low.refuse(
                "FG402", what, "let the helper work on a copy, and return it", low.node
            )
            continue
        found[name] = last
    return found


def _grows(low: Lowering, name: str) -> bool:
    return any(
        name in growing(line)
        for line in low.node.body.body
        if isinstance(line, cst.CSTNode)
    )


def _is_array(low: Lowering, param: Var) -> bool:
    """A number that is augmented would be left alone."""
    if (
        param in low.storages.arrays
        or param.type.rank
        or param.type.kind in ("list", "dict")
    ):
        return True
    root = low.storages.root(param)
    stores = (
        e for e in all_equations(low.build.eqns) if e.op in ("setitem", "index_add")
    )
    return any(
        isinstance(e.args[0], Var) and low.storages.root(e.args[0]) is root
        for e in stores
    )


def unfit(low: Lowering, result: Value) -> Value | None:
    """What is returned that is no result."""
    alone = not is_several(result) and low.given is None
    for part in _parts(result):
        bad = _is_whole(part, alone) if alone else _holds_function(part)
        if bad:
            return part
    return None


def seeds(
    low: Lowering, outs: Sequence[Atom], names: Sequence[str]
) -> list[Var | None]:
    """The variable that the cotangent of each result comes in by; None for what comes back whole."""
    result = low.frame.result
    parts: Sequence[Value] = _parts(result) if result is not None else ()
    alone = result is not None and not is_several(result)
    whole = (
        [_is_whole(p, alone) for p in parts]
        if len(parts) == len(outs)
        else [False] * len(outs)
    )
    kept = low.given is not None
    aside = set(low.aside) if not kept else set()
    return [
        (
            Var(name, primal=out if isinstance(out, Var) else None)
            if kept or not (skipped or name in aside)
            else None
        )
        for name, out, skipped in zip(names, outs, whole, strict=True)
    ]


def _parts(result: Value) -> Sequence[Value]:
    return (
        result.items
        if isinstance(result, Struct) and result.kind == "tuple"
        else (result,)
    )


def _nodes(low: Lowering, result: Value) -> Sequence[cst.CSTNode]:
    """The text of each result, or all of it."""
    returned = low.frame.returned
    whole = (
        returned.value
        if returned is not None and returned.value is not None
        else low.node
    )
    parts = _parts(result)
    if (
        isinstance(whole, cst.Tuple)
        and is_several(result)
        and len(whole.elements) == len(parts)
    ):
        return [element.value for element in whole.elements]
    return [whole for _ in parts]


def _atom(low: Lowering, part: Value, node: cst.CSTNode) -> Atom:
    """The result; a tuple or dict that has a name is known by it."""
    if not isinstance(part, Struct):
        return low.atom(part, node)
    made = low.atom(part, node)
    if (
        isinstance(node, cst.Name)
        and low.frame.env.get(node.value) is part
        and isinstance(made, Var)
    ):
        made.name = node.value
        low.frame.env[node.value] = made
    return made


def _is_whole(part: Value, alone: bool = False) -> bool:
    """Nothing that a cotangent belongs to; a dict beside other results is such, one that is returned alone is not."""
    if alone and getattr(part, "kind", "") == "dict":
        return False
    if alone and isinstance(part, Var) and part.type.kind == "dict":
        return False
    if isinstance(part, Lit):
        return type(part.value) not in (int, float)
    if isinstance(part, Struct):
        return part.kind != "list" or not part.items
    return not isinstance(part, Var) or part.type.kind in (
        "str",
        "none",
        "tuple",
        "dict",
    )


def _holds_function(part: Value) -> bool:
    match part:
        case Struct(items=items):
            return any(map(_holds_function, items))
        case _:
            return isinstance(part, Callee | Path | Stale)


__all__ = ["atoms", "is_several", "seeds", "unfit", "written"]
