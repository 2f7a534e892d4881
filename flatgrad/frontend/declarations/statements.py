"""What a text says of a variable: Declared, and Stated before it is known of which one."""

from __future__ import annotations

from dataclasses import dataclass

from flatgrad.frontend.declarations.dims import Dims

# The characters of the text that a diagnostic quotes.
QUOTED = 100


@dataclass(frozen=True)
class Declared:
    """What a text says of one variable; () is a scalar, dims None an unknown rank."""

    name: str  # "" for the result that has no name
    dims: Dims | None
    kind: str  # float int bool complex str dict, array or any where it does not say
    line: int  # counted from 0 inside the text
    text: str  # the words that say so
    leading: Dims | None = None  # (N, d_1, ..., d_k): dims None, leading ("N",)
    is_result: bool = False


@dataclass(frozen=True)
class Stated:
    """What a description says, before it is known of which variable."""

    dims: Dims | None
    kind: str
    end: int  # where in the description the statement ends
    leading: Dims | None = None
    like: str = ""  # "same shape as x": x

    def of(self, name: str, text: str) -> Declared:
        """The statement as one of this variable."""
        return Declared(name, self.dims, self.kind, 0, text[:QUOTED], self.leading)
