"""What was emitted for a function -> a file beside the bytecode of its module, and back in another process.

There is one file for each function, `__pycache__/MODULE.cpython-311.FUNCTION.flatgrad`. It holds what was emitted
under keys that are made of all that decides it: the text that was transformed, which has every helper and constant in
it, and what was asked. The first line tells the state of flatgrad, of Python and of the module, and a digest of the
rest: a file of another state, or that is damaged, is nothing. It is replaced as a whole, never written into.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from importlib.util import cache_from_source, find_spec
from types import CodeType, FunctionType
from typing import Any

import numpy as np

VARIABLE = "FLATGRAD_CACHE"
KEPT = 64  # emissions in one file
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PRINTERS = ("libcst", "black", "astor")  # which decide the text, too

STARTED = time.time_ns()  # what is written later is not what runs here

Entries = dict[str, Any]


class Cache:
    """The emissions of one function that earlier processes have left."""

    def __init__(self, path: str, state: str) -> None:
        self.path, self.state = path, state
        self._known: Entries | None = None

    def get(self, key: str) -> Any:
        """What was put under the key; None if nothing was."""
        if self._known is None:
            self._known = self._read()
        return self._known.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep a value of dicts, lists, texts and numbers; where nothing can be written, for this process."""
        entries = self._read() | (self._known or {})
        while len(entries) >= KEPT:
            entries.pop(next(iter(entries)))
        self._known = entries | {key: value}
        if not sys.dont_write_bytecode:
            self._write(self._known)

    def _read(self) -> Entries:
        import json

        try:
            with open(self.path, "rb") as file:
                head, _, body = file.read().partition(b"\n")
            found: Entries = json.loads(body) if head == self._head(body) else {}
        except (OSError, ValueError):
            return {}
        return found

    def _write(self, entries: Entries) -> None:
        import json

        body = json.dumps(entries, default=int).encode()
        beside = f"{self.path}.{os.urandom(8).hex()}"
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(beside, "xb") as file:
                file.write(self._head(body) + b"\n" + body)
            os.replace(beside, self.path)
        except OSError:
            with suppress(OSError):
                os.remove(beside)

    def _head(self, body: bytes) -> bytes:
        return f"flatgrad {self.state} {hashlib.sha256(body).hexdigest()}".encode()


def is_asked_for() -> bool:
    """The environment says so."""
    return os.environ.get(VARIABLE, "0") not in ("", "0")


def cache_of(function: FunctionType) -> Cache | None:
    """The cache of a function; None where it comes from no file, or Python would keep no bytecode of it."""
    code, software = function.__code__, software_state()
    try:
        bytecode = cache_from_source(code.co_filename)
        with open(code.co_filename, "rb") as file:
            state = digest((software, file.read().hex()))
    except (OSError, ValueError, NotImplementedError):
        return None
    name = re.sub(r"[^\w.]", "", function.__qualname__)
    path = f"{os.path.splitext(bytecode)[0]}.{name}.flatgrad"
    return Cache(path, state) if software else None


def key_of(text: str, options: Any, excluded: Set[str], mark: str) -> str:
    """Options tell all that they hold; `mark` tells apart what was found out in another way."""
    return digest((text, repr(options), *sorted(excluded), mark))


def digest(parts: Iterable[str]) -> str:
    made = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        made.update(b"%d " % len(data) + data)
    return made.hexdigest()[:32]


# --- what decides the text besides the text -------------------------------------------------------------------------------


@functools.cache
def software_state() -> str:
    """Of flatgrad's own files, of what it prints with, and of Python; nothing where that is not what runs."""
    try:
        files = sorted(_files(PACKAGE))
    except OSError:
        files = []
    if not files or max(written for _, written, _ in files) > STARTED:
        return ""
    versions = (version for name in PRINTERS for version in _versions(name))
    return digest([*map(repr, files), *versions, np.__version__, sys.version])


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    """Name, time and size of each file of Python."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and entry.name != "__pycache__":
                yield from _files(entry.path)
            elif entry.name.endswith(".py"):
                seen = entry.stat()
                yield entry.path, seen.st_mtime_ns, seen.st_size


def _versions(name: str) -> Iterator[str]:
    """Where a package is, and the version that its installer wrote beside it; it is not imported."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return
    seen = os.stat(spec.origin)
    yield f"{spec.origin} {seen.st_size} {seen.st_mtime_ns}"
    site = os.path.dirname(os.path.dirname(spec.origin))
    yield from sorted(n for n in os.listdir(site) if n.startswith(f"{name}-"))


def told_by(code: CodeType) -> str:
    """Equal for functions that were compiled from the same text."""
    constants = map(_constant, code.co_consts)
    names = (*code.co_names, *code.co_varnames, *code.co_freevars)
    return digest((code.co_qualname, code.co_code.hex(), *names, *constants))


def _constant(value: Any) -> str:
    match value:
        case CodeType():
            return told_by(value)
        case frozenset():
            return repr(sorted(map(repr, value)))
        case _:
            return f"{type(value).__name__} {value!r}"


__all__ = ["Cache", "cache_of", "is_asked_for", "key_of", "told_by"]
