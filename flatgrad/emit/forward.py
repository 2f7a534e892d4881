"""Function and edits -> the statements of the forward part, as libcst nodes with the user's own text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from flatgrad.emit.availability import Edits
from flatgrad.frontend.scope import Frame, Function
from flatgrad.graph import Statement, Var

OPERATORS = {
    cst.AddAssign: cst.Add, cst.SubtractAssign: cst.Subtract, cst.MultiplyAssign: cst.Multiply,
    cst.DivideAssign: cst.Divide, cst.PowerAssign: cst.Power, cst.MatrixMultiplyAssign: cst.MatrixMultiply,
    cst.FloorDivideAssign: cst.FloorDivide, cst.ModuloAssign: cst.Modulo, cst.BitAndAssign: cst.BitAnd,
    cst.BitOrAssign: cst.BitOr, cst.BitXorAssign: cst.BitXor, cst.LeftShiftAssign: cst.LeftShift,
    cst.RightShiftAssign: cst.RightShift,
}  # fmt: skip
PARENTHESES = ([cst.LeftParen()], [cst.RightParen()])
SIMPLE = (
    cst.Name,
    cst.Attribute,
    cst.Subscript,
    cst.Call,
    cst.Integer,
    cst.Float,
    cst.SimpleString,
)


class _Replace(cst.CSTTransformer):
    """Put nodes in the place of nodes, by identity."""

    def __init__(self, replacements: dict[cst.CSTNode, cst.CSTNode]):
        super().__init__()
        self.replacements = replacements

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node not in self.replacements

    def on_leave(self, original: Any, updated: Any) -> Any:
        return self.replacements.get(original, updated)


class Forward:
    """Prints the activations of a function with the edits that the backward asked for."""

    def __init__(self, function: Function, edits: Edits, order: dict[Frame, int]):
        self.function, self.edits, self.order = function, edits, order
        self.names: dict[Frame, dict[Statement, dict[cst.CSTNode, str]]] = {}
        self.hoists: dict[Statement, list[tuple[int, cst.CSTNode, str]]] = {}
        self._collect(function.frame)

    def _collect(self, frame: Frame) -> None:
        """Sort the edits of an activation, and of those printed within it, by statement."""
        places = self.names.setdefault(frame, {})
        for node, var, statement in frame.reads:
            if (
                statement is not None
                and var in self.edits.renamed
                and node.value != self.edits.renamed[var]
            ):
                places.setdefault(statement, {})[node] = self.edits.renamed[var]
        for var, (node, statement) in frame.writes.items():
            printed = self.edits.renamed.get(var, var.name)
            if node.value != printed:
                places.setdefault(statement, {})[node] = printed
        for node, (name, statement, position) in self.edits.hoisted.get(
            frame, {}
        ).items():
            self.hoists.setdefault(statement, []).append((position, node, name))
        for statement in frame.statements:
            for inner in self.function.calls.get(statement, ()):
                if inner in self.edits.expanded:
                    self._collect(inner)

    # --- statements ------------------------------------------------------------------------------------------------

    def body(self) -> list[cst.BaseStatement]:
        """The forward part without its return statement."""
        found: list[cst.BaseStatement] = []
        for statement in self.function.frame.statements:
            found += self.statement(statement)
        return found

    def statement(self, statement: Statement) -> list[cst.BaseStatement]:
        """A statement of the user with what has to stand before it."""
        before = list(self._before(statement))
        node = self._node(statement)
        if node is None:
            return before
        if before:
            node, first = _without_leading(node), before[0]
            before[0] = first.with_changes(
                leading_lines=(*_leading(statement.node), *_leading(first))
            )
        return [*before, node]

    def _before(self, statement: Statement) -> Iterator[cst.BaseStatement]:
        """Named sub-expressions and helpers read in place, as they are evaluated; then what is saved."""
        steps: list[tuple[int, Any]] = [
            (p, (n, name)) for p, n, name in self.hoists.get(statement, ())
        ]
        steps += [(self.order[f], f) for f in self._expanded(statement)]
        done: dict[cst.CSTNode, cst.CSTNode] = {}
        for _, step in sorted(steps, key=lambda step: step[0]):
            if isinstance(step, Frame):
                yield from self._activation(step, statement)
            else:
                node, name = step
                yield assignment(
                    name, _bare(self._rewritten(statement, node, hoisting=node))
                )
                done[node] = cst.Name(name)
        for name, text in self.edits.saved.get(statement, ()):
            yield assignment(name, cst.parse_expression(text))

    def _expanded(self, statement: Statement) -> list[Frame]:
        return [
            f
            for f in self.function.calls.get(statement, ())
            if f in self.edits.expanded
        ]

    def _node(self, statement: Statement) -> Any:
        """The statement itself; None for a return, whose value the caller prints."""
        node = statement.node
        if statement.frame.returned is not None and _is_return(node, statement.frame):
            return None
        if not isinstance(
            node,
            cst.BaseStatement | cst.SimpleStatementLine | cst.BaseCompoundStatement,
        ):
            return None
        if statement in self.edits.separated:
            node = self._separated(statement, node)
            return node
        return self._rewritten(statement, node)

    def _separated(
        self, statement: Statement, node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        """p /= s  ->  p = p0 / s"""
        (augmented,) = node.body
        assert isinstance(augmented, cst.AugAssign)
        frame: Frame = statement.frame
        old = next(
            v for n, v, s in frame.reads if n is augmented.target and s is statement
        )
        new = frame.bindings[augmented.target]
        left = cst.Name(self.edits.renamed.get(old, self._saved_name(statement, old)))
        right = self._rewritten(statement, augmented.value)
        if not isinstance(right, SIMPLE):
            right = _parenthesized(right)
        value = cst.BinaryOperation(left, OPERATORS[type(augmented.operator)](), right)
        target = cst.AssignTarget(cst.Name(self.edits.renamed.get(new, new.name)))
        return node.with_changes(body=[cst.Assign([target], value)])

    def _saved_name(self, statement: Statement, old: Var) -> str:
        return old.name

    # --- expressions -------------------------------------------------------------------------------------------------

    def _rewritten(
        self, statement: Statement, node: Any, hoisting: cst.CSTNode | None = None
    ) -> Any:
        """`node` with the names that the edits gave to its parts; the node itself where none did."""
        replacements: dict[cst.CSTNode, cst.CSTNode] = {
            n: cst.Name(name)
            for n, name in self.names.get(statement.frame, {})
            .get(statement, {})
            .items()
        }
        for _, part, name in self.hoists.get(statement, ()):
            if part is not hoisting:
                replacements[part] = cst.Name(name)
        for frame in self._expanded(statement):
            assert frame.call is not None
            replacements.setdefault(frame.call, _parenthesized(self._result(frame)))
        replacements |= self._parameters(statement)
        if not replacements:
            return node
        if node in replacements and node is not hoisting:
            return replacements[node]
        return node.visit(_Replace(replacements))

    def _result(self, frame: Frame) -> cst.BaseExpression:
        """What an activation that is read in place returns."""
        last = frame.statements[-1]
        value = frame.function.body if isinstance(frame.function, cst.Lambda) else frame.returned.value  # type: ignore[union-attr]
        return self._rewritten(last, value)  # type: ignore[no-any-return]

    # --- helpers that are read in place --------------------------------------------------------------------------------

    def _activation(
        self, frame: Frame, statement: Statement
    ) -> Iterator[cst.BaseStatement]:
        for name, (node, value) in frame.arguments.items():
            if self._bound_by_line(frame, name, node, value):
                assert node is not None
                yield assignment(
                    self._parameter_name(frame, name),
                    _bare(self._argument(frame, node)),
                )
        for inner in frame.statements:
            if not _is_docstring(inner.node):
                yield from self.statement(inner)

    def _bound_by_line(
        self, frame: Frame, name: str, node: cst.CSTNode | None, value: Any
    ) -> bool:
        """The parameter gets a line of its own: its argument is no name and it is read more than once."""
        if node is None or isinstance(
            node, cst.Name | cst.Integer | cst.Float | cst.SimpleString
        ):
            return any(v.name == name for v in frame.writes) and not isinstance(
                node, cst.Name
            )
        uses = sum(1 for n, _, _ in frame.reads if n.value == name)
        return uses > 1

    def _parameter_name(self, frame: Frame, name: str) -> str:
        return name

    def _argument(self, frame: Frame, node: cst.CSTNode) -> Any:
        assert frame.statement is not None
        return self._rewritten(frame.statement, node)

    def _parameters(self, statement: Statement) -> dict[cst.CSTNode, cst.CSTNode]:
        """Inside a helper that is read in place, parameters stand for the caller's expressions."""
        frame: Frame = statement.frame
        if frame.statement is None:
            return {}
        found: dict[cst.CSTNode, cst.CSTNode] = {}
        for node, value, where in frame.reads:
            if where is not statement or node.value not in frame.arguments:
                continue
            argument, given = frame.arguments[node.value]
            if (
                given is not value
                or argument is None
                or self._bound_by_line(frame, node.value, argument, given)
            ):
                continue
            replaced = self._argument(frame, argument)
            found[node] = (
                replaced if isinstance(replaced, SIMPLE) else _parenthesized(replaced)
            )
        return found


def assignment(name: str, value: cst.BaseExpression) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine(
        [cst.Assign([cst.AssignTarget(cst.Name(name))], value)]
    )


def _parenthesized(node: Any) -> Any:
    if isinstance(node, SIMPLE) or node.lpar:
        return node
    return node.with_changes(lpar=PARENTHESES[0], rpar=PARENTHESES[1])


def _bare(node: Any) -> Any:
    """Without the parentheses that it needed where it stood."""
    if node.lpar and "\n" not in cst.Module([]).code_for_node(node):
        return node.with_changes(lpar=[], rpar=[])
    return node


def _leading(node: Any) -> Any:
    return getattr(node, "leading_lines", ())


def _without_leading(node: Any) -> Any:
    return (
        node.with_changes(leading_lines=())
        if getattr(node, "leading_lines", ())
        else node
    )


def _is_return(node: Any, frame: Frame) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and any(
        part is frame.returned for part in node.body
    )


def _is_docstring(node: Any) -> bool:
    match node:
        case cst.SimpleStatementLine(
            body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]
        ):
            return True
        case _:
            return False
