"""Comments that say what is wanted.

`# flatgrad: stop` at the end of a line, or on a line of its own above it: what the line assigns carries no gradient.

`# flatgrad: checkpoint` at the header of a for loop, or above it: the backward keeps some of the states of the loop
and computes the others again (segments.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.scope import Struct, Value
from flatgrad.graph import Atom, Var

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

STOP = re.compile(r"#\s*flatgrad:\s*stop\b")
CHECKPOINT = re.compile(r"#\s*flatgrad:\s*checkpoint\b")

NO_LOOP = (
    "there is no loop here whose states could be kept or not",
    "write # flatgrad: checkpoint on the first line of a for loop, or above it",
)


def stops(line: Any) -> bool:
    """The line is marked."""
    comments = [getattr(getattr(line, "trailing_whitespace", None), "comment", None)]
    comments += [
        above.comment for above in list(getattr(line, "leading_lines", ()))[-1:]
    ]
    return any(c is not None and STOP.match(c.value) for c in comments)


def stopped(low: Lowering, value: Value) -> Value:
    """The value without its gradient, on a marked line; else the value itself."""
    if not low.stopping:
        return value
    match value:
        case Struct(items=items, kind=kind):
            return Struct(tuple(stopped(low, i) for i in items), kind)
        case Var():
            return stopped_atom(low, value)
        case _:
            return value


def stopped_atom(low: Lowering, value: Atom) -> Atom:
    """The same for one value of the graph."""
    if not low.stopping or not isinstance(value, Var):
        return value
    low.build.dialect = ""
    return low.emit("stop_gradient", value)


# --- checkpoint ------------------------------------------------------------------------------------------------------


def checkpoints_in(node: cst.CSTNode) -> Iterator[cst.Comment]:
    """The comments within a node that ask for checkpoints, in the order of the text."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Comment) and CHECKPOINT.match(current.value):
            yield current
        stack.extend(reversed(current.children))


def checkpoint_of(loop: Any) -> cst.Comment | None:
    """The comment that marks the loop."""
    header = getattr(loop.body, "header", None)
    header = header or getattr(loop.body, "trailing_whitespace", None)
    comments = [header.comment] if header is not None else []
    comments += [line.comment for line in loop.leading_lines[-1:]]
    marks = (c for c in comments if c is not None and CHECKPOINT.match(c.value))
    return next(marks, None)


def refuse_unheeded(low: Lowering, body: cst.CSTNode) -> None:
    """A comment that asks for checkpoints and has not been heeded is a problem."""
    if "checkpoint" not in low.module.text:
        return
    for comment in checkpoints_in(body):
        what, step = low.module.unheeded.get(comment, NO_LOOP)
        low.refuse("FG124", what, step, comment)
