"""Function and edits -> the statements of the forward part, as libcst nodes with the user's own text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import libcst as cst

from flatgrad.emit.activations import defining, printed_names, renaming
from flatgrad.emit.edits import Edits, Paired, is_docstring
from flatgrad.frontend.blocks import is_transparent
from flatgrad.frontend.exits import lines_of
from flatgrad.frontend.module import nodes_in, parameters_of
from flatgrad.frontend.scope import Callee, Frame, Function, Path, atoms_in
from flatgrad.frontend.statements import deletes_names
from flatgrad.graph import Atom, Statement, Var, all_equations

OPERATORS: dict[Any, Any] = {
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
    """Put other nodes in the place of some, asking for each node as it comes by."""

    def __init__(self, replacement: Callable[[cst.CSTNode], cst.CSTNode | None]):
        super().__init__()
        self.replacement = replacement
        self.found: dict[cst.CSTNode, cst.CSTNode] = {}

    def on_visit(self, node: cst.CSTNode) -> bool:
        if node in self.found:
            return False
        if (new := self.replacement(node)) is not None:
            self.found[node] = new
        elif isinstance(node, GROUPING):
            for child in node.children:
                if (inner := self.replacement(child)) is not None:
                    self.found[child] = _parenthesized(inner)
        return node not in self.found

    def on_leave(self, original: Any, updated: Any) -> Any:
        found = self.found.get(original, updated)
        if isinstance(original, cst.BinaryOperation) and original not in self.found:
            return _grouped(original, found, self.found)
        return found


GROUPING = (
    cst.UnaryOperation,
    cst.Attribute,
    cst.Call,
    cst.Subscript,
    cst.Comparison,
    cst.ComparisonTarget,
    cst.BooleanOperation,
)
BINDING = {
    cst.Add: 1,
    cst.Subtract: 1,
    cst.Multiply: 2,
    cst.Divide: 2,
    cst.FloorDivide: 2,
    cst.Modulo: 2,
    cst.MatrixMultiply: 2,
}


def _grouped(
    original: cst.BinaryOperation,
    updated: Any,
    replaced: dict[cst.CSTNode, cst.CSTNode],
) -> Any:
    """Operands that were put in get the parentheses that they need, and no others."""
    own = BINDING.get(type(original.operator), 9)
    if original.left in replaced and _binding(updated.left) < own:
        updated = updated.with_changes(left=_parenthesized(updated.left))
    if original.right in replaced and _binding(updated.right) <= own:
        updated = updated.with_changes(right=_parenthesized(updated.right))
    return updated


def _binding(node: Any) -> int:
    match node:
        case cst.BinaryOperation(lpar=[], operator=cst.Power()):
            return 4
        case cst.BinaryOperation(lpar=[], operator=operator):
            return BINDING.get(type(operator), 0)
        case cst.UnaryOperation(lpar=[]):
            return 1
        case cst.BinaryOperation() | cst.UnaryOperation():
            return 9
        case _:
            return 9 if isinstance(node, SIMPLE) or node.lpar else 0


class Forward:
    """Prints the activations of a function with the edits that the backward asked for."""

    def __init__(
        self,
        function: Function,
        edits: Edits,
        order: dict[Frame, int],
        when: dict[Atom, int],
    ):
        self.function, self.edits, self.order, self.times = function, edits, order, when
        called = [e for e in all_equations(function.block.eqns) if e.op == "call"]
        self.calls = {(e.node, e.statement) for e in called}
        # Calls whose cache is not kept.
        self.again = {
            e.node: e.attrs["pair"]
            for e in called
            if e.attrs["pair"].again and e.attrs["pair"].forward_name
        }
        self.when = {(e.node, e.statement): when.get(e.outs[-1], 0) for e in called}
        self.names: dict[Frame, dict[Statement, dict[cst.CSTNode, str]]] = {}
        self.hoists: dict[Statement, list[tuple[int, cst.CSTNode, str]]] = {}
        self.nodes: dict[Statement, Any] = {}
        self.reads: dict[Frame, dict[Statement, list[Any]]] = {}
        self._collect(function.frame)

    def _collect(self, frame: Frame) -> None:
        """Sort the edits of an activation, and of those printed within it, by statement."""
        places = self.names.setdefault(frame, {})
        for read, value, where in frame.reads:
            new = self.edits.renamed.get(value) if isinstance(value, Var) else None
            passed = (
                read.value in frame.arguments
                and isinstance(value, Var)
                and read.value != value.name
            )
            if (
                where is not None
                and new is not None
                and read.value != new
                and not passed
            ):
                places.setdefault(where, {})[read] = new
        for var, (target, where) in frame.writes.items():
            if target is None:
                continue
            printed = self.edits.renamed.get(var, var.name)
            if target.value != printed:
                places.setdefault(where, {})[target] = printed
        for node, (name, statement, position) in self.edits.hoisted.get(
            frame, {}
        ).items():
            if isinstance(node, cst.NamedExpr):
                var = frame.bindings[node.target]
                name = self.edits.renamed.get(var, var.name)
            self.hoists.setdefault(statement, []).append((position, node, name))
        for statement in (*frame.statements, *frame.inner):
            for inner in self.function.calls.get(statement, ()):
                if inner in self.edits.expanded:
                    self._collect(inner)

    # --- statements ------------------------------------------------------------------------------------------------

    def body(self) -> list[cst.BaseStatement]:
        """The forward part without its return statement."""
        found: list[cst.BaseStatement] = []
        for statement in self.function.frame.statements:
            if not _is_return(statement.node, statement.frame):
                found += self.statement(statement)
        return found

    def statement(self, statement: Statement) -> list[cst.BaseStatement]:
        """A statement of the user with what has to stand before it."""
        before = list(self.before(statement))
        node = self.node(statement)
        if node is None:
            return [*before, *parsed(self.edits.after.get(statement, ()))]
        if before:
            node, first = _without_leading(node), before[0]
            before[0] = first.with_changes(
                leading_lines=(*_leading(statement.node), *_leading(first))
            )
        return [*before, node, *parsed(self.edits.after.get(statement, ()))]

    # --- statements with a body ----------------------------------------------------------------------------------

    def _compound(self, statement: Statement, node: Any) -> Any:
        """A branch or a loop with the lines of its bodies edited."""
        match node:
            case cst.If(test=test, body=body):
                changes = {
                    "test": self.rewritten(statement, test),
                    "body": self._suite(statement, body),
                }
                return node.with_changes(
                    **changes, orelse=self._orelse(statement, node.orelse)
                )
            case cst.For(iter=iter, target=target, body=body):
                target, iter = self._items(statement, target, iter)
                body = self._suite(statement, body, self.edits.first.get(statement, ()))
                changes = {"iter": iter, "target": target, "body": body}
                return node.with_changes(
                    **changes, orelse=self._orelse(statement, node.orelse)
                )
            case cst.While(test=test, body=body):
                first = self.edits.first.get(statement, ())
                changes = {
                    "test": self.rewritten(statement, test),
                    "body": self._suite(statement, body, first),
                }
                return node.with_changes(
                    **changes, orelse=self._orelse(statement, node.orelse)
                )
            case cst.With(body=body):
                items = [self.rewritten(statement, item) for item in node.items]
                return node.with_changes(items=items, body=self._suite(statement, body))
            case cst.Try(body=body):
                return self._tried(
                    statement, node.with_changes(body=self._suite(statement, body))
                )
            case _:
                return self.rewritten(statement, node)

    def _items(self, statement: Statement, target: Any, iter: Any) -> tuple[Any, Any]:
        """for i, x in enumerate(xs), or for key, x in d.items(), where the number or key has to be known."""
        target, iter = self.rewritten(statement, target), self.rewritten(
            statement, iter
        )
        if (name := self.edits.counted.get(statement)) is None:
            return target, iter
        if isinstance(target, cst.Tuple):
            target = target.with_changes(lpar=PARENTHESES[0], rpar=PARENTHESES[1])
        elements = [cst.Element(cst.Name(name)), cst.Element(target)]
        both = cst.Tuple(elements, lpar=[], rpar=[])
        match iter:
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="values"))):
                func = iter.func.with_changes(attr=cst.Name("items"))
                return both, iter.with_changes(func=func)
            case _:
                given = _parenthesized(iter) if isinstance(iter, cst.Tuple) else iter
                return both, cst.Call(cst.Name("enumerate"), [cst.Arg(given)])

    def _tried(self, statement: Statement, node: cst.Try) -> cst.Try:
        """The clauses of a try statement besides its body."""
        final = node.finalbody
        if final is not None:
            final = final.with_changes(body=self._suite(statement, final.body))
        handlers = [self.rewritten(statement, h) for h in node.handlers]
        return node.with_changes(
            handlers=handlers,
            orelse=self._orelse(statement, node.orelse),
            finalbody=final,
        )

    def _suite(
        self, statement: Statement, suite: Any, first: Sequence[str] = ()
    ) -> Any:
        lines = [*parsed(first), *self._lines(statement, lines_of(suite))]
        lines += parsed(self.edits.last.get((statement, 0), ()))
        lines = lines or [cst.SimpleStatementLine([cst.Pass()])]
        if isinstance(suite, cst.IndentedBlock):
            return suite.with_changes(body=lines)
        return cst.IndentedBlock(lines)

    def _lines(self, statement: Statement, lines: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        for line in lines:
            inner = statement.frame.lines.get(line)
            if (
                inner is None
            ):  # nothing is read of it: a break, a line that is never reached
                found.append(self.rewritten(statement, line))
                continue
            for part in inner:
                found += self.statement(part)
        return found

    def _orelse(self, statement: Statement, orelse: Any) -> Any:
        """An elif stays one, unless something has to stand before its test."""
        match orelse:
            case cst.If():
                lines = self._lines(statement, [orelse])
                lines += parsed(self.edits.last.get((statement, 1), ()))
                if len(lines) == 1 and isinstance(lines[0], cst.If):
                    return lines[0]
                return cst.Else(cst.IndentedBlock(lines))
            case cst.Else(body=body):
                lines = self._lines(statement, lines_of(body))
                block = (
                    body
                    if isinstance(body, cst.IndentedBlock)
                    else cst.IndentedBlock([])
                )
                lines += parsed(self.edits.last.get((statement, 1), ()))
                return orelse.with_changes(body=block.with_changes(body=lines))
            case _ if (statement, 1) in self.edits.last:
                lines = parsed(self.edits.last[statement, 1])
                return cst.Else(cst.IndentedBlock(lines))
            case _:
                return None

    def before(self, statement: Statement) -> Iterator[cst.BaseStatement]:
        """What is saved; then named sub-expressions and helpers read in place, as they are evaluated."""
        for name, text in self.edits.saved.get(statement, ()):
            yield assignment(name, cst.parse_expression(text))
        steps: list[tuple[int, Any]] = [
            (p, (n, name)) for p, n, name in self.hoists.get(statement, ())
        ]
        steps += [(self._begins(f), f) for f in self._expanded(statement)]
        steps += [
            (self.when[n, statement], p)
            for n, p in self._paired(statement).items()
            if p.results
        ]
        steps += self.edits.steps.get(statement, ())
        for _, step in sorted(steps, key=lambda step: step[0]):
            if isinstance(step, str):
                yield from parsed([step])
            elif isinstance(step, Frame):
                yield from self._activation(step)
            elif isinstance(step, Paired):
                yield self._forward_call(statement, step)
            else:
                node, name = step
                inner = node.value if isinstance(node, cst.NamedExpr) else node
                value = bare(self.rewritten(statement, inner, hoisting=inner))
                if node in self.function.lazy:
                    value = _as_list(value)
                shown, copy = self.edits.copied.get(node, (name, None))
                yield assignment(shown, value)
                if copy is not None:
                    yield assignment(name, cst.parse_expression(copy))
        yield from parsed(self.edits.beside.get(statement, ()))

    def _begins(self, frame: Frame) -> int:
        """When an activation begins; one that computes nothing, once its arguments are there."""
        given = [a for _, value in frame.arguments.values() for a in atoms_in(value)]
        return self.order.get(
            frame, max((self.times.get(a, -1) for a in given), default=-1)
        )

    def _paired(self, statement: Statement) -> dict[cst.CSTNode, Paired]:
        """Calls within a statement that are made calls of a helper's forward."""
        calls = self.edits.paired.get(statement.frame, {})
        return {n: p for n, p in calls.items() if (n, statement) in self.calls}

    def _forward_call(
        self, statement: Statement, paired: Paired
    ) -> cst.SimpleStatementLine:
        """y, cache = helper_forward(x)"""
        node = next(n for n, p in self._paired(statement).items() if p is paired)
        value = self._call_of(statement, node, paired)
        target = _names_taking((*paired.results, *paired.more))
        return cst.SimpleStatementLine([cst.Assign([target], value)])

    def _call_of(self, statement: Statement, node: Any, paired: Paired) -> Any:
        call = self.rewritten(statement, node, hoisting=node)
        given = {a.keyword.value for a in node.args if a.keyword is not None}
        nothing = cst.SimpleWhitespace("")
        added = [
            cst.Arg(self._around(*place, name), keyword=cst.Name(name), equal=cst.AssignEqual(nothing, nothing))
            for name, place in paired.around.items() if name not in given
        ]  # fmt: skip
        added += _more_arguments(node, paired)
        args = (
            [*call.args, *added]
            if not added
            else [*map(_plain_argument, call.args), *added]
        )
        return call.with_changes(func=cst.Name(paired.pair.forward_name), args=args)

    def _around(self, frame: Frame, value: Any, name: str) -> Any:
        """The text of what a helper reads by `name` of another activation."""
        argument, given = frame.arguments.get(name, (None, None))
        if (
            frame.statement is not None
            and argument is not None
            and given is value
            and (name not in self.edits.bound.get(frame, ()))
        ):
            return self.rewritten(frame.statement, argument)
        renamed = self.edits.renamed.get(value) if isinstance(value, Var) else None
        return cst.Name(
            renamed or printed_names(frame, self.edits.locals).get(name, name)
        )

    def _with_cache(self, statement: Statement, node: Any) -> Any | None:
        """a, b = helper(x)  ->  a, b, cache = helper_forward(x), where the line takes the results itself."""
        for call, paired in self._paired(statement).items():
            match node:
                case cst.SimpleStatementLine(body=[cst.Expr(value=value)]) if (
                    value is call and not paired.results
                ):
                    taken = _names_taking(paired.more)
                    return node.with_changes(
                        body=[
                            cst.Assign([taken], self._call_of(statement, call, paired))
                        ]
                    )
                case cst.SimpleStatementLine(
                    body=[cst.Assign(targets=[target], value=value) as assign]
                ) if (value is call and not paired.results):
                    shown = self.rewritten(statement, target.target)
                    items = (
                        list(shown.elements)
                        if isinstance(shown, cst.Tuple)
                        else [cst.Element(shown)]
                    )
                    items = [
                        e.with_changes(comma=cst.MaybeSentinel.DEFAULT) for e in items
                    ]
                    whole = cst.Tuple(
                        [*items, *(cst.Element(cst.Name(n)) for n in paired.more)],
                        lpar=[],
                        rpar=[],
                    )
                    changed = assign.with_changes(
                        targets=[target.with_changes(target=whole)],
                        value=self._call_of(statement, call, paired),
                    )
                    return node.with_changes(body=[changed])
                case _:
                    pass
        return None

    def _expanded(self, statement: Statement) -> list[Frame]:
        return [
            f
            for f in self.function.calls.get(statement, ())
            if f in self.edits.expanded
        ]

    def node(self, statement: Statement) -> Any:
        """The statement itself; None for a return, whose value the caller prints."""
        if statement not in self.nodes:
            self.nodes[statement] = self._edited(statement)
        return self.nodes[statement]

    def _edited(self, statement: Statement) -> Any:
        node = statement.node
        if statement.frame.returned is not None and _is_return(node, statement.frame):
            return None
        if not isinstance(
            node,
            cst.BaseStatement | cst.SimpleStatementLine | cst.BaseCompoundStatement,
        ):
            return None
        match node:
            case cst.SimpleStatementLine(
                body=[cst.Expr(value=value)]
            ) if self._is_called_before(statement, value):
                return None
            case cst.SimpleStatementLine(body=[cst.Del() as removed]) if deletes_names(
                removed
            ):
                return None
            case cst.If() | cst.For() | cst.While() | cst.With():
                return self._compound(statement, node)
            case cst.Try() if is_transparent(node):
                return self._compound(statement, node)
            case cst.SimpleStatementLine(
                body=[cst.AugAssign(target=cst.Name() as target) as augmented]
            ) if self._is_separated(statement, target):
                return node.with_changes(
                    body=[self._separated(statement, augmented, target)]
                )
            case _:
                found = self._with_cache(statement, node)
                return found if found is not None else self.rewritten(statement, node)

    def _is_called_before(
        self, statement: Statement, value: cst.BaseExpression
    ) -> bool:
        """All of the statement is a call that stands on a line before, with names for its results."""
        paired = self._paired(statement).get(value)
        return paired is not None and bool(paired.results)

    def _is_separated(self, statement: Statement, target: cst.Name) -> bool:
        """The old and the new version of an augmented variable have different names."""
        if (
            target not in statement.frame.bindings
        ):  # a list whose items are known one by one
            return False
        if statement in self.edits.separated or target in self._arguments(statement):
            return True
        reads = self._reads_of(statement.frame).get(statement, ())
        versions = [v for n, v, _ in reads if n is target and isinstance(v, Var)]
        versions.append(statement.frame.bindings[target])
        return len({self.edits.renamed.get(v, target.value) for v in versions}) > 1

    def _left(self, statement: Statement, target: cst.Name) -> Any:
        """The old version of the variable that `target` names in an augmented assignment."""
        argument = self._arguments(statement).get(target)
        if argument is not None:
            return _parenthesized(self.rewritten(*argument))
        reads = self._reads_of(statement.frame).get(statement, ())
        olds = [v for n, v, _ in reads if n is target and isinstance(v, Var)]
        return cst.Name(
            self.edits.renamed.get(olds[0], olds[0].name) if olds else target.value
        )

    def _separated(
        self, statement: Statement, node: cst.AugAssign, target: cst.Name
    ) -> cst.Assign:
        """p /= s  ->  p = p0 / s"""
        new = statement.frame.bindings[target]
        left = self._left(statement, target)
        right = _parenthesized(self.rewritten(statement, node.value))
        value = cst.BinaryOperation(left, OPERATORS[type(node.operator)](), right)
        printed = cst.Name(self.edits.renamed.get(new, new.name))
        return cst.Assign([cst.AssignTarget(printed)], value)

    # --- expressions -------------------------------------------------------------

    def rewritten(
        self, statement: Statement, node: Any, hoisting: cst.CSTNode | None = None
    ) -> Any:
        """`node` with the names that the edits gave to its parts; the node itself where none did."""
        named = self.names.get(statement.frame, {}).get(statement, {})
        hoisted = {
            n: self.edits.copied.get(n, (name,))[0]
            for _, n, name in self.hoists.get(statement, ())
            if n is not hoisting
        }
        calls: dict[Any, Frame] = {
            frame.call: frame
            for frame in self._expanded(statement)
            if not isinstance(frame.result, Callee | Path)
        }
        arguments = self._arguments(statement)
        paired = {
            n: p
            for n, p in self._paired(statement).items()
            if p.results and n is not hoisting
        }
        renamed = renaming(node, printed_names(statement.frame, self.edits.locals))
        again = bool(self.again) and any(n in self.again for n in nodes_in(node))
        lazy = {n for n, listed in self.function.lazy.items() if listed} - {hoisting}
        edited = named or hoisted or calls or arguments or paired or renamed
        if not (edited or again or lazy):
            return node

        def replacement(part: cst.CSTNode) -> cst.CSTNode | None:
            if part in named or part in hoisted:
                return cst.Name(named.get(part) or hoisted[part])
            if (one_by_one := self.function.spelled.get(part)) is not None and any(
                n in hoisted or n in calls or n in paired for n in nodes_in(one_by_one)
            ):
                return self.rewritten(statement, one_by_one)  # type: ignore[no-any-return]
            if part in lazy:
                return _as_list(self.rewritten(statement, part, hoisting=part))
            if part in paired:
                names = paired[part].results
                return (
                    cst.Name(names[0])
                    if len(names) == 1 and not paired[part].pair.results
                    else cst.Tuple([cst.Element(cst.Name(n)) for n in names])
                )
            if part in self.again and part is not hoisting:
                return self._without_cache(statement, part)
            if part in calls:
                return self._result(calls[part])
            if part in arguments:
                return self.rewritten(*arguments[part])  # type: ignore[no-any-return]
            if (element := _element(part, arguments)) is not None:
                return self.rewritten(*element)  # type: ignore[no-any-return]
            if part in renamed:
                return cst.Name(renamed[part])
            return None

        found = replacement(node)
        return found if found is not None else node.visit(_Replace(replacement))

    def _without_cache(self, statement: Statement, call: Any) -> cst.Subscript:
        """helper(x)  ->  helper_forward(x)[0], or [:-1] for several results"""
        pair = self.again[call]
        shown = self.rewritten(statement, call, hoisting=call)
        last = cst.UnaryOperation(cst.Minus(), cst.Integer("1"))
        which = cst.Slice(None, last) if pair.results else cst.Index(cst.Integer("0"))
        return cst.Subscript(
            shown.with_changes(func=cst.Name(pair.forward_name)),
            [cst.SubscriptElement(which)],
        )

    def _result(self, frame: Frame) -> cst.BaseExpression:
        """What an activation that is read in place returns."""
        last = frame.statements[-1]
        value = frame.function.body if frame.returned is None else frame.returned.value
        return self.rewritten(last, value)  # type: ignore[no-any-return]

    # --- helpers that are read in place ----------------------------------------------

    def _activation(self, frame: Frame) -> Iterator[cst.BaseStatement]:
        for name in self.edits.bound.get(frame, ()):
            yield self._bound(frame, name)
        for inner in frame.statements:
            if not is_docstring(inner.node):
                yield from self.statement(inner)

    def _bound(self, frame: Frame, name: str) -> cst.SimpleStatementLine:
        """A parameter that is given other values begins with its argument."""
        argument, _ = frame.arguments[name]
        printed = self.edits.locals.get(frame, {}).get(name, name)
        return assignment(printed, bare(self.rewritten(frame.statement, argument)))  # type: ignore[arg-type]

    def _arguments(
        self, statement: Statement
    ) -> dict[cst.CSTNode, tuple[Statement, cst.CSTNode]]:
        """Inside a helper that is read in place, parameters stand for the caller's expressions."""
        frame: Frame = statement.frame
        if frame.statement is None:
            return {}
        found: dict[cst.CSTNode, tuple[Statement, cst.CSTNode]] = {}
        for node, value, _ in self._reads_of(frame).get(statement, ()):
            owner = defining(frame, node.value)
            if (
                owner is None
                or owner.statement is None
                or node.value in self.edits.bound.get(owner, ())
            ):
                continue
            argument, given = owner.arguments[node.value]
            if given is value and argument is not None:
                found[node] = (owner.statement, argument)
        return found

    def _reads_of(self, frame: Frame) -> dict[Statement, list[Any]]:
        if frame not in self.reads:
            by_statement: dict[Statement, list[Any]] = {}
            for read in frame.reads:
                by_statement.setdefault(read[2], []).append(read)  # type: ignore[arg-type]
            self.reads[frame] = by_statement
        return self.reads[frame]


def _as_list(node: cst.BaseExpression) -> cst.BaseExpression:
    """What is gone through once, as a list that can be gone through again."""
    match node:
        case cst.GeneratorExp(elt=item, for_in=part):
            return cst.ListComp(item, part)
        case cst.Call(func=cst.Name(value="list")):
            return node
        case _:
            return cst.Call(cst.Name("list"), [cst.Arg(node)])


def assignment(name: str, value: cst.BaseExpression) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine(
        [cst.Assign([cst.AssignTarget(cst.Name(name))], value)]
    )


def _element(
    part: cst.CSTNode, arguments: dict[cst.CSTNode, tuple[Statement, cst.CSTNode]]
) -> Any:
    """fs[1], where the parameter fs is given as (f, g): g, in the statement of the call."""
    match part:
        case cst.Subscript(
            value=held,
            slice=[
                cst.SubscriptElement(slice=cst.Index(value=cst.Integer(value=number)))
            ],
        ):
            statement, text = arguments.get(held, (None, None))
            elements = text.elements if isinstance(text, cst.Tuple) else ()
            return (
                (statement, elements[int(number)].value)
                if int(number) < len(elements)
                else None
            )
        case _:
            return None


def _names_taking(names: Sequence[str]) -> cst.AssignTarget:
    """y, dot_y = ..."""
    if len(names) == 1:
        return cst.AssignTarget(cst.Name(names[0]))
    elements = [cst.Element(cst.Name(n)) for n in names]
    return cst.AssignTarget(cst.Tuple(elements, lpar=[], rpar=[]))


def _more_arguments(call: cst.Call, paired: Paired) -> list[cst.Arg]:
    """f_jvp(x, dot_x), or f_jvp(x, dot_x=dot_x) where the call leaves parameters out."""
    plain = not paired.around and not any(a.keyword or a.star for a in call.args)
    plain = plain and len(call.args) == len([*parameters_of(paired.pair.callee.node)])
    nothing = cst.SimpleWhitespace("")
    equal = cst.AssignEqual(nothing, nothing)
    values = {n: cst.parse_expression(text) for n, text in paired.given.items()}
    if plain:
        return [cst.Arg(value) for value in values.values()]
    return [cst.Arg(v, keyword=cst.Name(n), equal=equal) for n, v in values.items()]


def _plain_argument(arg: cst.Arg) -> cst.Arg:
    return arg.with_changes(comma=cst.MaybeSentinel.DEFAULT)


def parsed(lines: Sequence[str]) -> list[Any]:
    return [cst.parse_statement(line) for line in lines]


def _parenthesized(node: Any) -> Any:
    if isinstance(node, SIMPLE) or node.lpar:
        return node
    return node.with_changes(lpar=PARENTHESES[0], rpar=PARENTHESES[1])


def bare(node: Any) -> Any:
    """Without the parentheses that it needed where it stood; with them where it has several lines."""
    if isinstance(node, cst.Tuple) and not node.elements:
        return node
    several = "\n" in cst.Module([]).code_for_node(node)
    if several and not node.lpar:
        return node.with_changes(lpar=PARENTHESES[0], rpar=PARENTHESES[1])
    return node.with_changes(lpar=[], rpar=[]) if node.lpar and not several else node


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
