""" "x: (N, D), y: (N,)" -> its parts, each with the names before its colon."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from flatgrad.frontend.declarations.words import hide_brackets, word_set

# ---- Headings inside a text: "x: (N, D), y: (N,)" ------------------------------------

# A colon that may end a heading; x[1:] and 1:2 are none.
COLON = re.compile(r":(?=[\s\0]|$)")

# What may stand between a heading and the words before it.
BOUNDARY = re.compile(r"\0+|[,;\n]|\.\s|\band\b| {2,}")

# Words before a colon that name no variable.
NO_VARIABLES = word_set(
    "shape shapes size dim dims dimensions type dtype default note notes where example "
    "examples units range todo fixme hint warning input output inputs outputs returns "
    "return see eq"
)


@dataclass(frozen=True)
class Part:
    """A piece of a text and the names before its colon."""

    names: tuple[str, ...]
    start: int  # of the names
    text: str


def split_headings(text: str, known: Collection[str], is_open: bool) -> list[Part]:
    """The text cut at each "name:"; other names than the known only if it is open.

    The first part has no names; it is what comes before the first heading.
    """
    hidden = hide_brackets(text)
    cuts: list[tuple[tuple[str, ...], int, int]] = [((), 0, 0)]
    previous = 0
    for colon in COLON.finditer(hidden):
        end = colon.end()
        bracketed = hidden[end : end + 2].strip(" ").startswith("\0")
        names, start = names_before(
            hidden[previous : colon.start()], known, is_open, bracketed
        )
        if names:
            cuts.append((names, previous + start, end))
        previous = end
    ends = [cut[1] for cut in cuts[1:]] + [len(text)]
    return [
        Part(names, start, text[begin:end])
        for (names, start, begin), end in zip(cuts, ends, strict=True)
    ]


def names_before(
    segment: str, known: Collection[str], is_open: bool, bracketed: bool
) -> tuple[tuple[str, ...], int]:
    """The names that end the segment, and where they begin in it."""
    names: list[str] = []
    begin = len(segment)
    bounds = [(0, 0), *(found.span() for found in BOUNDARY.finditer(segment))]
    end = len(segment)
    for start, stop in reversed(bounds):
        piece = segment[stop:end].strip(" \t`*'\"")
        fresh = is_open and (bracketed or segment[start:stop] in ("", "\n"))
        is_name = piece in known or (fresh and is_variable(piece))
        if is_name:
            names.append(piece)
            begin = stop
        joins = segment[start:stop] in (",", "and")
        if not joins or not (is_name or (names and not piece)):
            break
        end = start
    return tuple(reversed(names)), begin


def is_variable(text: str) -> bool:
    """Whether the text can be the name of a variable."""
    return text.isidentifier() and text.lower() not in NO_VARIABLES
