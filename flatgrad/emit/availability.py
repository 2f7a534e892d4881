"""Values of the forward part that the backward reads -> where it finds each, and what that changes.

In this order: under its name; computed again, where that is cheap; and only then by an edit of the forward
text: a sub-expression gets a name, an older version of a variable keeps one, a helper is read in place.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

import libcst as cst

from flatgrad.emit.expressions import Dialect, Expressions, constant
from flatgrad.emit.names import Names, telling
from flatgrad.frontend.scope import Frame, Function
from flatgrad.graph import Atom, Eqn, Lit, Statement, Var
from flatgrad.types import same_shape

CHEAP = {
    "shape", "transpose", "matrix_transpose", "reshape", "ravel", "swapaxes", "moveaxis", "squeeze", "expand_dims",
    "neg", "gt", "lt", "ge", "le", "eq", "ne", "tuple", "slice", "arange", "len", "size", "ndim", "invert", "external",
    "alias", "stop_gradient", "astype",
}  # fmt: skip
SCALAR_CHEAP = {
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "pow",
}  # on plain numbers without gradient: 2 * H


@dataclass
class Edits:
    """What changes in the forward text."""

    hoisted: dict[Frame, dict[cst.CSTNode, tuple[str, Statement, int]]] = field(
        default_factory=dict
    )
    renamed: dict[Var, str] = field(default_factory=dict)
    saved: dict[Statement, list[tuple[str, str]]] = field(
        default_factory=dict
    )  # before it: name = text
    expanded: set[Frame] = field(default_factory=set)
    separated: set[Statement] = field(default_factory=set)  # p /= s  ->  p = p0 / s


class Availability:
    def __init__(
        self,
        function: Function,
        eqns: tuple[Eqn, ...],
        names: Names,
        dialect: Dialect,
        live: set[Var],
    ):
        self.function, self.names, self.dialect = function, names, dialect
        self.defs = {out: eqn for eqn in eqns for out in eqn.outs}
        self.position = {eqn: i for i, eqn in enumerate(eqns)}
        self.edits = Edits()
        self.found: dict[Atom, ast.expr] = {}
        self.names_of: dict[Var, str] = {}  # printed names of named values
        self.readers: dict[Atom, Eqn] = {}
        self.shaped: list[Var] = []
        self.live = live
        for eqn in eqns:
            for arg in eqn.args:
                self.readers.setdefault(arg, eqn)
        self._note_final_names(function.frame)
        for param in function.params.values():
            self.shaped.append(param)
        self.shaped += [v for v in self.names_of if v not in function.params.values()]

    def _note_final_names(self, frame: Frame) -> None:
        """The names that values still have at the end of the activation."""
        for name, value in frame.env.items():
            if isinstance(value, Var) and value not in self.function.destroyed:
                printed = self.printed_name(frame, name)
                if value not in self.names_of or value.name == name:
                    self.names_of[value] = printed

    def printed_name(self, frame: Frame, name: str) -> str:
        return name

    def read(self, value: Atom) -> ast.expr:
        """An expression for `value` where the backward begins; edits the forward where there is none yet."""
        if isinstance(value, Lit):
            return constant(value.value)
        if value not in self.found:
            found = self._without_edit(value)
            self.found[value] = found if found is not None else self._with_edit(value)
        return self.found[value]

    def _without_edit(self, value: Atom, depth: int = 0) -> ast.expr | None:
        if isinstance(value, Lit):
            return constant(value.value)
        if value in self.found:
            return self.found[value]
        if value in self.names_of:
            return ast.Name(self.names_of[value])
        eqn = self.defs.get(value)
        if eqn is None or depth > 8 or len(eqn.outs) > 1:
            return None
        if eqn.op == "shape":
            return self._shape(eqn)
        if not self._is_cheap(eqn):
            return None
        args = {a: self._without_edit(a, depth + 1) for a in eqn.reads()}
        if any(a is None for a in args.values()):
            return None
        return Expressions(self.dialect, lambda a: args[a] or constant(None)).equation(
            eqn
        )

    def _is_cheap(self, eqn: Eqn) -> bool:
        if eqn.op in CHEAP:
            return True
        if eqn.op == "getitem":
            from flatgrad.shapes import is_basic_index

            return is_basic_index(eqn.args[1]) is True
        scalars = all(a.type.shape.is_scalar for a in (*eqn.args, eqn.out))
        return eqn.op in SCALAR_CHEAP and scalars and eqn.out not in self.live

    def _shape(self, eqn: Eqn) -> ast.expr | None:
        """The shape of anything that has the same shape will do."""
        x = eqn.args[0]
        own = (
            self._without_edit(x)
            if isinstance(x, Var) and (x in self.names_of or x in self.found)
            else None
        )
        candidates = [
            v
            for v in self.shaped
            if v is not x and same_shape(v.type.shape, x.type.shape)
        ]
        like: Atom = x if own is not None or not candidates else candidates[0]
        array = own or (self._without_edit(like) if isinstance(like, Var) else None)
        if array is None:
            return None
        proxy = Eqn(eqn.outs, "shape", (like,))
        return Expressions(self.dialect, lambda _: array).equation(proxy)

    # --- edits ---------------------------------------------------------------------------------------------------

    def _with_edit(self, value: Var) -> ast.expr:
        eqn = self.defs.get(value)
        frame = self._frame(value, eqn)
        self._expand(frame)
        if value in self.names_of:
            return ast.Name(self.names_of[value])
        if value.name and (value in frame.writes or eqn is None):
            return ast.Name(self._keep_version(frame, value))
        if (
            eqn is not None
            and eqn.node is not None
            and eqn.statement is not None
            and len(eqn.outs) == 1
        ):
            return ast.Name(self._hoist(frame, eqn))
        if eqn is not None and len(eqn.outs) == 1:
            return Expressions(self.dialect, self.read).equation(eqn)
        raise AssertionError(f"{value.name or 'a value'} cannot be had")

    def _frame(self, value: Var, eqn: Eqn | None) -> Frame:
        if eqn is None or eqn.statement is None:
            return self.function.frame
        found: Frame = eqn.statement.frame
        return found

    def _expand(self, frame: Frame) -> None:
        """Read the helper in place: its lines stand where it was called, so that its values have names."""
        if frame.statement is None or frame in self.edits.expanded:
            return
        self._expand(frame.statement.frame)
        self.edits.expanded.add(frame)
        for value in frame.writes:
            wanted = value.name
            owner = [v for v, n in self.edits.renamed.items() if n == wanted]
            taken = self._is_taken(frame, wanted)
            if taken or owner:
                self.edits.renamed[value] = self.names.fresh(wanted)
        for value in frame.writes:
            if (
                value is frame.env.get(value.name)
                and value not in self.function.destroyed
            ):
                self.names_of.setdefault(
                    value, self.edits.renamed.get(value, value.name)
                )

    def _is_taken(self, frame: Frame, name: str) -> bool:
        """Another activation whose lines are printed uses the name."""
        others = [
            self.function.frame,
            *(f for f in self.edits.expanded if f is not frame),
        ]
        return any(name in f.env for f in others)

    def _hoist(self, frame: Frame, eqn: Eqn) -> str:
        name = self.names.fresh(telling(eqn, self.readers.get(eqn.out)))
        assert eqn.statement is not None
        places = self.edits.hoisted.setdefault(frame, {})
        places[eqn.node] = (name, eqn.statement, self.position[eqn])
        self.names_of[eqn.out] = name
        return name

    def _keep_version(self, frame: Frame, value: Var) -> str:
        """A name of its own for a version of a variable that is overwritten."""
        destroyer = self.function.destroyed.get(value)
        printed = self.edits.renamed.get(value, value.name)
        name = self.names.fresh(f"{printed}0")
        self.names_of[value] = name
        is_parameter = value in self.function.params.values()
        augmented = destroyer is not None and self._is_augmented(destroyer)
        if destroyer is not None and not (augmented and self._alone(value)):
            self.edits.saved.setdefault(destroyer, []).append(
                (name, f"{printed}.copy()")
            )
            return name
        if destroyer is not None:
            self.edits.separated.add(destroyer)
        if is_parameter:
            last = self._overwritten_at(frame, value)
            self.edits.saved.setdefault(last, []).append((name, printed))
        else:
            self.edits.renamed[value] = name
        return name

    def _is_augmented(self, statement: Statement) -> bool:
        match statement.node:
            case cst.SimpleStatementLine(body=[cst.AugAssign(target=cst.Name())]):
                return True
            case _:
                return False

    def _alone(self, value: Var) -> bool:
        """No other name shows the array of `value`."""
        root = self.function.storage.get(value)
        sharing = [
            v
            for v, r in self.function.storage.items()
            if r is root and v.name and v.name != value.name
        ]
        return not sharing

    def _overwritten_at(self, frame: Frame, value: Var) -> Statement:
        """The statement that gives the name of `value` to another value."""
        after = [
            s
            for v, (_, s) in frame.writes.items()
            if v.name == value.name and v is not value
        ]
        return min(after, key=lambda s: s.order)
