"""A request -> the report: run the file, differentiate its function, compare at the point."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from flatgrad.checking.emitted import emitted
from flatgrad.checking.inputs import Drawn, as_tensors, described, drawn
from flatgrad.checking.objects import Held, asked_of, held_by, params_of
from flatgrad.checking.own import (
    dot_product_test,
    gradient_rows,
    pair_test,
    value_test,
)
from flatgrad.checking.request import Report, Request
from flatgrad.checking.running import Program, folder_on_path, running, seeded
from flatgrad.checking.subject import (
    Subject,
    float_leaves,
    refuse_infinite,
)
from flatgrad.checking.table import Row, Test, table, tests
from flatgrad.checking.verdicts import Verdict
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend import Function, read_module
from flatgrad.frontend.module import library_used, main_functions
from flatgrad.pipeline import Transformation

MODULE = "flatgrad_checked"


@dataclass(frozen=True)
class Prepared:
    """The function at the point, and the transformation that is to be checked there."""

    subject: Subject
    transformation: Transformation
    wrt: tuple[str, ...]
    point: Drawn


def check(request: Request) -> Report:
    """Whether the emitted gradient is right, or a student's own."""
    with prepared(request) as ready:
        return _report(request, ready)


def _report(request: Request, ready: Prepared) -> Report:
    subject, made = ready.subject, ready.transformation
    gradient = emitted(made, subject.name, "grad", subject.seed)
    value, found = gradient.call(0, subject.arguments, *subject.seeds)
    parts = [found] if len(ready.wrt) == 1 else found
    gradients = dict(zip(ready.wrt, parts, strict=True))
    rows = list(gradient_rows(subject, gradients, request.tolerance))
    whole = [
        value_test(subject, value),
        dot_product_test(subject, made, gradients),
        pair_test(subject, made, gradients),
    ]
    head = f"{gradient.functions[0].__name__} of {request.filename}"
    return _told(head, ready, rows, whole)


def _told(
    head: str, ready: Prepared, rows: Sequence[Row], whole: Sequence[Test]
) -> Report:
    lines = [head, *at(ready), "", *table(rows), "", *tests(whole), ""]
    lines += notes(rows)
    verdicts = [*(r.verdict for r in rows), *(t.verdict for t in whole)]
    lines.append(summary(verdicts))
    return Report("\n".join(lines) + "\n", all(v.passes for v in verdicts))


def at(ready: Prepared) -> list[str]:
    """How each value of the point came about, so that it can be written again."""
    return [f"  at {name} = {text}" for name, text in ready.point.told.items()]


def notes(rows: Sequence[Row]) -> list[str]:
    found = [f"  {row.worst()}" for row in rows if not row.verdict.passes]
    return [*found, ""] if found else []


def summary(verdicts: Sequence[Verdict]) -> str:
    """One word, or what is the matter and what to do."""
    counted = [v for v in verdicts if v is not Verdict.SKIPPED]
    if Verdict.WRONG in counted:
        return f"WRONG: {counted.count(Verdict.WRONG)} of {len(counted)}"
    if Verdict.CORNER in counted:
        return "a kink is nearby: try another point, --at or --seed 1"
    if Verdict.ROUGH in counted:
        return "differences say too little here: try another point, --at or --seed 1"
    return "all ok"


@contextmanager
def prepared(request: Request) -> Iterator[Prepared]:
    """The file is run, and forgotten afterwards."""
    name = chosen_function(request)
    options = replace(request.options, functions=(name,))
    transformation = Transformation(request.text, options)
    read = transformation.read("grad", name)[0]
    with ExitStack() as stack:
        stack.enter_context(seeded(request.seed))
        stack.enter_context(folder_on_path(request.filename))
        program = stack.enter_context(running(request.filename, request.text, MODULE))
        yield _prepared(request, transformation, read, program, name)


def chosen_function(request: Request) -> str:
    """The function that is asked for, or the only one that could be meant."""
    names = request.options.functions or main_functions(read_module(request.text))
    match list(names):
        case [name]:
            return name
        case []:
            what = "there is no public function at top level"
            step = "write one, or name a private one with --function"
            raise FlatgradError(Diagnostic("FG504", what, step))
        case several:
            what = "there is more than one function: one is checked at a time"
            step = f"name one with --function: {', '.join(several)}"
            raise FlatgradError(Diagnostic("FG903", what, step))


def _prepared(
    request: Request,
    transformation: Transformation,
    read: Function,
    program: Program,
    name: str,
) -> Prepared:
    if not inspect.isroutine(function := program.find(name)):
        what = f"{name} is no function any more once the file has been run"
        raise FlatgradError(Diagnostic("FG903", what, "see what becomes of that name"))
    held = held_by(read, name, function)
    function = getattr(function, "__func__", function)
    _refuse_methods(request, held)
    point = drawn(
        function,
        params_of(read),
        read.labels,
        request.written,
        program,
        request.seed,
        others=request.against is not None,
        held=held,
    )
    _refuse_others(held, point.values.get(held.name), program, function.__name__)
    if library_used(read.module, read.name) == "torch":
        values = {n: as_tensors(v) for n, v in point.values.items()}
        point = replace(point, values=values)
    outputs = OutputsOf(read)
    inputs = held.split(point.values)
    whole = point.values.get(held.name)
    subject = Subject(program, function, inputs, outputs, request.seed, held, whole)
    first = _first_call(subject, point, transformation)
    refuse_infinite(subject.seeded_numbers(first), read.name)
    subject.sow_seeds(first)
    wrt = _wrt(request, read, inputs)
    transformation = _for_those(transformation, read, wrt)
    return Prepared(subject, transformation, wrt, point)


def _first_call(subject: Subject, point: Drawn, transformation: Transformation) -> Any:
    """A failure of the function says what it was called with, unless it is refused without being called."""
    try:
        return subject.value(subject.inputs)
    except FlatgradError as error:
        transformation.emitted("grad")
        step = f"called with {described(point.values)}; --at gives other values"
        problems = [replace(d, next_step=step) for d in error.diagnostics]
        raise FlatgradError(*problems) from None


@dataclass(frozen=True)
class OutputsOf:
    """The value of a function -> those of its outputs that have a seed."""

    read: Function

    def __call__(self, value: Any) -> Sequence[Any]:
        if not self.read.returns_tuple:
            return [value]
        pairs = zip(value, self.read.seeds, strict=False)
        return [item for item, seed in pairs if seed is not None]


def _refuse_methods(request: Request, held: Held) -> None:
    if held.name and request.against is not None:
        what = "a backward is compared with the gradient of a function, not of a method"
        step = "write a function that is given what the method reads"
        raise FlatgradError(Diagnostic("FG903", what, step))


def _refuse_others(held: Held, whole: Any, program: Program, method: str) -> None:
    """What is emitted is the gradient of the class of the text."""
    kind = whole if isinstance(whole, type) else type(whole)
    if held.name and kind is not program.find(held.owner):
        what = f"{held.name} is a {kind.__name__}, and the gradient is that of a {held.owner}"
        step = f"give a {held.owner}, or check --function {kind.__name__}.{method}"
        raise FlatgradError(Diagnostic("FG902", what, step))


def _wrt(
    request: Request, read: Function, inputs: Mapping[str, Any]
) -> tuple[str, ...]:
    """What is asked for, or all that can carry a gradient and does so at this point."""
    if request.options.wrt:
        return asked_of(read, request.options.wrt)
    able = [n for n, p in params_of(read).items() if p not in read.labels]
    chosen = tuple(n for n in able if float_leaves(inputs.get(n)))
    if not chosen:
        what = f"no input of {read.name} holds floating-point numbers"
        step = 'give one: --at "x=randn(3,4)"'
        raise FlatgradError(Diagnostic("FG903", what, step))
    return chosen


def _for_those(
    transformation: Transformation, read: Function, wrt: tuple[str, ...]
) -> Transformation:
    """What the command line gives by default is kept where it is for the same parameters."""
    default = tuple(n for n, p in params_of(read).items() if p not in read.labels)
    if wrt in (transformation.options.wrt, default):
        return transformation
    return Transformation(transformation.text, replace(transformation.options, wrt=wrt))
