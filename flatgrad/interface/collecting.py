"""A function -> the pieces of a module that holds it and everything it reads, found by following its names.

The text says of numbers and arrays what they are now, so that it can be read and run; what is emitted for it is
executed with the values that the names have when it is called.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import FunctionType, ModuleType
from typing import Any

from flatgrad.errors import FlatgradError
from flatgrad.interface.callables import plain_function, users_function
from flatgrad.interface.code_text import Edit, Written, written
from flatgrad.interface.files import (
    attribute_chains,
    body,
    bound_names,
    edit_of,
    import_lines,
    imports_in,
    is_literal,
    rules_in,
    says,
    top_level,
)
from flatgrad.interface.inner_gradients import calls_of_makers, is_gradient, reading_of
from flatgrad.interface.library_names import import_of, is_library
from flatgrad.interface.live import (
    MISSING,
    Attribute,
    Entry,
    Fixed,
    Global,
    HoldsComplex,
    Watched,
    watched,
)
from flatgrad.interface.names_read import builtins_read, is_bound_within, names_read
from flatgrad.interface.readings import Piece, Reading
from flatgrad.interface.refusing import refusal
from flatgrad.interface.value_text import LIBRARIES, expression, imported


@dataclass
class Collector:
    """The pieces of one module, found by following what a function reads."""

    function: FunctionType
    pieces: dict[str, Piece] = field(default_factory=dict)
    names: dict[object, str] = field(default_factory=dict)  # by the place of the value
    watches: list[Watched] = field(default_factory=list)

    def main(self) -> str:
        text = written(self.function)
        name = "function" if text.is_lambda else self.function.__code__.co_name
        self.names[("function", id(self.function))] = name
        self.pieces[name] = Piece(name, "", 2)
        self._add_function(name, self.function, Fixed(self.function))
        self._rules()
        return name

    def also(self, function: FunctionType) -> str:
        """The name of another function that is wanted in the same module."""
        text = written(function)
        name = "function" if text.is_lambda else function.__code__.co_name
        found = self._add(name, Fixed(function), text, function)
        self._rules()
        return found

    def ordered(self) -> list[Piece]:
        for piece in [p for p in self.pieces.values() if p.order == 1]:
            self.pieces[piece.name] = replace(piece, text=self._with_libraries(piece))
        return sorted(self.pieces.values(), key=lambda p: p.order)

    def _with_libraries(self, piece: Piece) -> str:
        """np.zeros(3), by the name that the module has for numpy."""
        text = piece.text
        if piece.entry is not None and expression(piece.entry.get()) is not None:
            for library in imported(text):
                text = re.sub(
                    rf"\b{library}\.(?=array|zeros)", f"{self._library(library)}.", text
                )
        return text

    # --- functions

    def _add_function(self, name: str, function: FunctionType, entry: Entry) -> None:
        text = written(function)
        self.watches.append(watched(entry))
        self.watches += map(watched, builtins_read(function, text))
        edits = [*self._renamed(function, text), *self._defaults(function, text)]
        definition = text.text(name, edits)
        self.pieces.pop(name)  # after what it reads
        same = not edits and self._is_of_file(name, text)
        self.pieces[name] = Piece(name, definition, 2, entry, text, same)

    def _is_of_file(self, name: str, text: Written) -> bool:
        """The file of the main function has it at top level, once, under this name."""
        if text.filename != self.function.__code__.co_filename:
            return False
        found = top_level(text.source).get(name, [])
        return len(found) == 1 and found[0] is text.node

    def _renamed(self, function: FunctionType, text: Written) -> Iterator[Edit]:
        """Add what the function reads; where another name has to stand for it, say where."""
        names = names_read(function, text)
        for call, gradient in calls_of_makers(text, names):
            new = self._add(gradient.__name__, Fixed(gradient), text, function)
            yield edit_of(call, new)
        for name, entry in names.items():
            value = entry.get()
            if isinstance(value, ModuleType) and not is_library(value.__name__):
                yield from self._of_module(function, text, name, entry)
                continue
            if isinstance(value, type) and not is_library(value.__module__):
                edits = list(self._of_class(function, text, name, entry))
                yield from edits
                if len(edits) == _times(text, name):
                    self.watches.append(watched(entry))
                    continue
            if value is None:  # options are read where they stand
                self.watches.append(watched(entry))
                yield from _replaced(function, text, name, "None")
                continue
            new = self._add(name, entry, text, function)
            if new != name:
                yield from _replaced(function, text, name, new)

    def _of_module(
        self, function: FunctionType, text: Written, name: str, entry: Entry
    ) -> Iterator[Edit]:
        """layers.affine, where layers is a module of the user, becomes layers_affine."""
        self.watches.append(watched(entry))
        for node, names in attribute_chains(text, name):
            held = Attribute(entry, names)
            if held.get() is MISSING or isinstance(held.get(), ModuleType):
                continue
            new = self._add("_".join((name, *names)), held, text, function)
            yield edit_of(node, new)

    def _of_class(
        self, function: FunctionType, text: Written, name: str, entry: Entry
    ) -> Iterator[Edit]:
        """Linear.forward, a static method of a class of the user, becomes Linear_forward."""
        for node, names in attribute_chains(text, name):
            held, raw = Attribute(entry, names), None
            if len(names) == 1:
                raw = inspect.getattr_static(entry.get(), names[0], None)
            if isinstance(raw, staticmethod) and users_function(held.get()) is not None:
                yield edit_of(node, self._add("_".join((name, *names)), held, text, function))  # fmt: skip

    def _defaults(self, function: FunctionType, text: Written) -> Iterator[Edit]:
        """A default that is not a constant in the text is told by its value."""
        arguments = text.node.args
        params = [*arguments.posonlyargs, *arguments.args][-len(arguments.defaults) :]
        pairs = list(
            zip(params, arguments.defaults, function.__defaults__ or (), strict=False)
        )
        named = function.__kwdefaults__ or {}
        pairs += [
            (p, node, named[p.arg])
            for p, node in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if node is not None and p.arg in named
        ]
        for param, node, value in pairs:
            if not is_literal(node):
                yield edit_of(node, self._default(param.arg, value))

    def _default(self, param: str, value: Any) -> str:
        told = expression(value)
        if told is not None and not imported(told):
            return told
        name = self._free(f"{param}_default")
        self._add_constant(name, Fixed(value), None, self.function)
        return name

    # --- names

    def _add(
        self, name: str, entry: Entry, text: Written, function: FunctionType
    ) -> str:
        """The name that stands for a place in the module that is put together."""
        value = entry.get()
        if value is MISSING:
            self.watches.append(watched(entry))
            return name
        key = self._key(entry, value)
        if key not in self.names:
            new = self.names[key] = self._free(name)
            self.pieces[new] = Piece(new, "", 2)
            self._define(new, entry, text, function)
        return self.names[key]

    def _key(self, entry: Entry, value: Any) -> object:
        """Functions and modules are the same wherever they are found; numbers are where they stand."""
        try:
            return "function", id(plain_function(value))
        except FlatgradError:
            shared = isinstance(value, ModuleType) or callable(value)
            return ("object", id(value)) if shared else entry.place

    def _free(self, name: str) -> str:
        new, number = name, 2
        while new in self.pieces:
            new, number = f"{name}{number}", number + 1
        return new

    def _define(
        self, name: str, entry: Entry, text: Written, function: FunctionType
    ) -> None:
        value = entry.get()
        if isinstance(value, ModuleType) or _is_of_library(value):
            self._add_import(name, entry, text, function)
        elif (inner := users_function(value)) is not None:
            self._add_function(name, inner, entry)
        elif is_gradient(value):
            self._add_gradient(name, value, entry)
        else:
            self._add_constant(name, entry, text, function)

    def _add_gradient(self, name: str, gradient: Any, entry: Entry) -> None:
        """A gradient that was made before: the functions that were emitted for it, and one that picks the gradient."""
        reading, function = reading_of(gradient)
        text = written(function)
        self.watches += [watched(entry), *reading.watches]
        names, own = {reading.function: name}, []
        for node in body(reading.text):
            for bound in bound_names(node):
                live = reading.entries.get(bound)
                if live is not None:
                    names[bound] = self._add(bound, live, text, function)
                elif isinstance(node, ast.FunctionDef):
                    own.append(node)
                    names.setdefault(bound, self._free(bound))
                    self.pieces[names[bound]] = Piece(names[bound], "", 2)
            for bound, line in imports_in(node):
                if bound not in reading.entries:
                    names[bound] = self._imported(bound, line)
        for node in own:
            self._add_emitted(node, names, reading, entry)

    def _add_emitted(
        self,
        node: ast.FunctionDef,
        names: dict[str, str],
        reading: Reading,
        entry: Entry,
    ) -> None:
        edits = [
            edit_of(inner, names[inner.id])
            for inner in ast.walk(node)
            if isinstance(inner, ast.Name) and names.get(inner.id, inner.id) != inner.id
        ]
        text, new = Written(reading.filename, reading.text, node), names[node.name]
        self.pieces.pop(new)
        live = entry if node.name == reading.function else None
        self.pieces[new] = Piece(new, text.text(new, edits), 2, live, text)

    def _imported(self, name: str, line: str) -> str:
        """The name that the module has for what is imported by a line of another one."""
        stem = line.partition(" as ")[0]
        for piece in self.pieces.values():
            found = piece.text.partition(" as ")[0]
            if piece.order == 0 and found == stem:
                return piece.name
        new = self._free(name)
        self.pieces[new] = Piece(new, line if new == name else f"{stem} as {new}", 0)
        return new

    def _add_import(
        self, name: str, entry: Entry, text: Written, function: FunctionType
    ) -> None:
        package = str(function.__globals__.get("__package__") or "")
        line = import_of(name, entry.get(), text, package)
        if line is None:
            return self._add_constant(name, entry, text, function)
        self.watches.append(watched(entry))
        same = line in import_lines(text.source) and self._is_main_file(text)
        self.pieces[name] = Piece(name, line, 0, entry, None, same)
        return None

    def _is_main_file(self, text: Written) -> bool:
        return text.filename == self.function.__code__.co_filename

    def _add_constant(
        self, name: str, entry: Entry, text: Written | None, function: FunctionType
    ) -> None:
        self.watches.append(watched(entry))
        told = expression(entry.get())
        if told is None:
            return self._add_object(name, entry, text, function)
        same = (
            text is not None
            and self._is_main_file(text)
            and says(text.source, name, told)
        )
        self.pieces[name] = Piece(name, f"{name} = {told}", 1, entry, None, same)
        return None

    def _library(self, name: str) -> str:
        return self._imported(name, LIBRARIES[name])

    def _add_object(
        self, name: str, entry: Entry, text: Written | None, function: FunctionType
    ) -> None:
        """What no expression tells: as its file defines it, or as something that comes from there."""
        found = top_level(text.source).get(name, []) if text is not None else []
        note = self._complex_note(name, entry, text)
        if text is not None and len(found) == 1 and isinstance(found[0], ast.Assign):
            value = found[0].value
            told = ast.unparse(value)
            for node in ast.walk(value):
                if isinstance(node, ast.Name) and node.id in function.__globals__:
                    self._add(
                        node.id, Global(function.__globals__, node.id), text, function
                    )
            same = self._is_main_file(text) and not note
            line = f"{name} = {told}{note}"
            self.pieces[name] = Piece(name, line, 1, entry, None, same)
            return
        module = function.__module__ or "__main__"
        self.pieces[name] = Piece(name, f"from {module} import {name}{note}", 0, entry)

    def _complex_note(self, name: str, entry: Entry, text: Written | None) -> str:
        """Of an object, what is read may be a complex number, which decides the text."""
        chains = attribute_chains(text, name) if text is not None else ()
        read = [HoldsComplex(Attribute(entry, names)) for _, names in chains]
        self.watches += map(watched, read)
        return "  # has complex numbers" if any(r.get() for r in read) else ""

    # --- rules

    def _rules(self) -> None:
        """The user's derivative rules for functions that are read, and for those of libraries."""
        functions = [p for p in self.pieces.values() if p.written is not None]
        seen: set[str] = set()
        for piece in functions:
            text = piece.written
            assert text is not None
            if text.filename in seen:
                continue
            seen.add(text.filename)
            for node, live in rules_in(
                text, self.function if piece.entry is None else piece.entry.get()
            ):
                self._add_rule(node, live, text)

    def _add_rule(
        self, node: ast.FunctionDef, live: FunctionType, text: Written
    ) -> None:
        targets = [
            d.args[0] for d in node.decorator_list if isinstance(d, ast.Call) and d.args
        ]
        if not any(map(self._is_wanted, targets)) or node.name in self.pieces:
            return
        own = Written(text.filename, text.source, node)
        for name, entry in names_read(live, own).items():
            self._add(name, entry, own, live)
        for target in (
            *targets,
            *(d.func for d in node.decorator_list if isinstance(d, ast.Call)),
        ):
            for inner in ast.walk(target):
                if isinstance(inner, ast.Name) and inner.id in live.__globals__:
                    self._add(inner.id, Global(live.__globals__, inner.id), own, live)
        entry = Global(live.__globals__, node.name)
        self.watches.append(watched(entry))
        lines = ["@" + ast.unparse(d) for d in node.decorator_list]
        definition = "\n".join([*lines, own.text(node.name)])
        same = self._is_of_file(node.name, own)
        self.pieces[node.name] = Piece(node.name, definition, 2, entry, own, same)

    def _is_wanted(self, target: ast.expr) -> bool:
        match target:
            case ast.Constant(value=str(name)):
                return "." in name or name in self.pieces
            case ast.Name(id=name):
                return name in self.pieces
            case _:
                return True


def _replaced(
    function: FunctionType, text: Written, name: str, new: str
) -> Iterator[Edit]:
    """Where a name stands in a text, which is to be another one."""
    if is_bound_within(function.__code__, name):
        what = f"{name} means two things in {function.__qualname__}"
        raise refusal("FG117", what, "give one of them another name", text.filename)
    for node in ast.walk(text.node):
        if isinstance(node, ast.Name) and node.id == name:
            yield edit_of(node, new)


def _times(text: Written, name: str) -> int:
    """How often a name stands in a text."""
    names = (n for n in ast.walk(text.node) if isinstance(n, ast.Name))
    return sum(n.id == name for n in names)


def _is_of_library(value: Any) -> bool:
    if _is_data(value):
        return False
    module = getattr(value, "__module__", None) or type(value).__module__
    named = callable(value) and (hasattr(value, "__name__") or isinstance(value, type))
    return named and is_library(module)


def _is_data(value: Any) -> bool:
    return expression(value) is not None


__all__ = ["Collector"]
