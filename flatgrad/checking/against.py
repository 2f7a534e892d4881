"""A request with a student's backward -> the report: its gradients against differences, and its first wrong line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from flatgrad.checking.command import MODULE, Prepared, at, notes, prepared, summary
from flatgrad.checking.derivatives import (
    Line,
    Step,
    Variable,
    Watched,
    contributions,
    depends_on,
    function_in,
    last_return,
    names_in,
    plain,
    primal_name,
    return_line,
    returned_names,
    stages,
    variables,
    watched,
    with_first_outputs,
)
from flatgrad.checking.differences import slopes
from flatgrad.checking.emitted import Emitted, emitted
from flatgrad.checking.hints import hint, same
from flatgrad.checking.own import gradient_rows, tree_error
from flatgrad.checking.request import Report, Request
from flatgrad.checking.running import folder_on_path, running
from flatgrad.checking.students import Answer, Student, Style, answer, student
from flatgrad.checking.subject import Subject, float_leaves
from flatgrad.checking.table import Row, Test, table, tests
from flatgrad.checking.trees import Array
from flatgrad.checking.verdicts import Verdict
from flatgrad.errors import FlatgradError, within
from flatgrad.pipeline import Transformation

MOST_LINES = 4


@dataclass
class Reference:
    """What flatgrad emits for the forward of the student: its lines, and the values of its variables."""

    lines: dict[str, Variable] = field(default_factory=dict)
    values: Watched = field(default_factory=Watched)
    returned: dict[str, str] = field(default_factory=dict)  # by parameter
    refused: str = ""  # why there is none


@dataclass(frozen=True)
class Mistake:
    """The first wrong derivative: its name, where it is set, and what it is and should be."""

    name: str
    yours: Sequence[Line]
    ours: Sequence[Line]
    said: str


def check_against(request: Request) -> Report:
    """Whether a student's backward is right, and where it goes wrong."""
    assert request.against is not None
    filename, text, name = request.against
    with prepared(request) as ready, folder_on_path(filename):
        try:
            with running(filename, text, f"{MODULE}_other") as program:
                one = student(program, name, ready.subject)
                _mute(ready.subject, one)
                found = answer(one, ready.subject, ready.point.extra)
        except FlatgradError as error:
            raise _told_of(error, request, filename) from None
        return _report(request, ready, one, found)


def _mute(subject: Subject, one: Student) -> None:
    """A cache is no output, even where it is a single array, and neither is a gradient."""
    count = one.outputs(len(subject.seeds))
    if count < len(subject.seeds):
        subject.sow_seeds(subject.value(subject.inputs), count)


def _told_of(error: FlatgradError, request: Request, filename: str) -> FlatgradError:
    """Places in the other file are no places in this one."""
    if filename == request.filename:
        return error
    moved = (within(d, filename) if d.place else d for d in error.diagnostics)
    return FlatgradError(*moved)


def _report(request: Request, ready: Prepared, one: Student, found: Answer) -> Report:
    subject = ready.subject
    rows = list(gradient_rows(subject, found.gradients, request.tolerance))
    whole = list(_tests(subject, found))
    verdicts = [*(r.verdict for r in rows), *(t.verdict for t in whole)]
    lines = [
        f"{one.name} of {one.program.filename}, for {subject.name} of {request.filename}",
        *at(ready),
        "",
        *table(rows),
        "",
        *([*tests(whole), ""] if whole else []),
        *notes(rows),
        *_warnings(found),
    ]
    if any(row.verdict is Verdict.WRONG for row in rows):
        lines += [*_shown(_first_mistake(request, ready, one, found, rows), one), ""]
    lines.append(summary(verdicts))
    return Report("\n".join(lines) + "\n", all(v.passes for v in verdicts))


def _tests(subject: Subject, found: Answer) -> Iterator[Test]:
    if found.outputs is None:
        return
    wanted = subject.outputs(subject.value(subject.inputs))[: len(found.outputs)]
    error, verdict = tree_error(found.outputs, list(wanted), 1e-8)
    yield Test("value of the forward", error, verdict)


def _warnings(found: Answer) -> list[str]:
    """What is no mistake in the numbers, and yet worth knowing."""
    if found.again is None:
        return []
    once, twice = found.again
    _, verdict = tree_error(twice, once, 1e-12)
    if verdict is Verdict.RIGHT:
        return []
    told = "  called a second time with the same cache it gives something else: it writes into the cache"
    return [told, ""]


def _shown(mistake: Mistake, one: Student) -> list[str]:
    """Both lines, one above the other."""
    file = one.program.filename
    yours = [(f"{file}:{line.number}", line.text) for line in mistake.yours]
    ours = [("flatgrad", line.text) for line in mistake.ours]
    both = yours[-MOST_LINES:] + ours[-MOST_LINES:]
    width = max((len(where) for where, _ in both), default=0)
    lines = [f"    {where.ljust(width)}  {text}" for where, text in both]
    return [f"  first wrong: {mistake.name}", *lines, f"    {mistake.said}"]


def _first_mistake(
    request: Request,
    ready: Prepared,
    one: Student,
    found: Answer,
    rows: Sequence[Row],
) -> Mistake:
    """Of all derivatives that are wrong, that which is set first and that a wrong gradient comes from."""
    reference = _reference(request, ready, one, found)
    own = variables(one.program.text, one.node)
    wrong = [row for row in rows if row.verdict is Verdict.WRONG]
    named = {found.variables.get(r.leaf.name, ""): r for r in reversed(wrong)}
    sources = set().union(*(depends_on(own, n) for n in _sources(named, one)))
    among = _differing(own, found.watched, reference, sources)
    candidates = sorted({*among, *(n for n in named if n in own)}, key=_order(own))
    if candidates and candidates[0] not in named:
        return _intermediate(candidates[0], own, found, reference, among, ready.subject)
    row = named[candidates[0]] if candidates else wrong[0]
    return _returned(row, ready, one, own, found, reference)


def _sources(named: Mapping[str, Row], one: Student) -> set[str]:
    """What the wrong gradients are called, or all that is returned where one of them has no name."""
    last = last_return(one.node)
    if "" not in named or last is None:
        return {*named}
    return {*named} - {""} | names_in(last)


def _order(own: Mapping[str, Variable]) -> Any:
    return lambda name: (own[name].last, name)


def _differing(
    own: Mapping[str, Variable],
    seen: Watched,
    reference: Reference,
    sources: set[str],
) -> dict[str, str]:
    """Variables of the student that are not what flatgrad has for the same derivative, with its name for each."""
    found = {}
    for name in own:
        stem = primal_name(name)
        other = _counterpart(stem, reference) if stem and name in sources else ""
        right = reference.values.last(other)
        if right is None or _was_right(seen, name, right):
            continue
        if _same_meaning(stem, seen, reference.values):
            found[name] = other
    return found


def _was_right(seen: Watched, name: str, right: Array) -> bool:
    """It held the right value at some time: afterwards the name may stand for something else."""
    steps = [step.value for step in seen.steps.get(name, [])]
    last = seen.last(name)
    return last is None or any(same(value, right) for value in (*steps, last))


def _counterpart(stem: str, reference: Reference) -> str:
    """flatgrad's variable for the derivative of the same value; "" if there is none."""
    exact = f"grad_{stem}"
    if exact in reference.values.values and exact in reference.lines:
        return exact
    close = [
        n
        for n in reference.lines
        if n in reference.values.values and plain(primal_name(n)) == plain(stem)
    ]
    return close[0] if len(close) == 1 else ""


def _same_meaning(stem: str, seen: Watched, reference: Watched) -> bool:
    """Where both have the value itself, it is the same one."""
    one, other = seen.values.get(stem), reference.values.get(stem)
    return one is None or other is None or same(one, other)


def _intermediate(
    name: str,
    own: Mapping[str, Variable],
    found: Answer,
    reference: Reference,
    among: Mapping[str, str],
    subject: Subject,
) -> Mistake:
    other, inputs = among[name], found.inputs or subject.inputs
    got, right = found.watched.last(name), reference.values.last(other)
    assert got is not None
    assert right is not None
    pair = _Compared(name, own, found.watched, other, reference)
    return pair.mistake(name, got, right, inputs)


@dataclass(frozen=True)
class _Compared:
    """A variable of the student beside that of flatgrad."""

    name: str
    own: Mapping[str, Variable]
    seen: Watched
    other: str
    reference: Reference

    def mistake(
        self, title: str, got: Array, right: Array, inputs: Mapping[str, Any]
    ) -> Mistake:
        """The one line that adds something else, if there is one, or all lines."""
        yours, ours = self._lines()
        found = self._by_sums(title, yours, ours, inputs)
        found = found or self._by_stages(title, yours, ours, inputs)
        if found is not None:
            return found
        if self._is_only_the_last(got):
            said = "it is only what was added last: it should be added to what is there"
        else:
            said = hint(got, right, inputs)
        return Mistake(title, yours, ours, said)

    def _by_sums(
        self,
        title: str,
        yours: list[Line],
        ours: list[Line],
        inputs: Mapping[str, Any],
    ) -> Mistake | None:
        """One of several terms is wrong, or is not there."""
        parts = contributions(self.seen, self.name, yours)
        others = contributions(self.reference.values, self.other, ours)
        match _unmatched(parts, others), _unmatched(others, parts):
            case [mine], [theirs] if len(parts) > 1:
                said = f"what it adds: {hint(mine.value, theirs.value, inputs)}"
                return Mistake(title, _at(yours, mine), _at(ours, theirs), said)
            case [], [theirs] if parts:
                said = "you have no line that adds this"
                return Mistake(title, yours, _at(ours, theirs), said)
        return None

    def _by_stages(
        self,
        title: str,
        yours: list[Line],
        ours: list[Line],
        inputs: Mapping[str, Any],
    ) -> Mistake | None:
        """Line by line the same, up to one."""
        mine = stages(self.seen, self.name, yours)
        theirs = stages(self.reference.values, self.other, ours)
        if (
            len(mine) != len(theirs)
            or len(mine) < 2
            or not same(mine[0].value, theirs[0].value)
        ):
            return None
        for one, other in zip(mine, theirs, strict=True):
            if not same(one.value, other.value):
                said = hint(one.value, other.value, inputs)
                return Mistake(title, _at(yours, one), _at(ours, other), said)
        return None

    def _lines(self) -> tuple[list[Line], list[Line]]:
        lines = self.reference.lines
        ours = lines[self.other].lines if self.other in lines else []
        return self.own[self.name].lines if self.name in self.own else [], ours

    def _is_only_the_last(self, got: Array) -> bool:
        steps = self.reference.values.steps.get(self.other, [])
        values = [s.value for s in steps[-2:] if s.value.shape == got.shape]
        return len(values) == 2 and same(got, values[1] - values[0])


def _at(lines: Sequence[Line], step: Step) -> list[Line]:
    return [line for line in lines if line.number == step.line]


def _unmatched(steps: Sequence[Step], others: Sequence[Step]) -> list[Step]:
    """The contributions that are in none of the others."""
    rest = [*others]
    found = []
    for step in steps:
        equal = [i for i, o in enumerate(rest) if same(step.value, o.value)]
        if equal:
            del rest[equal[0]]
        else:
            found.append(step)
    return found


def _returned(
    row: Row,
    ready: Prepared,
    one: Student,
    own: Mapping[str, Variable],
    found: Answer,
    reference: Reference,
) -> Mistake:
    name = found.variables.get(row.leaf.name, "")
    title = f"{name}, the gradient of {row.leaf.name}"
    if not name:
        title = f"the gradient of {row.leaf.name}"
    if row.gradient is None:
        said = "there is no gradient of that input"
        return Mistake(title, [], _missing_line(row, reference), said)
    mine, theirs = _resolved(own, name), _variable_for(row, reference)
    pair = _Compared(mine, own, found.watched, theirs, reference)
    right = _right(row, ready.subject)
    mistake = pair.mistake(title, row.gradient, right, ready.subject.inputs)
    yours = mistake.yours or return_line(one.program.text, one.node)
    return replace(
        mistake, yours=yours, ours=mistake.ours or _missing_line(row, reference)
    )


def _missing_line(row: Row, reference: Reference) -> Sequence[Line]:
    """What flatgrad would write, where it is not known by which lines of the student."""
    if reference.refused:
        return [Line(0, f"cannot write it: {reference.refused}")]
    name = _variable_for(row, reference)
    return reference.lines[name].lines if name in reference.lines else []


def _variable_for(row: Row, reference: Reference) -> str:
    """flatgrad's variable for the gradient of an input, or of an item of one."""
    returned = reference.returned.get(row.parameter, f"grad_{row.parameter}")
    names = [returned]
    if row.leaf.keys:
        key = row.leaf.keys[-1]
        names = [f"grad_{key}", f"{returned}[{key!r}]", returned]
    there = [n for n in names if n in reference.lines]
    return _resolved(reference.lines, there[0]) if there else ""


def _resolved(lines: Mapping[str, Variable], name: str) -> str:
    """The variable itself, or the one that it is only another name of."""
    for _ in range(len(lines)):
        if name not in lines or len(lines[name].lines) > 1:
            break
        right = lines[name].lines[-1].text.rpartition(" = ")[2]
        if right not in lines or right == name:
            break
        name = right
    return name


def _right(row: Row, subject: Subject) -> Array:
    """The gradient as differences give it, all of it."""
    leaf = row.leaf
    point = subject.point(row.parameter, leaf)
    found = slopes(point, np.random.RandomState(0), most=leaf.numbers.size)
    values = [found.entries[i].value for i in range(leaf.numbers.size)]
    return np.array(values).reshape(leaf.numbers.shape)


def _reference(
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
    read = Transformation(text, options).function(name)
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
    return Reference(_all_lines(text, gradient), seen, _returned_by(node, wrt))


def _all_lines(text: str, gradient: Emitted) -> dict[str, Variable]:
    """The lines of the gradient, and those of the helpers that stand before it."""
    found: dict[str, Variable] = {}
    names = [n for n, v in vars_of(gradient).items() if inspect.isfunction(v)]
    for name in [*names, gradient.functions[0].__name__]:
        if (node := function_in(text, name)) is not None:
            found |= variables(text, node)
    return found


def vars_of(gradient: Emitted) -> dict[str, Any]:
    return gradient.functions[0].__globals__


def _returned_by(node: Any, wrt: Sequence[str]) -> dict[str, str]:
    """The variable of each gradient in `return value, (grad_x, grad_w)`."""
    names = returned_names(node)
    last = names[-1] if names else ""
    parts = last if isinstance(last, list) else [last]
    pairs = zip(wrt, parts, strict=False)
    return {p: n for p, n in pairs if isinstance(n, str) and n}
