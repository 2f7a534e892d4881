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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.classes import (
    Class,
    classes_of,
    lineage,
    may_be_asked,
    method_of,
    object_of,
)
from flatgrad.frontend.initial import (
    Initial,
    class_attributes,
    initial_attributes,
    without_others,
)
from flatgrad.frontend.method_bodies import MethodText, Reading
from flatgrad.frontend.module import (
    Module,
    bound_names,
    module_of,
    names_in,
    names_in_text,
    nodes_in,
    parameters_of,
)
from flatgrad.frontend.stored_attributes import Written, returning

UNTOLD = ("forward", "__call__")  # methods whose name says nothing: the class is told


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
    writing = Writing(module, classes, asked=asked)
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


@dataclass(eq=False)
class Writing:
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
        functions = (n for n in nodes_in(self.module.tree) if isinstance(n, cst.FunctionDef))  # fmt: skip
        self.variables = {name for f in functions for name in _variables(f)}

    def found(self, asked: str) -> tuple[Class, cst.FunctionDef] | None:
        owner, _, method = asked.rpartition(".")
        return method_of(self.classes, owner, method)

    def written(self, asked: str, helper: bool = False) -> Written:
        """The function that Net.loss becomes; as a helper, it returns the attributes that it stores."""
        owner, _, name = asked.rpartition(".")
        found = self.found(asked)
        assert found is not None
        key = (owner, name, False)
        if key not in self.functions:
            self.functions[key] = self._method(owner, found[1])
        plain = self.functions[key]
        if not helper or not plain.stored:
            return plain
        key = (owner, name, True)
        if key not in self.functions:
            both = f"{owner}.{name}" in self.asked
            self.functions[key] = self._returning(plain, both)
        return self.functions[key]

    def _method(self, owner: str, method: cst.FunctionDef) -> Written:
        name = (owner, method.name.value)
        if name in self.running:
            what = f"{'.'.join(name)} calls itself, which is not read"
            raise self.refusal("FG112", what, "write it as a function", method.name)
        self.running.append(name)
        try:
            return MethodText(self, owner, method).function()
        finally:
            self.running.pop()

    def function_name(self, owner: str, method: str) -> str:
        """As the method is called, where that says something and is free; else with the class."""
        spelled = owner.replace(".", "_")
        whole = f"{spelled}_{method.strip('_')}"
        wanted = [_snake(spelled), whole] if method in UNTOLD else [method, whole]
        if f"{owner}.{method}" not in self.asked and method in self.variables:
            wanted = [whole]  # scores = self.scores(x)
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
        node = returning(self, plain).with_changes(name=cst.Name(name))
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
        for name in lineage(self.classes, owner):
            for method in self.classes[name].methods.values():
                own = object_of(method)
                if own is not None and method.name.value != "__init__":
                    known = without_others(known, method, own.name.value)
        return {n: known[a] for n in begins if (a := self.attributes[n]) in known}

    def outside(self, node: Any) -> Any:
        """A statement of the module in which methods are called by their class: Linear.forward(x)."""
        if not isinstance(node, cst.FunctionDef):
            return node
        return Reading(self, node, "", None).rewritten(node)

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
        while node in self.stand_ins:
            node = self.stand_ins[node]
        return FlatgradError(Diagnostic(code, what, step, self.module.place(node)))


def _variables(function: cst.FunctionDef) -> set[str]:
    params = (p.name.value for p in parameters_of(function))
    return {*bound_names(function.body), *params}


def _snake(name: str) -> str:
    """TwoLayerNet -> two_layer_net, ReLU -> relu"""
    return re.sub(r"(?<=[A-Za-z0-9])(?=[A-Z][a-z])", "_", name).lower()


__all__ = ["Objects", "Writing", "methods_in", "with_methods"]
