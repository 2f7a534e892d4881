"""What is differentiated: a function of the user, or a gradient that was made of one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence, Set
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol

from flatgrad.errors import FlatgradError
from flatgrad.interface.arguments import Binder, Key, pattern
from flatgrad.interface.code_text import without_warnings
from flatgrad.interface.emitted_methods import read_emitted_method
from flatgrad.interface.files import body, bound_names
from flatgrad.interface.readings import Reading
from flatgrad.interface.subjects import read

if TYPE_CHECKING:
    from flatgrad.interface.gradients import Gradient


class Subject(Protocol):
    """A function that derivatives can be made of."""

    name: str
    original: Any
    bound: frozenset[str]  # parameters that have their values already

    @property
    def binder(self) -> Binder:
        """The parameters and defaults that the function has now."""

    @property
    def signature(self) -> inspect.Signature:
        """How it is called."""

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """A value for each parameter."""

    def call(self, values: Sequence[Any]) -> Any:
        """The value of the function itself."""

    def is_attribute(self, name: str) -> bool:
        """The name is that of what it may read of its object: self.w"""

    def key(self, values: Sequence[Any], sizes: Set[int]) -> Key:
        """Equal for calls that can share a text."""

    def reading(self, values: Sequence[Any] | None) -> Reading:
        """The text for a call with these values; for any call, if there are none."""


class PythonFunction:
    """A function that the user wrote."""

    bound: frozenset[str] = frozenset()

    def __init__(self, original: Any, function: FunctionType) -> None:
        self.original, self.function = original, function
        name = self.function.__name__
        self.name = "function" if name == "<lambda>" else name
        self._reading: Reading | None = None
        self._head: tuple[Any, ...] = ()
        self._binder: Binder | None = None

    @property
    def binder(self) -> Binder:
        f, seen = self.function, self._head
        if self._binder is None or not (
            seen[0] is f.__code__
            and seen[1] is f.__defaults__
            and seen[2] is f.__kwdefaults__
        ):
            self._head = (f.__code__, f.__defaults__, f.__kwdefaults__)
            self._binder = Binder.of(inspect.signature(f), self.name)
        return self._binder

    @property
    def signature(self) -> inspect.Signature:
        return self.binder.signature

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        return self.binder.bind(args, kwargs)

    def call(self, values: Sequence[Any]) -> Any:
        return self.binder.call(self.function, values, {})

    def is_attribute(self, name: str) -> bool:
        return False

    def key(self, values: Sequence[Any], sizes: Set[int]) -> Key:
        return None, pattern(values, sizes)

    def reading(self, values: Sequence[Any] | None = None) -> Reading:
        found = self._reading
        if found is None or not found.is_current():
            found = self._reading = read(self.function)
        return found


class GradientFunction:
    """The gradient of a function: its text is what was emitted, and a line that takes the gradient of it."""

    def __init__(self, original: Gradient) -> None:
        self.original = original
        self.inner: Subject = original.subject
        self.name = f"{self.inner.name}_gradient"
        self.bound = self.inner.bound

    @property
    def binder(self) -> Binder:
        return self.inner.binder

    @property
    def signature(self) -> inspect.Signature:
        return self.inner.signature

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        return self.inner.bind(args, kwargs)

    def call(self, values: Sequence[Any]) -> Any:
        return self.original.computed(values)

    def is_attribute(self, name: str) -> bool:
        return self.inner.is_attribute(name)

    def key(self, values: Sequence[Any], sizes: Set[int]) -> Key:
        return self.inner.key(values, sizes)

    def reading(self, values: Sequence[Any] | None = None) -> Reading:
        if self.original.with_value:
            return self._picked(values)
        try:
            return self._alone(values)
        except FlatgradError as error:
            unknown = any(d.code == "FG508" for d in error.diagnostics)
            if not unknown or self.inner.reading(values).held:
                raise
            return self._picked(values)

    def _alone(self, values: Sequence[Any] | None) -> Reading:
        """The gradient without the value, where the text shows that there is one number."""
        emission, found, lengths = self.original.alone(values)
        text, name = emission.text, emission.names[0]
        if found.held:
            alone = self.original.chosen.arranged(0, len(emission.wrt)) == (0,)
            return read_emitted_method(text, name, found, values, lengths, alone)
        if self.original.chosen.arranged(0, len(emission.wrt)) == (0,):
            inner, name = name, self._free(text)
            part = f"({inner}({{arguments}}),)"
            text += "\n\n" + _picker(text, inner, name, emission.parameters, part)
        read = {bound for node in body(text) for bound in bound_names(node)}
        entries = {n: e for n, e in found.entries.items() if n in read}
        return Reading(
            text, name, entries, found.watches, (), found.filename, found.sizes, lengths
        )

    def _free(self, text: str) -> str:
        name = f"{self.name}_alone"
        while f"{name}(" in text:
            name += "_"
        return name

    def _picked(self, values: Sequence[Any] | None) -> Reading:
        """What is emitted for both value and gradient, and a line that picks."""
        made = (
            self.original.general(True)
            if values is None
            else self.original.made(values)
        )
        text = made.generated.text
        name = self.name
        while f"{name}(" in text:
            name += "_"
        picked = _picker(text, made.names[0], name, made.parameters, self._part(made))
        entries = dict(made.generated.live)
        whole = f"{text}\n\n{picked}"
        return Reading(
            whole,
            name,
            entries,
            made.reading.watches,
            (),
            made.generated.filename,
            made.reading.sizes,
            made.lengths,
        )

    def _part(self, made: Any) -> str:
        seeds = [
            f"{s}=1.0"
            for s, r in zip(made.seeds, _seeded(made), strict=True)
            if r.rank != 0
        ]
        chosen = self.original.chosen
        call = ", ".join(["{arguments}", *seeds])
        part = f"{made.names[0]}({call})" + ("" if self.original.with_value else "[1]")
        return f"({part},)" if chosen.arranged(0, len(made.wrt)) == (0,) else part


def _seeded(made: Any) -> list[Any]:
    return [r for r in made.results if r.has_seed]


def _picker(
    text: str, emitted: str, name: str, parameters: Sequence[str], part: str
) -> str:
    """def NAME(the parameters of the function itself): return a part of what the emitted function gives."""
    node = next(
        n
        for n in _fresh(text).body
        if isinstance(n, ast.FunctionDef) and n.name == emitted
    )
    arguments = node.args
    own = {*parameters}
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(
        zip(
            [a.arg for a in positional[len(positional) - len(arguments.defaults) :]],
            arguments.defaults,
            strict=True,
        )
    )
    arguments.posonlyargs = [a for a in arguments.posonlyargs if a.arg in own]
    arguments.args = [a for a in arguments.args if a.arg in own]
    kept = [*arguments.posonlyargs, *arguments.args]
    arguments.defaults = [defaults[a.arg] for a in kept if a.arg in defaults]
    pairs = [
        (a, d)
        for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if a.arg in own
    ]
    arguments.kwonlyargs, arguments.kw_defaults = [a for a, _ in pairs], [
        d for _, d in pairs
    ]
    given = [a.arg for a in kept]
    given += [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    given += [f"{a.arg}={a.arg}" for a in arguments.kwonlyargs]
    given += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    body = part.replace("{arguments}", ", ".join(given))
    return f"def {name}({ast.unparse(arguments)}):\n    return {body}\n"


def _fresh(text: str) -> ast.Module:
    """A tree that may be changed."""
    with without_warnings():
        return ast.parse(text)


__all__ = ["GradientFunction", "PythonFunction", "Subject"]
