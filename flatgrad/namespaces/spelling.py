"""One library's name for an operation, and how that library's function is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

UFUNC_OPTIONS = ("out", "where", "casting", "order", "dtype", "subok")
# Never data, whatever the rule: the front end refuses those that matter.
OPTIONS = {
    *UFUNC_OPTIONS,
    *(
        "axis",
        "axes",
        "keepdims",
        "initial",
        "optimize",
        "like",
        "device",
        "copy",
        "ndmin",
    ),
}


@dataclass(frozen=True)
class Spelling:
    """One library's name for `op`, and the parameters of that library's function in positional order."""

    op: str
    name: str
    parameters: tuple[str, ...]
    # Parameters that take many positional values: each a data argument, or all one tuple.
    variadic: str = ""
    packed: str = ""
    sequence: str = ""  # the parameter whose elements are data arguments
    # Library's keyword, and the rule's name or the library's first keyword.
    renamed: tuple[tuple[str, str], ...] = ()
    data: int | None = None  # how many of the parameters are data; None: the rule says
    limit: int | None = None  # how many may be given by position; None: all
    fold: bool = False  # a binary operation, applied from left to right
    attribute: bool = False
    otherwise: Spelling | None = None  # another meaning, for other arguments


@dataclass(frozen=True)
class Bound(Generic[T]):
    """The arguments of one call under the rule's names; a tuple stands for packed positional values."""

    op: str
    data: dict[str, T | tuple[T, ...]]
    options: dict[str, T | tuple[T, ...]]
    # Options that the rule does not know.
    unknown: list[str] = field(default_factory=list)
    sequence: str = ""  # the data argument that is a list or tuple, to be spread
    fold: bool = False


def meanings(spelling: Spelling) -> list[Spelling]:
    """The spelling and what its name means otherwise, in the order in which they are tried."""
    return [spelling, *(meanings(spelling.otherwise) if spelling.otherwise else [])]
