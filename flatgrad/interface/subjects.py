"""A live function -> the text of a module that has it: put together from what it reads, or that of its file."""

from __future__ import annotations

import linecache
import os
from collections.abc import Sequence
from types import FunctionType, ModuleType
from typing import Any

from flatgrad.interface.callables import users_function
from flatgrad.interface.code_text import written
from flatgrad.interface.collecting import Collector
from flatgrad.interface.files import top_level
from flatgrad.interface.inner_gradients import is_gradient
from flatgrad.interface.library_names import is_library
from flatgrad.interface.live import MISSING
from flatgrad.interface.methods import class_path, read_file_of_method
from flatgrad.interface.names_read import names_read
from flatgrad.interface.readings import Reading


def read(function: FunctionType) -> Reading:
    """The function and all that it reads, put together."""
    return read_several([function])[0]


def read_several(functions: Sequence[FunctionType]) -> tuple[Reading, tuple[str, ...]]:
    """One module for several functions, and the names that they have there."""
    collector = Collector(functions[0])
    names = (collector.main(), *map(collector.also, functions[1:]))
    return _reading(collector, names[0]), names


def _reading(collector: Collector, name: str) -> Reading:
    return Reading.of(collector.ordered(), name, collector.watches, collector.function)


def read_file(function: FunctionType) -> Reading | None:
    """The file that has the function at top level, as the command line would read it; None where none has."""
    text = written(function)
    if class_path(text):
        return read_file_of_method(function)
    found = top_level(text.source).get(function.__code__.co_name, [])
    if not found or found[-1] is not text.node or not os.path.isfile(text.filename):
        return None
    return Reading(text.source, function.__code__.co_name, {}, (), (), text.filename)


def text_of_file(function: FunctionType) -> Reading:
    """What read_file gives, if it gives something: it is not looked whether the file has the function."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    text = "".join(lines).replace("\r\n", "\n")
    name = function.__qualname__ if "<" not in function.__qualname__ else code.co_name
    return Reading(text, name, {}, (), (), code.co_filename)


def reads_elsewhere(function: FunctionType) -> bool:
    """The function, or one of its file that it calls, reads what is written in another file of the user."""
    filename, seen, pending = function.__code__.co_filename, {function}, [function]
    while pending:
        current = pending.pop()
        for entry in names_read(current, written(current)).values():
            value = entry.get()
            inner = users_function(value)
            if _is_elsewhere(value, inner, filename):
                return True
            if inner is not None and inner not in seen:
                seen.add(inner)
                pending.append(inner)
    return False


def _is_elsewhere(value: Any, inner: FunctionType | None, filename: str) -> bool:
    if is_gradient(value) or _is_maker(value):
        return True
    if isinstance(value, ModuleType) and not is_library(value.__name__):
        return True
    return inner is not None and inner.__code__.co_filename != filename


def _is_maker(value: Any) -> bool:
    """flatgrad, or a function of it: the command line does not run it, and so cannot tell what it gives."""
    module = (
        value.__name__
        if isinstance(value, ModuleType)
        else getattr(value, "__module__", "")
    )
    return module in ("flatgrad", "flatgrad.api")


def is_complete(function: FunctionType) -> bool:
    """Everything that the function reads is there."""
    return all(
        e.get() is not MISSING for e in names_read(function, written(function)).values()
    )


__all__ = [
    "is_complete",
    "read",
    "read_file",
    "read_several",
    "reads_elsewhere",
    "text_of_file",
]
