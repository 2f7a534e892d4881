"""Function node -> the same function whose nested functions take and return what they call nonlocal.

def f(x):                                def f(x):
    total = 0.0                              total = 0.0

    def spend(v):                            def spend(v, total):
        nonlocal total              ->           total += v * v
        total += v * v                           return v / 2, total
        return v / 2
                                             y, total = spend(x, total)
    y = spend(x)                             return y * total
    return y * total

A function with nested ones that are used in another way than by a call is left as it is, and refused later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import libcst as cst

from flatgrad.frontend.exits import falls_through, lines_of
from flatgrad.frontend.matches import Fresh
from flatgrad.frontend.module import (
    bound_names,
    children_of,
    names_in,
    names_in_text,
    names_of_target,
    nodes_in,
    parameters_of,
)

Nested = dict[str, cst.FunctionDef]
Shared = dict[str, list[str]]  # nested function -> the names that it shares with others


class NotWritten(Exception):
    """The functions are used in a way that does not allow it."""


@lru_cache(4096)
def without_nonlocal(function: cst.FunctionDef) -> cst.FunctionDef:
    """The function itself where nothing in it is nonlocal, or it cannot be written otherwise; always the same one."""
    if not any(isinstance(n, cst.Nonlocal) for n in nodes_in(function.body)):
        return function
    nested = {d.name.value: d for d in _nested(function.body)}
    try:
        shared, rebound = _shared(function, nested)
        fresh = Fresh(names_in_text(cst.Module([function]).code))
        owned = {n for names in rebound.values() for n in names if _owned(function, n)}
        return _Calls(nested, shared, rebound, owned, fresh).within(function)
    except NotWritten:
        return function


def _nested(node: cst.CSTNode) -> Iterator[cst.FunctionDef]:
    """The functions that are defined in the body itself, not in one of them."""
    for child in children_of(node):
        if isinstance(child, cst.FunctionDef):
            yield child
        elif not isinstance(child, cst.ClassDef | cst.BaseExpression):
            yield from _nested(child)


def _shared(function: cst.FunctionDef, nested: Nested) -> tuple[Shared, Shared]:
    """What each nested function shares, and what of it may be rebound where it is called."""
    if len(nested) < sum(1 for _ in _nested(function.body)):
        raise NotWritten
    own = {p.name.value for p in parameters_of(function)}
    own |= {*bound_names(function.body)}
    inner = [n for d in nested.values() for e in _nested(d.body) for n in nodes_in(e)]
    rebound: Shared = {name: _nonlocal(node) for name, node in nested.items()}
    if any(isinstance(n, cst.Nonlocal) for n in inner) or not own.issuperset(
        n for names in rebound.values() for n in names
    ):
        raise NotWritten
    mentions = {f: {n.value for n in names_in(d.body)} for f, d in nested.items()}
    calls = {f: [g for g in nested if g in names] for f, names in mentions.items()}
    while _spread(rebound, calls, lambda caller, callee: rebound[callee]):
        pass
    shared = {name: [*names] for name, names in rebound.items()}
    while _spread(shared, calls, lambda caller, callee: shared[callee]) or _spread(
        shared,
        {g: [f for f in nested if g in calls[f]] for g in nested},
        lambda callee, caller: [n for n in shared[caller] if n in mentions[callee]],
    ):
        pass
    return {name: names for name, names in shared.items() if names}, rebound


def _spread(
    found: Shared,
    neighbours: Mapping[str, Sequence[str]],
    given: Callable[[str, str], Sequence[str]],
) -> bool:
    """Add what the neighbours of each function give; whether that was something new."""
    changed = False
    for function, others in neighbours.items():
        for other in others:
            new = [n for n in given(function, other) if n not in found[function]]
            found[function] += new
            changed = changed or bool(new)
    return changed


def _nonlocal(function: cst.FunctionDef) -> list[str]:
    found = [n for n in nodes_in(function.body) if isinstance(n, cst.Nonlocal)]
    return [n.name.value for node in found for n in node.names]


@dataclass
class _Calls:
    """Writes the calls of the functions that share names, and the functions themselves."""

    nested: Nested
    shared: Shared
    rebound: Shared
    owned: set[str]
    fresh: Fresh
    results: dict[str, bool] = field(default_factory=dict)  # it returns a value

    def within(self, function: cst.FunctionDef) -> cst.FunctionDef:
        for name in self.shared:
            self.results[name] = _returns_value(self.nested[name])
        body = self._suite(function.body)
        return function.with_changes(body=body)

    def _suite(self, suite: Any) -> Any:
        lines = [new for line in lines_of(suite) for new in self._line(line)]
        if isinstance(suite, cst.IndentedBlock):
            return suite.with_changes(body=lines)
        return cst.IndentedBlock(lines)

    def _line(self, line: Any) -> list[Any]:
        match line:
            case cst.FunctionDef(name=cst.Name(value=name)) if name in self.shared:
                return [self._function(line)]
            case cst.FunctionDef() | cst.ClassDef():
                self._refuse_mentions(line)
                return [line]
            case cst.If(test=test):
                before, new = self._expression(line, test)
                body, orelse = self._suite(line.body), self._orelse(line.orelse)
                return [*before, line.with_changes(test=new, body=body, orelse=orelse)]
            case cst.For(iter=over):
                before, new = self._expression(line, over)
                self._refuse_mentions(line.target)
                body, orelse = self._suite(line.body), self._orelse(line.orelse)
                return [*before, line.with_changes(iter=new, body=body, orelse=orelse)]
            case cst.While(test=test):
                self._refuse_mentions(test)
                body = self._suite(line.body)
                return [line.with_changes(body=body, orelse=self._orelse(line.orelse))]
            case cst.With(items=items):
                for item in items:
                    self._refuse_mentions(item)
                return [line.with_changes(body=self._suite(line.body))]
            case cst.SimpleStatementLine(body=[part]):
                return self._simple(line, part)
            case cst.SimpleStatementLine(body=parts):
                alone = cst.MaybeSentinel.DEFAULT
                lines = [
                    line.with_changes(body=[p.with_changes(semicolon=alone)])
                    for p in parts
                ]
                return [new for one in lines for new in self._line(one)]
            case _:
                self._refuse_mentions(line)
                return [line]

    def _orelse(self, orelse: Any) -> Any:
        match orelse:
            case cst.Else(body=body):
                return orelse.with_changes(body=self._suite(body))
            case cst.If():
                lines = self._line(orelse)
                if len(lines) == 1:
                    return lines[0]
                return cst.Else(cst.IndentedBlock(lines))
            case _:
                return None

    def _simple(self, line: Any, part: Any) -> list[Any]:
        match part:
            case cst.Expr(value=cst.Call(func=cst.Name(value=name)) as call) if (
                name in self.shared
            ):
                taken = [*self._taken(name, "_"), *self.rebound[name]]
                return [self._assignment(line, taken, self._call(call, name))]
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Name(value=target))],
                value=cst.Call(func=cst.Name(value=name)) as call,
            ) if (
                name in self.shared and target not in self.shared[name]
            ):
                taken = [*self._taken(name, target), *self.shared[name]]
                return [self._assignment(line, taken, self._call(call, name))]
            case _:
                before, new = self._expression(line, part)
                return [*before, line.with_changes(body=[new])] if before else [line]

    def _taken(self, name: str, target: str) -> list[str]:
        """What takes the value of the function, where it has one."""
        return [target] if self.results[name] else []

    def _assignment(self, line: Any, names: Sequence[str], call: Any) -> Any:
        elements = [cst.Element(cst.Name(n)) for n in names]
        target: Any = cst.Tuple(elements, lpar=[], rpar=[])
        if len(names) == 1:
            target = cst.Name(names[0])
        assign = cst.Assign([cst.AssignTarget(target)], call)
        if isinstance(line, cst.SimpleStatementLine):
            return line.with_changes(body=[assign])
        return cst.SimpleStatementLine([assign])

    def _expression(self, line: Any, node: Any) -> tuple[list[Any], Any]:
        """The calls within an expression on lines before it, in their order, and the expression with their values."""
        calls = list(self._calls_in(node))
        if not calls:
            return [], node
        self._refuse_early_reads(node, calls)
        before: list[Any] = []
        values: dict[cst.CSTNode, cst.Name] = {}
        for call in calls:
            name = call.func.value
            if not self.results[name]:
                raise NotWritten
            result = self.fresh.name(f"{name}_result")
            values[call] = cst.Name(result)
            written = self._call(call, name)
            empty = cst.SimpleStatementLine([cst.Pass()])
            before.append(
                self._assignment(empty, [result, *self.rebound[name]], written)
            )
        before[0] = before[0].with_changes(
            leading_lines=getattr(line, "leading_lines", ())
        )
        return before, node.visit(_Values(values))

    def _refuse_early_reads(self, node: Any, calls: Sequence[Any]) -> None:
        """What the calls rebind must not be read before the last of them: it would be something else there."""
        rebound = {n for call in calls for n in self.rebound[call.func.value]}
        within = {id(n) for call in calls for a in call.args for n in names_in(a)}
        evaluated = node.value if isinstance(node, cst.Assign) else node
        for part in nodes_in(evaluated):
            if part is calls[-1]:
                return
            read = isinstance(part, cst.Name) and part.value in rebound
            if read and id(part) not in within:
                raise NotWritten

    def _calls_in(self, node: cst.CSTNode) -> Iterator[Any]:
        """The calls that are made whatever the rest of the expression gives."""
        match node:
            case cst.Call(func=cst.Name(value=name)) if name in self.shared:
                for arg in node.args:
                    self._refuse_mentions(arg)
                yield node
            case cst.IfExp(test=test):
                self._refuse_mentions(node.body, node.orelse)
                yield from self._calls_in(test)
            case cst.BooleanOperation(left=left, right=right):
                self._refuse_mentions(right)
                yield from self._calls_in(left)
            case cst.Name(value=name) if name in self.shared:
                raise NotWritten
            case cst.Lambda() | cst.BaseComp():
                self._refuse_mentions(node)
            case _:
                for child in children_of(node):
                    yield from self._calls_in(child)

    def _refuse_mentions(self, *nodes: cst.CSTNode) -> None:
        for node in nodes:
            if any(n.value in self.shared for n in names_in(node)):
                raise NotWritten

    def _call(self, call: Any, name: str) -> Any:
        """The call with what the function shares as further arguments."""
        for arg in call.args:
            self._refuse_mentions(arg)
        keyword = self._by_keyword(name)
        bare = cst.MaybeSentinel.DEFAULT
        tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        added = [
            (
                cst.Arg(cst.Name(n), keyword=cst.Name(n), equal=tight)
                if keyword or any(a.keyword is not None or a.star for a in call.args)
                else cst.Arg(cst.Name(n))
            )
            for n in self.shared[name]
        ]
        args = [a.with_changes(comma=bare) for a in call.args]
        return call.with_changes(args=[*args, *added])

    def _by_keyword(self, name: str) -> bool:
        """The function has parameters after which no plain one can stand."""
        params = self.nested[name].params
        starred = (
            isinstance(params.star_arg, cst.Param) or params.star_kwarg is not None
        )
        defaults = any(p.default is not None for p in params.params)
        return starred or defaults or bool(params.kwonly_params)

    # --- the functions ----------------------------------------------------------------------------------------

    def _function(self, node: cst.FunctionDef) -> cst.FunctionDef:
        name = node.name.value
        added = [cst.Param(cst.Name(n)) for n in self.shared[name]]
        params = node.params
        bare = cst.MaybeSentinel.DEFAULT
        if self._by_keyword(name):
            kept = [p.with_changes(comma=bare) for p in params.kwonly_params]
            star: Any = params.star_arg
            if not isinstance(star, cst.Param):
                star = cst.ParamStar()
            params = params.with_changes(star_arg=star, kwonly_params=[*kept, *added])
        else:
            kept = [p.with_changes(comma=bare) for p in params.params]
            params = params.with_changes(params=[*kept, *added])
        body = self._suite(node.body)
        lines = self._returning(body.body, name)
        if falls_through(lines):
            if self.results[name]:
                raise NotWritten
            lines = [*lines, self._end(name, None)]
        return node.with_changes(params=params, body=body.with_changes(body=lines))

    def _returning(self, lines: Sequence[Any], name: str) -> list[Any]:
        """The lines without nonlocal, and with what is shared beside each result."""
        found: list[Any] = []
        for line in lines:
            match line:
                case cst.SimpleStatementLine(body=[cst.Nonlocal()]):
                    continue
                case cst.SimpleStatementLine(body=[cst.Return(value=value)]):
                    end = self._end(name, value)
                    found.append(end.with_changes(leading_lines=line.leading_lines))
                case cst.SimpleStatementLine(
                    body=[cst.AugAssign(target=cst.Name(value=target)) as part]
                ) if (target in self.owned and type(part.operator) in OPERATORS):
                    found.append(line.with_changes(body=[_not_in_place(part)]))
                case cst.FunctionDef() | cst.ClassDef() | cst.SimpleStatementLine():
                    found.append(line)
                case _:
                    found.append(self._inside(line, name))
        return found

    def _inside(self, line: Any, name: str) -> Any:
        changes: dict[str, Any] = {}
        if isinstance(body := getattr(line, "body", None), cst.IndentedBlock):
            lines = self._returning(body.body, name)
            changes["body"] = body.with_changes(body=lines)
        orelse = getattr(line, "orelse", None)
        if orelse is not None:
            changes["orelse"] = self._inside(orelse, name)
        return line.with_changes(**changes) if changes else line

    def _end(self, name: str, value: Any) -> cst.SimpleStatementLine:
        names: list[Any] = [cst.Name(n) for n in self.rebound[name]]
        if self.results[name]:
            if names and isinstance(value, cst.Tuple) and not value.lpar:
                value = value.with_changes(
                    lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
                )
            names = [value, *names]
        elements = [cst.Element(n) for n in names]
        result: Any = cst.Tuple(elements, lpar=[], rpar=[])
        return cst.SimpleStatementLine(
            [cst.Return(names[0] if len(names) == 1 else result)]
        )


OPERATORS: dict[Any, Any] = {
    cst.AddAssign: cst.Add, cst.SubtractAssign: cst.Subtract, cst.MultiplyAssign: cst.Multiply,
    cst.DivideAssign: cst.Divide, cst.PowerAssign: cst.Power,
}  # fmt: skip
SUMS = (cst.Add, cst.Subtract)


def _not_in_place(part: cst.AugAssign) -> cst.Assign:
    """t += v  ->  t = t + v, of what has no other name"""
    operator, value = OPERATORS[type(part.operator)](), part.value
    simple = isinstance(value, cst.Name | cst.Call | cst.Subscript | cst.Attribute)
    match value:
        case cst.Integer() | cst.Float():
            simple = True
        case cst.BinaryOperation(operator=cst.Multiply() | cst.Power() | cst.Divide()):
            simple = isinstance(operator, SUMS)
        case _:
            pass
    if not simple and not value.lpar:
        value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    target = part.target
    assert isinstance(target, cst.Name)
    new = cst.BinaryOperation(cst.Name(target.value), operator, value)
    return cst.Assign([cst.AssignTarget(target)], new)


def _owned(function: cst.FunctionDef, name: str) -> bool:
    """No other name ever holds what this one holds: it begins as a number, and is read in arithmetic only."""
    if name in {p.name.value for p in parameters_of(function)}:
        return False
    return all(_is_fresh(n, name) for n in nodes_in(function.body))


def _is_fresh(node: cst.CSTNode, name: str) -> bool:
    """What the node does with `name` gives its value no second name."""
    arithmetic = cst.BinaryOperation | cst.UnaryOperation | cst.Comparison
    number = cst.BinaryOperation | cst.Integer | cst.Float | cst.UnaryOperation
    match node:
        case cst.AugAssign(target=cst.Name(value=target), value=value) if (
            target == name
        ):
            return not _is_name(value, name)
        case cst.Assign(targets=targets, value=value):
            given = any(name in set(names_of_target(t.target)) for t in targets)
            if given and not (len(targets) == 1 and isinstance(value, number)):
                return False
            return not _is_name(value, name)
        case cst.For(target=target) | cst.NamedExpr(target=target):
            return name not in set(names_of_target(target))
        case cst.NameItem() | cst.ComparisonTarget() | cst.AssignTarget():
            return True
        case _ if isinstance(node, arithmetic | cst.Subscript):
            return True
        case cst.AnnAssign(target=target):
            return not _is_name(target, name)
        case _:
            return not any(_is_name(child, name) for child in children_of(node))


def _is_name(node: Any, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


class _Values(cst.CSTTransformer):
    """Names in place of calls."""

    def __init__(self, values: dict[cst.CSTNode, cst.Name]):
        super().__init__()
        self.values = values

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        return self.values.get(original_node, updated_node)


def _returns_value(function: cst.FunctionDef) -> bool:
    """It returns something, and does so wherever it returns."""
    values = [r.value for r in _returns(function.body)]
    given = [v is not None and not _is_none(v) for v in values]
    if any(given) and not all(given):
        raise NotWritten
    return any(given)


def _returns(node: cst.CSTNode) -> Iterator[cst.Return]:
    for child in children_of(node):
        if isinstance(child, cst.Return):
            yield child
        elif not isinstance(child, cst.FunctionDef | cst.Lambda | cst.ClassDef):
            yield from _returns(child)


def _is_none(value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.Name) and value.value == "None"


__all__ = ["without_nonlocal"]
