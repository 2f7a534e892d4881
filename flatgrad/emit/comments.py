"""Forward statements -> the comments above the backward lines that undo them."""

from __future__ import annotations

import re
from typing import Any

import libcst as cst

from flatgrad.emit.forward import Forward
from flatgrad.emit.lines import Printed
from flatgrad.frontend.scope import Function
from flatgrad.graph import Statement

LONGEST = 84  # a forward line as black lays it out, without its indentation
HUGGED = re.compile(r"(?<![\w.)\]])([\w.]+) \*\* (-?[\w.]+)(?![\w.(\[])")  # x ** 2
BROKEN = re.compile(r"([(\[{])\s*\n\s*|\s*\n\s*([)\]}])")  # a line within brackets


class Comments:
    """Says of each group of backward lines what it undoes; `result` is how the results are printed."""

    def __init__(self, function: Function, forward: Forward, result: str):
        self.function, self.forward, self.result = function, forward, result
        self.told: set[Statement] = set()

    def above(self, group: Printed) -> list[str]:
        """The forward lines that a group undoes, the last one first, each once."""
        also = {s for s in map(self.shown, group.also) if s is not None}
        undone = also - self.told
        if group.statement is not None:
            undone.add(group.statement)
        self.told |= undone
        undone = {
            s for s in undone if not isinstance(s.node, cst.BaseCompoundStatement)
        }
        ordered = sorted(undone, key=lambda statement: -statement.order)
        return [f"# {self._text(statement)}" for statement in ordered]

    def grouped(self, groups: list[Printed]) -> list[Printed]:
        """Lines of a helper that is not read in place belong to the line that calls it."""
        merged: list[Printed] = []
        for group in groups:
            shown = self.shown(group.statement)
            if not merged or merged[-1].statement is not shown:
                merged.append(Printed(shown, []))
            merged[-1].nodes.extend(group.nodes)
            merged[-1].also.extend(group.also)
        return merged

    def shown(self, statement: Statement | None) -> Statement | None:
        """The line of the emitted forward part that `statement` stands in."""
        while statement is not None and statement.frame.statement is not None:
            frame = statement.frame
            returns = frame.returned is None or statement is frame.statements[-1]
            if frame in self.forward.edits.expanded and not returns:
                break
            statement = frame.statement
        return statement

    def _text(self, statement: Statement) -> str:
        code = BROKEN.sub(lambda m: m[1] or m[2], self._code(statement))
        text = HUGGED.sub(r"\1**\2", " ".join(code.split()))
        return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."

    def _code(self, statement: Statement) -> str:
        match statement.node:
            case cst.SimpleStatementLine(body=[cst.Return(value=value)]):
                shown: Any = self.forward.rewritten(statement, value)
                shown = value if isinstance(shown, cst.Name) else shown
                return f"{self.result} = {self._bare(shown)}"
            case cst.SimpleStatementLine():
                printed = self.forward.node(statement)
                line = printed if isinstance(printed, cst.SimpleStatementLine) else statement.node  # fmt: skip
                return "; ".join(map(self._bare, line.body))
            case node:
                return self._bare(node)

    def _bare(self, node: cst.CSTNode) -> str:
        """The code of a node without its comments."""
        return re.sub(r"\s*#.*", "", self.function.module.code(node))
