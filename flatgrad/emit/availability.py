"""Values of the forward part that the backward reads -> where it finds each, and what that changes.

In this order: under its name; computed again, where that is cheap; and only then by an edit of the forward
text: a sub-expression gets a name, an older version of a variable keeps one, a helper is read in place.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from flatgrad.emit.expressions import Dialect, Expressions, Read, constant
from flatgrad.emit.names import Names, telling
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.module import names_in_text
from flatgrad.frontend.scope import Frame, Function
from flatgrad.graph import Atom, Eqn, Lit, Statement, Var
from flatgrad.types import Dim, dim_key

CHEAP = {
    "range",
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
    copied: set[cst.CSTNode] = field(
        default_factory=set
    )  # hoisted views of what is written later
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
        self.eqns = eqns
        self.defs = {out: eqn for eqn in eqns for out in eqn.outs}
        self.position = {eqn: i for i, eqn in enumerate(eqns)}
        self.edits = Edits()
        self.found: dict[Atom, ast.expr] = {}
        self.names_of: dict[Var, str] = {}  # printed names of named values
        self.readers: dict[Atom, Eqn] = {}
        self.by_shape: dict[Any, Var] = {}
        self.by_length: dict[Any, Var] = {}
        self.named_lengths: dict[Any, Var] | None = None
        self.versions: dict[Frame, dict[str, list[Var]]] = {}
        self.given: set[str] = set()  # names of hoisted values
        self.live = live
        self.arrays = {
            e.args[0]
            for e in eqns
            if e.args
            and (e.dialect == "method" or e.op in ("getitem", "setitem", "matmul"))
        }
        for eqn in eqns:
            for arg in eqn.args:
                self.readers.setdefault(arg, eqn)
        self._note_final_names(function.frame)

    def _note_final_names(self, frame: Frame) -> None:
        """The names that values still have at the end of the activation."""
        for name, value in frame.env.items():
            if isinstance(value, Var) and value not in self.function.storages.destroyed:
                printed = self.printed_name(frame, name)
                if value not in self.names_of or value.name == name:
                    self.names_of[value] = printed

    def printed_name(self, frame: Frame, name: str) -> str:
        return name

    def prepare(self, positions: list[int]) -> None:
        """Name the sub-expressions at these positions of the forward part, in this order."""
        for position in positions:
            self.read(self.eqns[position].out)

    def hoisted(self) -> list[int]:
        return [
            p for places in self.edits.hoisted.values() for _, _, p in places.values()
        ]

    def read(self, value: Atom) -> ast.expr:
        """An expression for `value` where the backward begins; edits the forward where there is none yet."""
        if isinstance(value, Lit):
            return self.dialect.literal(value.value)
        if value not in self.found:
            found = self._without_edit(value)
            self.found[value] = found if found is not None else self._with_edit(value)
        return self.found[value]

    def _without_edit(self, value: Atom, depth: int = 0) -> ast.expr | None:
        if isinstance(value, Lit):
            return self.dialect.literal(value.value)
        if value in self.found:
            return self.found[value]
        if value in self.names_of:
            return ast.Name(self.names_of[value])
        eqn = self.defs.get(value)
        if (length := value.type.dim) is not None and (
            known := self._named_length(length)
        ) is not None:
            return ast.Name(self.names_of[known])
        if eqn is None or depth > 8 or len(eqn.outs) > 1:
            return None
        if eqn.op == "external":
            self._refuse_shadowed(eqn.attrs["text"])
        if eqn.op == "shape":
            return self._known_shape(eqn.args[0])
        if not self._is_cheap(eqn):
            return None
        args = {a: self._without_edit(a, depth + 1) for a in eqn.reads()}
        if any(a is None for a in args.values()):
            return None
        return self._expression(eqn, lambda a: args[a] or constant(None))

    def _is_cheap(self, eqn: Eqn) -> bool:
        if eqn.op in CHEAP:
            return True
        if eqn.op == "getitem":
            from flatgrad.shapes import is_basic_index

            return is_basic_index(eqn.args[1]) is True
        scalars = all(a.type.shape.is_scalar for a in (*eqn.args, eqn.out))
        return eqn.op in SCALAR_CHEAP and scalars and eqn.out not in self.live

    def _expression(self, eqn: Eqn, read: Read) -> ast.expr:
        return Expressions(self.dialect, read, self.shape).equation(eqn)

    def shape(self, x: Atom) -> ast.expr:
        """The shape of `x`, or of anything that has the same; spelled out where its lengths have names."""
        found = self._known_shape(x)
        if found is not None:
            return found
        array = self.read(x)
        if x.type.rank or x in self.arrays:
            return ast.Attribute(array, "shape")
        return ast.Call(self.dialect.name("numpy.shape"), [array], [])

    def _known_shape(self, x: Atom) -> ast.expr | None:
        like = self._like(x)
        if like is not None and (like.type.rank or like in self.arrays):
            return ast.Attribute(ast.Name(self.names_of[like]), "shape")
        if like is not None:
            return ast.Call(
                self.dialect.name("numpy.shape"), [ast.Name(self.names_of[like])], []
            )
        lengths = [self._length(d) for d in x.type.shape.dims or ()]
        if lengths and all(n is not None for n in lengths):
            return ast.Tuple([n for n in lengths if n is not None])
        return None

    def _like(self, x: Atom) -> Var | None:
        """A value under a name that has the shape of `x`, best x itself."""
        if isinstance(x, Var) and x in self.names_of:
            return x
        if not self.by_shape:
            for value in self.names_of:
                made = self.defs.get(value)
                listed = value.type.items is not None or (
                    made is not None and made.op == "range"
                )
                if not listed and value.type.kind not in (
                    "str",
                    "tuple",
                    "other",
                    "slice",
                ):
                    self.by_shape.setdefault(_shape_key(value), value)
        return self.by_shape.get(_shape_key(x)) if isinstance(x, Var) else None

    def _named_length(self, dim: Dim) -> Var | None:
        if self.named_lengths is None:
            lengths = (
                (dim_key(v.type.dim), v)
                for v in self.names_of
                if v.type.dim is not None
            )
            self.named_lengths = dict(reversed([*lengths]))
        return self.named_lengths.get(dim_key(dim))

    def _length(self, dim: Dim) -> ast.expr | None:
        """N, 4 or E // H: a length that the forward part has computed."""
        if dim.known is not None:
            return constant(dim.known)
        if not self.by_length:
            for value in (*self.names_of, *self.defs):
                length = value.type.dim
                if length is not None and length.known is None:
                    self.by_length.setdefault(dim_key(length), value)
        value = self.by_length.get(dim_key(dim))
        return self._without_edit(value) if value is not None else None

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
        if eqn is not None and eqn.node is not None and eqn.statement is not None:
            return ast.Subscript(
                ast.Name(self._hoist(frame, eqn)), constant(eqn.outs.index(value))
            )
        if eqn is not None and len(eqn.outs) == 1:
            return self._expression(eqn, self.read)
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
        caller = frame.statement.frame
        self._expand(caller)
        self._refuse_hidden(frame)
        self.edits.expanded.add(frame)
        self._name_arguments(frame, caller)
        others = [
            f for f in (self.function.frame, *self.edits.expanded) if f is not frame
        ]
        for value in frame.writes:
            if not self._is_free(value.name, others, value):
                self.edits.renamed[value] = self.names.fresh(value.name)
        for value in frame.writes:
            if (
                value is frame.env.get(value.name)
                and value not in self.function.storages.destroyed
            ):
                self.names_of.setdefault(
                    value, self.edits.renamed.get(value, value.name)
                )

    def _name_arguments(self, frame: Frame, caller: Frame) -> None:
        """An argument that is an expression and read more than once gets a name, if it can the parameter's."""
        for name, (node, value) in frame.arguments.items():
            reads = sum(1 for n, v, _ in frame.reads if n.value == name and v is value)
            eqn = self.defs.get(value) if isinstance(value, Var) else None
            if (
                reads > 1
                and eqn is not None
                and eqn.node is node
                and value not in self.names_of
            ):
                self._hoist(self._frame(eqn.out, eqn), eqn, name)

    def _is_free(
        self, name: str, others: list[Frame], value: Var | None = None
    ) -> bool:
        """A name of a helper may stand in the emitted function: nothing else there has it."""
        module = self.function.module
        if (
            name in module.functions
            or name in module.constants
            or name in module.imports
            or name in self.given
        ):
            return False
        return not any(name in f.env and f.env[name] is not value for f in others)

    def _refuse_hidden(self, frame: Frame) -> None:
        """A module's name that a helper reads must mean the same where the helper is read in place."""
        module, function = self.function.module, frame.function
        if not isinstance(function, cst.FunctionDef) or frame.enclosing is not None:
            return
        local = {p.value for p in frame.bindings if isinstance(p, cst.Name)} | set(
            frame.arguments
        )
        read = names_in_text(module.code(function.body)) - local
        hidden = (
            read
            & {*module.constants, *module.functions, *module.imports}
            & set(self.function.frame.env)
        )
        if hidden:
            name = sorted(hidden)[0]
            what = f"{name} means one thing in {function.name.value} and another in {self.function.name}"
            raise self._refusal(
                "FG117", what, "give the local variable another name", function.name
            )

    def _separate_walrus(self, frame: Frame, statement: Statement) -> None:
        """(t := v) gets a line of its own where other parts of its statement do."""
        for node, value in self.function.walrus.get(statement, ()):
            for read, other, where in frame.reads:
                if (
                    where is statement
                    and read.value == value.name
                    and other is not value
                ):
                    what = f"{value.name} is read and assigned in the middle of one expression"
                    raise self._refusal(
                        "FG118", what, "give the assignment a line of its own", node
                    )
            places = self.edits.hoisted.setdefault(frame, {})
            name = self.edits.renamed.get(value, value.name)
            places.setdefault(node, (name, statement, self.position[self.defs[value]]))

    def _refuse_shadowed(self, text: str) -> None:
        """A name of the module that the backward reads must not be a variable of the function."""
        name = text.partition(".")[0]
        if name in self.function.frame.env:
            what = f"{name} is a variable of {self.function.name} and a name of the module that the backward reads"
            raise self._refusal(
                "FG117", what, "give the variable another name", self.function.node.name
            )

    def _hoist(self, frame: Frame, eqn: Eqn, wanted: str = "") -> str:
        others = [self.function.frame, *self.edits.expanded]
        if wanted and self._is_free(
            wanted, [f for f in others if f.env.get(wanted) is not eqn.out]
        ):
            name = wanted
        else:
            name = self.names.fresh(
                wanted or telling(eqn, self.readers.get(eqn.outs[0]))
            )
        self.given.add(name)
        assert eqn.statement is not None
        places = self.edits.hoisted.setdefault(frame, {})
        places[eqn.node] = (name, eqn.statement, self.position[eqn])
        self._separate_walrus(frame, eqn.statement)
        if any(out in self.function.storages.destroyed for out in eqn.outs):
            self.edits.copied.add(eqn.node)
        if len(eqn.outs) == 1:
            self.names_of[eqn.out] = name
        return name

    def _refusal(
        self, code: str, what: str, step: str, node: cst.CSTNode
    ) -> FlatgradError:
        return FlatgradError(
            Diagnostic(code, what, step, self.function.module.place(node))
        )

    def _versions(self, frame: Frame, name: str) -> list[Var]:
        """The values that a variable is given one after the other."""
        if frame not in self.versions:
            by_name: dict[str, list[Var]] = {}
            for value in frame.writes:
                by_name.setdefault(value.name, []).append(value)
            self.versions[frame] = by_name
        return self.versions[frame].get(name, [])

    def _keep_version(self, frame: Frame, value: Var) -> str:
        """A name of its own for a version of a variable that is overwritten."""
        destroyer = self.function.storages.destroyed.get(value)
        printed = self.edits.renamed.get(value, value.name)
        versions = self._versions(frame, value.name)
        number = (
            versions.index(value) + (value.name in self.function.params)
            if value in versions
            else 0
        )
        name = self.names.fresh(f"{printed}{number}")
        self.names_of[value] = name
        rebound = self._rebound_at(frame, value)
        made = self.defs.get(value)
        in_place = made is not None and made.op in ("setitem", "index_add", "opaque")
        kept = (
            in_place
            or value in self.function.params.values()
            or value in self.function.captured
        )
        if destroyer is not None and not (
            self._is_augmented(destroyer) and self._alone(value) and not kept
        ):
            before = min(
                (s for s in (destroyer, rebound) if s is not None),
                key=lambda s: s.order,
            )
            self.edits.saved.setdefault(before, []).append(
                (name, self._copy(value, printed))
            )
        elif kept:
            assert rebound is not None, f"{printed} is neither overwritten nor at hand"
            self.edits.saved.setdefault(rebound, []).append((name, printed))
            if destroyer is not None:
                self.edits.separated.add(destroyer)
        else:
            self.edits.renamed[value] = name
            if destroyer is not None:
                self.edits.separated.add(destroyer)
        return name

    def _copy(self, value: Var, printed: str) -> str:
        """x.copy(), or np.copy(x) where x may be a plain number."""
        if value.type.rank:
            return f"{printed}.copy()"
        numpy = self.dialect.name("numpy")
        assert isinstance(numpy, ast.Name)
        return f"{numpy.id}.copy({printed})"

    def _rebound_at(self, frame: Frame, value: Var) -> Statement | None:
        """The statement that gives the name of `value` to another value."""
        versions = self._versions(frame, value.name)
        at = versions.index(value) + 1 if value in versions else 0
        return frame.writes[versions[at]][1] if at < len(versions) else None

    def _is_augmented(self, statement: Statement) -> bool:
        match statement.node:
            case cst.SimpleStatementLine(body=[cst.AugAssign(target=cst.Name())]):
                return True
            case _:
                return False

    def _alone(self, value: Var) -> bool:
        """No other name shows the array of `value`."""
        return not self.function.storages.shared(value)


def _shape_key(value: Var) -> Any:
    """Equal for values that are known to have one shape."""
    dims = value.type.shape.dims
    if dims is None:
        return id(value.type.shape.root())
    return tuple(map(dim_key, dims))
