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

CHECKPOINT = re.compile(r"#(\s*)flatgrad:(\s*checkpoint\b)")
NO_NAMES: Mapping[str, Any] = MappingProxyType({})
GIVE_TEXT = "give graph the source text and the name of the function"


@dataclass(frozen=True, eq=False)
class Source:
    """One function in the text of a module; `namespace` are the names of that module with the values they have now."""

    text: str
    name: str
    namespace: Callable[[], Mapping[str, Any]]
    function: Callable[..., Any] | None = None

    @cached_property
    def module(self) -> Module:
        """A graph keeps every value: no comment can ask it to keep fewer."""
        return read_module(CHECKPOINT.sub(r"#\1flatgrad \2", self.text))

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

    def value(
        self, text: str, path: str = "", names: Mapping[str, Any] = NO_NAMES
    ) -> Any:
        """What an expression stands for now; all names but `names` are the module's."""
        library = path.partition(".")[0] in ("numpy", "math", "scipy")
        if library and self.function is None:
            return _imported(path)
        return eval(text, {**self.namespace(), **names})


def source_of(f: Callable[..., Any]) -> Source:
    """The module that holds `f`, as its file says; `f` must be a function at its top level."""
    name = getattr(f, "__name__", type(f).__name__)
    if not isinstance(f, FunctionType) or name != f.__qualname__ or name == "<lambda>":
        what = f"{getattr(f, '__qualname__', name)} is no function at the top level of a file"
        raise FlatgradError(Diagnostic("FG503", what, GIVE_TEXT))
    try:
        lines, _ = inspect.findsource(f)
    except OSError:
        what = f"the source of {name} cannot be found"
        raise FlatgradError(Diagnostic("FG003", what, GIVE_TEXT)) from None
    return Source("".join(lines), name, lambda: f.__globals__, f)


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
