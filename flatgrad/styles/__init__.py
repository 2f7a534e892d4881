"""Parts of a function -> its definitions in the way of a course or a library: `--style`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import libcst as cst

from flatgrad.emit.parts import Parts
from flatgrad.frontend.scope import Function
from flatgrad.graph import Var
from flatgrad.styles.arguments import without_defaults
from flatgrad.styles.cached import backward_alone
from flatgrad.styles.course import course_wrt, layer_or_loss
from flatgrad.styles.homework import (
    from_one,
    where_cached,
    without_cache,
    without_cotangents,
    without_stubs,
)
from flatgrad.styles.jax_custom import jax_custom
from flatgrad.styles.layer_object import layer_object
from flatgrad.styles.packed import first_of, one_number, packed
from flatgrad.styles.remaining import remaining_lines
from flatgrad.styles.script import without_function
from flatgrad.styles.static_methods import class_of_layer
from flatgrad.styles.torch_function import torch_function

Writer = Callable[[Parts], list[str]]
Rewriting = Callable[[cst.FunctionDef], cst.FunctionDef]


def every(function: Function, possible: list[Var]) -> list[Var]:
    """All parameters that can carry a gradient."""
    return possible


def written_out(function: Function, wrt: Sequence[Var]) -> bool:
    """Every cotangent has a name."""
    return False


def every_seed(function: Function) -> list[Var | None]:
    """A cotangent for each result that can have one."""
    return function.seeds


@dataclass(frozen=True)
class Style:
    """`write` gives the definitions; `wrt` the parameters where none are asked for, of those that can carry one."""

    write: Writer
    prefix: str = "d"  # of names of derivatives
    wrt: Callable[[Function, list[Var]], list[Var]] = every
    rewriting: Rewriting | None = None  # of the function before it is read
    recomputed: frozenset[str] = frozenset(
        {"max", "min"}
    )  # done again, rather than kept
    # Of a function that returns a cache of its own and that another one calls: its backward, which reads that cache.
    layer: Writer | None = None
    # Whether the cotangent of the one result is 1, and is not written out.
    from_one: Callable[[Function, Sequence[Var]], bool] = written_out
    seeds: Callable[[Function], list[Var | None]] = every_seed


STYLES = {
    "cs231n": Style(
        layer_or_loss,
        wrt=course_wrt,
        rewriting=without_cache,
        from_one=from_one,
        seeds=without_cotangents,
        layer=backward_alone,
    ),
    "cache": Style(
        backward_alone,
        wrt=course_wrt,
        rewriting=where_cached,
        from_one=from_one,
        seeds=without_cotangents,
        layer=backward_alone,
    ),
    "eecs498": Style(
        class_of_layer,
        wrt=course_wrt,
        rewriting=without_cache,
        from_one=from_one,
        seeds=without_cotangents,
        layer=backward_alone,
    ),
    # What `flatgrad fill` writes below a finished forward: it is no style that could be asked for.
    "remaining": Style(
        remaining_lines,
        wrt=course_wrt,
        rewriting=without_stubs,
        from_one=from_one,
        seeds=without_cotangents,
        layer=backward_alone,
    ),
    "script": Style(
        without_function, "grad_", from_one=from_one, seeds=without_cotangents
    ),
    "class": Style(layer_object, wrt=without_defaults),
    "torch": Style(torch_function, "grad_", without_defaults),
    "jax": Style(jax_custom, "grad_", without_defaults),
    "scipy": Style(packed, "grad_", first_of, from_one=one_number),
}
