"""What the command line prints for a function, from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from flatgrad.errors import FlatgradError
from flatgrad.interface.conventions import Chosen
from flatgrad.interface.readings import Reading
from flatgrad.interface.refusing import located
from flatgrad.interface.specialising import GENERATING


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


def grad_source(source: str, function: str | Sequence[str] | None = None, wrt: str | Sequence[str] | None = None, *,
                emit: str = "grad", names: str = "grad_", shapes: Mapping[str, Any] | None = None, comments: bool = True,
                inline: bool = False, rules: Sequence[str] = (), filename: str = "<input>") -> str:  # fmt: skip
    from flatgrad.options import Options, parse_shapes
    from flatgrad.pipeline import transform
    from flatgrad.source import read_source

    functions = (function,) if isinstance(function, str) else tuple(function or ())
    asked = (wrt,) if isinstance(wrt, str) else tuple(wrt or ())
    found: dict[str, Any] = {}
    for name, shape in (shapes or {}).items():
        text = shape if isinstance(shape, str) else ",".join(map(str, shape))
        found |= parse_shapes([f"{name}={text}"])
    files = tuple(
        (os.fspath(file), read_source(os.fspath(file)).text) for file in rules
    )
    options = Options(
        functions, asked, emit, names, found, comments, filename, inline, files
    )
    with GENERATING:
        try:
            return transform(source, options)
        except FlatgradError as error:
            raise located([(d, filename, source) for d in error.diagnostics]) from None


__all__ = ["grad_source", "source_of"]
