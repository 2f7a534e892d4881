"""Diagnostics and the lines they speak of -> an exception that reads as the command line prints it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from flatgrad.errors import Diagnostic, FlatgradError

Located = tuple[Diagnostic, str, str]  # what is wrong, the name of the file, its text


def located(problems: Sequence[Located]) -> FlatgradError:
    """The exception for some problems, each of its own file."""
    error = FlatgradError(*(problem for problem, _, _ in problems))
    texts = (problem.render(shown(name), text) for problem, name, text in problems)
    error.rendered = "\n".join(texts)
    return error


def refusal(code: str, what: str, next_step: str = "", of: str = "") -> FlatgradError:
    """One problem that stands at no line; `of` is the function that it is about."""
    problem = Diagnostic(code, what, next_step)
    if not of:
        return FlatgradError(problem)
    return located([(problem, of, "")])


def shown(filename: str) -> str:
    """The name of a file as one would type it here."""
    if not os.path.isabs(filename):
        return filename
    here = os.getcwd() + os.sep
    return filename.removeprefix(here)


__all__ = ["Located", "located", "refusal", "shown"]
