"""A call of a function that the user has given a rule -> one equation, with the arguments under the rule's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.scope import Arguments, Callee, Path, Refusal, Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.registry import RULES

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

OF_LIBRARY, OF_FILE = "the rule for {}", "the rule for {}()"


@dataclass(frozen=True)
class Signature:
    """What a rule takes: data, options that are fixed when the text is read, and what its formula reads besides."""

    data: tuple[str, ...]
    options: tuple[str, ...]
    defaults: dict[str, Any]
    context: tuple[str, ...]


def operation(low: Lowering, function: Any) -> str | None:
    """The operation that stands for a call of `function`; None where the user has given no rule for it."""
    match function:
        case Path(path=path):
            name = OF_LIBRARY.format(path)
        case Callee(name=name, node=node, frame=None) if (
            low.module.functions.get(name) is node
        ):
            name = OF_FILE.format(name)
        case _:
            return None
    return name if name in RULES else None


def call(low: Lowering, node: cst.Call, op: str, given: Arguments) -> Value:
    """The result, or the results, of the equation."""
    rule = RULES[op]
    signature: Signature = rule.formula.signature  # type: ignore[attr-defined]
    bound = _bound(node, op, signature, given)
    data = [_data(low, node, op, bound[name]) for name in signature.data]
    options = {n: _option(low, node, bound[n]) for n in signature.options if n in bound}
    low.build.dialect = ""
    made = low.build.emit_all(op, data, rule.results, node=node, attrs=options)
    values = tuple(expr.atom for expr in made)
    return values[0] if len(values) == 1 else Struct(values)


def _bound(
    node: cst.Call, op: str, signature: Signature, given: Arguments
) -> dict[str, Value]:
    """The arguments by the names of the rule's parameters."""
    names = (*signature.data, *signature.options)
    if len(given.positional) > len(names):
        raise _unfit(node, f"{op} takes {len(names)} arguments")
    bound = dict(zip(names, given.positional, strict=False))
    for name, value in given.keywords.items():
        if name not in names:
            raise _unfit(node, f"{op} does not read {name}=")
        if name in bound:
            raise _unfit(node, f"{name} is given twice")
        bound[name] = value
    for name in names:
        if name not in bound and name not in signature.defaults:
            raise _unfit(node, f"{op} needs {name}, which is not given here")
    return bound


def _unfit(node: cst.Call, what: str) -> Refusal:
    return Refusal("FG202", what, "let the rule take what the call gives", node)


def _data(low: Lowering, node: cst.Call, op: str, value: Value) -> Atom:
    if isinstance(value, Struct):
        what = f"a {value.kind} is given where {op} takes an array"
        raise Refusal("FG202", what, "make an array of it first", node)
    return low.atom(value, node)


def _option(low: Lowering, node: cst.Call, value: Value) -> Any:
    """A constant as Python has it, anything else as a value of the graph."""
    match value:
        case Lit(value=constant):
            return constant
        case Struct(items=items) if all(isinstance(i, Lit) for i in items):
            return tuple(i.value for i in items if isinstance(i, Lit))
        case _:
            made = low.atom(value, node)
            return made if isinstance(made, Var) else made.value


__all__ = ["OF_FILE", "OF_LIBRARY", "Signature", "call", "operation"]
