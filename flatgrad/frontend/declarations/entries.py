"""The lines of a docstring -> entries: which lines are about one thing, and in which section."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flatgrad.frontend.declarations.headings import is_variable
from flatgrad.frontend.declarations.kinds import ARRAYS, DICTS, SCALARS, STRINGS
from flatgrad.frontend.declarations.words import hide_brackets

# ---- Entries of a docstring ----------------------------------------------------------

# "- x: ..." and "* x: ...".
BULLET = re.compile(r"[-*•]\s+(?=\S)")

# The line under a numpydoc header.
UNDERLINE = re.compile(r"[-=~]{3,}\s*")

# "Inputs:", "Parameters", "Args:".
PARAMETERS_HEADER = re.compile(
    r"(?:inputs?|args?|arguments|parameters|params|other parameters|keyword arg\w*)"
    r"\s?:?",
    re.IGNORECASE,
)

# "Returns:", "Returns a tuple of:", "Returns: an array", "Output:".
RESULTS_HEADER = re.compile(
    r"(?:returns?\b(?P<first>\s?:|(?![:\w])(?=[^:]*:$)[^:]*:|\s?$)"
    r"|outputs?\s?(?P<second>:))(?P<rest>.*)",
    re.IGNORECASE,
)

# "Returns an array of shape (N,)", in a sentence.
RESULTS_SENTENCE = re.compile(r"Returns? (?P<rest>.*)")

# "If y is None, return:".
RESULTS_CLAUSE = re.compile(r".{0,120}\breturns?(?: a tuple of)?:")

# Sections that speak of something else.
OTHER_HEADER = re.compile(
    r"(?:notes?|raises|yields|warns|warnings?|examples?|references|see also|attributes|"
    r"todo|hints?)\s?:?",
    re.IGNORECASE,
)

# ":param float x: text", ":type x: float".
FIELD = re.compile(r"[:@](?:param|parameter|arg|type)\s(?P<label>[^:]*):\s?")

# ":return: text", ":rtype: float".
RESULT_FIELD = re.compile(r"[:@](?:returns?|rtype)\s?:\s?")

# "loss as single float".
AS = re.compile(r"(?P<name>[^\W\d]\w*) (?=as (?:a )?(?:single|torch|python|scalar)\b)")

# After the names of a label: "x: ", "x -- ".
LABEL_END = re.compile(r":(?=[\s\0]|$)|\s--\s")

# Between the names of a label: "x, y", "x and y", "x / y".
LABEL_SEPARATOR = re.compile(r",|/|\band\b")


@dataclass(frozen=True)
class Entry:
    """Consecutive lines of a docstring about one thing, and the names they begin by."""

    section: str  # prose, parameters, results, other
    names: tuple[str, ...]
    lines: tuple[str, ...]
    line: int
    indent: int = 0
    nested: bool = False
    labelled: bool = False  # it is an item of a list, not a paragraph


@dataclass(frozen=True)
class Section:
    """Which part of the docstring a line is in."""

    name: str = "prose"
    indent: int = 0
    underlined: bool = False


class Reader:
    """Lines of a docstring -> entries."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.section = Section()
        self.entries: list[list[str]] = []
        self.heads: list[Entry] = []
        self.top_indent: int | None = None  # of the last item that is not nested
        self.is_open = False  # the next line may continue the last entry

    def read(self) -> list[Entry]:
        """All entries, in order."""
        for number, line in enumerate(self.lines):
            self.read_line(number, line)
        return [
            replace(head, lines=tuple(lines))
            for head, lines in zip(self.heads, self.entries, strict=True)
        ]

    def read_line(self, number: int, line: str) -> None:
        """Take one line in."""
        content = line.strip()
        indent = len(line) - len(line.lstrip())
        if not content:
            self.is_open = False
        elif content.startswith(">>>") or UNDERLINE.fullmatch(content):
            pass
        elif not self.read_header(number, indent, content):
            self.read_content(number, indent, content)

    def read_header(self, number: int, indent: int, content: str) -> bool:
        """Begin a section if the line is its header; what follows a colon is kept."""
        below = self.lines[number + 1].strip() if number + 1 < len(self.lines) else ""
        underlined = UNDERLINE.fullmatch(below) is not None
        name, rest = header_of(content)
        if not name and underlined:
            name = "other"
        if not name:
            return False
        self.section = Section(name, indent, underlined)
        self.top_indent, self.is_open = None, False
        if rest:
            self.add(number, indent, (), rest, labelled=False)
        return True

    def read_content(self, number: int, indent: int, content: str) -> None:
        """Add a line that is no header to the entries."""
        bullet = BULLET.match(content)
        if FIELD.match(content) or RESULT_FIELD.match(content):
            self.read_field(number, indent, content)
        elif bullet:
            self.read_item(number, indent, content[bullet.end() :])
        elif self.continues(indent):
            self.entries[-1].append(content)
        else:
            self.read_paragraph(number, indent, content)

    def continues(self, indent: int) -> bool:
        """Whether the line belongs to the item before it, by its indentation."""
        last = self.heads[-1] if self.heads else None
        return (
            self.is_open and last is not None and last.labelled and indent > last.indent
        )

    def read_field(self, number: int, indent: int, content: str) -> None:
        """Read ":param x: text" and its kind."""
        field = FIELD.match(content)
        if field is None:
            self.read_result_field(number, indent, content)
            return
        *type_words, name = field["label"].split() or [""]
        parts = (" ".join(type_words), content[field.end() :])
        text = "; ".join(filter(None, parts))
        self.section = Section("parameters", indent)
        self.add(number, indent, (name,), text, labelled=True)

    def read_result_field(self, number: int, indent: int, content: str) -> None:
        """Read ":return: text", or put the kind of ":rtype: kind" before that text."""
        text = RESULT_FIELD.sub("", content, count=1)
        again = bool(self.heads) and self.section == Section("results", indent)
        self.section = Section("results", indent)
        if not again:
            self.add(number, indent, (), text, labelled=True)
        elif content.startswith(":rtype"):
            self.entries[-1].insert(0, text + ".")
        else:
            self.entries[-1].append(text)

    def read_item(self, number: int, indent: int, content: str) -> None:
        """Read what follows a bullet."""
        nested = self.top_indent is not None and indent > self.top_indent
        if not nested:
            self.top_indent = indent
        names, text = split_label(content, self.section.name == "results")
        self.add(number, indent, names, text, labelled=True, nested=nested)

    def read_paragraph(self, number: int, indent: int, content: str) -> None:
        """Read a line of prose, or an item of a list without bullets."""
        at_margin = indent <= self.section.indent
        detached = at_margin and not self.section.underlined and not self.is_open
        if detached and self.was_filled():
            self.section = Section()
        in_list = self.section.name in ("parameters", "results") or " -- " in content
        names, text = split_label(content, self.section.name == "results")
        starts_item = self.section.underlined and at_margin
        if in_list and (names or starts_item):
            self.top_indent = indent
            end = "." if starts_item else ""
            self.add(number, indent, names, text + end, labelled=True)
        elif self.is_open and not self.heads[-1].labelled:
            self.entries[-1].append(content)
        else:
            self.top_indent = None
            self.add(number, indent, (), content, labelled=False)

    def was_filled(self) -> bool:
        """Whether the section has an entry already."""
        return bool(self.heads) and self.heads[-1].section == self.section.name

    def add(
        self,
        number: int,
        indent: int,
        names: tuple[str, ...],
        text: str,
        *,
        labelled: bool,
        nested: bool = False,
    ) -> None:
        """Begin an entry."""
        section = self.section.name
        self.heads.append(Entry(section, names, (), number, indent, nested, labelled))
        self.entries.append([text])
        self.is_open = True


def header_of(content: str) -> tuple[str, str]:
    """The section that a line begins, "" if none, and the text after its colon."""
    if PARAMETERS_HEADER.fullmatch(content):
        return "parameters", ""
    if OTHER_HEADER.fullmatch(content):
        return "other", ""
    header = RESULTS_HEADER.fullmatch(content)
    if header:
        return "results", header["rest"].strip()
    sentence = RESULTS_SENTENCE.fullmatch(content)
    if sentence:
        return "results", sentence["rest"]
    return ("results", "") if RESULTS_CLAUSE.fullmatch(content) else ("", "")


def split_label(content: str, is_result: bool) -> tuple[tuple[str, ...], str]:
    """The names before an item's colon, and what it says: "x (float): rate"."""
    hidden = hide_brackets(content)
    colon = LABEL_END.search(hidden)
    if colon is None:
        found = AS.match(content)
        return ((found["name"],), content[found.end() :]) if found else ((), content)
    label, text = content[: colon.start()].rstrip(), content[colon.end() :].strip()
    end = hidden.find("\0", 0, colon.start())
    end = end if end >= 0 else len(label)
    typed = label[end + 1 : -1] if label.endswith((")", "]")) else label[end:]
    names = tuple(piece.strip(" `*'\"") for piece in LABEL_SEPARATOR.split(label[:end]))
    if all(map(is_variable, names)) and not (is_result and is_type(names)):
        return names, "; ".join(filter(None, (typed, text)))
    return (), f"{label}; {text}" if is_result else content


def is_type(names: Sequence[str]) -> bool:
    """Whether a label is the type of an unnamed result: "float: the loss"."""
    types = ARRAYS | DICTS | STRINGS | SCALARS.keys() | {"tuple", "list"}
    return len(names) == 1 and names[0].lower() in types
