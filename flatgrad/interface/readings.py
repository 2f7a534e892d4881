"""What was read: the text of a module with a function, and what ties it to the living program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

from flatgrad.errors import Diagnostic, FlatgradError, Place, PlaceInFile
from flatgrad.interface.arguments import Length
from flatgrad.interface.code_text import Written
from flatgrad.interface.live import Entry, Watched
from flatgrad.interface.refusing import Located, located, shown

IMPORT, CONSTANT, FUNCTION, CLASS, METHOD = range(5)


@dataclass(frozen=True)
class Piece:
    """One definition of the module, under the name that it has there."""

    name: str
    text: str
    order: int  # imports, constants, functions, the head of a class, its methods
    entry: Entry | None = None  # where its live value is
    written: Written | None = None  # of a function
    as_in_file: bool = False  # the text of the file says the same of the name

    @property
    def margin(self) -> int:
        return 4 if self.order == METHOD else 0

    @property
    def decorators(self) -> int:
        """The lines that stand before the definition."""
        lines = self.text.splitlines()
        return next((i for i, x in enumerate(lines) if not x.lstrip().startswith("@")), 0)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Reading:
    """The text of a module with a function, and what ties it to the living program."""

    text: str
    function: str
    entries: dict[str, Entry]
    watches: tuple[Watched, ...]
    pieces: tuple[Piece, ...] = ()
    filename: str = "<flatgrad>"
    # Lengths of arrays that the function reads from outside.
    sizes: frozenset[int] = frozenset()
    lengths: tuple[Length, ...] = ()  # that each call has to fit, as found before
    # The text of its file says the same of everything that the function reads.
    in_file: bool = False
    # Of a method: what its object is called, the attributes whose values count, and the methods that are read.
    held: str = ""
    attributes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    @staticmethod
    def of(
        pieces: Sequence[Piece],
        name: str,
        watches: Sequence[Watched],
        function: FunctionType,
    ) -> Reading:
        """The module of these pieces, in which the function has that name."""
        return Reading(
            _text_of(pieces),
            name,
            {p.name: p.entry for p in pieces if p.entry is not None},
            tuple(watches),
            tuple(pieces),
            function.__code__.co_filename,
            frozenset(n for p in pieces if p.order == 1 and p.entry for n in _sizes(p.entry.get())),
            in_file=all(p.as_in_file for p in pieces),
        )  # fmt: skip

    @property
    def told_of_attributes(self) -> tuple[str, ...]:
        """The attributes as options name them: self.w"""
        return tuple(f"{self.held}.{name}" for name in self.attributes)

    def with_class(self, head: str) -> Reading:
        """The same with another beginning of the class."""
        pieces = [replace(p, text=head) if p.order == CLASS else p for p in self.pieces]
        return replace(self, text=_text_of(pieces), pieces=tuple(pieces))

    def is_current(self) -> bool:
        """The text would be the same if it were made now."""
        return all(w.is_current() for w in self.watches)

    def is_in(self, source: str) -> bool:
        """The text of the file says the same of all that the function reads."""
        texts = (p.written for p in self.pieces if p.name == self.function)
        return self.in_file and any(t is not None and t.source == source for t in texts)

    def located(self, error: FlatgradError) -> FlatgradError:
        """The same refusal, told of the lines that the user wrote."""
        if error.rendered:
            return error
        return located([self._located(d) for d in error.diagnostics])

    def place_in_file(self, place: Place) -> Place:
        """Where the user wrote what stands at a place of the module; the place itself, if that is nowhere."""
        line = 1
        for piece in self.pieces:
            end = line + piece.text.count("\n") + 2
            if line <= place.line < end and piece.written is not None:
                return _moved(place, piece, piece.written, line)
            line = end
        return place

    def _located(self, problem: Diagnostic) -> Located:
        if not self.pieces:
            return problem, self.filename, self.text
        place = problem.place and self.place_in_file(problem.place)
        if isinstance(place, PlaceInFile):
            return replace(problem, place=place), place.filename, place.source
        return replace(problem, place=None), self.filename, ""


def _text_of(pieces: Sequence[Piece]) -> str:
    return "\n\n".join(piece.text for piece in pieces)


def _sizes(value: Any) -> Iterator[int]:
    if isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _sizes(item)
    yield from (n for n in getattr(value, "shape", ()) if isinstance(n, int) and n > 1)


def _moved(place: Place, piece: Piece, text: Written, first: int) -> PlaceInFile:
    """The place in the file, of one in the module that was put together."""
    down = text.first_line - first - piece.decorators
    right = text.indent - piece.margin
    span = place.line + down, place.column + right, place.end_line + down, place.end_column + right  # fmt: skip
    if text.is_lambda:
        node = text.node
        end = node.end_lineno or node.lineno, (node.end_col_offset or 0) + 1
        span = node.lineno, node.col_offset + 1, *end
    return PlaceInFile(*span, shown(text.filename), text.source)


__all__ = ["CLASS", "METHOD", "Piece", "Reading"]
