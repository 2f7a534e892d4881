"""A request with a student's backward -> the report: its gradients against differences, and its first wrong line."""

from __future__ import annotations

from collections.abc import Iterator

from flatgrad.checking.command import MODULE, Prepared, at, notes, prepared, summary
from flatgrad.checking.mistakes import Mistake, first_mistake
from flatgrad.checking.own import gradient_rows, tree_error
from flatgrad.checking.request import Report, Request
from flatgrad.checking.running import folder_on_path, running
from flatgrad.checking.students import Answer, Student, answer, student
from flatgrad.checking.subject import Subject
from flatgrad.checking.table import Test, table, tests
from flatgrad.checking.verdicts import Verdict
from flatgrad.errors import FlatgradError, within

MOST_LINES = 4


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
        lines += [*_shown(first_mistake(request, ready, one, found, rows), one), ""]
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
