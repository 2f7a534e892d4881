"""Functions that a helper made, once each call of them is read in place: nothing calls them any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import libcst as cst

from flatgrad.frontend.module import names_in
from flatgrad.frontend.scope import Callee, Frame, Function


def made_by_helpers(
    function: Function, expanded: Iterable[Frame], local: dict[Frame, dict[str, str]]
) -> set[str]:
    """The printed names of functions that are defined in helpers read in place or that these return, or nested."""
    frames = [function.frame, *expanded]
    found = {
        name
        for name, value in function.frame.env.items()
        if isinstance(value, Callee) and value.frame is function.frame
    }
    for frame in frames:
        names = local.get(frame, {})
        for name, value in frame.env.items():
            foreign = isinstance(value, Callee) and value.frame not in (
                None,
                function.frame,
            )
            if foreign and name not in frame.arguments:
                found.add(names.get(name, name))
    return found


def without(body: list[Any], names: set[str]) -> list[Any]:
    """The statements without the definitions of what nothing mentions."""
    while names:
        mentioned = {n.value for line in body for n in _mentions(line)}
        unused = names - mentioned
        if not unused:
            break
        body = [
            line
            for line in (part.visit(_Without(unused)) for part in body)
            if isinstance(line, cst.CSTNode)
        ]
        names = names - unused
    return body


def _mentions(line: cst.CSTNode) -> Iterator[cst.Name]:
    targets = {id(t) for t in _Definitions.of(line)}
    yield from (n for n in names_in(line) if id(n) not in targets)


class _Definitions(cst.CSTVisitor):
    """The names that lines of the form `f = ...` and `def f(...)` define."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.Name] = []

    @staticmethod
    def of(line: cst.CSTNode) -> list[cst.Name]:
        visitor = _Definitions()
        line.visit(visitor)
        return visitor.found

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.found.append(node.name)

    def visit_Assign(self, node: cst.Assign) -> None:
        match node.targets:
            case [cst.AssignTarget(target=cst.Name() as name)]:
                self.found.append(name)
            case _:
                pass


class _Without(cst.CSTTransformer):
    def __init__(self, names: set[str]):
        super().__init__()
        self.names = names

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> Any:
        return (
            cst.RemoveFromParent()
            if original_node.name.value in self.names
            else updated_node
        )

    def leave_SimpleStatementLine(
        self,
        original_node: cst.SimpleStatementLine,
        updated_node: cst.SimpleStatementLine,
    ) -> Any:
        match original_node.body:
            case [
                cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))])
            ] if (name in self.names):
                return cst.RemoveFromParent()
            case _:
                return updated_node


__all__ = ["made_by_helpers", "without"]
