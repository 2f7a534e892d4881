"""Function node -> the same function with one exit: early returns are branches that assign the result.

    if c:                        if c:
        return a                     out = a
    b = f(a)             ->      else:
    return b                         b = f(a)
                                     out = b
                                 return out

What follows a statement that may return stands in its other branch; a loop that may return is left with a flag
that says so. A function with one return at its end is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import libcst as cst

from flatgrad.frontend.module import children_of, names_in_text

Lines = Sequence[Any]
LONGEST = 12  # statements that are written twice where both branches may go on


class TooManyExits(Exception):
    """The returns at `node` cannot be written as branches."""

    def __init__(self, what: str, node: cst.CSTNode):
        super().__init__(what)
        self.what, self.node = what, node


@lru_cache(maxsize=256)
def single_exit(function: cst.FunctionDef) -> cst.FunctionDef:
    """The function with its one return at the end."""
    body = function.body
    if not isinstance(body, cst.IndentedBlock) or not _returns_early(body.body):
        return function
    names = _names_of_results(function)
    taken = names_in_text(cst.Module([function]).code)
    lines = _Exits(function, names, _free("returned", taken)).through(list(body.body))
    results = [cst.Element(cst.Name(n)) for n in names]
    value: Any = (
        cst.Name(names[0]) if len(names) == 1 else cst.Tuple(results, lpar=[], rpar=[])
    )
    end = cst.SimpleStatementLine([cst.Return(value)])
    return function.with_changes(body=body.with_changes(body=[*lines, end]))


def without_ternary_result(function: cst.FunctionDef) -> cst.FunctionDef:
    """return a if c else b  ->  if c: return a, and return b: what each way calls can be kept there."""
    body = function.body
    if not isinstance(body, cst.IndentedBlock) or not body.body:
        return function
    *before, last = body.body
    match last:
        case cst.SimpleStatementLine(
            body=[cst.Return(value=cst.IfExp(test=test, body=a, orelse=b))]
        ):
            first = cst.IndentedBlock([cst.SimpleStatementLine([cst.Return(a)])])
            second = cst.IndentedBlock([cst.SimpleStatementLine([cst.Return(b)])])
            branch = cst.If(
                test, first, cst.Else(second), leading_lines=last.leading_lines
            )
            return function.with_changes(body=body.with_changes(body=[*before, branch]))
        case _:
            return function


def _returns_early(lines: Lines) -> bool:
    return any(may_return(line) for line in lines[:-1]) or (
        bool(lines) and not _is_return(lines[-1]) and may_return(lines[-1])
    )


def _is_return(line: Any) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and any(
        isinstance(part, cst.Return) for part in line.body
    )


def may_return(node: cst.CSTNode) -> bool:
    """Some path through the statement returns."""
    return next(_found(node, cst.Return, through_loops=True), None) is not None


def may_leave(node: cst.CSTNode) -> bool:
    """Some path through the statement leaves or restarts the loop around it."""
    kinds = (cst.Break, cst.Continue)
    return next(_found(node, kinds, through_loops=False), None) is not None


def may_break(node: cst.CSTNode) -> bool:
    """Some path through the statement leaves the loop around it."""
    return next(_found(node, cst.Break, through_loops=False), None) is not None


def _found(node: cst.CSTNode, kinds: Any, through_loops: bool) -> Iterator[Any]:
    stack = [node]
    while stack:
        current = stack.pop()
        match current:
            case cst.FunctionDef() | cst.Lambda() | cst.ClassDef():
                pass
            case cst.For() | cst.While() if not through_loops:
                if current.orelse is not None:
                    stack.append(current.orelse)
            case _ if isinstance(current, kinds):
                yield current
            case cst.BaseExpression():
                pass
            case _:
                stack.extend(reversed(children_of(current)))


def falls_through(lines: Lines) -> bool:
    """Control may reach what follows these lines."""
    return not any(_never_ends(line) for line in lines)


def _never_ends(line: Any) -> bool:
    """Control never gets past the line."""
    ends = cst.Return | cst.Raise | cst.Break | cst.Continue
    match line:
        case cst.SimpleStatementLine(body=parts) | cst.SimpleStatementSuite(body=parts):
            return any(isinstance(part, ends) for part in parts)
        case cst.If(body=body, orelse=orelse) if orelse is not None:
            return not falls_through(lines_of(body)) and not falls_through(
                otherwise(line)
            )
        case cst.With(body=body):
            return not suppresses(line) and not falls_through(lines_of(body))
        case cst.Try() if only_raises(line):
            return not falls_through(_tried(line))
        case cst.While(test=cst.Name(value="True")):
            return not may_break(line.body)
        case _:
            return False


def suppresses(line: cst.With) -> bool:
    """A manager may end the body in the middle, and what follows is run all the same."""
    code = cst.Module([]).code_for_node
    return any(
        "suppress" in code(i.item) or "raises" in code(i.item) for i in line.items
    )


def only_raises(line: cst.Try) -> bool:
    """Whatever goes wrong in the statement leaves the function."""
    return all(
        not falls_through(lines_of(h.body)) and not _goes_on(h) for h in line.handlers
    )


def _goes_on(handler: cst.ExceptHandler) -> bool:
    kinds = (cst.Return, cst.Break, cst.Continue)
    return next(_found(handler.body, kinds, through_loops=True), None) is not None


def _tried(line: cst.Try) -> list[Any]:
    """The lines that are run where nothing goes wrong."""
    more = (line.orelse, line.finalbody)
    return [
        *lines_of(line.body),
        *(n for part in more if part is not None for n in lines_of(part.body)),
    ]


def lines_of(suite: Any) -> list[Any]:
    """The lines of a body, also of one that stands beside its colon."""
    if isinstance(suite, cst.SimpleStatementSuite):
        return [_line_beside(suite)]
    return list(suite.body)


@lru_cache(4096)
def _line_beside(suite: cst.SimpleStatementSuite) -> cst.SimpleStatementLine:
    """The same line whenever it is asked for: what is read of it is known by the line."""
    return cst.SimpleStatementLine(suite.body)


def otherwise(node: cst.If) -> list[Any]:
    """The lines that are run where the test fails; an elif is one line."""
    match node.orelse:
        case cst.If() as inner:
            return [inner]
        case cst.Else(body=body):
            return lines_of(body)
        case _:
            return []


# --- names of results ----------------------------------------------------------------------------------------


def _names_of_results(function: cst.FunctionDef) -> list[str]:
    """What each result is called: as the user calls it wherever it is returned, else out."""
    values = [r.value for r in _found(function.body, cst.Return, through_loops=True)]
    columns = _columns(values)
    taken = names_in_text(cst.Module([function]).code)
    several = len(columns) > 1
    names: list[str] = []
    for position, column in enumerate(columns):
        plain = {c.value for c in column if isinstance(c, cst.Name)}
        alike = len(plain) == 1 and all(isinstance(c, cst.Name) for c in column)
        if alike and not plain & {*names, "None", "True", "False"}:
            names.append(plain.pop())
        else:
            wanted = f"out{position + 1}" if several else "out"
            names.append(_free(wanted, taken | set(names)))
    return names


def _columns(values: Sequence[Any]) -> list[list[Any]]:
    """The results one by one, where each return is a tuple of as many."""
    tuples = [v for v in values if isinstance(v, cst.Tuple)]
    lengths = {len(t.elements) for t in tuples}
    starred = any(isinstance(e, cst.StarredElement) for t in tuples for e in t.elements)
    if len(tuples) == len(values) and len(lengths) == 1 and not starred:
        return [[t.elements[i].value for t in tuples] for i in range(lengths.pop())]
    return [list(values)]


def _free(wanted: str, taken: set[str]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


# --- the way through -----------------------------------------------------------------------------------------


@dataclass
class _Exits:
    """Rewrites lines so that every path assigns the results `names` and reaches the end."""

    function: cst.FunctionDef
    names: list[str]
    flag: str  # says that a loop within a loop has returned

    def through(self, lines: list[Any]) -> list[Any]:
        """`lines`, which return on every path, with assignments in the place of returns."""
        for position, line in enumerate(lines):
            if _is_return(line):
                return [*lines[:position], *self._assigned(line)]
            if may_return(line):
                rest = lines[position + 1 :]
                return [*lines[:position], *self._statement(line, rest)]
        if falls_through(lines):
            raise TooManyExits(
                "a way through the function that returns nothing",
                lines[-1] if lines else self.function,
            )
        return lines

    def _statement(self, line: Any, rest: list[Any]) -> list[Any]:
        match line:
            case cst.If():
                return self._branch(line, rest)
            case cst.For() | cst.While():
                return self._loop(line, rest)
            case cst.With(body=body) if not suppresses(line):
                inner = self.through([*lines_of(body), *rest])
                return [line.with_changes(body=_block(body, inner))]
            case cst.Try(body=body, orelse=None, finalbody=None) if only_raises(
                line
            ) and not falls_through(lines_of(body)):
                return [
                    line.with_changes(body=_block(body, self.through(lines_of(body))))
                ]
            case _:
                raise TooManyExits("a return from within this statement", line)

    def _branch(self, line: cst.If, rest: list[Any]) -> list[Any]:
        """What follows belongs to the branches that do not return."""
        here, there = lines_of(line.body), otherwise(line)
        both = falls_through(here) and falls_through(there)
        if both and len(rest) > LONGEST:
            raise TooManyExits("a return on one of several paths", line)
        copies = [n.deep_clone() for n in rest] if both else rest
        then = (
            self.through([*here, *copies])
            if falls_through(here)
            else self.through(here)
        )
        other = [*there, *rest] if falls_through(there) else there
        return [_conditional(line, then, self.through(other))]

    def _loop(self, line: cst.For | cst.While, rest: list[Any]) -> list[Any]:
        """A return within leaves the loop; what follows is run where the loop was not left so."""
        if _never_ends(line):
            rest = []
        flagged = bool(rest) or _in_inner_loop(line.body)
        left: list[Any] = [line.with_changes(body=self._leaving(line.body, flagged))]
        if flagged:
            left = [
                self._flagged("False").with_changes(leading_lines=line.leading_lines),
                left[0].with_changes(leading_lines=()),
            ]
        test = cst.UnaryOperation(cst.Not(), cst.Name(self.flag))
        tail = [cst.If(test, cst.IndentedBlock(self.through(rest)))] if rest else []
        return [*left, *tail]

    def _flagged(self, value: str) -> cst.SimpleStatementLine:
        target = cst.AssignTarget(cst.Name(self.flag))
        return cst.SimpleStatementLine([cst.Assign([target], cst.Name(value))])

    def _leaving(self, suite: Any, flagged: bool) -> Any:
        """The body of a loop with `break` in the place of return."""
        lines: list[Any] = []
        for line in lines_of(suite):
            lines += self._left(line, flagged)
        return _block(suite, lines)

    def _left(self, line: Any, flagged: bool) -> list[Any]:
        leave = cst.SimpleStatementLine([cst.Break()])
        if _is_return(line):
            mark = [self._flagged("True")] if flagged else []
            return [*self._assigned(line), *mark, leave]
        if not may_return(line):
            return [line]
        match line:
            case cst.If(body=body, orelse=orelse):
                new = line.with_changes(body=self._leaving(body, flagged))
                return [new.with_changes(orelse=self._left_else(orelse, flagged))]
            case cst.For(body=body) | cst.While(body=body) if line.orelse is None:
                inner = line.with_changes(body=self._leaving(body, flagged))
                out = cst.If(cst.Name(self.flag), cst.IndentedBlock([leave]))
                return [inner, out]
            case cst.With(body=body) if not suppresses(line):
                return [line.with_changes(body=self._leaving(body, flagged))]
            case _:
                raise TooManyExits("a return from within this statement", line)

    def _left_else(self, orelse: Any, flagged: bool) -> Any:
        match orelse:
            case cst.If():
                return self._left(orelse, flagged)[0]
            case cst.Else(body=body):
                return orelse.with_changes(body=self._leaving(body, flagged))
            case _:
                return None

    def _assigned(self, line: Any) -> list[Any]:
        """out = value, in the place of `return value`; nothing where it is so already."""
        *before, last = line.body
        value = last.value
        if value is None or (isinstance(value, cst.Name) and value.value == "None"):
            raise TooManyExits("a way through the function that returns nothing", line)
        lines = [cst.SimpleStatementLine([b]) for b in before]
        if cst.Module([]).code_for_node(value).strip("()") == ", ".join(self.names):
            return lines or [cst.SimpleStatementLine([cst.Pass()])]
        elements = [cst.Element(cst.Name(n)) for n in self.names]
        target: Any = (
            cst.Name(self.names[0])
            if len(elements) == 1
            else cst.Tuple(elements, lpar=[], rpar=[])
        )
        new = line.with_changes(body=[cst.Assign([cst.AssignTarget(target)], value)])
        return [*lines, new]


def _in_inner_loop(suite: Any) -> bool:
    """A return stands in a loop within these lines."""
    for node in _found(suite, (cst.For, cst.While), through_loops=True):
        if may_return(node):
            return True
    return False


def _conditional(line: cst.If, then: list[Any], other: list[Any]) -> cst.If:
    """`if` with new branches; a branch that is one `if` is an elif."""
    orelse: Any = None
    match other:
        case [cst.If() as inner] if not inner.leading_lines:
            orelse = inner
        case [_, *_]:
            header = (
                line.orelse.leading_lines if isinstance(line.orelse, cst.Else) else ()
            )
            orelse = cst.Else(cst.IndentedBlock(other), leading_lines=header)
    return line.with_changes(body=_block(line.body, then), orelse=orelse)


def _block(suite: Any, lines: list[Any]) -> cst.IndentedBlock:
    """A body of other lines, with the comments that the old one had at its ends."""
    lines = lines or [cst.SimpleStatementLine([cst.Pass()])]
    if isinstance(suite, cst.IndentedBlock):
        return suite.with_changes(body=lines)
    return cst.IndentedBlock(lines)
