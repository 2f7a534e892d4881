"""A student's backward and its forward -> what flatgrad emits for the same: its lines, and their values at the point."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flatgrad.checking.command import Prepared
from flatgrad.checking.derivatives import (
    Variable,
    function_in,
    plain,
    primal_name,
    returned_names,
    variables,
    with_first_outputs,
)
from flatgrad.checking.emitted import Emitted, emitted
from flatgrad.checking.request import Request
from flatgrad.checking.students import Answer, Student, Style
from flatgrad.checking.subject import float_leaves
from flatgrad.checking.watching import Watched, watched
from flatgrad.emit.names import TELLING
from flatgrad.errors import FlatgradError
from flatgrad.frontend.module import names_in_text
from flatgrad.pipeline import Transformation


@dataclass
class Reference:
    """What flatgrad emits for the forward of the student: its lines, and the values of its variables."""

    lines: dict[str, Variable] = field(default_factory=dict)
    values: Watched = field(default_factory=Watched)
    returned: dict[str, str] = field(default_factory=dict)  # by parameter
    refused: str = ""  # why there is none
    written: set[str] = field(default_factory=set)  # names of the forward's text


def counterpart(stem: str, reference: Reference) -> str:
    """flatgrad's variable for the derivative of the same value; "" if there is none."""
    if not _is_telling(stem, reference):
        return ""
    exact = f"grad_{stem}"
    if exact in reference.values.values and exact in reference.lines:
        return exact
    close = [
        n
        for n in reference.lines
        if n in reference.values.values and plain(primal_name(n)) == plain(stem)
    ]
    return close[0] if len(close) == 1 else ""


def _is_telling(stem: str, reference: Reference) -> bool:
    """Not a name such as product, which flatgrad gives to what has none: it may mean anything."""
    invented = stem.rstrip("_0123456789") in TELLING.values()
    return stem in reference.written or not invented


def reference_for(
    request: Request, ready: Prepared, one: Student, found: Answer
) -> Reference:
    """The gradient of the student's own forward if it can be made, else of the function that is checked."""
    subject = ready.subject
    seeds = subject.seeds[: one.outputs(len(subject.seeds))]
    if one.style is Style.CACHE and one.forward is not None:
        name = one.forward.__qualname__
        try:
            made = _of_forward(request, one, name, found, len(seeds))
            return _run(made, name, found.inputs, seeds, ready)
        except FlatgradError:
            pass
    made = ready.transformation
    text = with_first_outputs(made.text, subject.name, len(seeds))
    made = made if text == made.text else Transformation(text, made.options)
    try:
        return _run(made, subject.name, subject.inputs, seeds, ready)
    except FlatgradError as error:
        first = error.diagnostics[0]
        return Reference(refused=f"{first.code} {first.what}")


def _of_forward(
    request: Request, one: Student, name: str, found: Answer, count: int
) -> Transformation:
    text = with_first_outputs(one.program.text, name, count)
    options = replace(request.options, functions=(name,), wrt=())
    read = Transformation(text, options).read("grad", name)[0]
    able = {n for n, p in read.params.items() if p not in read.labels}
    wrt = tuple(n for n, v in found.inputs.items() if n in able and float_leaves(v))
    return Transformation(text, replace(options, wrt=wrt))


def _run(
    made: Transformation,
    name: str,
    inputs: Mapping[str, Any],
    seeds: Sequence[Any],
    ready: Prepared,
) -> Reference:
    gradient = emitted(made, name, "grad", ready.subject.seed, laid_out=True)
    function, text = gradient.functions[0], gradient.text
    node = function_in(text, function.__name__)
    assert node is not None
    _, seen = watched(function, node, lambda: gradient.call(0, inputs, *seeds))
    wrt = made.options.wrt or ready.wrt
    return Reference(
        _all_lines(text, gradient),
        seen,
        _returned_by(node, wrt),
        written=names_in_text(made.text),
    )


def _all_lines(text: str, gradient: Emitted) -> dict[str, Variable]:
    """The lines of the gradient, and those of the helpers that stand before it."""
    found: dict[str, Variable] = {}
    names = [n for n, v in _names_of(gradient).items() if inspect.isfunction(v)]
    for name in [*names, gradient.functions[0].__name__]:
        if (node := function_in(text, name)) is not None:
            found |= variables(text, node)
    return found


def _names_of(gradient: Emitted) -> dict[str, Any]:
    return gradient.functions[0].__globals__


def _returned_by(node: Any, wrt: Sequence[str]) -> dict[str, str]:
    """The variable of each gradient in `return value, (grad_x, grad_w)`."""
    names = returned_names(node)
    last = names[-1] if names else ""
    parts = last if isinstance(last, list) else [last]
    pairs = zip(wrt, parts, strict=False)
    return {p: n for p, n in pairs if isinstance(n, str) and n}
