"""Tangent equations -> lines, each with its place in the forward part: before or after the statement whose tangent it is.

A line stands after its statement, where the results are at hand, unless it reads what the statement overwrites.
What the call of a helper needs stands before the statement with the call.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from flatgrad.emit.alongside import Alongside, callers
from flatgrad.emit.edits import Editor, Paired
from flatgrad.emit.expressions import print_statement
from flatgrad.emit.lines import Line, Lines, Nest, Printed
from flatgrad.emit.parts import INDENT
from flatgrad.frontend.exits import falls_through, lines_of, may_leave, otherwise
from flatgrad.frontend.module import names_in_text
from flatgrad.graph import Atom, Eqn, Statement

BEFORE, AFTER, FIRST, LAST = "before", "after", "first", "last"


@dataclass(frozen=True)
class Placed(Printed):
    """Statements with their place beside `statement`, and when in its evaluation they can be executed."""

    where: str = AFTER
    when: int = -1


class Tangents(Lines):
    """The lines of one block of tangents."""

    available: Alongside

    def print(self) -> list[Printed]:
        if self._is_inline():
            return super().print()  # all in the place of the line that holds the block
        found: list[Printed] = []
        when = -1
        places = self._places()
        for number, (line, where) in enumerate(zip(self.lines, places, strict=True)):
            statement = self._at(line)
            if where == LAST:
                self.available.move(_last_within(statement), after=True)
            else:
                self.available.move(statement, after=where == AFTER)
            when = max(when, self._when(line))
            nodes = self._line(number, line)
            if nodes:
                found.append(Placed(statement, nodes, where=where, when=when))
        return found

    def _folds(self, eqn: Eqn, size: int, results: set[Atom]) -> bool:
        return eqn.op != "call_jvp" and super()._folds(eqn, size, results)

    def _when(self, line: Line) -> int:
        """When all is there that a line reads of the forward part."""
        editor = self.available.editor
        if line.eqn.op == "call_jvp":
            return editor.when(line.eqn.attrs["call"].outs[-1])
        return max((editor.when(v) for v in line.reads), default=-1)

    def _line(self, number: int, line: Line) -> list[Any]:
        if line.eqn.op == "call_jvp":
            self._call(number, line.eqn)
            return []
        return super()._line(number, line)

    # --- where a line stands ---------------------------------------------------------

    def _at(self, line: Line) -> Statement | None:
        """The statement beside which a line stands."""
        out = line.eqn.outs[0] if line.eqn.op != "call_jvp" else None
        return self.available.place_of(out, line.eqn.statement)

    def _places(self) -> list[str]:
        """The place of each line: before what it is needed for, else all of a statement on one side of it."""
        waiting: set[Statement] = set()  # what comes next is evaluated within these
        early: list[bool] = []
        for line in reversed(self.lines):
            statement = self._at(line)
            early.append(statement is None or statement in waiting)
            if statement is not None:
                waiting.update(callers(statement))
                if line.eqn.op == "call_jvp":
                    waiting.add(statement)
        early.reverse()
        groups: dict[Statement | None, list[Line]] = {}
        for line, sooner in zip(self.lines, early, strict=True):
            if not sooner:
                groups.setdefault(self._at(line), []).append(line)
        sides: dict[Statement | None, str] = {}
        found: list[str] = []
        for line, sooner in zip(self.lines, early, strict=True):
            own = self._at(line)
            if not sooner and own not in sides:
                sides[own] = self._side(own, groups[own])
            found.append(BEFORE if sooner else sides[own])
            if line.eqn.attrs.get("along") or self._follows(line, own):
                sides[own] = LAST if sides.get(own) in (FIRST, LAST) else AFTER
                found[-1] = BEFORE if line.eqn.attrs.get("along") else sides[own]
        body = next((i for i, side in enumerate(found) if side != FIRST), len(found))
        return [LAST if s == FIRST and i > body else s for i, s in enumerate(found)]

    def _follows(self, line: Line, statement: Statement | None) -> bool:
        """The line belongs to a branch or loop, and to what comes after it."""
        if statement is None or not line.eqn.outs:
            return False
        compound = isinstance(statement.node, cst.BaseCompoundStatement)
        follows = self.available.follows(line.eqn.outs[0], statement)
        return compound and follows and not self._is_header(statement)

    def _side(self, statement: Statement | None, lines: Sequence[Line]) -> str:
        """After the statement, unless that is a loop, or has overwritten what these lines read."""
        assert statement is not None
        if self._is_header(statement):
            if not isinstance(statement.node, cst.For):
                what = "the tangent needs a value from within this condition"
                step = "compute it on a line of its own"
                raise self.available.editor.refusal("FG123", what, step, statement.node)
            return FIRST
        if isinstance(statement.node, cst.BaseCompoundStatement):
            return BEFORE
        reads = {v for line in lines for v in line.reads if v not in self.defs}
        if any(self.available.written_by(v, statement) for v in reads):
            return AFTER
        changed = any(statement in self.available.changes(v) for v in reads)
        return BEFORE if changed else AFTER

    def _is_inline(self) -> bool:
        """The block is a way through an expression, not one through the text."""
        return self.outer is not None and "along" not in self._around().attrs

    def _around(self) -> Eqn:
        assert self.outer is not None
        return self.outer.lines[self.at].eqn

    def _is_header(self, statement: Statement) -> bool:
        """The block is the body of this loop: what belongs to the loop itself gives its items."""
        return self.outer is not None and self._around().statement is statement

    def _parameter(self, pair: Any, name: str) -> str:
        """How the helper calls the tangent of this parameter: not by a name that it has already."""
        code = self.available.function.module.code(pair.callee.node)
        wanted = f"{self.prefix}{name}"
        while wanted in names_in_text(code):
            wanted += "_"
        return wanted

    # --- helpers with a function for their tangents ------------------------------------

    def _call(self, number: int, eqn: Eqn) -> None:
        """y = f(x)  ->  y, dot_y = f_jvp(x, dot_x): an edit of the forward line."""
        call: Eqn = eqn.attrs["call"]
        pair = eqn.attrs["pair"]
        editor: Editor = self.available.editor
        if self._is_inline():  # the forward line would call it on the other way, too
            what = "the tangent needs a value from within this expression"
            step = "compute it on a line of its own"
            raise editor.refusal("FG123", what, step, call.node)
        assert call.statement is not None
        editor.expand(call.statement.frame)
        given = {
            self._parameter(pair, name): print_statement(
                ast.Expr(self.read(arg))
            ).strip()
            for name, arg in zip(pair.wrt, eqn.args, strict=True)
        }
        results = editor.results_of(call)
        for out, result in zip(call.outs, results, strict=False):
            self.available.known[out] = self.available.names_of[out] = result
        names = []
        for out in eqn.outs:
            names.append(self._name(number, out))
            self._assign(out, names[-1], out)
            self.owned.discard(self.root[out])
        places = editor.edits.paired.setdefault(call.statement.frame, {})
        around = editor.around_of(call)
        places[call.node] = Paired(pair, results, tuple(names), around, given)


def _last_within(loop: Statement | None) -> Statement:
    """The last statement in the body of a loop."""
    assert loop is not None
    inner = [s for s in loop.frame.inner if s.parent is loop and s.branch == 0]
    return inner[-1] if inner else loop


# --- lines into the forward part ---------------------------------------------------------


def place(editor: Editor, printed: Sequence[Printed], first: Statement) -> None:
    """Put the lines where they belong; `first` is the first statement of the function."""
    for group in printed:
        assert isinstance(group, Placed)
        plain = [n for n in group.nodes if not _is_along(n)]
        where, statement = group.where, group.statement or first
        texts = ["\n".join(_texts(node)) for node in plain]
        _put(editor, statement, where, group.when, texts)
        for node in group.nodes:
            if isinstance(node, Nest) and node.along is not None:
                _place_nest(editor, node, statement)


def _put(
    editor: Editor, statement: Statement, where: str, when: int, texts: list[str]
) -> None:
    edits, frame = editor.edits, statement.frame
    while frame.statement is not None and frame not in edits.expanded:
        statement, where = frame.statement, BEFORE
        frame = statement.frame
    if where == BEFORE:
        edits.steps.setdefault(statement, []).extend((when, text) for text in texts)
    elif where == LAST:
        _put_last(editor, statement, 0, texts)
    elif where == AFTER:
        if isinstance(statement.node, cst.If):
            _refuse_leaving(editor, statement, statement.node)
        edits.after.setdefault(statement, []).extend(texts)
    else:
        edits.first.setdefault(statement, []).extend(texts)


def _is_along(node: Any) -> bool:
    return isinstance(node, Nest) and node.along is not None


def _place_nest(editor: Editor, nest: Nest, statement: Statement) -> None:
    for branch, (_, suite) in enumerate(nest.suites):
        inner = [g for g in suite if isinstance(g, Placed)]
        place(editor, inner, statement)
        last = [n for g in suite if not isinstance(g, Placed) for n in g.nodes]
        texts = ["\n".join(_texts(node)) for node in last]
        if texts:
            _put_last(editor, statement, branch, texts)


def _put_last(
    editor: Editor, statement: Statement, branch: int, texts: list[str]
) -> None:
    """At the end of a suite, which every way through it has to reach: of the loop, where that ends the branch."""
    node: Any = statement.node
    within = _goes_on_within(statement, branch)
    if within is None:
        _refuse_leaving(editor, statement, node if isinstance(node, cst.If) else node.body)  # fmt: skip
        within = statement, branch
    editor.edits.last.setdefault(within, []).extend(texts)


def _goes_on_within(statement: Statement, branch: int) -> tuple[Statement, int] | None:
    """The loop at whose end one branch of this statement ends, and no other way through the loop.

    if c:
        y = x
    else:
        break
    z = y * y  # belongs to the branch
    """
    node, loop = statement.node, statement.parent
    if loop is None or not isinstance(node, cst.If) or not may_leave(node):
        return None
    ways = [lines_of(node.body), otherwise(node)]
    later = [s.node for s in loop.frame.inner if s.parent is loop and s.order > statement.order]  # fmt: skip
    inside = isinstance(loop.node, cst.For | cst.While) and statement.branch == 0
    alone = falls_through(ways[branch]) and not falls_through(ways[1 - branch])
    reached = not any(map(may_leave, [*ways[branch], *later]))
    return (loop, 0) if inside and alone and reached else None


def _refuse_leaving(editor: Editor, statement: Statement, part: cst.CSTNode) -> None:
    """Lines that a break or a continue would leave out."""
    if may_leave(part):
        what = "a variable has a tangent on one way through this statement only"
        step = "put the lines that follow the branch into its else, or give the variable its value before"
        raise editor.refusal("FG125", what, step, statement.node)


def _texts(node: Any) -> Iterator[str]:
    """The lines of a statement, or of a branch within an expression."""
    if not isinstance(node, Nest):
        yield from print_statement(node).rstrip().split("\n")
        return
    for header, suite in node.suites:
        yield header
        for group in suite:
            for inner in group.nodes:
                yield from (INDENT + line for line in _texts(inner))
