"""A Python function, or a source text -> the text that its graph is read from, and the names that it reads when it runs."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, MappingProxyType
from typing import Any

import libcst as cst

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend import Module, read_module
from flatgrad.frontend.module import parameters_of
from flatgrad.interface.callables import plain_function
from flatgrad.interface.live import MISSING
from flatgrad.interface.readings import Reading
from flatgrad.interface.subjects import read

CHECKPOINT = re.compile(r"#(\s*)flatgrad:(\s*checkpoint\b)")
NO_NAMES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Source:
    """One function in the text of a module; `namespace` are the names of that module with the values they have now."""

    text: str
    name: str
    namespace: Callable[[], Mapping[str, Any]]
    function: FunctionType | None = None
    reading: Reading | None = None  # of the function

    @cached_property
    def module(self) -> Module:
        """A graph keeps every value: no comment can ask it to keep fewer."""
        module = read_module(CHECKPOINT.sub(r"#\1flatgrad \2", self.text))
        if self.reading is not None:
            module.moved = self.reading.place_in_file
        return module

    @cached_property
    def signature(self) -> inspect.Signature:
        """Of a text, the defaults are computed in its module."""
        if self.function is not None:
            return inspect.signature(self.function)
        node = self.module.functions[self.name]
        body = cst.SimpleStatementSuite([cst.Pass()])
        plain = node.with_changes(body=body, decorators=[], returns=None)
        text = "from __future__ import annotations\n" + cst.Module([plain]).code
        defaults = any(p.default is not None for p in parameters_of(node))
        names = dict(self.namespace()) if defaults else {}
        exec(compile(text, "<signature>", "exec"), names)
        return inspect.signature(names[self.name])

    def current(self) -> Source:
        """The function as it is now: a helper may be another one by then."""
        if self.function is None or self.reading is None or self.reading.is_current():
            return self
        return source_of(self.function)

    def value(
        self, text: str, path: str = "", names: Mapping[str, Any] = NO_NAMES
    ) -> Any:
        """What an expression stands for now; all names but `names` are the module's."""
        library = path.partition(".")[0] in ("numpy", "math", "scipy")
        if library and self.function is None:
            return _imported(path)
        return eval(text, {**self.namespace(), **names})


def source_of(f: Callable[..., Any]) -> Source:
    """The module that is put together from `f` and all that it reads."""
    function = plain_function(f)
    reading = read(function)

    def namespace() -> Mapping[str, Any]:
        found = {name: entry.get() for name, entry in reading.entries.items()}
        return {name: value for name, value in found.items() if value is not MISSING}

    return Source(reading.text, reading.function, namespace, function, reading)


def source_of_text(text: str, name: str) -> Source:
    """The text is run as a module when a value is asked for that only it can give, and not before."""
    executed: dict[str, Any] = {}

    def namespace() -> Mapping[str, Any]:
        if not executed:
            executed["__name__"] = "graph"
            exec(compile(text, "<graph>", "exec"), executed)
        return executed

    return Source(text, name or _only_function(text), namespace)


def _only_function(text: str) -> str:
    names = list(read_module(text).functions)
    if len(names) == 1:
        return names[0]
    what = "the text holds several functions" if names else "the text holds no function"
    step = f"name one: graph(text, {names[-1]!r})" if names else "write one"
    raise FlatgradError(Diagnostic("FG503" if names else "FG504", what, step))


def _imported(path: str) -> Any:
    """numpy.pi"""
    root, *names = path.split(".")
    found: Any = importlib.import_module(root)
    for name in names:
        found = getattr(found, name)
    return found
