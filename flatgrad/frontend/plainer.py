"""Function node -> the same function with fewer kinds of statements.

What nested functions call nonlocal they take and return (rebinding.py), a match statement becomes if and elif
(matches.py), a shuffle a draw of an order and a store (shuffles.py), the else of a loop an if statement after it, a
name that is assigned in the test of a while loop is assigned in the loop, and what follows an if statement in which
one of several ways leaves the loop stands in its branches.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from flatgrad.frontend.exits import (
    LONGEST,
    TooManyExits,
    falls_through,
    lines_of,
    may_break,
    may_leave,
    otherwise,
)
from flatgrad.frontend.matches import Fresh, branches_of
from flatgrad.frontend.module import names_in_text, nodes_in
from flatgrad.frontend.rebinding import without_nonlocal
from flatgrad.frontend.shuffles import is_shuffle, rewriting

Lines = list[Any]


@functools.lru_cache(maxsize=256)
def plainer(function: cst.FunctionDef) -> cst.FunctionDef:
    """The function itself where there is nothing to write in another way."""
    function = without_nonlocal(function)
    if not any(_is_special(node) for node in nodes_in(function.body)):
        return function
    fresh = Fresh(names_in_text(cst.Module([function]).code))
    changed = rewritten_suite(function.body, rewriting(function, fresh))
    changed = rewritten_suite(changed, _statements(fresh))
    return function.with_changes(body=rewritten_suite(changed, _ways))


def _is_special(node: cst.CSTNode) -> bool:
    match node:
        case cst.Match() | cst.Break() | cst.Continue():
            return True
        case cst.For(orelse=cst.Else()) | cst.While(orelse=cst.Else()):
            return True
        case cst.While(test=test):
            return _assigns(test)
        case _:
            return is_shuffle(node)


def _assigns(test: cst.CSTNode) -> bool:
    return any(isinstance(n, cst.NamedExpr) for n in nodes_in(test))


def rewritten_suite(suite: Any, rewrite: Callable[[Lines], Lines]) -> Any:
    """A body whose lines, and those of every body within, are rewritten."""
    if not isinstance(suite, cst.IndentedBlock):
        return suite
    lines = rewrite([_inside(line, rewrite) for line in suite.body])
    same = len(lines) == len(suite.body) and all(
        a is b for a, b in zip(lines, suite.body, strict=True)
    )
    return suite if same else suite.with_changes(body=lines)


def _inside(line: Any, rewrite: Callable[[Lines], Lines]) -> Any:
    """The line with its bodies rewritten; the line itself where nothing is."""
    changes: dict[str, Any] = {}
    for key in ("body", "orelse", "finalbody"):
        part = getattr(line, key, None)
        if isinstance(part, cst.IndentedBlock):
            changes[key] = rewritten_suite(part, rewrite)
        elif isinstance(part, cst.Else | cst.Finally | cst.If):
            changes[key] = _inside(part, rewrite)
    for key in ("handlers", "cases"):
        if (parts := getattr(line, key, None)) is not None:
            new = [_inside(p, rewrite) for p in parts]
            changes[key] = (
                parts if all(a is b for a, b in zip(new, parts, strict=True)) else new
            )
    changes = {k: v for k, v in changes.items() if v is not getattr(line, k)}
    return line.with_changes(**changes) if changes else line


# --- match, and names assigned in the test of a loop ---------------------------------------------------------------


def _statements(fresh: Fresh) -> Callable[[Lines], Lines]:
    def rewrite(lines: Lines) -> Lines:
        found: Lines = []
        for line in lines:
            match line:
                case cst.Match():
                    found += branches_of(line, fresh) or [line]
                case cst.For() | cst.While() if line.orelse is not None:
                    found += [
                        _walrus_within(part) for part in _without_else(line, fresh)
                    ]
                case _:
                    found.append(_walrus_within(line))
        return found

    return rewrite


def _walrus_within(line: Any) -> Any:
    match line:
        case cst.While(test=test, orelse=None) if _assigns(test):
            return _tested_within(line)
        case _:
            return line


def _without_else(line: Any, fresh: Fresh) -> Lines:
    """for ...: break, else: rest  ->  a variable that says that the loop was completed, and if it was: rest"""
    orelse, plain = line.orelse, line.with_changes(orelse=None)
    if not may_break(line.body):
        return [plain, *lines_of(orelse.body)]
    name = fresh.name("completed")
    body = _marked(line.body, name)
    suite = orelse.body
    block = (
        suite
        if isinstance(suite, cst.IndentedBlock)
        else cst.IndentedBlock(lines_of(suite))
    )
    rest = cst.If(cst.Name(name), block, leading_lines=orelse.leading_lines)
    start = _given(name, "True").with_changes(leading_lines=line.leading_lines)
    return [start, plain.with_changes(body=body, leading_lines=()), rest]


def _given(name: str, value: str) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine(
        [cst.Assign([cst.AssignTarget(cst.Name(name))], cst.Name(value))]
    )


def _marked(suite: Any, name: str) -> cst.IndentedBlock:
    """completed = False before each break that leaves the loop."""
    found: Lines = []
    for line in lines_of(suite):
        match line:
            case cst.SimpleStatementLine(body=[*before, cst.Break() as leave]):
                kept = [line.with_changes(body=[p]) for p in before]
                found += [
                    *kept,
                    _given(name, "False"),
                    cst.SimpleStatementLine([leave]),
                ]
            case cst.For() | cst.While() | cst.FunctionDef() | cst.ClassDef():
                found.append(line)
            case _ if may_break(line):
                found.append(_marked_within(line, name))
            case _:
                found.append(line)
    return (
        suite.with_changes(body=found)
        if isinstance(suite, cst.IndentedBlock)
        else cst.IndentedBlock(found)
    )


def _marked_within(line: Any, name: str) -> Any:
    changes: dict[str, Any] = {"body": _marked(line.body, name)}
    match getattr(line, "orelse", None):
        case cst.If() as inner:
            changes["orelse"] = _marked_within(inner, name)
        case cst.Else(body=body) as other:
            changes["orelse"] = other.with_changes(body=_marked(body, name))
        case _:
            pass
    return line.with_changes(**changes)


def _tested_within(line: cst.While) -> cst.While:
    """while (e := f(x)) > t: ...  ->  while True: e = f(x), and a break where the test fails"""
    match line.test:
        case cst.Comparison(
            left=cst.NamedExpr(target=cst.Name() as target, value=value)
        ):
            test: Any = line.test.with_changes(left=cst.Name(target.value))
            first = [
                cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(target)], value)])
            ]
        case test:
            first = []
    grouped = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    fails = cst.UnaryOperation(cst.Not(), grouped)
    leave = cst.If(fails, cst.IndentedBlock([cst.SimpleStatementLine([cst.Break()])]))
    body = line.body
    lines = [*first, leave, *lines_of(body)]
    new = (
        body.with_changes(body=lines)
        if isinstance(body, cst.IndentedBlock)
        else cst.IndentedBlock(lines)
    )
    return line.with_changes(test=cst.Name("True"), body=new)


# --- ways that leave a loop ----------------------------------------------------------------------------------------


def _ways(lines: Lines) -> Lines:
    """Where both branches may go on, and one may leave the loop too, what follows stands in both."""
    for position, line in enumerate(lines):
        rest = lines[position + 1 :]
        if isinstance(line, cst.If) and rest and may_leave(line) and _both_go_on(line):
            return [*lines[:position], _with_rest(line, rest)]
    return lines


def _both_go_on(line: cst.If) -> bool:
    return falls_through(lines_of(line.body)) and falls_through(otherwise(line))


def _with_rest(line: cst.If, rest: Sequence[Any]) -> cst.If:
    if len(rest) > LONGEST:
        raise TooManyExits("a break or continue on one of several paths", line)
    copies = [n.deep_clone() for n in rest]
    then = _ways([*lines_of(line.body), *copies])
    other = _ways([*otherwise(line), *rest])
    block = (
        line.body if isinstance(line.body, cst.IndentedBlock) else cst.IndentedBlock([])
    )
    header = line.orelse.leading_lines if isinstance(line.orelse, cst.Else) else ()
    orelse = cst.Else(cst.IndentedBlock(other), leading_lines=header)
    return line.with_changes(body=block.with_changes(body=then), orelse=orelse)


__all__ = ["plainer", "rewritten_suite"]
