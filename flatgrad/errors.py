"""Diagnostics: a code, a place, what is wrong, what to do -> the text a user reads.

A stage that cannot go on collects every problem it sees and raises them together:

    raise FlatgradError(*problems)
"""

import unicodedata
from dataclasses import dataclass

CODES = {
    # FG0xx: input files, output files and syntax
    "FG001": "the input file does not exist",
    "FG002": "the input or output is a directory",
    "FG003": "a file cannot be read",
    "FG004": "the input is not text",
    "FG005": "the input does not fit its encoding",
    "FG006": "the declared encoding is unknown or contradicts the byte order mark",
    "FG007": "the input is empty",
    "FG008": "the output cannot be written",
    "FG009": "the output file is stale",
    "FG010": "the input is not valid Python",
    # FG1xx: Python constructs that are not read
    "FG102": "a function returns nothing",
    "FG103": "the result is neither an array nor a tuple of arrays",
    "FG104": "a kind of statement is not read: del, yield, async, a nested class",
    "FG105": "control flow or a rebinding of outer names is not read",
    "FG106": "an assignment to this target is not read",
    "FG107": "values and the names or positions that take them differ in number",
    "FG108": "an expression is not read",
    "FG109": "a name is not defined",
    "FG110": "unpacking in a call is not read",
    "FG111": "a list may be changed in place",
    "FG112": "a function calls itself",
    "FG113": "a call does not fit the parameters of the function",
    "FG114": "a function is written with a library that is not read",
    "FG115": "a module constant has more than one value",
    "FG116": "a function is decorated",
    "FG117": "one name would mean two things in the emitted code",
    "FG118": "an assignment inside of an expression cannot be kept",
    "FG119": "a variable is given two values by one statement",
    "FG120": "a value is of one kind or another, depending on a branch",
    "FG121": "a variable changes its kind from one iteration of a loop to the next",
    "FG122": "the backward needs a part of a tuple that a loop carries",
    "FG123": "the backward needs a value that no line of the source names",
    "FG124": "a loop cannot be checkpointed as its comment asks",
    "FG125": "a variable has a tangent on some of the ways through a statement only",
    "FG126": "a method uses its object as a whole",
    "FG127": "an attribute is given a value where that cannot be followed",
    "FG128": "a loop is too long for the graph of one run",
    # FG2xx: operations without a derivative rule
    "FG201": "no derivative rule for a function",
    "FG202": "an option or an argument of a function is not read",
    "FG203": "an attribute is not known",
    # FG3xx: shapes
    "FG301": "two statements about shapes contradict each other",
    # FG4xx: aliasing and overwriting
    "FG401": "a name may share an array that was written through another name",
    "FG402": "a called function writes into an array that its caller still has",
    "FG403": "a store into an integer array drops fractions",
    # FG5xx: names and options
    "FG502": "the value of an option is not valid",
    "FG503": "there is no function of the given name",
    "FG504": "there is no public function in the file",
    "FG505": "no parameter can carry a gradient",
    "FG506": "--wrt names what is no parameter",
    "FG507": "--shape names what is no parameter",
    "FG508": "a gradient is asked for of what is not known to be one number",
    "FG509": "a function does not fit the style that is asked for",
    "FG510": "the cache of a forward does not hold what its backward needs",
    # FG6xx: rules of the user
    "FG601": "a rule is not written as one, or is for no function",
    # FG7xx: the Python interface
    "FG701": "what is to be differentiated is no function whose text can be read",
    "FG702": "the text of a function cannot be had, or is not what was loaded",
    "FG703": "the result is not one number, so that it has no gradient",
    "FG704": "what a derivative is given does not fit",
    "FG705": "compile= cannot compile what was generated",
    # FG8xx: stubs that are filled in
    "FG801": "a stub does not fit its forward function",
    "FG802": "there is no place for a file of checks",
    "FG803": "there is nothing that could be checked",
    # FG90x: running the user's code, to check a gradient
    "FG901": "the code that is checked raises an exception",
    "FG902": "an input has no value, or --at gives it none",
    "FG903": "there is nothing to check, or more than one thing",
    "FG904": "a value is not finite at the point of a check",
    "FG905": "what was emitted fails where the function does not",
    "FG906": "a backward is not written in a way that can be called",
    # FG999: flatgrad itself
    "FG999": "internal error, a defect of flatgrad",
}
"""Every diagnostic code with its meaning in one line."""

TAB_STOP = 4


@dataclass(frozen=True)
class Place:
    """A span of source text; lines and columns count from 1, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class PlaceInFile(Place):
    """A place that knows its file: the name to show, and the text."""

    filename: str = ""
    source: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One problem of the user's source or request, and the way out of it."""

    code: str
    what: str
    next_step: str = ""
    place: Place | None = None

    def render(self, filename: str, source: str) -> str:
        """The lines to show: headline, source line, carets, next step."""
        lines = [self._headline(filename)]
        if self.place is not None:
            lines += _excerpt(self.place, source)
        lines += [f"  {line}" for line in self.next_step.splitlines()]
        return "\n".join(lines)

    def _headline(self, filename: str) -> str:
        if self.place is None:
            return f"{filename}: {self.code} {self.what}"
        position = f"{self.place.line}:{self.place.column}"
        return f"{filename}:{position}: {self.code} {self.what}"


def within(problem: Diagnostic, filename: str) -> Diagnostic:
    """The same problem, told of a file that is not the one that is transformed."""
    line = "" if problem.place is None else f", line {problem.place.line}"
    what = f"{problem.what} (in {filename}{line})"
    return Diagnostic(problem.code, what, problem.next_step)


class FlatgradError(Exception):
    """flatgrad refuses; `diagnostics` says why, one entry for each problem."""

    rendered = ""  # as the command line prints it, where the file is known

    def __init__(self, first: Diagnostic, *others: Diagnostic) -> None:
        super().__init__(first, *others)
        self.diagnostics: tuple[Diagnostic, ...] = (first, *others)

    def __str__(self) -> str:
        return self.rendered or "\n".join(map(_summary, self.diagnostics))


def _summary(diagnostic: Diagnostic) -> str:
    place = diagnostic.place
    if isinstance(place, PlaceInFile):
        return diagnostic.render(place.filename, place.source)
    where = "" if place is None else f"line {place.line}: "
    steps = (f"  {line}" for line in diagnostic.next_step.splitlines())
    return "\n".join((f"{where}{diagnostic.code} {diagnostic.what}", *steps))


def _excerpt(place: Place, source: str) -> list[str]:
    """The first line of the span with carets under it; nothing if there is none."""
    lines = source.split("\n")
    if not 1 <= place.line <= len(lines):
        return []
    line = lines[place.line - 1].rstrip()
    number = f"{place.line:>5}"
    margin = " " * len(number)
    return [f"{number} | {_shown(line)}".rstrip(), f"{margin} | {_carets(place, line)}"]


def _carets(place: Place, line: str) -> str:
    start = place.column - 1
    end = place.end_column - 1 if place.end_line == place.line else len(line)
    before = _width(line[:start])
    return " " * before + "^" * max(1, _width(line[:end]) - before)


def _shown(text: str) -> str:
    """Text as a terminal shows it anywhere: no tabs, no control characters."""
    return "".join(
        character if character.isprintable() else " "
        for character in text.expandtabs(TAB_STOP)
    )


def _width(text: str) -> int:
    """How many terminal cells the text takes; the end of the text counts as reached."""
    return sum(map(_cells, _shown(text)))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
