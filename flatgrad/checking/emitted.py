"""A function of a file -> what flatgrad emits for it, as functions that are called with inputs and seeds by name."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flatgrad.checking.running import FLATGRADS_DEFECT, PASSED_ON, quiet, sow, told
from flatgrad.checking.trees import copied
from flatgrad.emit.module import layout
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.pipeline import Transformation

ENDINGS = {
    "grad": ("_grad",),
    "pair": ("_forward", "_backward"),
    "jvp": ("_jvp",),
}


@dataclass(frozen=True)
class Emitted:
    """The text of one kind of output, its functions, and the seed that each of their calls starts from."""

    text: str
    functions: tuple[Callable[..., Any], ...]
    seed: int = 0

    def call(self, which: int, inputs: Mapping[str, Any], *more: Any) -> Any:
        """The value for the user's own parameters by name, and the others in their order."""
        function = self.functions[which]
        args, keywords = bound(function, copied(dict(inputs)), copied(more))
        return self._run(function, args, keywords)

    def call_plainly(self, which: int, *args: Any) -> Any:
        """The value for arguments in their order, which are not copied."""
        return self._run(self.functions[which], args, {})

    def _run(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        keywords: Mapping[str, Any],
    ) -> Any:
        try:
            with quiet():
                sow(self.seed)
                return function(*args, **keywords)
        except PASSED_ON:
            raise
        except Exception as error:
            what = f"the emitted {function.__name__} raises {told(error)}"
            problem = Diagnostic("FG905", what, FLATGRADS_DEFECT)
            raise FlatgradError(problem) from None


def emitted(
    transformation: Transformation,
    name: str,
    emit: str,
    seed: int = 0,
    laid_out: bool = False,
) -> Emitted:
    """What the command line prints for --emit, and it executed; FlatgradError where it is refused."""
    text = transformation.emitted(emit)
    text = layout(text) if laid_out else text
    label = f"<flatgrad {name} {emit}>"
    namespace: dict[str, Any] = {"__name__": f"flatgrad_{emit}"}
    linecache.cache[label] = (len(text), None, text.splitlines(True), label)
    with quiet():
        exec(compile(text, label, "exec", dont_inherit=True), namespace)
    found = tuple(namespace[n] for n in _last_defined(text, len(ENDINGS[emit])))
    return Emitted(text, found, seed)


def _last_defined(text: str, count: int) -> list[str]:
    """Helpers come first: the last functions are those that were asked for."""
    defined = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    return defined[-count:]


def bound(
    function: Callable[..., Any], inputs: dict[str, Any], more: Sequence[Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments by position where the signature asks for it, else by name."""
    args: list[Any] = []
    keywords: dict[str, Any] = {}
    rest = list(more)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name in inputs:
            value = inputs[name]
        elif rest and name not in inputs:
            value = rest.pop(0)
        else:
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            args.append(value)
        else:
            keywords[name] = value
    return args, keywords
