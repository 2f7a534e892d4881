"""A live function -> the text of a module that holds it and everything it reads, and where each name's value is.

The text says of numbers and arrays what they are now, so that it can be read and run; what is emitted for it is
executed with the values that the names have when it is called.
"""

from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import FunctionType, MethodType, ModuleType
from typing import Any

from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.interface.code_text import Edit, Written, parsed, written
from flatgrad.interface.inner_gradients import calls_of_makers
from flatgrad.interface.library_names import import_of, imports_of, is_library
from flatgrad.interface.live import (
    MISSING,
    Attribute,
    Entry,
    Fixed,
    Global,
    Watched,
    watched,
)
from flatgrad.interface.names_read import builtins_read, is_bound_within, names_read
from flatgrad.interface.refusing import Located, LocatedError, located, refusal
from flatgrad.interface.value_text import LIBRARIES, expression, imported


@dataclass(frozen=True)
class Piece:
    """One definition of the module, under the name that it has there."""

    name: str
    text: str
    order: int  # imports, constants, functions
    entry: Entry | None = None  # where its live value is
    written: Written | None = None  # of a function
    as_in_file: bool = False  # the text of the file says the same of the name


@dataclass(frozen=True, eq=False)
class Reading:
    """The text of a module with a function, and what ties it to the living program."""

    text: str
    function: str
    entries: dict[str, Entry]
    watches: tuple[Watched, ...]
    pieces: tuple[Piece, ...] = ()
    filename: str = "<flatgrad>"
    sizes: frozenset[int] = (
        frozenset()
    )  # of arrays that the function reads from outside
    in_file: bool = (
        False  # the text of its file says the same of everything that the function reads
    )

    def is_current(self) -> bool:
        """The text would be the same if it were made now."""
        return all(w.is_current() for w in self.watches)

    def is_in(self, source: str) -> bool:
        """The text of the file says the same of all that the function reads."""
        return (
            self.in_file
            and self.pieces[-1].written is not None
            and self.pieces[-1].written.source == source
        )

    def located(self, error: FlatgradError) -> FlatgradError:
        """The same refusal, told of the lines that the user wrote."""
        if isinstance(error, LocatedError):
            return error
        return located([self._located(d) for d in error.diagnostics])

    def _located(self, problem: Diagnostic) -> Located:
        if not self.pieces:
            return problem, self.filename, self.text
        line = 1
        for piece in self.pieces:
            end = line + piece.text.count("\n") + 2
            place = problem.place
            if (
                place is not None
                and line <= place.line < end
                and piece.written is not None
            ):
                moved = replace(problem, place=_moved(place, piece.written, line))
                return moved, piece.written.filename, piece.written.source
            line = end
        return replace(problem, place=None), self.filename, ""


def _moved(place: Place, text: Written, first: int) -> Place:
    """The place in the file, of one in the module that was put together."""
    down, right = text.first_line - first, text.indent
    if text.is_lambda:
        return Place(text.first_line, 1, text.first_line + 1, 1)
    return Place(
        place.line + down,
        place.column + right,
        place.end_line + down,
        place.end_column + right,
    )


# --- which function ------------------------------------------------------------------------------------------------------


def plain_function(f: Any) -> FunctionType:
    """The Python function that is called when `f` is, where what surrounds it is known; else a refusal."""
    seen = f
    while True:
        inner = _transparent(seen)
        if inner is None:
            break
        seen = inner
    if isinstance(seen, FunctionType):
        if hasattr(seen, "__wrapped__"):
            raise _decorated(seen)
        return seen
    raise _no_function(seen)


def _transparent(f: Any) -> Any:
    """What is computed by `f` without a difference: of a cached or a compiled function, the function."""
    if type(f).__module__ == "flatgrad.interface.differentiable":
        return f.__wrapped__
    if isinstance(f, functools._lru_cache_wrapper):
        return f.__wrapped__
    root = type(f).__module__.partition(".")[0]
    if root == "numba" and hasattr(f, "py_func"):
        return f.py_func
    if root in ("jax", "jaxlib") and type(f).__name__ == "PjitFunction":
        return f.__wrapped__
    return None


def _decorated(f: FunctionType) -> FlatgradError:
    """Like the command line: what a decorator does is not known."""
    wrapped: Any = f
    while hasattr(wrapped, "__wrapped__"):
        wrapped = wrapped.__wrapped__
    what = f"{f.__name__} is decorated, so what it computes is not known"
    step = "name the function that it wraps, or leave the decorator out"
    code = getattr(wrapped, "__code__", f.__code__)
    try:
        node = written(wrapped).node
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            d = decorators[0]
            place = Place(d.lineno, d.col_offset, d.end_lineno, d.end_col_offset + 1)
            found = Diagnostic("FG116", what, step, place)
            return located([(found, code.co_filename, written(wrapped).source)])
    except (FlatgradError, AttributeError):
        pass
    return refusal("FG116", what, step, code.co_filename)


def _no_function(f: Any) -> FlatgradError:
    name = getattr(f, "__qualname__", None) or repr(f)
    if isinstance(f, MethodType):
        what = f"{name} is a method, which is not read here yet"
        return refusal(
            "FG701", what, "write a function that is given what it reads of the object"
        )
    if isinstance(f, functools.partial):
        step = "write a function that calls it, or give the arguments when you call the gradient"
        return refusal("FG701", f"{f!r} is a partial call, which has no text", step)
    if not callable(f):
        return refusal("FG701", f"{f!r} is not a function", "give a Python function")
    what = f"{name} is not written in Python, or it is an object that can be called"
    return refusal("FG701", what, "give a Python function, made by def or lambda")


# --- its text ------------------------------------------------------------------------------------------------------------


def read(function: FunctionType) -> Reading:
    """The function and all that it reads, put together."""
    collector = _Collector(function)
    name = collector.main()
    pieces = collector.ordered()
    text = "\n\n".join(piece.text for piece in pieces)
    return Reading(
        text,
        name,
        {p.name: p.entry for p in pieces if p.entry is not None},
        tuple(collector.watches),
        tuple(pieces),
        function.__code__.co_filename,
        frozenset(
            n for p in pieces if p.order == 1 and p.entry for n in _sizes(p.entry.get())
        ),
        all(p.as_in_file for p in pieces),
    )


def _sizes(value: Any) -> Iterator[int]:
    if isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _sizes(item)
    yield from (n for n in getattr(value, "shape", ()) if isinstance(n, int) and n > 1)


def read_file(function: FunctionType) -> Reading | None:
    """The file that has the function at top level, as the command line would read it; None where none has."""
    text = written(function)
    found = _top_level(text.source).get(function.__code__.co_name, [])
    if not found or found[-1] is not text.node or not os.path.isfile(text.filename):
        return None
    return Reading(text.source, function.__code__.co_name, {}, (), (), text.filename)


def reads_elsewhere(function: FunctionType) -> bool:
    """The function reads what is written in another file of the user."""
    text = written(function)
    for entry in names_read(function, text).values():
        value = entry.get()
        inner = _users_function(value)
        if is_gradient(value) or _is_maker(value):
            return True
        if isinstance(value, ModuleType) and not is_library(value.__name__):
            return True
        if inner is not None and inner.__code__.co_filename != text.filename:
            return True
    return False


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


@dataclass
class _Collector:
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
        found = _top_level(text.source).get(name, [])
        return len(found) == 1 and found[0] is text.node

    def _renamed(self, function: FunctionType, text: Written) -> Iterator[Edit]:
        """Add what the function reads; where another name has to stand for it, say where."""
        names = names_read(function, text)
        for call, gradient in calls_of_makers(text, names):
            new = self._add(gradient.__name__, Fixed(gradient), text, function)
            yield _edit(call, new)
        for name, entry in names.items():
            value = entry.get()
            if isinstance(value, ModuleType) and not is_library(value.__name__):
                yield from self._of_module(function, text, name, entry)
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
        for node, names in _chains(text, name):
            held = Attribute(entry, names)
            if held.get() is MISSING or isinstance(held.get(), ModuleType):
                continue
            new = self._add("_".join((name, *names)), held, text, function)
            yield _edit(node, new)

    def _defaults(self, function: FunctionType, text: Written) -> Iterator[Edit]:
        """A default that is not a constant in the text is told by its value."""
        if isinstance(text.node, ast.Lambda):
            return
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
            if not _is_literal(node):
                yield _edit(node, self._default(param.arg, value))

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
        elif (inner := _users_function(value)) is not None:
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
        for node in _body(reading.text):
            for bound in _bound(node):
                live = reading.entries.get(bound)
                if live is not None:
                    names[bound] = self._add(bound, live, text, function)
                elif isinstance(node, ast.FunctionDef):
                    own.append(node)
                    names.setdefault(bound, self._free(bound))
                    self.pieces[names[bound]] = Piece(names[bound], "", 2)
                else:
                    names[bound] = self._imported(bound, ast.unparse(node))
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
            _edit(inner, names[inner.id])
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
            if piece.order == 0 and piece.text.partition(" as ")[0] == stem:
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
        same = line in _import_lines(text.source) and self._is_main_file(text)
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
            and _says(text.source, name, told)
        )
        self.pieces[name] = Piece(name, f"{name} = {told}", 1, entry, None, same)
        return None

    def _library(self, name: str) -> str:
        return self._imported(name, LIBRARIES[name])

    def _add_object(
        self, name: str, entry: Entry, text: Written | None, function: FunctionType
    ) -> None:
        """What no expression tells: as its file defines it, or as something that comes from there."""
        found = _top_level(text.source).get(name, []) if text is not None else []
        if text is not None and len(found) == 1 and isinstance(found[0], ast.Assign):
            value = found[0].value
            told = ast.unparse(value)
            for node in ast.walk(value):
                if isinstance(node, ast.Name) and node.id in function.__globals__:
                    self._add(
                        node.id, Global(function.__globals__, node.id), text, function
                    )
            same = self._is_main_file(text)
            self.pieces[name] = Piece(name, f"{name} = {told}", 1, entry, None, same)
            return
        module = function.__module__ or "__main__"
        self.pieces[name] = Piece(name, f"from {module} import {name}", 0, entry)

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
            for node, live in _rules_in(
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


def _rules_in(
    text: Written, function: Any
) -> Iterator[tuple[ast.FunctionDef, FunctionType]]:
    tree = parsed(text.source)
    namespace = getattr(_users_function(function), "__globals__", {})
    for node in tree.body if tree is not None else ():
        if not isinstance(node, ast.FunctionDef):
            continue
        live = namespace.get(node.name)
        if isinstance(live, FunctionType) and any(map(_is_rule, node.decorator_list)):
            yield node, live


def _edit(node: ast.expr, new: str) -> Edit:
    return (
        node.lineno,
        node.col_offset,
        node.end_lineno or 0,
        node.end_col_offset or 0,
        new,
    )


def _body(text: str) -> list[ast.stmt]:
    tree = parsed(text)
    return [] if tree is None else tree.body


def is_gradient(value: Any) -> bool:
    from flatgrad.interface.derivatives import Gradient

    return isinstance(value, Gradient)


def reading_of(gradient: Any) -> tuple[Reading, FunctionType]:
    """The text of a gradient for any arguments, and the function at the bottom of it."""
    from flatgrad.interface.functions import GradientFunction, PythonFunction

    subject = gradient.subject
    while isinstance(subject, GradientFunction):
        subject = subject.original.subject
    assert isinstance(subject, PythonFunction)
    return GradientFunction(gradient).reading(None), subject.function


def _is_rule(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=ast.Name(id="rule") | ast.Attribute(attr="rule")):
            return True
        case _:
            return False


def _users_function(value: Any) -> FunctionType | None:
    """A function whose text is the user's; None for what is not one. What cannot be read is refused later."""
    try:
        return plain_function(value)
    except FlatgradError:
        return None


def _is_of_library(value: Any) -> bool:
    if _is_data(value):
        return False
    module = getattr(value, "__module__", None) or type(value).__module__
    named = callable(value) and (hasattr(value, "__name__") or isinstance(value, type))
    return named and is_library(module)


def _is_data(value: Any) -> bool:
    return expression(value) is not None


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False
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
            yield _edit(node, new)


def _chains(
    text: Written, name: str
) -> Iterator[tuple[ast.Attribute, tuple[str, ...]]]:
    """Every name.a.b of a text, as long as they are."""
    inner: set[int] = set()
    for node in ast.walk(text.node):
        if not isinstance(node, ast.Attribute) or id(node) in inner:
            continue
        names, value = [node.attr], node.value
        while isinstance(value, ast.Attribute):
            inner.add(id(value))
            names.append(value.attr)
            value = value.value
        if isinstance(value, ast.Name) and value.id == name:
            yield node, tuple(reversed(names))


@functools.lru_cache(maxsize=64)
def _top_level(source: str) -> dict[str, list[ast.AST]]:
    """What gives each name of a file its value."""
    found: dict[str, list[ast.AST]] = {}
    tree = parsed(source)
    for node in tree.body if tree is not None else ():
        for name in _bound(node):
            found.setdefault(name, []).append(node)
    return found


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case (
            ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.ClassDef(name=name)
        ):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (a.asname or a.name.partition(".")[0] for a in names)
        case _:
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            yield from {n.id for n in stored if isinstance(n.ctx, ast.Store)}


@functools.lru_cache(maxsize=64)
def _import_lines(source: str) -> frozenset[str]:
    return frozenset(line for line, _, _ in imports_of(source, ""))


def _says(source: str, name: str, told: str) -> bool:
    """The file gives the name this value, or another number of the same kind, and no other."""
    match _top_level(source).get(name, []):
        case [ast.Assign(targets=[ast.Name()], value=value)]:
            return ast.unparse(value) == ast.unparse(ast.parse(told)) or (
                _is_float(value) and _is_float(ast.parse(told, mode="eval").body)
            )
        case _:
            return False


def _is_float(node: ast.expr) -> bool:
    match node:
        case ast.UnaryOp(operand=operand):
            return _is_float(operand)
        case ast.Constant(value=float()):
            return True
        case _:
            return False


__all__ = [
    "Piece",
    "Reading",
    "is_complete",
    "plain_function",
    "read",
    "read_file",
    "reads_elsewhere",
]
