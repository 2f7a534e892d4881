"""What is differentiated: a function of the user, or a gradient that was made of one."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Mapping, Sequence, Set
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Protocol

from flatgrad.errors import FlatgradError
from flatgrad.interface.arguments import Binder, Told, numbered, pattern, told_of
from flatgrad.interface.attributes import told_of_attribute, values_of, with_attributes
from flatgrad.interface.callables import plain_function
from flatgrad.interface.code_text import without_warnings, written
from flatgrad.interface.files import body, bound_names
from flatgrad.interface.methods import (
    OF_CLASS,
    Member,
    decorator_of,
    holder_in,
    is_method,
    method_and_object,
    owner_by_name,
    read_method,
)
from flatgrad.interface.readings import Reading
from flatgrad.interface.refusing import refusal
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

    def names(self, reading: Reading) -> tuple[str, ...]:
        """What the emitted text depends on: the parameters, and the attributes in place of the object."""

    def spread(self, values: Sequence[Any]) -> Sequence[Any]:
        """The values of those."""

    def owner(self, values: Sequence[Any]) -> object:
        """The class whose methods the text has, if it has any."""

    def told(self, values: Sequence[Any], sizes: Set[int]) -> tuple[Told, ...]:
        """What those values tell: equal for calls that can share a text, if the owner is the same."""

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

    def names(self, reading: Reading) -> tuple[str, ...]:
        return self.binder.names

    def spread(self, values: Sequence[Any]) -> Sequence[Any]:
        return values

    def owner(self, values: Sequence[Any]) -> object:
        return None

    def told(self, values: Sequence[Any], sizes: Set[int]) -> tuple[Told, ...]:
        return pattern(values, sizes)

    def reading(self, values: Sequence[Any] | None = None) -> Reading:
        found = self._reading
        if found is None or not found.is_current():
            found = self._reading = read(self.function)
        return found


class Method(PythonFunction):
    """A function that is called with an object, which it reads attributes of; the object comes first among the values."""

    def __init__(self, original: Any, function: FunctionType, *held: Any) -> None:
        super().__init__(original, function)
        self.held = held  # the object, if the method is bound
        text = written(function)
        self._is_of_class = decorator_of(text) == OF_CLASS
        self._parameter = holder_in(text)
        self.bound = frozenset((self._parameter,))
        self._readings: dict[type, Reading] = {}
        if self.name == "__call__" and held:
            self.name = type(held[0]).__name__

    @property
    def signature(self) -> inspect.Signature:
        if not self.held:
            return self.binder.signature
        return inspect.signature(MethodType(self.function, self.held[0]))

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        return self.binder.bind((*self.held, *args), kwargs)

    def is_attribute(self, name: str) -> bool:
        held, _, attribute = name.partition(".")
        return held == self._parameter and attribute.isidentifier()

    def names(self, reading: Reading) -> tuple[str, ...]:
        return (*reading.told_of_attributes, *self.binder.names[1:])

    def spread(self, values: Sequence[Any]) -> Sequence[Any]:
        names = self._of_class(values[0]).attributes
        return (*values_of(values[0], names), *values[1:])

    def owner(self, values: Sequence[Any]) -> object:
        return self._owner(values[0])

    def told(self, values: Sequence[Any], sizes: Set[int]) -> tuple[Told, ...]:
        held, *rest = values
        reading, known = self._of_class(held), numbered(sizes)
        self._refuse_replaced(held, reading)
        attributes = values_of(held, reading.attributes)
        own = [told_of_attribute(value, known) for value in attributes]
        return (*own, *(told_of(value, known) for value in rest))

    def reading(self, values: Sequence[Any] | None = None) -> Reading:
        if values is None and not self.held:
            return self._without_object()
        (held, *_) = values or self.held
        reading = self._of_class(held)
        known = numbered(reading.sizes)
        attributes = values_of(held, reading.attributes)
        return with_attributes(reading, [told_of_attribute(v, known) for v in attributes])

    def _without_object(self) -> Reading:
        owner = owner_by_name(self.function)
        if owner is None:
            what = f"the object that {self.name} is called with is not known yet"
            raise refusal("FG701", what, "call the gradient first")
        return self._of(owner)

    def _of_class(self, held: Any) -> Reading:
        return self._of(self._owner(held))

    def _of(self, owner: type) -> Reading:
        found = self._readings.get(owner)
        if found is None or not found.is_current():
            found = self._readings[owner] = read_method(self.function, owner)
        return found

    def _owner(self, held: Any) -> type:
        """The class whose methods are read."""
        if self._is_of_class and isinstance(held, type):
            return held
        kind: type = type(held)
        if not self.held and Member(kind, self.function.__name__).get() is None:
            what = f"{self.name} is a method, and a {kind.__name__} is no object that has it"
            raise refusal("FG704", what, "give the object as the first argument")
        return kind

    def _refuse_replaced(self, held: Any, reading: Reading) -> None:
        """A method of its class, in whose place one object has something else."""
        own = getattr(held, "__dict__", {})
        main = reading.function.rpartition(".")[2]
        for name in () if isinstance(held, type) else reading.methods:
            if name in own and name != main:
                what = f"this object has a {name} of its own in place of the method"
                raise refusal("FG126", what, "give it to a subclass", reading.filename)


class Partial:
    """A function some of whose arguments are given already: functools.partial."""

    def __init__(self, original: Any) -> None:
        self.original = original
        self.inner = subject_of(original.func)
        self.name = self.inner.name
        given = self.inner.signature.bind_partial(*original.args).arguments
        self.bound = self.inner.bound.union(given, original.keywords)

    @property
    def binder(self) -> Binder:
        return self.inner.binder

    @property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.original)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        own = self.original
        return self.inner.bind((*own.args, *args), {**own.keywords, **kwargs})

    def call(self, values: Sequence[Any]) -> Any:
        return self.inner.call(values)

    def is_attribute(self, name: str) -> bool:
        return self.inner.is_attribute(name)

    def names(self, reading: Reading) -> tuple[str, ...]:
        return self.inner.names(reading)

    def spread(self, values: Sequence[Any]) -> Sequence[Any]:
        return self.inner.spread(values)

    def owner(self, values: Sequence[Any]) -> object:
        return self.inner.owner(values)

    def told(self, values: Sequence[Any], sizes: Set[int]) -> tuple[Told, ...]:
        return self.inner.told(values, sizes)

    def reading(self, values: Sequence[Any] | None = None) -> Reading:
        return self.inner.reading(values)


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
        return False

    def names(self, reading: Reading) -> tuple[str, ...]:
        return self.binder.names

    def spread(self, values: Sequence[Any]) -> Sequence[Any]:
        return values

    def owner(self, values: Sequence[Any]) -> object:
        return None

    def told(self, values: Sequence[Any], sizes: Set[int]) -> tuple[Told, ...]:
        return pattern(values, sizes)

    def reading(self, values: Sequence[Any] | None = None) -> Reading:
        if self.original.with_value:
            return self._picked(values)
        try:
            return self._alone(values)
        except FlatgradError as error:
            if all(d.code != "FG508" for d in error.diagnostics):
                raise
            return self._picked(values)

    def _alone(self, values: Sequence[Any] | None) -> Reading:
        """The gradient without the value, where the text shows that there is one number."""
        emission, found, lengths = self.original.alone(values)
        text, name = emission.text, emission.names[0]
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


def _refuse_methods(gradient: Gradient) -> None:
    subject: Any = gradient.subject
    while hasattr(subject, "inner"):
        subject = subject.inner
    if isinstance(subject, Method):
        what = f"{subject.name} is a method, whose gradient is not differentiated again"
        step = "write a function that is given what it reads of the object"
        raise refusal("FG701", what, step)


def subject_of(f: Any) -> Subject:
    from flatgrad.interface.derivatives import Derivative
    from flatgrad.interface.gradients import Gradient

    if isinstance(f, Gradient) and not f.with_value and not f.has_aux:
        _refuse_methods(f)
        return GradientFunction(f)
    if isinstance(f, Derivative):
        what = f"{f.__name__} is no gradient, and is not differentiated again"
        raise refusal("FG701", what, "differentiate flatgrad.grad of the function")
    if isinstance(f, functools.partial):
        return Partial(f)
    if (method := method_and_object(f)) is not None:
        return Method(f, *method)
    function = plain_function(f)
    return Method(f, function) if is_method(function) else PythonFunction(f, function)


__all__ = ["GradientFunction", "Method", "Partial", "PythonFunction", "Subject", "subject_of"]  # fmt: skip
