"""Parts of a loss whose forward is written -> the lines that are left to be written: its gradient.

They stand below the user's own lines and read what these leave: what is under its name at the end is at hand, and
what has no name there is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence

from flatgrad.emit.parts import Parts
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.module import bound_names, names_in_text
from flatgrad.frontend.pairs import pairs_in
from flatgrad.styles.cached import needed_of, slicer_of, with_shapes
from flatgrad.styles.composed import with_own_caches
from flatgrad.styles.course import defined, loss_backward
from flatgrad.styles.slices import Leaf, Missing
from flatgrad.styles.steps import Spot, steps_of


def remaining_lines(parts: Parts) -> list[str]:
    """def loss(X, y): dscores = ..., return dW; without the forward"""
    if not parts.scalar:
        raise FlatgradError(_no_loss(parts))
    own = _bound(parts)
    parts = with_own_caches(parts)
    lines, gradients = loss_backward(parts)
    result = f"return {', '.join(gradients)}"
    again = _computed_again(parts, own, [*lines, f"return {parts.seeded[0]}, {', '.join(gradients)}"])  # fmt: skip
    body = [*again[:-1], "", result]
    return [defined(parts.function.name, parts.signature, body)]


def _bound(parts: Parts) -> set[str]:
    """The names that the user's text gives a value."""
    function = parts.function
    return {*function.params, *bound_names(function.node.body)}


def _computed_again(parts: Parts, own: set[str], lines: Sequence[str]) -> list[str]:
    """The lines, below those that compute what they read and what has no name."""
    steps = steps_of(parts.running, parts.held)
    leaves = [Leaf(Spot(name), len(steps)) for name in sorted(own)]
    slicer = slicer_of(parts, parts.held, steps, leaves, parts.running)
    try:
        found = slicer.slice(needed_of(parts, lines))
    except Missing as missing:
        raise FlatgradError(_gone(parts, missing)) from None
    _refuse_effects(parts, found.lines)
    again = [*found.lines, ""] if found.lines else []
    return [with_shapes(line, found.shapes) for line in (*again, *lines)]


def _refuse_effects(parts: Parts, lines: Sequence[str]) -> None:
    """A layer that updates running averages is not called twice."""
    writing = {
        e.attrs["pair"].callee.name
        for e in pairs_in(parts.function.block.eqns)
        if e.attrs["pair"].written
    }
    called = writing & names_in_text("\n".join(lines))
    for name in sorted(called):
        function = parts.function
        what = f"the gradient of {function.name} would call {name} again, which writes into its arguments"
        step = f"keep all that {name} returns under names of their own"
        place = function.module.place(function.node.name)
        raise FlatgradError(Diagnostic("FG510", what, step, place))


def _gone(parts: Parts, missing: Missing) -> Diagnostic:
    function, name = parts.function, missing.name
    why = "is drawn once" if missing.drawn else "has another value at the end"
    what = f"{name} {why}, and the gradient of {function.name} needs what it was"
    step = f"give the later value of {name} a name of its own"
    if missing.drawn:
        step = f"give what is drawn a name of its own: {name}"
    return Diagnostic("FG510", what, step, function.module.place(function.node.name))


def _no_loss(parts: Parts) -> Diagnostic:
    function = parts.function
    what = f"{function.name} may return something else than one number"
    step = "state the shapes of its parameters in the docstring"
    return Diagnostic("FG508", what, step, function.module.place(function.node.name))


__all__ = ["remaining_lines"]
