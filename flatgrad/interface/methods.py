"""A method and the class of its object -> the text of a module with that class, put together from the living methods.

The class has every method that is read, wherever the object inherits it from; nothing else of it is written down. What
the attributes hold is told by each object when it is there: see `held_objects`.
"""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import CodeType, FunctionType, MethodType
from typing import Any

from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.interface.callables import plain_function
from flatgrad.interface.code_text import Edit, Written, parsed, written
from flatgrad.interface.collecting import Collector
from flatgrad.interface.library_names import is_library
from flatgrad.interface.live import Fixed, watched
from flatgrad.interface.readings import CLASS, METHOD, Piece, Reading
from flatgrad.interface.refusing import located, refusal

DECORATORS: dict[type, str] = {
    staticmethod: "@staticmethod",
    classmethod: "@classmethod",
    property: "@property",
}
STATIC, OF_CLASS, PROPERTY = DECORATORS.values()
SLOTS = ("member_descriptor", "getset_descriptor", "_tuplegetter")
# Where a class answers itself, an attribute may be anything.
ANSWERING = ("__getattribute__", "__getattr__", "__setattr__")


# --- where a function stands ---------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def class_path(text: Written) -> tuple[ast.ClassDef, ...]:
    """The classes that a method stands in, the outermost first; none for a function, or where they are not known."""
    tree = parsed(text.source)
    return () if tree is None else _path_to(tree, text.node)


def _path_to(holder: Any, node: ast.AST) -> tuple[ast.ClassDef, ...]:
    for inner in ast.iter_child_nodes(holder):
        if inner is node:
            return (holder,) if isinstance(holder, ast.ClassDef) else ()
        if not (inner.__class__ is ast.ClassDef or hasattr(inner, "body")):
            continue
        if found := _path_to(inner, node):
            above = isinstance(holder, ast.ClassDef) and found[0] is inner
            return (holder, *found) if above else found
    return ()


def decorator_of(text: Written) -> str:
    """@staticmethod, @classmethod or @property, if the text has one of them."""
    names = {ast.unparse(d) for d in getattr(text.node, "decorator_list", ())}
    return next((d for d in DECORATORS.values() if d[1:] in names), "")


def is_method(function: FunctionType) -> bool:
    """The function is called with an object in front of its arguments, as its text says."""
    text = written(function)
    named = holder_in(text) in ("self", "cls")
    return named and bool(class_path(text)) and decorator_of(text) != STATIC


def method_and_object(f: Any) -> tuple[FunctionType, Any] | None:
    """Of a bound method, or of an object that can be called: the function, and what it is called with first."""
    if isinstance(f, MethodType) or (type(f).__name__ == "Bound" and _is_ours(f)):
        return plain_function(f.__func__), f.__self__
    if isinstance(f, FunctionType | type) or _is_ours(f):
        return None
    called = Member(type(f), "__call__").get()
    return (called[1], f) if called is not None and not called[0] else None


def _is_ours(f: Any) -> bool:
    return type(f).__module__ == "flatgrad.interface.differentiable"


# --- what a class has ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Member:
    """What a class has under a name, as far as it is a method."""

    owner: type
    name: str

    def raw(self) -> Any:
        return next((vars(c)[self.name] for c in self.owner.__mro__ if self.name in vars(c)), None)  # fmt: skip

    def get(self) -> Any:
        """Its decorator and its function; None of what is no method of the user."""
        raw = self.raw()
        decorator = DECORATORS.get(type(raw), "")
        inner = raw.fget if isinstance(raw, property) else getattr(raw, "__func__", raw)
        if isinstance(inner, type) or not callable(inner):
            return None
        if not decorator and not hasattr(raw, "__get__"):
            return (
                None  # an object that is called like one, but is not given the object
            )
        if is_library(getattr(inner, "__module__", None) or "builtins"):
            return None
        return decorator, plain_function(inner)

    @property
    def place(self) -> object:
        return id(self.owner), self.name


def _refuse_other_descriptors(member: Member, text: Written, node: ast.AST) -> None:
    raw = member.raw()
    known = isinstance(raw, tuple(DECORATORS)) or type(raw).__name__ in SLOTS
    if raw is None or known or member.get() or not hasattr(type(raw), "__get__"):
        return
    if is_library(getattr(raw, "__module__", None) or "") and callable(raw):
        return  # a method of a library
    kind = type(raw).__name__
    what = f"{member.name} is computed by a {kind}, which is not read"
    raise _at(node, text, "FG126", what, "make it a property or a method")


def _at(node: Any, text: Written, code: str, what: str, step: str) -> FlatgradError:
    first, last = (node.lineno, node.col_offset + 1), (node.end_lineno, node.end_col_offset + 1)  # fmt: skip
    problem = Diagnostic(code, what, step, Place(*first, *last))
    return located([(problem, text.filename, text.source)])


@dataclass
class MethodCollector(Collector):
    """The pieces of a module that has the class of an object, with its methods."""

    owner: type = object
    methods: dict[str, tuple[str, FunctionType]] = field(default_factory=dict)

    def main_method(self) -> str:
        """The name of the class in the module."""
        self._refuse_answering()
        name = self._free(self.owner.__name__)
        self.pieces[name] = Piece(name, f"class {name}:\n", CLASS)
        text = written(self.function)
        called = "function" if text.is_lambda else self.function.__name__
        self.watches.append(watched(Fixed(self.function)))
        self.methods[called] = (decorator_of(text), self.function)
        done: set[str] = set()
        while waiting := [n for n in self.methods if n not in done]:
            done.add(waiting[0])
            self._add_method(name, waiting[0])
        self._rules()
        return f"{name}.{called}"

    def _refuse_answering(self) -> None:
        for name in ANSWERING:
            raw = Member(self.owner, name).raw()
            module = getattr(raw, "__module__", None) or "builtins"
            if isinstance(raw, FunctionType) and not is_library(module):
                what = f"{self.owner.__name__} has a {name}, so that its attributes may be anything"
                step = "write a function that is given what it reads of the object"
                raise refusal("FG126", what, step, raw.__code__.co_filename)

    def _add_method(self, holder: str, name: str) -> None:
        decorator, function = self.methods[name]
        text = written(function)
        private = dict(_private_names(function, text))
        if decorator != STATIC:
            self._follow(text, private)
        edits = [*self._renamed(function, text), *self._defaults(function, text)]
        edits += [_spelled(node, new) for node, new in private.items()]
        definition = text.as_member(name, edits)
        definition = f"    {decorator}\n{definition}" if decorator else definition
        key = f"{holder}.{name}"
        self.pieces[key] = Piece(key, definition, METHOD, None, text)

    def _follow(self, text: Written, private: dict[ast.Attribute, str]) -> None:
        """The methods that this one reads of its object."""
        for node in _read_of(text, holder_in(text)):
            member = Member(self.owner, private.get(node, node.attr))
            _refuse_other_descriptors(member, text, node)
            found = member.get()
            self.watches.append(watched(member))
            if found is not None:
                self.methods.setdefault(member.name, found)


def holder_in(text: Written) -> str:
    """The parameter that the object comes in by."""
    arguments = text.node.args
    every = [*arguments.posonlyargs, *arguments.args]
    return every[0].arg if every else ""


def _read_of(text: Written, held: str) -> Iterator[ast.Attribute]:
    for node in ast.walk(text.node):
        match node:
            case ast.Attribute(value=ast.Name(id=name)) if name == held:
                yield node
            case _:
                pass


def _private_names(
    function: FunctionType, text: Written
) -> Iterator[tuple[ast.Attribute, str]]:
    """self.__w, which the class that the method stands in calls self._Net__w."""
    known = set(_names_of(function.__code__))
    for node in ast.walk(text.node):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("__"):
            continue
        if node.attr.endswith("__") or node.attr in known:
            continue
        path = class_path(text)
        spelled = f"_{path[-1].name.lstrip('_')}{node.attr}" if path else ""
        if spelled not in known:
            what = f"it is not known what {node.attr} is called outside of its class"
            raise _at(node, text, "FG126", what, "give it a name with one underscore")
        yield node, spelled


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)


def _spelled(node: ast.Attribute, new: str) -> Edit:
    line, end = node.end_lineno or 0, node.end_col_offset or 0
    return line, end - len(node.attr.encode()), line, end, new


# --- readings ------------------------------------------------------------------------------------------------------------


def read_method(function: FunctionType, owner: type) -> Reading:
    """The class of the object, with the method and all that it reads; nothing is said of the attributes."""
    collector = MethodCollector(function, owner=owner)
    name = collector.main_method()
    reading = Reading.of(collector.ordered(), name, collector.watches, function)
    return with_names_of_attributes(replace(reading, methods=tuple(collector.methods)))


def with_names_of_attributes(reading: Reading) -> Reading:
    """The attributes whose values at the beginning count, and what the object is called."""
    from flatgrad.frontend import read_module
    from flatgrad.frontend.lower import parameters_of
    from flatgrad.frontend.methods import with_methods

    try:
        module = with_methods(read_module(reading.text), (reading.function,))
    except FlatgradError as error:
        raise reading.located(error) from None
    objects = module.objects
    assert objects is not None
    node = module.functions[objects.functions[reading.function]]
    known = objects.attributes
    names = tuple(known[n] for p in parameters_of(node) if (n := p.name.value) in known)
    return replace(reading, held=objects.name, attributes=names)


def owner_by_name(function: FunctionType) -> type | None:
    """The class that a method belongs to by its name, if it is there."""
    path = function.__qualname__.split(".")[:-1]
    found: Any = function.__globals__.get(path[0]) if path else None
    for name in path[1:]:
        found = getattr(found, name, None)
    return found if isinstance(found, type) else None


def inherits_elsewhere(function: FunctionType) -> bool:
    """The method stands in a class that inherits from one that its file does not have."""
    text = written(function)
    tree = parsed(text.source)
    own = {c.name for c in tree.body if isinstance(c, ast.ClassDef)} if tree else set()
    path = class_path(text)
    return bool(path) and any(
        ast.unparse(b) not in {*own, "object"} for b in path[-1].bases
    )


def read_file_of_method(function: FunctionType) -> Reading | None:
    """The file that has the class of a method at top level, as the command line would read it."""
    text = written(function)
    path, tree = class_path(text), parsed(text.source)
    if not path or tree is None or path[0] not in tree.body:
        return None
    if not os.path.isfile(text.filename):
        return None
    name = ".".join((*(c.name for c in path), function.__code__.co_name))
    return Reading(text.source, name, {}, (), (), text.filename)


__all__ = [
    "OF_CLASS",
    "STATIC",
    "Member",
    "class_path",
    "decorator_of",
    "holder_in",
    "inherits_elsewhere",
    "is_method",
    "method_and_object",
    "owner_by_name",
    "read_file_of_method",
    "read_method",
    "with_names_of_attributes",
]
