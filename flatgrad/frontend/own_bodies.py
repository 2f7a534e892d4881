"""The text of a rule, and values -> the equations of its body with these in place of its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import libcst as cst

from flatgrad.builder import Builder, Expr
from flatgrad.frontend.exits import TooManyExits, single_exit
from flatgrad.frontend.lower import Lowering
from flatgrad.frontend.own_calls import Signature
from flatgrad.frontend.own_texts import Text
from flatgrad.frontend.plainer import plainer
from flatgrad.frontend.scope import Callee, Frame, Refusal, Struct, Value
from flatgrad.frontend.settled import settled
from flatgrad.graph import Atom, Eqn, Lit, Var, all_equations
from flatgrad.registry import RULES

# Which of the functions that a rule returns is asked for, and the names of what it is given.
Inner = tuple[int, Sequence[str]]
COTANGENT = "_cotangent"


def written(
    text: Text, values: dict[str, Value], build: Builder, inner: Inner | None = None
) -> Any:
    """The equations of a rule's body join those of `build`; what it returns, as expressions."""
    found, eqns = read_body(text, values, inner)
    for eqn in eqns:
        for out in eqn.outs:
            out.name = ""
        dialect = "" if eqn.dialect == "numpy" else eqn.dialect
        build.eqns.append(
            replace(eqn, statement=build.statement, node=None, dialect=dialect)
        )
    results = tuple(_expression(build, value) for value in found)
    return results[0] if len(results) == 1 else results


def _expression(build: Builder, value: Atom) -> Any:
    return value.value if isinstance(value, Lit) else Expr(build, value)


def read_body(
    text: Text, values: dict[str, Value], inner: Inner | None
) -> tuple[list[Atom], list[Eqn]]:
    """What the body returns, and the equations that it takes; a refusal where it cannot be read."""
    try:
        node = single_exit(plainer(text.node))
    except TooManyExits as error:
        raise text.refuse("a rule returns in one place", error.node) from None
    low = Lowering(text.module, {}, node, Frame(node), flat=True)
    taken = parameters_of_rule(text.signature) | {*(inner[1] if inner else ())}
    for name in taken & values.keys():
        low.hold(name, values[name])
    low.suite(node.body)
    result = low.frame.result
    if result is not None and inner is not None:
        result = _called_within(text, low, result, inner)
    if low.problems:
        raise text.refuse(low.problems[0].what, low.problems[0].node)
    if result is None:
        raise text.refuse("a rule returns the derivative")
    items = result.items if isinstance(result, Struct) else (result,)
    found = [_item(text, low, item) for item in items]
    eqns, found = settled([*low.outside.eqns, *low.build.eqns], found)
    eqns = _needed(eqns, found)
    _refuse_unreadable(text, eqns)
    return found, [_importable(text, eqn) for eqn in eqns]


def parameters_of_rule(signature: Signature) -> set[str]:
    return {*signature.data, *signature.options, *signature.context}


def tangent_names(count: int) -> list[str]:
    """What the tangents are called that the first function of a general rule is given."""
    return [f"_tangent{i}" for i in range(count)]


def _called_within(text: Text, low: Lowering, result: Value, inner: Inner) -> Value:
    """What the first or the second of the two functions gives that the rule returns."""
    position, names = inner
    match result:
        case Struct(items=(Callee(), Callee())):
            chosen = result.items[position]
        case _:
            raise text.refuse(
                "a rule of kind general returns two functions, jvp and vjp"
            )
    low.hold("_chosen", chosen)
    call = cst.parse_expression(f"_chosen({', '.join(names)})")
    low.frame.returned = None
    low.begin(cst.SimpleStatementLine([cst.Expr(call)]))
    try:
        return low.expression(call)
    except Refusal as problem:
        raise text.refuse(problem.what, problem.node) from None


def _item(text: Text, low: Lowering, item: Value) -> Atom:
    match item:
        case Var() | Lit():
            return item
        case _:
            raise text.refuse("a rule returns arrays and numbers", low.frame.returned)


def _needed(eqns: Sequence[Eqn], results: Sequence[Atom]) -> list[Eqn]:
    needed: set[Atom] = {*results}
    kept: list[Eqn] = []
    for eqn in reversed(eqns):
        if not needed.isdisjoint(eqn.outs):
            kept.append(eqn)
            needed.update(eqn.reads())
    return kept[::-1]


def _refuse_unreadable(text: Text, eqns: Sequence[Eqn]) -> None:
    for eqn in eqns:
        if eqn.op == "external" and text.module.filename and not eqn.attrs["path"]:
            name = eqn.attrs["text"]
            what = (
                f"{name} stands in a file of rules, which what is emitted cannot read"
            )
            raise text.refuse(what, text.node)
        if eqn.op == "opaque":
            raise text.refuse(str(eqn.attrs["what"]), eqn.node)
        if eqn.blocks or eqn.op == "call":
            node = eqn.node or (eqn.statement.node if eqn.statement else None)
            what = "a rule is straight-line code, without branches and loops on values"
            raise text.refuse(what, node)


def _importable(text: Text, eqn: Eqn) -> Eqn:
    """np.pi in a rule is numpy.pi, by whatever name the file that it is used in has for numpy."""
    if eqn.op != "external" or not eqn.attrs.get("path"):
        return eqn
    return replace(eqn, attrs={**eqn.attrs, "text": eqn.attrs["path"]})


def names_of_rules(eqns: Iterable[Eqn]) -> set[str]:
    """The names of the module that equations of rules read or call."""
    found = set()
    for eqn in all_equations(eqns):
        rule = RULES.get(eqn.op)
        if eqn.op == "external":
            found.add(str(eqn.attrs["text"]).partition(".")[0])
        elif eqn.op == "call_given":
            found.add(str(eqn.attrs["function"]))
        elif rule is not None and rule.called:
            found.add(rule.called.partition(".")[0])
    return found


__all__ = [
    "COTANGENT",
    "names_of_rules",
    "parameters_of_rule",
    "read_body",
    "tangent_names",
    "written",
]
