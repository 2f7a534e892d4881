"""A match statement -> if, elif and else; what the patterns bind is assigned at the start of each branch.

match kind:                        if kind == "relu":
    case "relu":                       ...
    case "elu" | "celu":           elif kind in ("elu", "celu"):
    case other if other in more:   elif kind in more:
                                       other = kind
    case _:                        else:
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

PARENTHESES = {"lpar": [cst.LeftParen()], "rpar": [cst.RightParen()]}
NUMBERED = {
    "int",
    "float",
    "str",
    "bool",
    "complex",
    "bytes",
    "tuple",
    "list",
    "dict",
}  # cls(x) binds the value itself
CONSTANTS = (cst.Integer, cst.Float, cst.SimpleString, cst.UnaryOperation)


class Unreadable(Exception):
    """A pattern that is not written as a test."""


@dataclass
class Fresh:
    """Names that the function does not have yet."""

    taken: set[str]

    def name(self, wanted: str) -> str:
        """`wanted`, with underscores as long as it is taken."""
        while wanted in self.taken:
            wanted += "_"
        self.taken.add(wanted)
        return wanted


@dataclass
class Found:
    """What a pattern asks of its subject, and the names that it gives to parts of it."""

    tests: list[Any] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)

    def add(self, other: Found) -> None:
        self.tests += other.tests
        self.names |= other.names


def branches_of(node: cst.Match, fresh: Fresh) -> list[Any] | None:
    """The lines in the place of the statement; None where a pattern cannot be written so."""
    first, subject = _subject(node.subject, fresh)
    try:
        cases = [_case(case, subject) for case in node.cases]
    except Unreadable:
        return None
    branch = _chain(node.cases, cases)
    if first:
        first[0] = first[0].with_changes(leading_lines=node.leading_lines)
        return [*first, *(branch if isinstance(branch, list) else [branch])]
    return branch if isinstance(branch, list) else [_led(branch, node.leading_lines)]


def _led(branch: cst.If, lines: Sequence[cst.EmptyLine]) -> cst.If:
    return branch.with_changes(leading_lines=[*lines, *branch.leading_lines])


def _subject(node: Any, fresh: Fresh) -> tuple[list[Any], Any]:
    """The subject under a name, or the names of its parts."""
    match node:
        case cst.Name():
            return [], node
        case cst.Tuple(elements=elements) if all(
            isinstance(e, cst.Element) for e in elements
        ):
            pairs = [_subject(e.value, fresh) for e in elements]
            parts = [cst.Element(p) for _, p in pairs]
            return [line for lines, _ in pairs for line in lines], node.with_changes(
                elements=parts
            )
        case cst.Integer() | cst.Float() | cst.SimpleString():
            return [], node
        case _:
            name = fresh.name("matched")
            line = cst.SimpleStatementLine(
                [cst.Assign([cst.AssignTarget(cst.Name(name))], node)]
            )
            return [line], cst.Name(name)


def _case(case: cst.MatchCase, subject: Any) -> Found:
    found = _pattern(case.pattern, subject)
    if case.guard is not None:
        guard: Any = case.guard
        if found.names:
            guard = guard.visit(_Named(found.names))
        found.tests.append(guard)
    return found


class _Named(cst.CSTTransformer):
    """The parts of the subject in the place of the names that a pattern gives them."""

    def __init__(self, names: dict[str, Any]):
        super().__init__()
        self.names = names

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        return not isinstance(node.value, cst.Name) or node.value.value in self.names

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> Any:
        found = self.names.get(updated_node.value)
        return updated_node if found is None else found.deep_clone()


# --- patterns ------------------------------------------------------------------------------------------------------


def _pattern(pattern: Any, subject: Any) -> Found:
    match pattern:
        case cst.MatchValue(value=value):
            return Found([_compared(subject, cst.Equal(), value)])
        case cst.MatchSingleton(value=value):
            return Found([_compared(subject, cst.Is(), value)])
        case cst.MatchAs(pattern=None, name=None):
            return Found()
        case cst.MatchAs(pattern=inner, name=name):
            found = _pattern(inner, subject) if inner is not None else Found()
            if name is not None:
                found.names[name.value] = subject
            return found
        case cst.MatchOr(patterns=patterns):
            return _alternatives([p.pattern for p in patterns], subject)
        case cst.MatchTuple(patterns=patterns) | cst.MatchList(patterns=patterns):
            return _sequence(patterns, subject)
        case cst.MatchClass():
            return _instance(pattern, subject)
        case _:
            raise Unreadable


def _compared(subject: Any, operator: Any, value: Any) -> cst.Comparison:
    if isinstance(subject, cst.Tuple):
        raise Unreadable
    return cst.Comparison(subject.deep_clone(), [cst.ComparisonTarget(operator, value)])


def _alternatives(patterns: Sequence[Any], subject: Any) -> Found:
    """a | b | c"""
    values = [p.value for p in patterns if isinstance(p, cst.MatchValue)]
    if len(values) == len(patterns) and all(isinstance(v, CONSTANTS) for v in values):
        options = cst.Tuple([cst.Element(v) for v in values])
        return Found([_compared(subject, cst.In(), options)])
    found = [_pattern(p, subject) for p in patterns]
    if any(f.names for f in found) or not all(f.tests for f in found):
        raise Unreadable
    return Found([_joined([_joined(f.tests, cst.And()) for f in found], cst.Or())])


def _sequence(patterns: Sequence[Any], subject: Any) -> Found:
    if any(isinstance(p, cst.MatchStar) for p in patterns):
        raise Unreadable
    found = Found()
    if isinstance(subject, cst.Tuple):
        if len(subject.elements) != len(patterns):
            raise Unreadable
        parts = [e.value for e in subject.elements]
    else:
        name = cst.Module([]).code_for_node(subject)
        count = len(patterns)
        found.tests.append(cst.parse_expression(f"isinstance({name}, (list, tuple))"))
        found.tests.append(cst.parse_expression(f"len({name}) == {count}"))
        parts = [cst.parse_expression(f"{name}[{i}]") for i in range(count)]
    for inner, part in zip(patterns, parts, strict=True):
        found.add(_pattern(inner.value, part))
    return found


def _instance(pattern: cst.MatchClass, subject: Any) -> Found:
    """cls(), float(x), Point(x=0)"""
    code = cst.Module([]).code_for_node
    if isinstance(subject, cst.Tuple):
        raise Unreadable
    name = code(subject)
    found = Found([cst.parse_expression(f"isinstance({name}, {code(pattern.cls)})")])
    if pattern.patterns:
        if code(pattern.cls) not in NUMBERED or len(pattern.patterns) > 1:
            raise Unreadable
        found.add(_pattern(pattern.patterns[0].value, subject))
    for keyword in pattern.kwds:
        part = cst.parse_expression(f"{name}.{keyword.key.value}")
        found.add(_pattern(keyword.pattern, part))
    return found


# --- branches ------------------------------------------------------------------------------------------------------


def _joined(tests: Sequence[Any], operator: Any) -> Any:
    first, *rest = tests
    found = first
    for test in rest:
        found = cst.BooleanOperation(
            _grouped(found, operator), operator, _grouped(test, operator)
        )
    return found


def _grouped(node: Any, operator: Any) -> Any:
    """With the parentheses that an operand of `and` or `or` needs."""
    loose = isinstance(node, cst.BooleanOperation) and type(node.operator) is not type(
        operator
    )
    loose = loose or isinstance(node, cst.IfExp | cst.Lambda | cst.NamedExpr)
    return node.with_changes(**PARENTHESES) if loose and not node.lpar else node


def _chain(cases: Sequence[cst.MatchCase], found: Sequence[Found]) -> Any:
    """if, elif, else; the lines alone where the first case takes everything."""
    branch: Any = None
    for case, what in reversed(list(zip(cases, found, strict=True))):
        body = _body(case, what)
        if what.tests:
            test = _joined(what.tests, cst.And())
            branch = cst.If(test, body, branch, leading_lines=case.leading_lines)
        else:
            branch = cst.Else(body, leading_lines=case.leading_lines)
    return list(branch.body.body) if isinstance(branch, cst.Else) else branch


def _body(case: cst.MatchCase, found: Found) -> Any:
    """The lines of a case, after the names that its pattern binds."""
    lines = [
        cst.SimpleStatementLine(
            [cst.Assign([cst.AssignTarget(cst.Name(n))], part.deep_clone())]
        )
        for n, part in found.names.items()
        if not (isinstance(part, cst.Name) and part.value == n)
    ]
    body: Any = case.body
    if isinstance(body, cst.SimpleStatementSuite):
        body = cst.IndentedBlock([cst.SimpleStatementLine(body.body)])
    return body.with_changes(body=[*lines, *body.body]) if lines else body
