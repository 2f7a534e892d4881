"""Sentences that name their subject -> declarations: "x has shape (N, D)"."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from flatgrad.frontend.declarations.descriptions import (
    NEARBY,
    NOT_WHOLE,
    has_alternative,
    state_tuple,
    stated_shape,
)
from flatgrad.frontend.declarations.entries import Entry
from flatgrad.frontend.declarations.headings import names_before
from flatgrad.frontend.declarations.statements import Declared, Stated
from flatgrad.frontend.declarations.tuples import Variables
from flatgrad.frontend.declarations.words import bracket_at, matching_brackets

# ---- Docstrings ----------------------------------------------------------------------

# "x has shape (", "x.shape == (", "x and y have shape (": the subject before a shape.
SUBJECT = re.compile(
    r"(?<![\w.\])'])(?P<name>[^\W\d]\w*)"
    r"(?:\.shape(?: ?==?| ?:| is)|(?P<verb> has| have) (?:the )?shape) ?"
    r"[`'\"]{0,2}(?=[(\[])"
)

# "both have shape (", of the two parameters.
BOTH = re.compile(r"\bboth (?:have|of|with|are of) shape ?(?=[(\[])", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """A declaration before names of other variables in it are resolved."""

    declared: Declared
    like: str = ""
    nested: bool = False


def declare(entry: Entry, name: str, stated: Stated, text: str) -> Found:
    """The statement as one of this variable."""
    declared = stated.of(name, text.strip())
    is_result = entry.section == "results"
    declared = replace(declared, line=entry.line, is_result=is_result)
    return Found(declared, stated.like, entry.nested)


def find_subjects(
    entry: Entry, words: str, known: Collection[str] | None
) -> Iterator[Found]:
    """What sentences declare: "x has shape (N, D)"; known None stands for any name."""
    closing = matching_brackets(words)
    previous = 0
    for found in SUBJECT.finditer(words):
        names: tuple[str, ...] = (found["name"],)
        if found["verb"] == " have":
            names, _ = names_before(
                words[previous : found.end("name")], known or (), False, False
            )
        previous = found.end()
        inside = bracket_at(words, found.end(), closing)
        end = found.end() + len(inside)
        rest = words[end : end + NEARBY]
        stated = stated_shape(inside, "", "", end)
        plural = (len(names) > 1) == (found["verb"] == " have")
        if (
            stated is None
            or not plural
            or NOT_WHOLE.match(rest)
            or has_alternative(rest)
        ):
            continue
        place = replace(entry, section="prose")
        for name in names:
            if known is None or name in known:
                text = words[found.start() : stated.end]
                yield declare(place, name, stated, text)


def find_both(entry: Entry, words: str, parameters: Sequence[str]) -> Iterator[Found]:
    """What "both have shape (n,)" declares of a function's two parameters."""
    found = None if entry.names or entry.section == "results" else BOTH.search(words)
    if found is None or len(parameters) != 2:
        return
    stated = state_tuple(words, found.end(), Variables(frozenset()))
    if stated is not None:
        text = words[found.start() : stated.end]
        yield from (declare(entry, name, stated, text) for name in parameters)
