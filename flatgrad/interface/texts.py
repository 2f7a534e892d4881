"""What the command line prints for a function, from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from flatgrad.errors import FlatgradError
from flatgrad.interface.conventions import Chosen
from flatgrad.interface.readings import Reading
from flatgrad.interface.refusing import located, refusal
from flatgrad.interface.specialising import GENERATING
from flatgrad.options import Shape, parse_shapes


def source_of(
    reading: Reading,
    emit: str,
    chosen: Chosen,
    shapes: Mapping[str, Any],
    **options: Any,
) -> str:
    """The emitted module for a function that was read, without anything from a call."""
    from flatgrad.options import Options
    from flatgrad.pipeline import transform

    asked = Options((reading.function,), chosen.names, emit, shapes=shapes, **options)
    with GENERATING:
        try:
            return transform(reading.text, asked)
        except FlatgradError as error:
            raise reading.located(error) from None


def emitted_text(
    source: str, functions: str | Sequence[str] | None, wrt: str | Sequence[str] | None, emit: str, names: str,
    shapes: Mapping[str, Any] | None, comments: bool, inline: bool, rules: Sequence[str], filename: str,
) -> str:  # fmt: skip
    """What the command line prints for the text of a file, with its options."""
    from flatgrad.options import Options
    from flatgrad.pipeline import transform

    files = tuple((os.fspath(f), _text_of(os.fspath(f))) for f in rules)
    options = Options(
        _names(functions), _names(wrt), emit, names, parsed_shapes(shapes), comments, filename, inline, files
    )  # fmt: skip
    with GENERATING:
        try:
            return transform(source, options)
        except FlatgradError as error:
            problems = [(d, filename, source) for d in error.diagnostics]
            raise located(problems) from None


def _text_of(filename: str) -> str:
    from flatgrad.source import read_source

    try:
        return read_source(filename).text
    except FlatgradError as error:
        raise located([(d, filename, "") for d in error.diagnostics]) from None


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())


def parsed_shapes(shapes: Mapping[str, Any] | None) -> dict[str, Shape]:
    """Shapes as the user gives them, ("N", "D") or "N,D", as Options has them."""
    found: dict[str, Shape] = {}
    for name, shape in (shapes or {}).items():
        text = shape if isinstance(shape, str) else ",".join(map(str, shape))
        try:
            found |= parse_shapes([f"{name}={text}"])
        except ValueError as error:
            raise refusal("FG502", str(error)) from None
    return found


__all__ = ["emitted_text", "parsed_shapes", "source_of"]
