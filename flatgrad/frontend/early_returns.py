"""Function node -> the same without the returns of a test mode, which stay in the text and are on no way to the result.

    def loss(params, X, y=None):
        scores = X @ params["W"]
        if y is None:
            return scores                ->         raise returned_early(scores)
        return softmax_loss(scores, y)

One function, two results of different kinds: which of the two is meant is decided by whether y is given. The
gradient is that of the last one. What is emitted still returns the scores where y is None, with None in place of
gradients; `flatgrad/emit/early_returns.py` writes the return again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile
from typing import Any

import libcst as cst

from flatgrad.frontend.exits import falls_through, lines_of, may_return
from flatgrad.frontend.module import Module, bound_names, parameters_of
from flatgrad.frontend.scope import Function
from flatgrad.graph import Atom, Lit, Var

GIVEN, UNKNOWN = object(), object()  # something that is not None; anything


def marker(module: Module) -> str:
    """What such a return is raised as: a name that is nowhere in the file."""
    name = "returned_early"
    while name in module.text:
        name += "_"
    return name


def positions(function: cst.FunctionDef) -> list[int]:
    """The lines of the function that return early, where an argument that defaults to None is not given."""
    body = function.body
    if not isinstance(body, cst.IndentedBlock) or len(body.body) < 2:
        return []
    known = _assumed(function)
    reached = list(takewhile(lambda line: falls_through([line]), body.body[:-1]))
    return [
        position
        for position, line in enumerate(reached)
        if _returns_at_its_end(line) and _is_passed(line, known)
    ]


def without(
    module: Module, function: cst.FunctionDef, chosen: Collection[int]
) -> cst.FunctionDef:
    """The function in which these lines raise what they would return."""
    lines: list[Any] = []
    for position, line in enumerate(function.body.body):
        if position in chosen:
            changed = _raising(line, marker(module))
            module.stand_ins[changed] = line
            line = changed
        lines.append(line)
    return function.with_changes(body=function.body.with_changes(body=lines))


def of_another_kind(
    module: Module, function: Function, chosen: Sequence[int]
) -> list[int]:
    """Those of the lines whose results are not of the kind that the function ends with."""
    outs = function.block.outs[: len(function.outputs)]
    found = []
    for position in chosen:
        returned = _raised(function.node.body.body[position])
        early = [function.frame.values.get(node, UNKNOWN) for node in returned]
        if len(early) != len(outs) or any(map(_differ, early, outs)):
            found.append(position)
    return found


def _differ(early: Any, out: Atom) -> bool:
    """One is a number and the other may be an array, or they have not as many axes."""
    if isinstance(early, Lit):
        return not out.type.shape.is_scalar
    if not isinstance(early, Var):
        return True
    known, ranks = out.type.shape.is_scalar, (early.type.rank, out.type.rank)
    return (known and not early.type.shape.is_scalar) or (
        None not in ranks and ranks[0] != ranks[1]
    )


def _is_passed(line: Any, known: Mapping[str, Any]) -> bool:
    return _decided(line.test, known) is False


def _returns_at_its_end(line: Any) -> bool:
    """if test: ..., return value; with nothing else that leaves the function."""
    if not isinstance(line, cst.If) or line.orelse is not None:
        return False
    *before, last = lines_of(line.body)
    if any(may_return(b) for b in before):
        return False
    match last:
        case cst.SimpleStatementLine(body=[cst.Return(value=cst.BaseExpression())]):
            return True
        case _:
            return False


def _raising(line: Any, name: str) -> Any:
    """raise returned_early(a, b) in the place of `return a, b`."""
    *before, last = lines_of(line.body)
    value = last.body[0].value
    args = [cst.Arg(e) for e in _parts(value)]
    raised = cst.Raise(cst.Call(cst.Name(name), args))
    lines = [*before, last.with_changes(body=[raised])]
    if isinstance(line.body, cst.IndentedBlock):
        return line.with_changes(body=line.body.with_changes(body=lines))
    return line.with_changes(body=cst.IndentedBlock(lines))


def _raised(line: Any) -> list[cst.BaseExpression]:
    call = lines_of(line.body)[-1].body[0].exc
    return [a.value for a in call.args]


def _parts(value: Any) -> list[cst.BaseExpression]:
    if isinstance(value, cst.Tuple) and not any(
        isinstance(e, cst.StarredElement) for e in value.elements
    ):
        return [e.value for e in value.elements]
    return [value]


# --- what is known where the arguments are given ---------------------------------------------------------------------


def _assumed(function: cst.FunctionDef) -> dict[str, Any]:
    """Arguments that default to None, taken as given, and names that follow from that."""
    bound = list(bound_names(function.body))
    known: dict[str, Any] = {
        p.name.value: GIVEN
        for p in parameters_of(function)
        if _is_none(p.default) and p.name.value not in bound
    }
    for line in function.body.body if known else ():
        match line:
            case cst.SimpleStatementLine(
                body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value)]
            ) if bound.count(name) == 1:  # fmt: skip
                known[name] = _decided(value, known)
            case _:
                pass
    return {name: value for name, value in known.items() if value is not UNKNOWN}


def _decided(node: Any, known: Mapping[str, Any]) -> Any:
    """The value of an expression, where it follows from what is known."""
    match node:
        case cst.Name(value="None" | "True" | "False"):
            return {"None": None, "True": True, "False": False}[node.value]
        case cst.Name(value=name):
            return known.get(name, UNKNOWN)
        case cst.SimpleString():
            return node.evaluated_value
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            value = _decided(inner, known)
            return UNKNOWN if value in (GIVEN, UNKNOWN) else not value
        case cst.IfExp(test=test, body=body, orelse=orelse):
            value = _decided(test, known)
            if value in (GIVEN, UNKNOWN):
                return UNKNOWN
            return _decided(body if value else orelse, known)
        case cst.Comparison(left=left, comparisons=[one]):
            return _compared(_decided(left, known), one, known)
        case _:
            return UNKNOWN


def _compared(left: Any, one: cst.ComparisonTarget, known: Mapping[str, Any]) -> Any:
    right = _decided(one.comparator, known)
    same: Any = UNKNOWN
    if UNKNOWN not in (left, right) and (GIVEN not in (left, right) or None in (left, right)):  # fmt: skip
        same = left == right
    if same is UNKNOWN:
        return UNKNOWN
    match one.operator:
        case cst.Is() | cst.Equal():
            return same
        case cst.IsNot() | cst.NotEqual():
            return not same
        case _:
            return UNKNOWN


def _is_none(node: Any) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


__all__ = ["marker", "of_another_kind", "positions", "without"]
