"""A class -> what its __init__ says of the attributes: that they are numbers, lists or dicts, and of which shape.

    self.params["W1"] = std * np.random.randn(input_size, hidden_size)      # params["W1"]: two axes
    self.params["b1"] = np.zeros(hidden_size)                               # params["b1"]: one, as long as the second
    self.reg = reg                                                          # a number, where `reg=0.0` is the default

Two lengths are the same where __init__ has one name for them, which means one thing. The names themselves say
nothing outside of __init__.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import settings
from flatgrad.frontend.module import bound_names, names_in, nodes_in, parameters_of
from flatgrad.graph import Var
from flatgrad.shapes import kind_of_dtype
from flatgrad.types import Dim, Shape, Type, join, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

YES, MAYBE, NO = "yes", "maybe", "no"
# A name of __init__, a number, or nothing that is known; under a key that is put together, what is written there and
# the rest of the key: the weights and the bias of one layer have a length in common.
Length = str | int | tuple[str, str] | None
Lengths = tuple[Length, ...]
TOLD = re.compile(r"_\d+")  # a length that a living object told, as options have it


@dataclass(frozen=True)
class Initial:
    """What an attribute begins as."""

    kind: str = ""  # float, int, bool, str, list or dict, where that is known
    lengths: Lengths | None = None
    # Of a dict, by its keys: W1, or W* for those that begin so.
    items: Mapping[str, Lengths | None] = field(default_factory=dict)
    # Whether nothing but names, flags and counts lies in it; maybe, where nothing tells.
    settings: str = NO

    def item(self, key: str) -> Lengths | None:
        """What lies under the key; W* is any that begins so."""
        begun = [k for k in self.items if _begins(k, key) or _begins(key, k)]
        found = self.items.get(key) if key in self.items else None
        if key.endswith("*") or key not in self.items:
            shapes = [self.items[k] for k in begun]
            found = _common([s for s in shapes if s is not None]) if None not in shapes else None  # fmt: skip
        return found


def _begins(pattern: str, key: str) -> bool:
    """W* is any key that begins with W."""
    return pattern.endswith("*") and key.startswith(pattern[:-1])


def _common(shapes: Sequence[Lengths]) -> Lengths | None:
    """What holds for each of the shapes."""
    if len({len(s) for s in shapes}) != 1:
        return None
    if all(s == shapes[0] for s in shapes):
        return shapes[0]
    return (None,) * len(shapes[0])


def class_attributes(node: cst.ClassDef) -> dict[str, Initial]:
    """What stands in the class itself: g = 9.81"""
    nothing = cst.FunctionDef(cst.Name("_"), cst.Parameters(), cst.IndentedBlock([]))
    reader, found = _Reader(nothing, ""), dict[str, Initial]()
    for line in node.body.body:
        for part in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            match part:
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):  # fmt: skip
                    found[name] = reader.initial(value)
                case _:
                    pass
    return found


def initial_attributes(init: cst.FunctionDef, held: str) -> dict[str, Initial]:
    """The attributes of `held`, the object, that are given one value in __init__."""
    reader = _Reader(init, held)
    found: dict[str, Initial] = {}
    twice: set[str] = set()
    for name, key, rest, value in reader.assigned():
        before = found.get(name)
        if key is None:
            now = reader.initial(value)
            empty = (
                before is not None
                and before.kind == now.kind
                and before.settings == MAYBE
            )
            twice |= set() if before is None or empty else {name}
            found[name] = now
        elif before is not None and before.kind == "dict":
            lengths = reader.lengths(value, rest)
            found[name] = _with_item(before, key, lengths, reader.is_setting(value))
    return {name: known for name, known in found.items() if name not in twice}


def without_others(
    known: Mapping[str, Initial], method: cst.FunctionDef, held: str
) -> dict[str, Initial]:
    """What is still known where another method gives attributes, or what lies in them, other values."""
    found = dict(known)
    for name, key, _, _ in _Reader(method, held).assigned():
        if key is None:
            found.pop(name, None)
        elif name in found:
            found[name] = replace(found[name], items={})
    return found


def _with_item(
    before: Initial, key: str, lengths: Lengths | None, setting: str
) -> Initial:
    """Two values of one key have to agree in how many axes they have."""
    if key in before.items:
        known = before.items[key]
        lengths = (
            None if known is None or lengths is None else _common([known, lengths])
        )
    settings = _all_of([before.settings, setting])
    return Initial("dict", None, {**before.items, key: lengths}, settings)


def _all_of(parts: Iterable[str]) -> str:
    """No where one of the parts says so, else yes where one does."""
    said = {*parts}
    return NO if NO in said else YES if YES in said else MAYBE


def _converts(target: cst.Subscript, value: Any) -> bool:
    """for k, v in self.params.items(): self.params[k] = v.astype(dtype)"""
    match target.slice, value:
        case [cst.SubscriptElement(slice=cst.Index(value=cst.Name()))], cst.Call(
            func=cst.Attribute(value=cst.Name() | cst.Subscript(), attr=cst.Name(value=name))
        ):  # fmt: skip
            return name in SAME
        case _:
            return False


def _plainly_bound(line: Any) -> Sequence[str]:
    return bound_names(line) if isinstance(line, cst.SimpleStatementLine) else ()


Assigned = tuple[str, str | None, str, Any]


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads the lines of one __init__."""

    init: cst.FunctionDef
    held: str

    def assigned(self) -> Iterator[Assigned]:
        """(attribute, key or None, the rest of a key that is put together, value) of each assignment."""
        for node in nodes_in(self.init.body):
            match node:
                case cst.Assign(targets=targets, value=value):
                    for target in targets:
                        yield from self._target(target.target, value)
                case cst.AnnAssign(target=target, value=cst.BaseExpression() as value):
                    yield from self._target(target, value)
                case cst.AugAssign(target=cst.Attribute() as target):
                    yield from self._target(target, None)
                    yield from self._target(target, None)
                case _:
                    pass

    def _target(self, target: Any, value: Any) -> Iterator[Assigned]:
        match target:
            case cst.Attribute(value=cst.Name(value=base), attr=name) if base == self.held:  # fmt: skip
                yield name.value, None, "", value
            case cst.Subscript(
                value=cst.Attribute(value=cst.Name(value=base), attr=name)
            ) if base == self.held and not _converts(target, value):
                yield name.value, pattern_of(target) or "*", rest_of(target), value
            case cst.Tuple(elements=elements):
                same = isinstance(value, cst.Tuple) and len(value.elements) == len(elements)  # fmt: skip
                for i, element in enumerate(elements):
                    part = value.elements[i].value if same else None
                    yield from self._target(element.value, part)
            case _:
                pass

    def initial(self, value: Any) -> Initial:
        match value:
            case cst.Dict(elements=elements):
                items = {
                    text_of(e.key) or "*": self.lengths(e.value)
                    for e in elements
                    if isinstance(e, cst.DictElement)
                }
                return Initial("dict", None, items, self.is_setting(value))
            case cst.Call(func=cst.Name(value="dict"), args=args):
                named = {a.keyword.value: self.lengths(a.value) for a in args if a.keyword is not None}  # fmt: skip
                return Initial("dict", None, named, _all_of(self.is_setting(a.value) for a in args))  # fmt: skip
            case cst.List() | cst.ListComp():
                return Initial("list", settings=self.is_setting(value))
            case cst.Name(value=name) if name not in bound_names(self.init.body):
                return self._parameter(name)
            case _:
                return Initial(kind_of_literal(value), self.lengths(value))

    def _parameter(self, name: str) -> Initial:
        """A parameter whose default is a number is a number."""
        for parameter in parameters_of(self.init):
            if parameter.name.value == name:
                note = parameter.annotation
                if note is not None and isinstance(note.annotation, cst.Name):
                    kind = note.annotation.value
                    if kind in ("float", "int", "bool", "str"):
                        return Initial(kind)
                return Initial(kind_of_literal(parameter.default))
        return Initial()

    def _default(self, name: str) -> Any:
        found = (p for p in parameters_of(self.init) if p.name.value == name)
        return next((p.default for p in found), None)

    def is_setting(self, node: Any) -> str:
        """Strings, flags and counts, and lists and dicts of them: nothing that a gradient is asked of."""
        match node:
            case cst.Dict(elements=elements):
                return _all_of(self.is_setting(e.value) for e in elements)
            case cst.List(elements=elements) | cst.Tuple(elements=elements):
                return _all_of(self.is_setting(e.value) for e in elements)
            case cst.ListComp(elt=elt):
                return self.is_setting(elt)
            case cst.Name(value="None"):
                return MAYBE
            case cst.Name(value=name) if name not in bound_names(self.init.body):
                default = self._default(name)
                return MAYBE if _is_none(default) else self._is_plain(self._parameter(name).kind)  # fmt: skip
            case _:
                return self._is_plain(kind_of_literal(node))

    def _is_plain(self, kind: str) -> str:
        return YES if kind in SETTINGS else NO

    # --- shapes ----------------------------------------------------------------------------------------------------

    def lengths(self, node: Any, rest: str = "") -> Lengths | None:
        """How long the axes of the value are; None where it is not known how many it has."""
        match node:
            case cst.BinaryOperation(
                left=left,
                right=right,
                operator=cst.Multiply() | cst.Divide() | cst.Add() | cst.Subtract(),
            ):
                one, other = self.lengths(left, rest), self.lengths(right, rest)
                if one is not None and other is not None and one and other:
                    return one if one == other else None
                return one or (other or None)
            case cst.UnaryOperation(expression=inner):
                return self.lengths(inner, rest)
            case cst.Call(func=cst.Attribute(value=base, attr=cst.Name(value=name))):
                if name in SAME:
                    return self.lengths(base, rest)
                return self._created(name, node.args, rest)
            case _:
                return None

    def _created(self, name: str, args: Sequence[cst.Arg], rest: str) -> Lengths | None:
        """The shape of a new array; of an array that is not, nothing is known."""
        plain = [a.value for a in args if a.keyword is None]
        named = {a.keyword.value: a.value for a in args if a.keyword is not None}
        if any(a.star for a in args):
            return None
        if name in ("randn", "rand") and plain:
            return self._tuple(plain, rest) if len(plain) > 1 else self._shape(plain[0], rest)  # fmt: skip
        if name in ("zeros", "ones", "empty", "full", "standard_normal", "random"):
            if len(plain) > 1 and name in ("zeros", "ones", "empty") and _are_lengths(plain):  # fmt: skip
                return self._tuple(plain, rest)  # torch.zeros(D, H)
            asked = plain[0] if plain else named.get("shape", named.get("size"))
            return self._shape(asked, rest)
        if name in ("normal", "uniform"):
            asked = named.get("size", plain[2] if len(plain) > 2 else None)
            return self._shape(asked, rest)
        return None

    def _shape(self, node: Any, rest: str) -> Lengths | None:
        match node:
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                return self._tuple([e.value for e in elements], rest)
            case cst.Integer() | cst.Name() | cst.BinaryOperation():
                return (self._length(node, rest),)
            case cst.Subscript(
                slice=[cst.SubscriptElement(slice=cst.Index())]
            ) if rest:  # dims[i + 1]
                return (self._length(node, rest),)
            case _:
                return None

    def _tuple(self, nodes: Sequence[Any], rest: str) -> Lengths | None:
        if any(isinstance(n, cst.Tuple | cst.List | cst.StarredElement) for n in nodes):
            return None
        return tuple(self._length(node, rest) for node in nodes)

    def _length(self, node: Any, rest: str) -> Length:
        """A name of __init__ is a length where it stands for one thing."""
        match node:
            case cst.Integer(value=text):
                return int(text)
            case cst.BaseExpression() if rest:
                return cst.Module([]).code_for_node(node), rest
            case cst.Name() | cst.BinaryOperation() if all(self._is_one(n.value) for n in names_in(node)):  # fmt: skip
                return cst.Module([]).code_for_node(node)
            case _:
                return None

    def _is_one(self, name: str) -> bool:
        """The name stands for one thing in all of __init__."""
        bound = list(bound_names(self.init.body)).count(name)
        lines = (n for line in self.init.body.body for n in _plainly_bound(line))
        return bound == 0 or (bound == 1 and name in lines)


SETTINGS = ("int", "bool", "str")


def _is_none(node: Any) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


SAME = {"astype", "copy", "to", "float", "double", "requires_grad_", "clone"}


def _are_lengths(nodes: Sequence[Any]) -> bool:
    return all(isinstance(n, cst.Name | cst.Integer | cst.BinaryOperation) for n in nodes)  # fmt: skip


def kind_of_literal(node: Any) -> str:
    match node:
        case cst.Float() | cst.UnaryOperation(expression=cst.Float()):
            return "float"
        case cst.Integer() | cst.UnaryOperation(expression=cst.Integer()):
            return "int"
        case cst.Name(value="True" | "False"):
            return "bool"
        case cst.SimpleString():
            return "str"
        case cst.Comparison() | cst.UnaryOperation(operator=cst.Not()):
            return "bool"
        case cst.Call(func=cst.Name(value="len" | "int")):
            return "int"
        case cst.BinaryOperation(left=left, right=right, operator=cst.Add() | cst.Subtract() | cst.Multiply()):  # fmt: skip
            whole = kind_of_literal(left) == kind_of_literal(right) == "int"
            return "int" if whole else ""
        case cst.Attribute(value=cst.Name(value="np" | "numpy" | "torch"), attr=cst.Name(value=name)) if kind_of_dtype(name) == "float":  # fmt: skip
            return "dtype"
        case _:
            return ""


def pattern_of(node: cst.Subscript) -> str:
    """W1 of params["W1"]; W* of params["W" + str(i)], params[f"W{i}"] and params["W%d" % i]; else empty."""
    match node.slice:
        case [cst.SubscriptElement(slice=cst.Index(value=key))]:
            return text_of(key)
        case _:
            return ""


def rest_of(node: cst.Subscript) -> str:
    """What a key is put together of besides its first letters."""
    key = pattern_of(node)
    if not key.endswith("*"):
        return ""
    return cst.Module([]).code_for_node(node).partition("[")[2].replace(key[:-1], "", 1)


LETTERS = re.compile(r"[^%{]*")


def text_of(key: Any) -> str:
    match key:
        case cst.SimpleString():
            return str(key.evaluated_value)
        case cst.FormattedString(parts=[cst.FormattedStringText(value=text), _, *_]):
            return f"{text}*"
        case cst.BinaryOperation(left=cst.SimpleString() as left, operator=cst.Add()):
            return f"{left.raw_value}*"
        case cst.BinaryOperation(
            left=cst.BinaryOperation() as left, operator=cst.Add()
        ):
            return text_of(left)
        case cst.BinaryOperation(
            left=cst.SimpleString() as left, operator=cst.Modulo()
        ) | cst.Call(
            func=cst.Attribute(
                value=cst.SimpleString() as left, attr=cst.Name(value="format")
            )
        ):
            found = LETTERS.match(str(left.evaluated_value))
            return f"{found[0]}*" if found else ""
        case _:
            return ""


# --- said of a function that a method has become ---------------------------------------------------------------------


def declare(low: Lowering, params: Mapping[str, Var]) -> None:
    """What __init__ says of the attributes that come in as parameters."""
    objects = low.module.objects
    known = {} if objects is None else objects.initial.get(low.node.name.value, {})
    for name, initial in known.items():
        if name in params:
            _apply(low, params[name], initial)


def _apply(low: Lowering, var: Var, initial: Initial) -> None:
    if initial.kind and var.type.kind == "any":
        held = initial.settings == YES and initial.kind in ("list", "dict")
        var.type.kind = settings.KIND if held else initial.kind
    if initial.kind == "dtype":
        var.type.items = (Type(Shape(), "float"),)
    if initial.kind in ("float", "int", "bool"):
        join(var.type.shape, scalar())
    if initial.kind == "int":
        low.counts.add(var)
    if initial.lengths is not None:
        _join(low, var, initial.lengths)
    if initial.items and var.type.kind == "dict":
        low.initial[var] = initial


def _join(
    low: Lowering, var: Var, lengths: Lengths, where: tuple[Any, ...] = ()
) -> None:
    """A shape that the text says itself comes first."""
    if var.type.rank is None:
        join(var.type.shape, Shape(_dim(low, length, where) for length in lengths))


def _dim(low: Lowering, length: Length, where: tuple[Any, ...]) -> Dim:
    if length is None or isinstance(length, int):
        return Dim(length)
    if isinstance(length, str) and TOLD.fullmatch(length):
        return low.dim(length, "the object")
    key = (length, where if isinstance(length, tuple) else ())
    return low.initial_lengths.setdefault(key, Dim())


def item(low: Lowering, held: Any, node: cst.Subscript, part: Var) -> None:
    """The part of such a dict, as it is read."""
    initial = low.initial.get(held)
    lengths = initial.item(pattern_of(node)) if initial is not None else None
    if lengths is not None:
        _join(low, part, lengths, _which(low, node))


def _which(low: Lowering, node: cst.Subscript) -> tuple[Any, ...]:
    """Equal for keys that end alike: those of the weights and of the bias of one layer."""
    if rest := rest_of(node):
        names = dict.fromkeys(n.value for n in names_in(node.slice[0]))
        return (rest, *(id(low.frame.env.get(name)) for name in names))
    return (re.sub(r"^\D+", "", pattern_of(node)),)


__all__ = [
    "Initial",
    "class_attributes",
    "declare",
    "initial_attributes",
    "item",
    "without_others",
]
