"""The text of a file -> its functions, run in a namespace that is gone afterwards; what they raise, as diagnostics."""

from __future__ import annotations

import contextlib
import linecache
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from flatgrad.errors import Diagnostic, FlatgradError, Place

PASSED_ON = (KeyboardInterrupt, BrokenPipeError, FlatgradError)
FLATGRADS_DEFECT = (
    "the emitted code fails where the function itself does not: state the shapes with --shape\n"
    "if they are not those of the point, else this is a defect of flatgrad; please report it"
)


@dataclass(frozen=True)
class Program:
    """A file that has been run: what it is called, its text, and the names that it defined."""

    filename: str
    text: str
    names: dict[str, Any]

    def find(self, name: str) -> Any:
        """A function of the file, or a static method Class.name in it; None if there is none."""
        first, *rest = name.split(".")
        found = self.names.get(first)
        for attribute in rest:
            found = getattr(found, attribute, None)
        return found

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The value of a call of one of its functions; what it raises becomes a diagnostic."""
        with self.failures(getattr(function, "__name__", "the function")):
            return function(*args, **kwargs)

    @contextlib.contextmanager
    def failures(self, name: str, whole: bool = False) -> Iterator[None]:
        """`whole`: dropping the imaginary part of a number is a failure, too."""
        try:
            with quiet(whole):
                yield
        except PASSED_ON:
            raise
        except BaseException as error:  # the user's code may raise anything, and exit
            raise FlatgradError(self._failure(name, error)) from None

    def _failure(self, name: str, error: BaseException) -> Diagnostic:
        place = place_of(error.__traceback__, self.filename, self.text)
        return Diagnostic("FG901", f"{name} raises {told(error)}", "", place)


def told(error: BaseException) -> str:
    """The kind and the first line of an exception."""
    message = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


@contextlib.contextmanager
def quiet(whole: bool = False) -> Iterator[None]:
    """What the user's code prints does not mix with the table; what it warns of is not about us."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if whole:
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
        with np.errstate(all="ignore"):
            yield


def place_of(trace: TracebackType | None, filename: str, text: str) -> Place | None:
    """Where in the file it happened: the innermost line of it that was being run."""
    frames = [f for f in traceback.extract_tb(trace) if f.filename == filename]
    if not frames or not frames[-1].lineno:
        return None
    last, lines, number = frames[-1], text.split("\n"), frames[-1].lineno or 1
    line = lines[number - 1] if number <= len(lines) else ""
    start = _column(line, last.colno, len(line) - len(line.lstrip()))
    one_line = last.end_lineno in (None, number)
    end = _column(line, last.end_colno if one_line else None, len(line.rstrip()))
    return Place(number, start + 1, number, end + 1)


def _column(line: str, offset: int | None, otherwise: int) -> int:
    """Python counts bytes."""
    if offset is None:
        return otherwise
    return len(line.encode("utf-8")[:offset].decode("utf-8", "ignore"))


@contextlib.contextmanager
def folder_on_path(filename: str) -> Iterator[None]:
    """Modules beside the file can be imported, as when it is run; afterwards they are forgotten."""
    folder = os.path.dirname(os.path.abspath(filename))
    path, modules = list(sys.path), dict(sys.modules)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [n for n in sys.modules if n not in modules]:
            if _lies_in(sys.modules[name], folder):
                del sys.modules[name]


def _lies_in(module: ModuleType, folder: str) -> bool:
    file = getattr(module, "__file__", None) or ""
    return os.path.dirname(os.path.abspath(file)) == folder if file else False


@contextlib.contextmanager
def running(filename: str, text: str, name: str) -> Iterator[Program]:
    """Run the text as a module that is not __main__."""
    module = ModuleType(name)
    module.__file__ = os.path.abspath(filename)
    program = Program(filename, text, module.__dict__)
    with _registered(module), _shown(filename, text):
        with program.failures(f"running {os.path.basename(filename)}"):
            code = compile(text, filename, "exec", dont_inherit=True)
            exec(code, module.__dict__)
        yield program


@contextlib.contextmanager
def _registered(module: ModuleType) -> Iterator[None]:
    """Dataclasses and pickles look their module up by its name."""
    name, before = module.__name__, sys.modules.get(module.__name__)
    sys.modules[name] = module
    try:
        yield
    finally:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before


@contextlib.contextmanager
def _shown(filename: str, text: str) -> Iterator[None]:
    """inspect and traceback find the lines, also where the text came from standard input."""
    before = linecache.cache.get(filename)
    lines = text.splitlines(True)
    linecache.cache[filename] = (len(text), None, lines, filename)
    try:
        yield
    finally:
        linecache.cache.pop(filename, None)
        if before is not None:
            linecache.cache[filename] = before


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global generators start from `seed`, and are put back afterwards."""
    state = np.random.get_state()  # noqa: NPY002  (what the user's code draws from)
    plain = random.getstate()
    try:
        sow(seed)
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        random.setstate(plain)


def sow(seed: int) -> None:
    """Before each call, so that a mask is drawn the same each time."""
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)
