"""A docstring -> what it declares of parameters, results, and entries of dicts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from flatgrad.frontend.declarations.agreement import merge
from flatgrad.frontend.declarations.descriptions import (
    ARRAY_AFTER,
    state,
    state_lengths,
)
from flatgrad.frontend.declarations.dims import Dims
from flatgrad.frontend.declarations.entries import Entry, Reader
from flatgrad.frontend.declarations.headings import split_headings
from flatgrad.frontend.declarations.sentences import (
    Found,
    declare,
    find_both,
    find_subjects,
)
from flatgrad.frontend.declarations.statements import Declared, Stated
from flatgrad.frontend.declarations.tuples import Variables


def from_docstring(text: str, parameters: Sequence[str]) -> list[Declared]:
    """What a docstring declares of the parameters, of its results and of dict entries.

    Two declarations of one name that contradict each other are both returned.
    """
    entries = [
        entry
        for entry in Reader(docstring_lines(text)).read()
        if entry.section != "other"
    ]
    labels = frozenset(name for entry in entries for name in entry.names)
    variables = Variables(frozenset(parameters), labels)
    integers = frozenset(
        found.declared.name
        for found in find_all(entries, parameters, variables)
        if (found.declared.dims, found.declared.kind) == ((), "int")
    )
    variables = replace(variables, integers=integers)
    found_all = find_all(entries, parameters, variables)
    return merge(resolve(drop_ambiguous(found_all, entries, parameters)))


def docstring_lines(text: str) -> list[str]:
    """The lines without their common indentation, which the first one lacks."""
    first, *rest = text.expandtabs().split("\n")
    indents = [len(line) - len(line.lstrip()) for line in rest if line.strip()]
    margin = min(indents, default=0)
    return [first.strip(), *(line[margin:] for line in rest)]


def find_all(
    entries: Sequence[Entry], parameters: Sequence[str], variables: Variables
) -> list[Found]:
    """All that the entries declare."""
    return [
        found
        for entry in entries
        for found in find_in_entry(entry, parameters, variables)
    ]


def find_in_entry(
    entry: Entry, parameters: Sequence[str], variables: Variables
) -> Iterator[Found]:
    """What one entry declares: of its own names, then of those inside its text."""
    text = "\n".join(entry.lines)
    newlines = [index for index, character in enumerate(text) if character == "\n"]
    is_dict = False
    for part in split_headings(text, parameters, is_open=entry.labelled):
        names = part.names or entry.names
        line = entry.line + bisect_right(newlines, part.start)
        inner = bool(part.names) and not set(names) <= set(parameters)
        place = replace(entry, names=names, line=line, nested=entry.nested or inner)
        words = " ".join(part.text.split())
        own = [*find_in_part(place, words, variables)]
        is_dict = is_dict or any(found.declared.kind == "dict" for found in own)
        yield from own
        yield from find_subjects(place, words, None if is_dict else parameters)
        yield from find_both(place, words, parameters)


def find_in_part(entry: Entry, words: str, variables: Variables) -> Iterator[Found]:
    """What a description declares of each of its names, or of the unnamed result."""
    if not entry.names and entry.section != "results":
        return
    stated = state(words, len(entry.names) > 1, variables)
    stated = stated or (state_lengths(words, entry.names) if entry.names else None)
    if stated is None or (not entry.names and lists_results(words, stated)):
        return
    label = ", ".join(entry.names) + ": " if entry.names else ""
    for name in entry.names or ("",):
        yield declare(entry, name, stated, label + words[: stated.end])


def lists_results(words: str, stated: Stated) -> bool:
    """Whether "returns (h, c)" gives the results, and no shape."""
    is_array = ARRAY_AFTER.match(words, stated.end) is not None
    return words.startswith(("(", "[")) and bool(stated.dims) and not is_array


def drop_ambiguous(
    found: Sequence[Found], entries: Sequence[Entry], parameters: Sequence[str]
) -> list[Found]:
    """Without what may speak of another: a dict's entry, one of several results."""
    shapes: dict[str, set[object]] = {}
    for item in found:
        if item.nested:
            shape = (item.declared.dims, item.declared.leading)
            shapes.setdefault(item.declared.name, set()).add(shape)
    unclear = {name for name, several in shapes.items() if len(several) > 1}
    unclear |= set(parameters)
    results = [one for one in entries if one.section == "results" and not one.nested]
    alone = len(results) == 1
    return [
        item
        for item in found
        if not (item.nested and item.declared.name in unclear)
        and (item.declared.name or alone)
    ]


def resolve(found: Sequence[Found]) -> list[Declared]:
    """With the shape of x where it says "same shape as x"."""
    known: dict[str, set[tuple[Dims | None, Dims | None]]] = {}
    for item in found:
        shape = (item.declared.dims, item.declared.leading)
        if not item.like and shape != (None, None):
            known.setdefault(item.declared.name, set()).add(shape)
    resolved = []
    for item in found:
        declared, shapes = item.declared, known.get(item.like, set())
        if item.like and len(shapes) == 1:
            dims, leading = next(iter(shapes))
            declared = replace(declared, dims=dims, leading=leading)
            known.setdefault(declared.name, {(dims, leading)})
        resolved.append(declared)
    return resolved
