"""What was read: the text of a module with a function, and what ties it to the living program."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.interface.arguments import Length
from flatgrad.interface.code_text import Written
from flatgrad.interface.live import Entry, Watched
from flatgrad.interface.refusing import Located, located


@dataclass(frozen=True)
class Piece:
    """One definition of the module, under the name that it has there."""

    name: str
    text: str
    order: int  # imports, constants, functions
    entry: Entry | None = None  # where its live value is
    written: Written | None = None  # of a function
    as_in_file: bool = False  # the text of the file says the same of the name


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

    def _located(self, problem: Diagnostic) -> Located:
        if not self.pieces:
            return problem, self.filename, self.text
        line = 1
        for piece in self.pieces:
            end = line + piece.text.count("\n") + 2
            place = problem.place
            if (
                place is not None
                and line <= place.line < end
                and piece.written is not None
            ):
                moved = replace(problem, place=_moved(place, piece.written, line))
                return moved, piece.written.filename, piece.written.source
            line = end
        return replace(problem, place=None), self.filename, ""


def _moved(place: Place, text: Written, first: int) -> Place:
    """The place in the file, of one in the module that was put together."""
    down, right = text.first_line - first, text.indent
    if text.is_lambda:
        node = text.node
        end = (node.end_lineno or node.lineno, (node.end_col_offset or 0) + 1)
        return Place(node.lineno, node.col_offset + 1, *end)
    return Place(
        place.line + down,
        place.column + right,
        place.end_line + down,
        place.end_column + right,
    )


__all__ = ["Piece", "Reading"]
