"""Values of the forward part that a line beside a statement reads -> an expression that finds each there.

Under its name, as long as no statement before has given the name another value or written into the array; computed
again, where that is cheap; and only then by an edit of the forward text (edits.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import libcst as cst

from flatgrad.emit.availability import STORES, Availability
from flatgrad.emit.edits import _are_exclusive, is_single
from flatgrad.emit.expressions import Dialect, constant
from flatgrad.emit.names import Names
from flatgrad.frontend.module import bound_names
from flatgrad.frontend.scope import Frame, Function
from flatgrad.graph import Atom, Eqn, Lit, Statement, Var


class Alongside(Availability):
    """Where a line beside a statement finds each value of the forward part of `function`."""

    def __init__(
        self,
        function: Function,
        eqns: tuple[Eqn, ...],
        names: Names,
        dialect: Dialect,
    ):
        super().__init__(function, eqns, names, dialect, None, set(), set())
        # Results that get a name where they are returned.
        self.unnamed: dict[Var, str] = {}
        self.returned = function.frame.statements[-1]
        self.at: Statement | None = None
        self.after = True
        self.ends = {
            eqn.statement: when
            for eqn, when in self.editor.position.items()
            if eqn.blocks and not eqn.attrs.get("inline")
        }  # when branches and loops are done
        self.known: dict[Var, str] = {}  # names that no statement gives another value

    def move(self, at: Statement | None, after: bool) -> None:
        """What is read now stands before or after the statement `at`."""
        if (at, after) != (self.at, self.after):
            self.at, self.after = at, after
            self._found.clear()

    # --- finding values --------------------------------------------------------------

    def read(self, value: Atom) -> ast.expr:
        if isinstance(value, Lit):
            return self.dialect.literal(value.value)
        if value not in self._found:
            found = self._without_edit(value)
            if found is None and self.homes.is_inline(value):
                found = self._computed_again(value)
            self._found[value] = found if found is not None else self._with_edit(value)
        return self._found[value]

    def _without_edit(self, value: Atom, depth: int = 0) -> ast.expr | None:
        if isinstance(value, Lit):
            return self.dialect.literal(value.value)
        if value in self._found:
            return self._found[value]
        if value in self.local:
            return self.local[value]
        name = self.known.get(value) or self.name_here(value)
        if name is not None:
            return ast.Name(name)
        eqn = self.defs.get(value)
        if eqn is None or depth > DEEPEST or len(eqn.outs) != 1:
            return None
        return self._again(eqn, depth)

    def _like(self, x: Atom) -> Var | None:
        """An array is as long as itself: what else has its shape may not be there yet."""
        return x if isinstance(x, Var) and self.name_here(x) is not None else None

    def _named(self, name: str) -> ast.expr:
        return ast.Name(name)

    def shape(self, x: Atom) -> ast.expr:
        x = self.of_one_shape(x)
        spelled = self._lengths(x)
        return spelled if spelled is not None else self._shape_of(self.read(x), x)

    def _known_shape(self, x: Atom) -> ast.expr | None:
        x = self.of_one_shape(x)
        if isinstance(x, Var) and (name := self.name_here(x)) is not None:
            return self._shape_of(ast.Name(name), x)
        return self._lengths(x)

    def name_here(self, value: Var) -> str | None:
        """The name under which `value` is found here."""
        if value in self.known:
            return self.known[value]
        if value in self.unnamed and self.at is self.returned and self.after:
            return self.unnamed[value]
        if not value.name or not self._is_made(value):
            return None
        frame = self._frame(value)
        if frame is None or not self._is_printed(frame):
            return None
        if any(self._precedes(s) for s in self.changes(value)):
            return None
        return self.edits.renamed.get(value, value.name)

    def _is_printed(self, frame: Frame) -> bool:
        return frame.statement is None or frame in self.edits.expanded

    def _frame(self, value: Var) -> Frame | None:
        """The activation whose variable holds `value`."""
        if (frame := self.editor.owner(value)) is not None:
            return frame
        home = self.homes.of.get(value)
        if home is not None and value in home.block.params:
            found: Frame = home.statement.frame
            return found
        main = self.function.frame  # which may hold what no assignment gave a name
        return (
            main if main.env.get(value.name) is value or self._is_param(value) else None
        )

    def _is_param(self, value: Var) -> bool:
        return value in self.function.params.values()

    # --- what is changed when -----------------------------------------------------------

    def changes(self, value: Var) -> Iterator[Statement]:
        """The statements that give the name of `value` another value, or write into its array."""
        destroyer = self.function.storages.destroyed.get(value)
        if destroyer is not None:
            yield destroyer
        frame = self._frame(value)
        if frame is None:
            return
        begun = self._begun_by(value)
        made = frame.writes[value][1] if value in frame.writes else None
        for version in self.editor._versions_of(frame, value.name):
            target, statement = frame.writes[version]
            if version is value or target is None:
                continue
            if begun is not None:
                later = begun in statement.around() and statement is not begun
            elif made is None:
                later = True
            elif isinstance(
                made.node, cst.If | cst.For | cst.While | cst.With | cst.Try
            ):
                later = statement.order > made.order and (
                    made not in statement.around() or self.is_target(value, made)
                )
            else:
                later = statement.order > made.order
            if later and not _are_exclusive(made, statement):
                yield statement

    def _begun_by(self, value: Var) -> Statement | None:
        """The loop whose iterations begin with `value` in a variable."""
        home = self.homes.of.get(value)
        if home is not None and home.is_loop and value in home.block.params[1:]:
            return home.statement
        return None

    def is_target(self, value: Var, statement: Statement) -> bool:
        """The for statement gives the value at the start of each iteration."""
        home = self.homes.of.get(value)
        while home is not None and home.statement is not statement:
            home = home.outer
        return home is not None and isinstance(statement.node, cst.For)

    def _precedes(self, statement: Statement) -> bool:
        """`statement` has been executed here, since the value was made."""
        at = self.at
        if at is None:
            return self.after
        if at in statement.around():
            return self.after
        if statement in executed_with(at):
            return False
        return statement.order < at.order and not _are_exclusive(at, statement)

    def _is_made(self, value: Var) -> bool:
        """The name has been given its value: the statement that does stands before."""
        frame = self.editor.owner(value)
        made = frame.writes[value][1] if frame is not None else None
        if made is None or self.at is None:
            return True
        if made not in executed_with(self.at):
            return made.order <= self.at.order
        return (made is self.at and self.after) or self.is_target(value, made)

    def place_of(
        self, tangent: Var | None, statement: Statement | None
    ) -> Statement | None:
        """The statement beside which a line of `statement` stands: that which gives a variable its value."""
        primal = tangent.primal if tangent is not None else None
        frame = self.editor.owner(primal) if primal is not None else None
        if statement is None:
            return None
        if primal is not None and frame is not None:
            made = frame.writes[primal][1]
            if made in executed_with(statement) and made not in statement.around():
                statement = made
        while not self._is_printed(statement.frame):
            statement = statement.frame.statement
        return statement

    def follows(self, tangent: Var, statement: Statement) -> bool:
        """The value is computed when the branch or loop `statement` is done."""
        made = self.editor.when(tangent.primal) if tangent.primal is not None else -1
        return made > self.ends.get(statement, made)

    def written_by(self, value: Var, statement: Statement) -> bool:
        """The statement gives the value its name."""
        if value in self.unnamed and statement is self.returned:
            return True
        frame = self.editor.owner(value)
        return frame is not None and frame.writes[value][1] is statement

    # --- edits -----------------------------------------------------------------------------

    def _with_edit(self, value: Var) -> ast.expr:
        eqn, frame = self.defs.get(value), self._frame(value)
        if frame is not None and not self._is_printed(frame):
            self.editor.expand(frame)
            if (name := self.name_here(value)) is not None:
                return ast.Name(name)
        if value.name and frame is not None and self._is_made(value):
            return ast.Name(self._kept(frame, value))
        home = self.homes.of.get(value)
        if eqn is None and home is not None and value is home.block.params[0]:
            return self._index(value, home.statement)
        if eqn is None:
            what = "a part of a tuple that a loop carries is needed by the tangent"
            node = home.statement.node if home is not None else self.function.node.name
            step = "carry it in a variable of its own"
            raise self.editor.refusal("FG122", what, step, node)
        if eqn.op in STORES and eqn.statement is not None:
            what = "the tangent needs what an array without a name holds after a store"
            raise self.editor.refusal(
                "FG123", what, "give the array a name", eqn.statement.node
            )
        if eqn.op == "call" or eqn.node is None or eqn.statement is None:
            return self._of_unwritten(value, eqn)
        self.editor.expand(eqn.statement.frame)
        name = self.editor.hoist(eqn)
        if is_single(eqn):
            self.known[value] = name
            return ast.Name(name)
        return ast.Subscript(ast.Name(name), constant(eqn.outs.index(value)))

    def _of_unwritten(self, value: Var, eqn: Eqn) -> ast.expr:
        """A result of a call, or of what no expression of the text stands for."""
        if eqn.op != "call":
            return self._expression(eqn, self.read)
        if not eqn.attrs["pair"].forward_name:
            name: ast.expr = ast.Name(self.editor.hoist(eqn))
            if eqn.attrs["pair"].results:
                return ast.Subscript(name, constant(eqn.outs.index(value)))
            return name
        what = "the tangent needs a result of this call that has no name"
        step = "give the result a name on a line of its own"
        node = eqn.node or (eqn.statement.node if eqn.statement else None)
        raise self.editor.refusal("FG123", what, step, node)

    def _kept(self, frame: Frame, value: Var) -> str:
        """A name of its own for a value whose variable has another by now: given where the value is made."""
        printed = self.edits.renamed.get(value, value.name)
        number = self.editor._number_of(frame, value)
        name = self.known[value] = self.names.fresh(f"{printed}{number}")
        self.edits.given.add(name)
        destroyed = value in self.function.storages.destroyed
        begun = self._begun_by(value)
        if begun is not None:
            text = self.editor.copy(value, printed) if destroyed else printed
            self.edits.first.setdefault(begun, []).append(f"{name} = {text}")
        else:
            self.editor._keep_after(frame, value, name, destroyed)
        return name

    def _index(self, index: Var, statement: Statement) -> ast.expr:
        """The number of the iteration, or the key: the loop counts where its text does not."""
        source = self.function.loops.get(statement)
        if source is not None and source.counted:
            return self._of_target(statement, source.paired)
        if statement not in self.edits.counted:
            wanted = "key" if index.type.kind == "str" else "i"
            self.edits.counted[statement] = self.names.fresh(wanted)
            self.edits.given.add(self.edits.counted[statement])
        return ast.Name(self.edits.counted[statement])

    def _of_target(self, statement: Statement, paired: bool) -> ast.expr:
        """r[0] of `for r in d.items()`: what the text itself calls the number or key."""
        target: Any = statement.node.target
        whole = not isinstance(target, cst.Tuple)
        first: Any = target if whole else target.elements[0].value
        if not isinstance(first, cst.Name) or first.value in bound_names(
            statement.node.body
        ):
            what = "the tangent needs the number or key of the iteration"
            step = "give it a name of its own in the for statement"
            raise self.editor.refusal("FG123", what, step, target)
        name = ast.Name(first.value)
        return ast.Subscript(name, ast.Constant(0)) if whole and paired else name


DEEPEST = 8  # steps that are computed again for one value


def executed_with(statement: Statement) -> set[Statement]:
    """The statements that are being executed when `statement` is: those around it, and those that call its helper."""
    found = set(statement.around())
    for caller in callers(statement):
        found |= set(caller.around())
    return found


def callers(statement: Statement) -> Iterator[Statement]:
    """The statements that call the helper in which `statement` stands, innermost first."""
    while statement.frame is not None and statement.frame.statement is not None:
        statement = statement.frame.statement
        yield statement
