"""Module, names like Net.loss -> the module with these methods as functions of the attributes that they read.

    class Net:                                          def loss(self_params, X):
        def loss(self, X):                       ->         return np.sum(X @ self_params["W"])
            return np.sum(X @ self.params["W"])

What follows knows functions only; `flatgrad/emit/objects.py` puts the object back into what is emitted. A method that
another one calls becomes a function too. Where it gives attributes new values, it returns them besides what it
returns: `h = self.step(x)` is read as `h, self_state = step(self_state, x)`.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.classes import (
    OF_CLASS,
    PLAIN,
    PROPERTY,
    STATIC,
    Class,
    classes_of,
    kind_of,
    lineage,
    may_be_asked,
    method_of,
    object_of,
)
from flatgrad.frontend.exits import falls_through, lines_of
from flatgrad.frontend.initial import (
    Initial,
    class_attributes,
    initial_attributes,
)
from flatgrad.frontend.liveness import Liveness, names_closed_over
from flatgrad.frontend.module import (
    Module,
    bound_names,
    module_of,
    names_in,
    names_in_text,
    nodes_in,
    parameters_of,
)

OBJECT, STORED = "FG126", "FG127"
UNTOLD = ("forward", "__call__")  # methods whose name says nothing: the class is told
SPACE = cst.SimpleWhitespace(" ")


@dataclass(frozen=True)
class Objects:
    """The methods that have become functions, and how what they read of their object is spelled."""

    functions: Mapping[str, str]  # Net.loss -> loss
    takes_object: frozenset[str]  # functions that are methods of an object
    attributes: Mapping[str, str]  # self_params -> params
    name: str = "self"
    # What __init__ says of the attributes that a function begins with.
    initial: Mapping[str, Mapping[str, Initial]] = field(default_factory=dict)

    def local(self, asked: str, params: Iterable[str]) -> str:
        """The name within the function of what the user calls self.params, or params for short."""
        spelled = {f"{self.name}.{a}": n for n, a in self.attributes.items()}
        short = {a: n for n, a in self.attributes.items()}
        if asked in params:
            return asked
        return spelled.get(asked) or short.get(asked) or asked

    def spelled(self, text: str) -> str:
        """A message as the user would have put it."""
        for name in sorted(self.attributes, key=len, reverse=True):
            shown = f"{self.name}.{self.attributes[name]}"
            text = re.sub(rf"\b{name}\b", shown, text)
        return text


def with_methods(module: Module, asked: Sequence[str]) -> Module:
    """The module itself where no method is asked for and no function calls one by the name of its class."""
    classes = classes_of(module)
    if not classes:
        return module
    writing = _Writing(module, classes, asked=asked)
    missing = [a for a in asked if "." in a and writing.found(a) is None]
    if missing:
        raise FlatgradError(*(_missing(classes, name) for name in missing))
    chosen = {a: writing.written(a).name for a in asked if "." in a}
    body = [writing.outside(node) for node in module.tree.body]
    if not writing.functions:
        return module
    return writing.module_with(body, chosen)


def methods_in(module: Module) -> list[str]:
    """What --function could name besides functions."""
    return may_be_asked(classes_of(module))


def _missing(classes: Mapping[str, Class], name: str) -> Diagnostic:
    owner, _, _ = name.rpartition(".")
    what = f"there is no method {name}" if owner in classes else f"there is no class {owner}"  # fmt: skip
    step = f"methods of this file: {', '.join(may_be_asked(classes)) or 'none'}"
    return Diagnostic("FG503", what, step)


@dataclass(frozen=True, eq=False)
class Written:
    """A method as a function."""

    name: str
    node: cst.FunctionDef
    attributes: tuple[str, ...]  # which it begins with, by their names in the function
    stored: tuple[str, ...]  # to which it may give new values
    takes_object: bool
    initial: Mapping[str, Initial]  # what __init__ says of these attributes


@dataclass(eq=False)
class _Writing:
    """The functions that methods become, each after those that it calls."""

    module: Module
    classes: Mapping[str, Class]
    functions: dict[tuple[str, str, bool], Written] = field(default_factory=dict)
    running: list[tuple[str, str]] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    stand_ins: dict[cst.CSTNode, cst.CSTNode] = field(default_factory=dict)
    asked: Sequence[str] = ()
    name: str = ""  # of the object, in the first method that has one

    def __post_init__(self) -> None:
        self.taken = names_in_text(self.module.text) | set(dir(builtins))
        self.taken |= set(keyword.kwlist)

    def found(self, asked: str) -> tuple[Class, cst.FunctionDef] | None:
        owner, _, method = asked.rpartition(".")
        return method_of(self.classes, owner, method)

    def written(self, asked: str, helper: bool = False) -> Written:
        """The function that Net.loss becomes; as a helper, it returns the attributes that it stores."""
        owner, _, name = asked.rpartition(".")
        found = self.found(asked)
        assert found is not None
        key = (found[0].name, name, False)
        if key not in self.functions:
            self.functions[key] = self._method(found[0], owner, found[1])
        plain = self.functions[key]
        if not helper or not plain.stored:
            return plain
        key = (found[0].name, name, True)
        if key not in self.functions:
            both = f"{owner}.{name}" in self.asked
            self.functions[key] = self._returning(plain, both)
        return self.functions[key]

    def _method(self, has: Class, owner: str, method: cst.FunctionDef) -> Written:
        name = (owner, method.name.value)
        if name in self.running:
            what = f"{'.'.join(name)} calls itself, which is not read"
            raise self.refusal("FG112", what, "write it as a function", method.name)
        self.running.append(name)
        try:
            return _Method(self, has, owner, method).function()
        finally:
            self.running.pop()

    def function_name(self, owner: str, method: str) -> str:
        """As the method is called, where that says something and is free; else with the class."""
        spelled = owner.replace(".", "_")
        whole = f"{spelled}_{method.strip('_')}"
        wanted = [_snake(spelled), whole] if method in UNTOLD else [method, whole]
        taken = self.taken | {w.name for w in self.functions.values()}
        defined = {*self.module.functions, *self.module.constants, *self.module.imports}
        free = [
            n
            for n in wanted
            if n not in (defined if n == method else taken)
            and not hasattr(builtins, n)
            and n not in {w.name for w in self.functions.values()}
        ]
        return self._free(free[0] if free else whole, set(wanted))

    def _free(self, wanted: str, besides: set[str]) -> str:
        while wanted in self.taken - besides:
            wanted += "_"
        self.taken.add(wanted)
        return wanted

    def local(self, owner: str, attribute: str) -> str:
        """The name of an attribute within functions: free in all of the file, whatever stands around it."""
        private = attribute.startswith("__") and not attribute.endswith("__")
        spelled = f"_{owner.lstrip('_')}{attribute}" if private else attribute
        for name, known in self.attributes.items():
            if known == spelled:
                return name
        name = f"self_{spelled.lstrip('_')}"
        while name in self.module.text or name in self.attributes:
            name += "_"
        self.attributes[name] = spelled
        return name

    def _returning(self, plain: Written, both: bool) -> Written:
        """Where nobody asks for the function as it is, the name is free for the other."""
        name = self._free(f"{plain.name}_", set()) if both else plain.name
        node = _with_stored(self, plain).with_changes(name=cst.Name(name))
        self.stand_ins[node] = plain.node
        return replace(plain, name=name, node=node)

    def initial(self, owner: str, begins: Sequence[str]) -> dict[str, Initial]:
        """What the __init__ of the class says of attributes."""
        known: dict[str, Initial] = {}
        for name in reversed(lineage(self.classes, owner)):
            known |= class_attributes(self.classes[name].node)
        found = method_of(self.classes, owner, "__init__")
        held = object_of(found[1]) if found is not None else None
        if found is not None and held is not None:
            known |= initial_attributes(found[1], held.name.value)
        return {n: known[a] for n in begins if (a := self.attributes[n]) in known}

    def outside(self, node: Any) -> Any:
        """A statement of the module in which methods are called by their class: Linear.forward(x)."""
        if not isinstance(node, cst.FunctionDef):
            return node
        return _Reading(self, node, "", None).rewritten(node)

    def module_with(self, body: Sequence[Any], chosen: Mapping[str, str]) -> Module:
        kept = [node for node in body if not isinstance(node, cst.ClassDef)]
        by_name = {w.name: w.node for w in self.functions.values()}
        made = list(by_name.values())
        used = [n for n in made if self._is_used(n, [*kept, *made], chosen)]
        tree = self.module.tree.with_changes(body=[*kept, *used])
        found = module_of(tree.code, tree, parsed=self.module.tree)
        found.stand_ins, found.others = self.stand_ins, self.module.others
        takes = frozenset(w.name for w in self.functions.values() if w.takes_object)
        name = self.name or "self"
        initial = {w.name: w.initial for w in self.functions.values()}
        found.objects = Objects(chosen, takes, self.attributes, name, initial)
        return found

    def _is_used(
        self, node: cst.FunctionDef, nodes: Sequence[Any], chosen: Mapping[str, str]
    ) -> bool:
        name = node.name.value
        others = (n for n in nodes if n is not node)
        return name in chosen.values() or any(
            n.value == name for other in others for n in names_in(other)
        )

    def refusal(
        self, code: str, what: str, step: str, node: cst.CSTNode
    ) -> FlatgradError:
        return FlatgradError(Diagnostic(code, what, step, self.module.place(node)))


def _snake(name: str) -> str:
    """TwoLayerNet -> two_layer_net, ReLU -> relu"""
    return re.sub(r"(?<=[A-Za-z0-9])(?=[A-Z][a-z])", "_", name).lower()


# --- one method ----------------------------------------------------------------------------------------------------


class _Rebuilt(cst.CSTTransformer):
    """Keeps every node in which nothing changes, and knows what stands where another was."""

    def __init__(self, stand_ins: dict[cst.CSTNode, cst.CSTNode]):
        super().__init__()
        self.stand_ins = stand_ins
        self.changed = [False]

    def on_visit(self, node: cst.CSTNode) -> bool:
        self.changed.append(False)
        return self.enters(node)

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        within = self.changed.pop()
        new = self.change(original_node, updated_node if within else original_node)
        if new is not original_node:
            self.stand_ins[new] = original_node
            self.changed[-1] = True
        return new

    def enters(self, node: cst.CSTNode) -> bool:
        return True

    def change(self, original: Any, updated: Any) -> Any:
        return updated


class _Reading(_Rebuilt):
    """self.w -> self_w, self.score(x) -> score(self_w, x) and Linear.forward(x) -> linear(x), in one function."""

    def __init__(
        self,
        writing: _Writing,
        function: cst.FunctionDef,
        owner: str,
        held: str | None,
    ):
        super().__init__(writing.stand_ins)
        self.writing, self.owner, self.held = writing, owner, held
        own = {*bound_names(function.body), *(p.name.value for p in parameters_of(function))}  # fmt: skip
        self.classes = {n for n in writing.classes if n.partition(".")[0] not in own}
        self.nested = 0
        self.settled: set[cst.CSTNode] = set()  # calls that a statement has taken care of

    def rewritten(self, node: Any) -> Any:
        return node.visit(self)

    def enters(self, node: cst.CSTNode) -> bool:
        self.nested += isinstance(node, cst.FunctionDef | cst.Lambda)
        match node:
            case cst.Assign(value=cst.Call() as call) | cst.Expr(
                value=cst.Call() as call
            ):
                self.settled.add(call)
            case cst.AssignTarget(target=target) | cst.AugAssign(target=target):
                self._refuse_nested_store(target)
            case _:
                pass
        return not (isinstance(node, cst.Attribute) and self._attribute(node))

    def _refuse_nested_store(self, target: Any) -> None:
        if self.nested > 1 and isinstance(target, cst.Attribute) and self._attribute(target):  # fmt: skip
            what = f"a function within the method gives {self._code(target)} another value"
            raise self.writing.refusal(
                STORED, what, "let it return the value", target
            )

    def _code(self, node: cst.CSTNode) -> str:
        return self.writing.module.code(node)

    def _attribute(self, node: Any) -> str:
        """NAME of self.NAME; empty of anything else."""
        match node:
            case cst.Attribute(
                value=cst.Name(value=base), attr=cst.Name(value=name)
            ) if base == self.held:
                return str(name)
            case _:
                return ""

    def change(self, original: Any, updated: Any) -> Any:
        self.nested -= isinstance(original, cst.FunctionDef | cst.Lambda)
        match original:
            case cst.Call(func=func) if (called := self._method(func)) is not None:
                return self._called(original, updated, called)
            case cst.Assign(value=cst.Call(func=func)) | cst.Expr(
                value=cst.Call(func=func)
            ) if (called := self._method(func)) is not None and called.stored:
                return self._with_stored(original, updated, called)
            case cst.Attribute() if name := self._attribute(original):
                return self._read(original, name)
            case _:
                return updated

    def _method(self, func: cst.CSTNode) -> Written | None:
        """The method that self.score or Linear.forward stands for."""
        if name := self._attribute(func):
            asked = f"{self.owner}.{name}"
        else:
            asked = self._code(func) if isinstance(func, cst.Attribute) else ""
            if asked.rpartition(".")[0] not in self.classes:
                return None
        found = self.writing.found(asked)
        if found is None or kind_of(found[1]) == PROPERTY:
            return None
        if not self._attribute(func) and kind_of(found[1]) == PLAIN:
            return None  # Base.forward(self, x)
        written = self.writing.written(asked, helper=True)
        by_class = not self._attribute(func) and bool(written.attributes)
        return None if by_class or not isinstance(func, cst.Attribute) else written

    def _called(self, original: cst.Call, updated: cst.Call, called: Written) -> Any:
        if called.stored and original not in self.settled:
            what = f"{self._code(original.func)} gives attributes new values in the middle of an expression"
            step = "give its result a name on a line of its own"
            raise self.writing.refusal(STORED, what, step, original)
        return _call(called, updated.args, updated)

    def _with_stored(self, original: Any, updated: Any, called: Written) -> Any:
        """out = self.step(x)  ->  out, self_h = step_(self_h, x)"""
        stored = [cst.Element(cst.Name(n)) for n in called.stored]
        if isinstance(original, cst.Expr):
            if _returns_values(called.node, len(called.stored)):
                unused = self.writing._free("unused", set())
                stored = [cst.Element(cst.Name(unused)), *stored]
            return cst.Assign([cst.AssignTarget(_tuple(stored))], updated.value)
        if len(original.targets) > 1:
            what = "a method that gives attributes new values is assigned to several names"
            raise self.writing.refusal(STORED, what, "assign it to one", original)
        target = updated.targets[0].target
        if isinstance(target, cst.Tuple):
            target = target.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        return updated.with_changes(
            targets=[cst.AssignTarget(_tuple([cst.Element(target), *stored]))]
        )

    def _read(self, original: cst.Attribute, name: str) -> Any:
        found = method_of(self.writing.classes, self.owner, name)
        if found is None:
            return cst.Name(self.writing.local(self.owner, name), lpar=original.lpar, rpar=original.rpar)  # fmt: skip
        if kind_of(found[1]) == PROPERTY:
            written = self.writing.written(f"{self.owner}.{name}", helper=True)
            if not written.stored:
                call = cst.Call(original, lpar=original.lpar, rpar=original.rpar)
                return _call(written, (), call)
        if self._is_called(original):
            return original
        what = f"the method {self._code(original)} is handed on as a value"
        raise self.writing.refusal(OBJECT, what, "call it", original)

    def _is_called(self, node: cst.Attribute) -> bool:
        return self._method(node) is not None


def _call(called: Written, args: Sequence[cst.Arg], call: cst.Call) -> cst.Call:
    comma = cst.Comma(whitespace_after=SPACE)
    first = [cst.Arg(cst.Name(n), comma=comma) for n in called.attributes]
    if first and not args:
        first[-1] = first[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return call.with_changes(func=cst.Name(called.name), args=[*first, *args])


def _tuple(elements: Sequence[cst.Element]) -> Any:
    if len(elements) == 1:
        return elements[0].value
    return cst.Tuple(elements, lpar=[], rpar=[])


@dataclass(eq=False)
class _Method:
    """One method on its way to a function."""

    writing: _Writing
    has: Class
    owner: str
    method: cst.FunctionDef

    def function(self) -> Written:
        held = object_of(self.method)
        name = held.name.value if held is not None else None
        if name is not None and not self.writing.name:
            self.writing.name = name
        reading = _Reading(self.writing, self.method, self.owner, name)
        body = reading.rewritten(self.method.body)
        self._refuse_whole(body, name)
        begins = self._live(body)
        stored = self._stored(body)
        called = self.writing.function_name(self.owner, self.method.name.value)
        node = self._definition(called, body, begins)
        initial = self.writing.initial(self.owner, begins)
        return Written(called, node, begins, stored, name is not None, initial)

    def _refuse_whole(self, body: cst.BaseSuite, held: str | None) -> None:
        bare = next((n for n in names_in(body) if n.value == held), None)
        if bare is not None:
            what = f"{held} is used as a whole, and only its attributes are read"
            step = "pass on the attributes that are needed, or call its methods by name"
            raise self.writing.refusal(OBJECT, what, step, bare)
        above = next((n for n in names_in(body) if n.value == "super"), None)
        if above is not None and held is not None:
            what = "what super() gives is not read"
            step = "call the method as one of this class"
            raise self.writing.refusal(OBJECT, what, step, above)

    def _live(self, body: cst.BaseSuite) -> tuple[str, ...]:
        """The attributes whose values at the beginning may be read, in the order of the text."""
        live = Liveness().before(lines_of(body), frozenset())
        live |= names_closed_over(lines_of(body))
        used = (n.value for n in nodes_in(body) if isinstance(n, cst.Name))
        return tuple(
            dict.fromkeys(n for n in used if n in live and n in self.writing.attributes)
        )

    def _stored(self, body: cst.BaseSuite) -> tuple[str, ...]:
        bound = dict.fromkeys(bound_names(body))
        return tuple(n for n in bound if n in self.writing.attributes)

    def _definition(
        self, name: str, body: cst.BaseSuite, begins: Sequence[str]
    ) -> cst.FunctionDef:
        kept = [
            d
            for d in self.method.decorators
            if not isinstance(d.decorator, cst.Name)
            or d.decorator.value not in (STATIC, OF_CLASS, PROPERTY)
        ]
        spelled = cst.Name(name)
        node = self.method.with_changes(
            name=spelled,
            params=self._parameters(begins),
            body=body,
            decorators=kept,
            leading_lines=[cst.EmptyLine(indent=False)] * 2,
        )
        self.writing.stand_ins |= {node: self.method, spelled: self.method.name}
        return node

    def _parameters(self, begins: Sequence[str]) -> cst.Parameters:
        """The attributes in place of the object."""
        params = self.method.params
        if object_of(self.method) is None:
            return params
        comma = cst.Comma(whitespace_after=SPACE)
        first = [cst.Param(cst.Name(n), comma=comma) for n in begins]
        if params.posonly_params:
            rest = params.posonly_params[1:]
            if rest:
                return params.with_changes(posonly_params=[*first, *rest])
            return params.with_changes(
                posonly_params=[], posonly_ind=cst.MaybeSentinel.DEFAULT,
                params=[*first, *params.params],
            )  # fmt: skip
        found = [*first, *params.params[1:]]
        if len(found) == len(first) and found:
            found[-1] = found[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return params.with_changes(params=found)


# --- attributes that a called method gives new values --------------------------------------------------------------


class _Returns(_Rebuilt):
    """return out -> return out, self_h"""

    def __init__(self, stand_ins: dict[cst.CSTNode, cst.CSTNode], stored: Sequence[str]):
        super().__init__(stand_ins)
        self.stored = stored

    def enters(self, node: cst.CSTNode) -> bool:
        return not isinstance(node, cst.FunctionDef | cst.Lambda | cst.ClassDef)

    def change(self, original: Any, updated: Any) -> Any:
        if not isinstance(original, cst.Return):
            return updated
        value = updated.value
        if isinstance(value, cst.Tuple):
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        first = [] if _is_nothing(value) else [cst.Element(value)]
        return cst.Return(_tuple([*first, *_elements(self.stored)]))


def _elements(names: Iterable[str]) -> list[cst.Element]:
    return [cst.Element(cst.Name(n)) for n in names]


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, cst.Name) and value.value == "None")


def _with_stored(writing: _Writing, plain: Written) -> cst.FunctionDef:
    """The function with the attributes that it stores among its results."""
    body = plain.node.body.visit(_Returns(writing.stand_ins, plain.stored))
    missing = [n for n in plain.stored if n not in plain.attributes]
    lines = lines_of(body)
    if falls_through(lines):
        if any(isinstance(n, cst.Return) for n in _own_nodes(body)):
            what = f"{plain.name} returns on some of its ways only, and gives attributes new values"
            raise writing.refusal(STORED, what, "let it return in one place", plain.node)
        end = cst.SimpleStatementLine([cst.Return(_tuple(_elements(plain.stored)))])
        lines = [*lines, end]
    if missing and _may_be_missing(plain, missing):
        what = f"{plain.name} gives attributes values on some of its ways only"
        raise writing.refusal(STORED, what, "give them one in __init__", plain.node)
    return plain.node.with_changes(body=cst.IndentedBlock(lines))


def _may_be_missing(plain: Written, names: Sequence[str]) -> bool:
    """An attribute that the method may not have given a value by its end."""
    end = cst.SimpleStatementLine([cst.Return(_tuple(_elements(names)))])
    live = Liveness().before([*lines_of(plain.node.body), end], frozenset())
    return not live.isdisjoint(names)


def _own_nodes(body: cst.CSTNode) -> Iterator[cst.CSTNode]:
    inner = cst.FunctionDef | cst.Lambda | cst.ClassDef
    stack = [body]
    while stack:
        current = stack.pop()
        yield current
        stack += [c for c in current.children if not isinstance(c, inner)]


def _returns_values(node: cst.FunctionDef, stored: int) -> bool:
    """It returns something besides the attributes."""
    for inner in _own_nodes(node.body):
        match inner:
            case cst.Return(value=cst.Tuple(elements=elements)):
                return len(elements) > stored
            case cst.Return():
                return False
    return False


__all__ = ["Objects", "Written", "methods_in", "with_methods"]
