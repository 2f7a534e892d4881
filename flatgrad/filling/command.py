"""A request to fill a file -> the files to write, each as bytes, and what to tell."""

from __future__ import annotations

import os
from dataclasses import dataclass

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.filling.check_text import checks_of
from flatgrad.filling.files import Filled, fill
from flatgrad.filling.stubs import Left
from flatgrad.options import Options
from flatgrad.pipeline import transform
from flatgrad.source import Source, existing_text

OURS = '"""Compares the gradients of '  # begins a file of checks


@dataclass(frozen=True)
class Planned:
    """A file that is to hold `data`; `old` is what it holds now, None if it is not there."""

    path: str
    old: str | None
    data: bytes
    encoding: str

    @property
    def new(self) -> str:
        return self.data.decode(self.encoding)


def plan(
    source: Source, options: Options, target: str, with_check: bool
) -> tuple[list[Planned], str]:
    """The file with its stubs filled in, a file of checks if that is asked for, and a line for each stub."""
    filled = fill(source, options, transform)
    found = []
    if filled.stubs or target != source.filename:
        old = source.data.decode(source.encoding)
        found.append(Planned(target, old, filled.data, source.encoding))
    report = filled.report(source.filename)
    if with_check and filled.stubs:
        checks, left = _checks(source, options, filled, target)
        found += checks
        report += "".join(f"{source.filename}:{x.line}: no check of {x.name}: {x.why}\n" for x in left)  # fmt: skip
    return found, report


def _checks(
    source: Source, options: Options, filled: Filled, target: str
) -> tuple[list[Planned], list[Left]]:
    """layers_check.py beside layers.py; a file of that name that is the user's is not touched."""
    folder, name = os.path.split(target)
    module = name.removesuffix(".py")
    if not module.isidentifier():
        what = f"{target} is no module that a check could import"
        raise FlatgradError(Diagnostic("FG802", what, "fill a file such as layers.py"))
    path = os.path.join(folder, f"{module}_check.py")
    old = existing_text(path)
    if old is not None and not old.startswith(OURS):
        what = f"{path} is there already, and flatgrad did not write it"
        raise FlatgradError(Diagnostic("FG802", what, "move it, or fill without --with-check"))  # fmt: skip
    text, left = checks_of(module, source.text, filled.stubs, options)
    return [Planned(path, old, text.encode(), "utf-8")] if text else [], left


__all__ = ["Planned", "plan"]
