"""Parts of a function -> its definitions in the way of a course or a library: `--style`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flatgrad.emit.parts import Parts
from flatgrad.frontend.scope import Function
from flatgrad.graph import Var
from flatgrad.styles.arguments import without_defaults
from flatgrad.styles.jax_custom import jax_custom
from flatgrad.styles.layer_object import layer_object
from flatgrad.styles.packed import first_of, one_number, packed
from flatgrad.styles.script import script
from flatgrad.styles.torch_function import torch_function

Writer = Callable[[Parts], list[str]]


def every(function: Function, possible: list[Var]) -> list[Var]:
    """All parameters that can carry a gradient."""
    return possible


def written_out(function: Function, wrt: Sequence[Var]) -> bool:
    """Every cotangent has a name."""
    return False


@dataclass(frozen=True)
class Style:
    """`write` gives the definitions; `wrt` the parameters where none are asked for, of those that can carry one."""

    write: Writer
    prefix: str = "d"  # of names of derivatives
    wrt: Callable[[Function, list[Var]], list[Var]] = every
    # Whether the cotangent of the one result is 1, and is not written out.
    from_one: Callable[[Function, Sequence[Var]], bool] = written_out


STYLES = {
    "script": Style(script, "grad_"),
    "jax": Style(jax_custom, "grad_", without_defaults),
    "scipy": Style(packed, "grad_", first_of, from_one=one_number),
    "torch": Style(torch_function, "grad_", without_defaults),
    "class": Style(layer_object, wrt=without_defaults),
}
