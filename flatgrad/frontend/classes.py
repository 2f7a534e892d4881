"""Module -> the classes of the file, by their names: Net, or Outer.Inner, with their methods and bases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from flatgrad.frontend.module import Module, parameters_of

STATIC, OF_CLASS, PROPERTY, PLAIN = "staticmethod", "classmethod", "property", "plain"


@dataclass(frozen=True, eq=False)
class Class:
    """A class with what stands in its own body."""

    name: str
    node: cst.ClassDef
    methods: Mapping[str, cst.FunctionDef]
    bases: tuple[str, ...]


def classes_of(module: Module) -> dict[str, Class]:
    """Every class of the file that a dotted name leads to."""
    tree = module.parsed or module.tree
    return {found.name: found for found in _classes(module, tree.body, "")}


def _classes(module: Module, body: Sequence[Any], prefix: str) -> Iterator[Class]:
    for node in body:
        if isinstance(node, cst.ClassDef):
            name = f"{prefix}{node.name.value}"
            methods = {m.name.value: m for m in _methods(node)}
            bases = tuple(module.code(b.value) for b in node.bases)
            yield Class(name, node, methods, bases)
            yield from _classes(module, node.body.body, f"{name}.")


def _methods(node: cst.ClassDef) -> Iterator[cst.FunctionDef]:
    for line in node.body.body:
        if isinstance(line, cst.FunctionDef):
            yield line


def method_of(
    classes: Mapping[str, Class], name: str, method: str
) -> tuple[Class, cst.FunctionDef] | None:
    """The method and the class that has it: the class itself, or the first of its bases in the file."""
    if (found := classes.get(name)) is None:
        return None
    if method in found.methods:
        return found, found.methods[method]
    inherited = (method_of(classes, b, method) for b in found.bases if b != name)
    return next((f for f in inherited if f is not None), None)


def lineage(classes: Mapping[str, Class], name: str) -> list[str]:
    """The class and what it inherits from, in the file, nearest first."""
    found: dict[str, None] = {}
    pending = [name]
    while pending:
        current = pending.pop(0)
        if current in classes and current not in found:
            found[current] = None
            pending += classes[current].bases
    return list(found)


def kind_of(method: cst.FunctionDef) -> str:
    """What is passed in front of the arguments: nothing, the class, or the object."""
    names = {
        d.decorator.value
        for d in method.decorators
        if isinstance(d.decorator, cst.Name)
    }
    return next((k for k in (STATIC, OF_CLASS, PROPERTY) if k in names), PLAIN)


def object_of(method: cst.FunctionDef) -> cst.Param | None:
    """The parameter that the object, or the class, comes in by."""
    if kind_of(method) == STATIC or isinstance(method.params.star_arg, cst.Param):
        positional = (*method.params.posonly_params, *method.params.params)
        if kind_of(method) == STATIC or not positional:
            return None
    return next(parameters_of(method), None)


def may_be_asked(classes: Mapping[str, Class]) -> list[str]:
    """Methods that a message offers: public ones, and what an object is called as."""
    return [
        f"{one.name}.{name}"
        for one in classes.values()
        for name in one.methods
        if not name.startswith("_") or name == "__call__"
    ]


__all__ = [
    "OF_CLASS",
    "PLAIN",
    "PROPERTY",
    "STATIC",
    "Class",
    "classes_of",
    "kind_of",
    "lineage",
    "may_be_asked",
    "method_of",
    "object_of",
]
