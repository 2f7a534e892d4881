"""A wrong gradient of a student -> its first mistake: the lines of the student and of flatgrad, and what is the matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flatgrad.checking.command import Prepared
from flatgrad.checking.derivatives import (
    Line,
    Variable,
    depends_on,
    last_return,
    names_in,
    primal_name,
    return_line,
    variables,
)
from flatgrad.checking.differences import slopes
from flatgrad.checking.hints import hint, same
from flatgrad.checking.reference import Reference, counterpart, reference_for
from flatgrad.checking.request import Request
from flatgrad.checking.students import Answer, Student
from flatgrad.checking.subject import Subject
from flatgrad.checking.table import Row
from flatgrad.checking.trees import Array
from flatgrad.checking.verdicts import Verdict
from flatgrad.checking.watching import Step, Watched, contributions, stages


@dataclass(frozen=True)
class Mistake:
    """The first wrong derivative: its name, where it is set, and what it is and should be."""

    name: str
    yours: Sequence[Line]
    ours: Sequence[Line]
    said: str


def first_mistake(
    request: Request,
    ready: Prepared,
    one: Student,
    found: Answer,
    rows: Sequence[Row],
) -> Mistake:
    """Of all derivatives that are wrong, that which is set first and that a wrong gradient comes from."""
    reference = reference_for(request, ready, one, found)
    own = variables(one.program.text, one.node)
    wrong = [row for row in rows if row.verdict is Verdict.WRONG]
    named = {found.variables.get(r.leaf.name, ""): r for r in reversed(wrong)}
    sources = set().union(*(depends_on(own, n) for n in _sources(named, one)))
    among = _differing(own, found.watched, reference, sources)
    pairs = dict(among)
    for name, row in named.items():
        if name in own:
            pairs.setdefault(name, _variable_for(row, reference))
    candidates = sorted(pairs, key=lambda n: _when(n, pairs[n], own, found, reference))
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


def _when(
    name: str,
    other: str,
    own: Mapping[str, Variable],
    found: Answer,
    reference: Reference,
) -> tuple[float, int, str]:
    """When it is wrong for the first time: in a loop that may be in the first iteration."""
    mine = found.watched.steps.get(name, [])
    theirs = reference.values.steps.get(other, [])
    time = mine[-1].time if mine else np.inf
    if len(mine) == len(theirs):
        pairs = zip(mine, theirs, strict=True)
        wrong = (a.time for a, b in pairs if not same(a.value, b.value))
        time = next(wrong, time)
    return time, own[name].last, name


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
        other = counterpart(stem, reference) if stem and name in sources else ""
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
        self,
        title: str,
        got: Array,
        right: Array | None,
        inputs: Mapping[str, Any],
    ) -> Mistake:
        """The one line that adds something else, if there is one, or all lines."""
        yours, ours = self._lines()
        found = self._by_sums(title, yours, ours, inputs)
        found = found or self._by_stages(title, yours, ours, inputs)
        if found is not None:
            return found
        if self._is_only_the_last(got):
            said = "it is only what was added last: it should be added to what is there"
        elif right is None:
            said = "it is not what differences give"
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
    right = _right(row, ready.subject, reference, theirs)
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


def _right(
    row: Row, subject: Subject, reference: Reference, theirs: str
) -> Array | None:
    """The gradient as differences give it, or, where that would take too long, as flatgrad does."""
    shape = row.leaf.numbers.shape
    point = subject.point(row.parameter, row.leaf)
    found = row.found or slopes(point, np.random.RandomState(0))
    whole = found.whole(shape)
    if whole is None:
        whole = reference.values.last(theirs)
    return whole if whole is not None and whole.shape == shape else None
