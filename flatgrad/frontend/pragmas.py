"""`# flatgrad: stop` at the end of a line, or on a line of its own above it: what the line assigns carries no gradient."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flatgrad.frontend.scope import Struct, Value
from flatgrad.graph import Atom, Var

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

STOP = re.compile(r"#\s*flatgrad:\s*stop\b")


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
