"""Module, place -> the module in which the dropout that stands there is a product with a mask.

h = F.dropout(torch.relu(a), 0.5)  ->  undropped = torch.relu(a)
                                       h = undropped * F.dropout(torch.ones_like(undropped), 0.5)

Dropout of ones is the mask, scaled, drawn from the same random numbers; what has a name can be kept for the backward.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from flatgrad.errors import Place
from flatgrad.frontend.longer import (
    Replacing,
    always_in,
    assigned,
    evaluated_first,
    grouped,
    path_of,
)
from flatgrad.frontend.matches import Fresh
from flatgrad.frontend.module import (
    Module,
    children_of,
    names_in_text,
    nodes_in,
    read_module,
)

DRAWN = "dropout draws a mask that the backward cannot draw again"
DROPOUTS = ("torch.nn.functional.dropout", "torch.dropout")


def with_mask(module: Module, place: Place) -> Module | None:
    """None where there is no dropout at `place`, or none that can be written so."""
    torch = next((n for n, i in module.imports.items() if i.path == "torch"), None)
    if module.segments or torch is None:
        return None
    rewrite = _Rewrite(module, place, torch)
    tree = module.tree.visit(rewrite)
    return read_module(tree.code) if rewrite.done else None


class _Rewrite(cst.CSTTransformer):
    """Looks for the line with the dropout, and writes it anew."""

    def __init__(self, module: Module, place: Place, torch: str):
        super().__init__()
        self.module, self.place, self.torch = module, place, torch
        self.done = False
        self.functions: list[cst.FunctionDef] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.functions.append(node)

    def leave_FunctionDef(self, original_node: Any, updated_node: Any) -> Any:
        self.functions.pop()
        return updated_node

    def leave_IndentedBlock(self, original_node: Any, updated_node: Any) -> Any:
        if self.done or not self.functions:
            return updated_node
        pairs = zip(original_node.body, updated_node.body, strict=True)
        lines = [part for old, new in pairs for part in self._lines(old) or [new]]
        return updated_node.with_changes(body=lines) if self.done else updated_node

    def _lines(self, line: Any) -> list[Any]:
        for part in evaluated_first(line):
            for node in always_in(part):
                if isinstance(node, cst.Call) and self._is_meant(node):
                    found = self._written(line, part, node)
                    self.done = bool(found)
                    return found
        return []

    def _is_meant(self, call: cst.Call) -> bool:
        return (
            self.module.place(call) == self.place
            and path_of(self.module, call.func) in DROPOUTS
        )

    def _written(self, line: Any, part: Any, call: cst.Call) -> list[Any]:
        given = _dropped(call)
        if given is None or not (always_draws(call) or self._writes_nothing()):
            return []
        x = given.value
        if isinstance(x, cst.Name):
            return [line.visit(Replacing(call, self._product(part, call, x)))]
        if not _is_first(part, call):
            return []
        name = Fresh(names_in_text(self.module.text)).name("undropped")
        first = assigned(name, x).with_changes(leading_lines=line.leading_lines)
        product = self._product(part, call, cst.Name(name))
        changed = line.with_changes(leading_lines=()).visit(Replacing(call, product))
        return [first, changed]

    def _product(self, part: Any, call: cst.Call, x: cst.Name) -> cst.BaseExpression:
        """x * F.dropout(torch.ones_like(x), ...)"""
        ones = cst.parse_expression(f"{self.torch}.ones_like({x.value})")
        args = [
            a.with_changes(value=ones) if a is _dropped(call) else a for a in call.args
        ]
        mask = call.with_changes(args=args, lpar=[], rpar=[])
        space = cst.SimpleWhitespace(" ")
        times = cst.Multiply(whitespace_before=space, whitespace_after=space)
        product = cst.BinaryOperation(x, times, mask)
        return product if getattr(part, "value", None) is call else grouped(product)

    def _writes_nothing(self) -> bool:
        """No array is changed in place: a dropout that may be the identity is its argument, not a copy of it."""
        seen, pending = set[str](), [self.functions[-1]]
        while pending:
            function = pending.pop()
            if any(_may_write(node) for node in nodes_in(function.body)):
                return False
            called = names_in_text(self.module.code(function)) - seen
            seen |= called
            pending += [
                f for n, f in self.module.functions.items() if n in called
            ]  # fmt: skip
        return True


def _dropped(call: cst.Call) -> cst.Arg | None:
    """The argument that says what is dropped from."""
    if any(a.star for a in call.args):
        return None
    for number, a in enumerate(call.args):
        if a.keyword.value == "input" if a.keyword else number == 0:
            return a
    return None


def always_draws(call: cst.Call) -> bool:
    """Neither is it told not to, nor may the probability be 0: the result is an array of its own."""
    given = {
        a.keyword.value if a.keyword else ("input", "p", "training", "inplace")[n]: a.value
        for n, a in enumerate(call.args)
    }  # fmt: skip
    p, training = given.get("p"), given.get("training", given.get("train"))
    literal = isinstance(p, cst.Float | cst.Integer) and p.evaluated_value != 0
    told = isinstance(training, cst.Name) and training.value == "True"
    return (p is None or literal) and (training is None or told)


def _may_write(node: cst.CSTNode) -> bool:
    match node:
        case cst.AugAssign() | cst.AssignTarget(
            target=cst.Subscript() | cst.Attribute()
        ):
            return True
        case cst.Call(
            func=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name))
        ):
            return name.endswith("_") or any(_is_place(a) for a in node.args)
        case _:
            return False


def _is_place(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value in ("out", "inplace")


def _is_first(part: cst.CSTNode, call: cst.Call) -> bool:
    """No call of the statement is evaluated before the arguments of this one."""
    inside = {id(n) for n in nodes_in(call)}
    for node in _in_order(part):
        if node is call:
            return True
        if isinstance(node, cst.Call) and id(node) not in inside:
            return False
    return False


def _in_order(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for child in children_of(node):
        yield from _in_order(child)
    yield node


__all__ = ["DRAWN", "always_draws", "with_mask"]
