"""Parts of a function -> its definitions in the way of a course or a library: `--style`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flatgrad.emit.parts import Parts
from flatgrad.frontend.scope import Function
from flatgrad.graph import Var
from flatgrad.styles.script import script

Writer = Callable[[Parts], list[str]]


def every(function: Function, possible: list[Var]) -> list[Var]:
    """All parameters that can carry a gradient."""
    return possible


@dataclass(frozen=True)
class Style:
    """`write` gives the definitions; `wrt` the parameters where none are asked for, of those that can carry one."""

    write: Writer
    prefix: str = "d"  # of names of derivatives
    wrt: Callable[[Function, list[Var]], list[Var]] = every


STYLES = {
    "script": Style(script, "grad_"),
}
