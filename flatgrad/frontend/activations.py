"""A call of a function of the same file -> its body, read with the arguments in place of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.frontend import arguments, hints, own_calls, pairs, printed
from flatgrad.frontend.decorators import is_transparent
from flatgrad.frontend.module import names_in, nodes_in
from flatgrad.frontend.rebinding import without_nonlocal
from flatgrad.frontend.scope import (
    Arguments,
    Callee,
    Frame,
    Refusal,
    Value,
    values_seen,
)
from flatgrad.graph import Var

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

DEPTH = 20  # helpers that call helpers: deeper than this is taken for a recursion


def activate(low: Lowering, node: cst.Call, callee: Callee, given: Arguments) -> Value:
    """Read the body of a function of this file with the arguments in place of its parameters."""
    if (own := own_calls.operation(low, callee)) is not None:
        return own_calls.call(low, node, own, given)
    if (known := printed.call(low, node, callee, given)) is not None:
        return known
    callee = _with_nothing_nonlocal(callee)
    caller, statement = low.frame, low.build.statement
    if statement is None:  # NAME = callee() at the top of the file
        raise Refusal("FG108", f"what {callee.name} gives outside of a function is not read", "", node)  # fmt: skip
    frame = Frame(callee.node, callee.frame, node, statement)
    if problem := _problem(low, callee, frame):
        return _opaque(low, node, callee, given, problem.what, problem.code)
    _refuse_rebinding(callee)
    _refuse_outdated(callee, node)
    layer = low.module.layered and pairs.returns_cache(callee)
    if pairs.has_flow(callee) or pairs.reads_better(low, callee) or layer:
        values = {
            name: value
            for name, (_, value) in arguments.matched(low, node, callee, given).items()
        }
        if pairs.may_pair(low, callee, values):
            return pairs.call(low, node, callee, values)
        pairs.refuse_segment(low, callee)
        if _is_running(low, callee):
            what = f"{callee.name} calls itself, which is not read yet"
            return _opaque(low, node, callee, given, what, "FG112")
        frame.function = pairs.plain(low, callee)
    given_values = arguments.matched(low, node, callee, given)
    for name, (text, value) in given_values.items():
        low.note()
        low.storages.hold(frame, name, value)
        frame.arguments[name] = (text, value)
    hints.of_inlined(low, callee.node, {n: v for n, (_, v) in given_values.items()})
    saved = low.snapshot() if _may_write(callee) else None
    mark = Mark(len(low.build.eqns), len(low.problems))
    low.frame = frame
    try:
        with low.inside(None):
            result = _read_body(low, frame)
    finally:
        low.frame, low.build.statement = caller, statement
    if saved is not None and (
        result is None or any(p.code == "FG402" for p in low.problems[mark.problems :])
    ):
        values = {name: value for name, (_, value) in given_values.items()}
        if pairs.may_pair(low, callee, values):
            low.storages.forget(frame)
            low.restore(saved)
            return pairs.call(low, node, callee, values)
    if result is None or len(low.problems) > mark.problems:
        low.storages.forget(frame)
        return _unreadable(low, node, callee, given, mark)
    low.calls.setdefault(statement, []).append(frame)
    return result


def _is_running(low: Lowering, callee: Callee) -> bool:
    """The function is being read in place already, and calls itself: no end of that would be found."""
    frame = low.frame
    while frame.statement is not None:
        if (
            frame.function is pairs.plain(low, callee)
            and frame.enclosing is callee.frame
        ):
            return True
        frame = frame.statement.frame
    return False


def _with_nothing_nonlocal(callee: Callee) -> Callee:
    if not isinstance(callee.node, cst.FunctionDef):
        return callee
    node = without_nonlocal(callee.node)
    return callee if node is callee.node else replace(callee, node=node)


def _may_write(callee: Callee) -> bool:
    """The text of the function writes into something."""
    for inner in nodes_in(callee.node.body):
        match inner:
            case (
                cst.AugAssign()
                | cst.AssignTarget(target=cst.Subscript())
                | cst.Expr(value=cst.Call())
            ):
                return True
            case cst.Arg(keyword=cst.Name(value="out")):
                return True
            case _:
                pass
    return False


@dataclass(frozen=True)
class Mark:
    """How much had been read before a call."""

    eqns: int
    problems: int


def _problem(low: Lowering, callee: Callee, frame: Frame) -> Refusal | None:
    """Why a call is not looked into."""
    name = callee.name
    if any(
        not is_transparent(low.module, d)
        for d in getattr(callee.node, "decorators", ())
    ):
        what = f"{name} is decorated, so what it does is not known"
        return Refusal("FG116", what, "", callee.node)
    if getattr(callee.node, "asynchronous", None) is not None:
        return Refusal("FG104", f"{name} is a coroutine", "", callee.node)
    if frame.depth() > DEPTH:
        what = f"{name} calls itself, which is not read yet"
        return Refusal("FG112", what, "", callee.node)
    return None


def _refuse_outdated(callee: Callee, node: cst.Call) -> None:
    """A function made by another, whose argument was a variable that is another value by now.

    The text of the argument, which is printed in place of the name, would be read too late.
    """
    names = {n.value for n in names_in(callee.node.body)}
    frame = callee.frame
    while frame is not None and frame.statement is not None:
        caller = frame.statement.frame
        for name in names & frame.arguments.keys():
            text, value = frame.arguments[name]
            if not isinstance(text, cst.Name) or not isinstance(value, Var):
                continue
            now = caller.env.get(text.value, value)
            if now is not value:
                what = f"{text.value} has been given another value since {callee.name} was made"
                raise Refusal("FG117", what, "give the new value another name", node)
        frame = frame.enclosing


def _refuse_rebinding(callee: Callee) -> None:
    for inner in nodes_in(callee.node.body):
        if isinstance(inner, cst.Global | cst.Nonlocal):
            what = f"{callee.name} rebinds names that it shares with others"
            raise Refusal("FG105", what, "pass the value in and return it", inner)


def _read_body(low: Lowering, frame: Frame) -> Value | None:
    if isinstance(frame.function, cst.Lambda):
        low.begin(frame.function.body)
        frame.result = low.expression(frame.function.body)
    else:
        low.suite(frame.function.body)
    return frame.result


def _unreadable(
    low: Lowering, node: cst.Call, callee: Callee, given: Arguments, mark: Mark
) -> Var:
    """Forget what was read of the function: its call is opaque, with the first reason why."""
    code, reason = _reason(low, low.problems[mark.problems :])
    forgotten = {out for eqn in low.build.eqns[mark.eqns :] for out in eqn.outs}
    del low.problems[mark.problems :], low.build.eqns[mark.eqns :]
    low.scanned = min(low.scanned, mark.eqns)
    low.externals = {k: v for k, v in low.externals.items() if v not in forgotten}
    what = f"{callee.name} cannot be read: {reason}"
    return _opaque(low, node, callee, given, what, code)


def _opaque(
    low: Lowering, node: cst.Call, callee: Callee, given: Arguments, what: str, code: str
) -> Var:  # fmt: skip
    """A call that is not read depends on its arguments and on what the function sees around it, and may write into it."""
    seen = [*given.atoms, *values_seen(callee, node)]
    value = low.opaque(what, seen, node, code=code)[0]
    if code != "FG112":  # where a function calls itself, the first call does
        for atom in seen:
            if isinstance(atom, Var):
                low.spoil(atom)
    return value


def _reason(low: Lowering, problems: Sequence[Refusal]) -> tuple[str, str]:
    if not problems:
        return "FG102", "it returns nothing"
    first = problems[0]
    place = low.module.place(first.node) if first.node is not None else None
    where = f" (line {place.line})" if place is not None else ""
    return first.code, f"{first.what}{where}"
