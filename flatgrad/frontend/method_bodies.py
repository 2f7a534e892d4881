"""The body of a method -> the same with names for the attributes, and functions for the methods that it calls.

self.w               ->   self_w
self.score(x)        ->   score(self_w, x)
Linear.forward(x)    ->   linear(x)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.classes import (
    OF_CLASS,
    PLAIN,
    PROPERTY,
    STATIC,
    kind_of,
    method_of,
    object_of,
)
from flatgrad.frontend.exits import lines_of
from flatgrad.frontend.liveness import Liveness, names_closed_over
from flatgrad.frontend.module import (
    bound_names,
    names_in,
    names_of_target,
    nodes_in,
    parameters_of,
)
from flatgrad.frontend.stored_attributes import (
    STORED,
    Rebuilt,
    Written,
    in_a_tuple,
    returns_values,
)

if TYPE_CHECKING:
    from flatgrad.frontend.methods import Writing

OBJECT = "FG126"
SPACE = cst.SimpleWhitespace(" ")


class Reading(Rebuilt):
    """self.w -> self_w, self.score(x) -> score(self_w, x) and Linear.forward(x) -> linear(x), in one function."""

    def __init__(
        self,
        writing: Writing,
        function: cst.FunctionDef,
        owner: str,
        held: str | None,
    ):
        super().__init__(writing.stand_ins)
        self.writing, self.owner, self.held = writing, owner, held
        own = {*bound_names(function.body), *(p.name.value for p in parameters_of(function))}  # fmt: skip
        self.classes = {n for n in writing.classes if n.partition(".")[0] not in own}
        self.functions: set[cst.CSTNode] = set()  # what calls call
        self.settled: set[cst.CSTNode] = (
            set()
        )  # calls that a statement has taken care of

    def rewritten(self, node: Any) -> Any:
        return node.visit(self)

    def enters(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Call):
            self.functions.add(node.func)
        match node:
            case cst.Assign(value=cst.Call() as call) | cst.Expr(
                value=cst.Call() as call
            ):
                self.settled.add(call)
            case _:
                pass
        return not (isinstance(node, cst.Attribute) and self._attribute(node))

    def _code(self, node: cst.CSTNode) -> str:
        return self.writing.module.code(node)

    def _attribute(self, node: Any) -> str:
        """NAME of self.NAME; empty of anything else."""
        match node:
            case cst.Attribute(
                value=cst.Name(value=base), attr=cst.Name(value=name)
            ) if (base == self.held):
                return str(name)
            case _:
                return ""

    def change(self, original: Any, updated: Any) -> Any:
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
            if returns_values(called.node, len(called.stored)):
                unused = self.writing._free("unused", set())
                stored = [cst.Element(cst.Name(unused)), *stored]
            return cst.Assign([cst.AssignTarget(in_a_tuple(stored))], updated.value)
        if len(original.targets) > 1:
            what = (
                "a method that gives attributes new values is assigned to several names"
            )
            raise self.writing.refusal(STORED, what, "assign it to one", original)
        target = updated.targets[0].target
        if isinstance(target, cst.Tuple):
            target = target.with_changes(
                lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
            )
        return updated.with_changes(
            targets=[cst.AssignTarget(in_a_tuple([cst.Element(target), *stored]))]
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
        if original in self.functions and self._method(original) is not None:
            return original
        what = f"the method {self._code(original)} is handed on as a value"
        raise self.writing.refusal(OBJECT, what, "call it", original)


def _call(called: Written, args: Sequence[cst.Arg], call: cst.Call) -> cst.Call:
    comma = cst.Comma(whitespace_after=SPACE)
    first = [cst.Arg(cst.Name(n), comma=comma) for n in called.attributes]
    if first and not args:
        first[-1] = first[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return call.with_changes(func=cst.Name(called.name), args=[*first, *args])


@dataclass(eq=False)
class MethodText:
    """One method on its way to a function."""

    writing: Writing
    owner: str
    method: cst.FunctionDef

    def function(self) -> Written:
        held = object_of(self.method)
        name = held.name.value if held is not None else None
        if name is not None and not self.writing.name:
            self.writing.name = name
        reading = Reading(self.writing, self.method, self.owner, name)
        body = reading.rewritten(self.method.body)
        self._refuse_whole(body, name)
        self._refuse_stored_within(body)
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

    def _refuse_stored_within(self, body: cst.BaseSuite) -> None:
        """A function within the method has variables of its own where the method has attributes."""
        for inner in nodes_in(body):
            match inner:
                case cst.FunctionDef():
                    bound = bound_names(inner.body)
                case cst.CompFor():
                    bound = tuple(names_of_target(inner.target))
                case _:
                    continue
            for name in nodes_in(inner):
                if isinstance(name, cst.Name) and name.value in {*bound} & self.writing.attributes.keys():  # fmt: skip
                    attribute = self.writing.attributes[name.value]
                    what = f"a function within the method gives self.{attribute} another value"
                    raise self.writing.refusal(STORED, what, "let it return the value", name)  # fmt: skip

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


__all__ = ["MethodText", "Reading"]
