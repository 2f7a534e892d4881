"""`with` and `try` whose bodies are read in place: a manager changes nothing, and a handler that raises returns nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import effects
from flatgrad.frontend.exits import (
    falls_through,
    lines_of,
    may_leave,
    only_raises,
    suppresses,
)
from flatgrad.frontend.scope import Refusal

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


def is_transparent(node: Any) -> bool:
    """The lines within are run one after the other, or not at all."""
    match node:
        case cst.With():
            return not suppresses(node)
        case cst.Try():
            return only_raises(node) and not (
                may_leave(node) and node.finalbody is not None
            )
        case _:
            return False


def block(low: Lowering, node: Any, rest: Sequence[Any] = ()) -> None:
    """Read the body in place; `rest` follows it where one of its ways leaves the loop around it."""
    statement = low.begin(node)
    match node:
        case cst.With(items=items):
            for item in items:
                _enter(low, item)
            lines = lines_of(node.body)
        case cst.Try(handlers=handlers):
            for handler in handlers:
                low.mention(handler)
                effects.effects_within(low, handler)
            lines = [
                *lines_of(node.body),
                *_lines(node.orelse),
                *_lines(node.finalbody),
            ]
        case _:
            raise AssertionError(f"{type(node).__name__} has no body to read")
    with low.inside(statement, 0):
        low.lines([*lines, *rest] if falls_through(lines) else lines)
    low.build.statement = statement


def _lines(part: Any) -> list[Any]:
    return [] if part is None else lines_of(part.body)


def _refuse_autograd(low: Lowering, item: cst.WithItem) -> None:
    """What is computed under torch.no_grad() would have a gradient here."""
    node: cst.BaseExpression = item.item
    node = node.func if isinstance(node, cst.Call) else node
    name = low.module.code(node).rpartition(".")[2]
    if name in ("no_grad", "inference_mode", "set_grad_enabled", "autocast"):
        what = f"what {name}() keeps from having a gradient is not read"
        step = "use x.detach(), or the comment  # flatgrad: stop"
        raise Refusal("FG105", what, step, item.item)


def _enter(low: Lowering, item: cst.WithItem) -> None:
    """with open(path) as file: nothing flows through the file."""
    if low.module.library == "torch":
        _refuse_autograd(low, item)
    reads = low.mention(item.item)
    effects.effects_within(low, item.item)
    if item.asname is not None:
        what = "what the with statement gives is not known"
        made = low.opaque(what, reads, item.item, code="FG105")[0]
        low.assign(item.asname.name, made, item.item)
