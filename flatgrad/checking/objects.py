"""A method at an object -> its attributes as inputs among others, and the object that has given ones.

A method is checked like a function that is given `self.params` and `X`; it is called with a copy of the object.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flatgrad.frontend import Function
from flatgrad.graph import Var


@dataclass(frozen=True)
class Held:
    """What the parameter that takes the object is called, and the attributes that are read, by their input names."""

    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""  # the class, as the file has it
    of_class: type | None = None  # the class itself, where the method is given that

    def split(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes in place of the object."""
        if self.name not in values:
            return dict(values)
        held = values[self.name]
        own = {n: getattr(held, a) for n, a in self.attributes.items() if hasattr(held, a)}  # fmt: skip
        return own | {n: v for n, v in values.items() if n != self.name}

    def joined(self, held: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the method itself, with an object that has these attributes."""
        if not self.name:
            return dict(inputs)
        own = {a: inputs[n] for n, a in self.attributes.items() if n in inputs}
        rest = {n: v for n, v in inputs.items() if n not in self.attributes}
        return {self.name: _with(held, own), **rest}


NO_OBJECT = Held()


def _with(held: Any, attributes: Mapping[str, Any]) -> Any:
    if isinstance(held, type):
        return type(held)(held.__name__, (held,), dict(attributes))
    made = copy.deepcopy(held)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def held_by(read: Function, asked: str, called: Callable[..., Any]) -> Held:
    """The object of a method; of a function, none."""
    function = getattr(called, "__func__", called)
    objects = read.module.objects
    if objects is None or read.name not in objects.takes_object:
        return NO_OBJECT
    parameters = function.__code__.co_varnames[:1]
    name = parameters[0] if parameters else objects.name
    known = objects.attributes
    attributes = {spelled(read, n): known[n] for n in read.params if n in known}
    of_class = getattr(called, "__self__", None)
    return Held(name, attributes, asked.rpartition(".")[0], of_class)


def spelled(read: Function, name: str) -> str:
    """self.w for the parameter that stands for it."""
    objects = read.module.objects
    if objects is None or name not in objects.attributes:
        return name
    return f"{objects.name}.{objects.attributes[name]}"


def params_of(read: Function) -> dict[str, Var]:
    """The parameters, attributes among them, by the names of inputs."""
    return {spelled(read, n): var for n, var in read.params.items()}


def asked_of(read: Function, wrt: tuple[str, ...]) -> tuple[str, ...]:
    """What is asked for, by the names of inputs: params is short for self.params."""
    objects = read.module.objects
    if objects is None:
        return wrt
    return tuple(spelled(read, objects.local(n, read.params)) for n in wrt)
