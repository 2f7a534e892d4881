"""What the command line asks of a check, and what it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flatgrad.options import Options

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Request:
    """A file, what to transform of it, and the point."""

    filename: str
    text: str
    options: Options
    written: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    tolerance: float = TOLERANCE
    # A student's own backward: its file, the text of that, and its name.
    against: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Report:
    """The text to print, and whether all is well."""

    text: str
    passes: bool
