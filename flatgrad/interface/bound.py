"""What is differentiated, where some arguments are given before the call: a method with its object, a partial call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence, Set
from types import FunctionType, MethodType
from typing import Any

from flatgrad.interface.arguments import Binder, Key
from flatgrad.interface.attributes import told_of_values, with_attributes
from flatgrad.interface.callables import plain_function
from flatgrad.interface.code_text import written
from flatgrad.interface.functions import GradientFunction, PythonFunction, Subject
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

    def key(self, values: Sequence[Any], sizes: Set[int]) -> Key:
        held = values[0]
        reading = self._of_class(held)
        self._refuse_replaced(held, reading)
        return self._owner(held), told_of_values(reading, values, sizes)

    def reading(self, values: Sequence[Any] | None = None) -> Reading:
        if values is None and not self.held:
            return self._without_object()
        values = values or self.held
        reading = self._of_class(values[0])
        told = told_of_values(reading, values, reading.sizes)
        return with_attributes(reading, told)

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

    def __init__(self, original: Any, inner: Subject) -> None:
        self.original, self.inner = original, inner
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

    def key(self, values: Sequence[Any], sizes: Set[int]) -> Key:
        return self.inner.key(values, sizes)

    def reading(self, values: Sequence[Any] | None = None) -> Reading:
        return self.inner.reading(values)


def subject_of(f: Any) -> Subject:
    """Whatever derivatives are asked of."""
    from flatgrad.interface.derivatives import Derivative
    from flatgrad.interface.gradients import Gradient

    if isinstance(f, Gradient) and not f.with_value and not f.has_aux:
        return GradientFunction(f)
    if isinstance(f, Derivative):
        what = f"{f.__name__} is no gradient, and is not differentiated again"
        raise refusal("FG701", what, "differentiate flatgrad.grad of the function")
    if isinstance(f, functools.partial):
        return Partial(f, subject_of(f.func))
    if (method := method_and_object(f)) is not None:
        return Method(f, *method)
    function = plain_function(f)
    return Method(f, function) if is_method(function) else PythonFunction(f, function)


__all__ = ["Method", "Partial", "subject_of"]
