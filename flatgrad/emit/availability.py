"""Values of the forward part that the backward reads -> an expression that finds each.

In this order: under its name; computed again, where that is cheap; and only then by an edit of the forward
text (edits.py).
"""

from __future__ import annotations

import ast
from typing import Any

from flatgrad.emit.edits import Editor
from flatgrad.emit.expressions import Dialect, Expressions, Read, constant
from flatgrad.emit.names import Names
from flatgrad.frontend.scope import Frame, Function
from flatgrad.graph import Atom, Eqn, Lit, Var
from flatgrad.shapes import is_basic_index
from flatgrad.types import Dim, dim_key

CHEAP = {
    "shape", "transpose", "matrix_transpose", "reshape", "ravel", "swapaxes", "moveaxis", "squeeze", "expand_dims",
    "neg", "gt", "lt", "ge", "le", "eq", "ne", "tuple", "slice", "arange", "range", "len", "size", "ndim", "invert",
    "external", "alias", "stop_gradient", "astype",
}  # fmt: skip
SCALAR_CHEAP = {"add", "sub", "mul", "truediv", "floordiv", "pow"}  # of numbers: 2 * H
DEEPEST = 8  # steps that are computed again for one value
WITHOUT_SHAPE = ("str", "tuple", "other", "slice")
ARRAYS_ONLY = (
    "getitem",
    "setitem",
    "matmul",
)  # operations that a plain number does not have


class Availability:
    """Where the backward finds each value of the forward part of `function`."""

    def __init__(
        self, function: Function, eqns: tuple[Eqn, ...], names: Names, dialect: Dialect
    ):
        self.function, self.eqns, self.dialect = function, eqns, dialect
        self.editor = Editor(function, eqns, names, dialect)
        self.edits, self.names_of = self.editor.edits, self.editor.names_of
        self.defs, self.readers = self.editor.defs, self.editor.readers
        self._found: dict[Atom, ast.expr] = {}
        self._by_shape: dict[Any, Var] = {}
        self._by_length: dict[Any, Var] = {}
        self._named_lengths: dict[Any, Var] | None = None
        methods = (
            e for e in eqns if e.args and (e.dialect == "method" or e.op in ARRAYS_ONLY)
        )
        self._arrays = {e.args[0] for e in methods}

    def prepare(self, values: list[Var]) -> None:
        """Make the edits for these values first, in this order."""
        for value in values:
            self.read(value)

    def read(self, value: Atom) -> ast.expr:
        """An expression for `value` where the backward begins; edits the forward where there is none yet."""
        if isinstance(value, Lit):
            return self.dialect.literal(value.value)
        if value not in self._found:
            found = self._without_edit(value)
            self._found[value] = found if found is not None else self._with_edit(value)
        return self._found[value]

    def _without_edit(self, value: Atom, depth: int = 0) -> ast.expr | None:
        if isinstance(value, Lit):
            return self.dialect.literal(value.value)
        if value in self._found:
            return self._found[value]
        if value in self.names_of:
            return ast.Name(self.names_of[value])
        if (known := self._named_length(value.type.dim)) is not None:
            return ast.Name(self.names_of[known])
        eqn = self.defs.get(value)
        if eqn is None or depth > DEEPEST or len(eqn.outs) > 1:
            return None
        return self._again(eqn, depth)

    def _again(self, eqn: Eqn, depth: int) -> ast.expr | None:
        """What `eqn` computes, computed again, where that is cheap and its arguments are at hand."""
        if eqn.op == "external":
            self.editor.refuse_shadowed(eqn.attrs["text"])
        if eqn.op == "shape":
            return self._known_shape(eqn.args[0])
        if not _is_cheap(eqn):
            return None
        args = {a: self._without_edit(a, depth + 1) for a in eqn.reads()}
        if any(a is None for a in args.values()):
            return None
        return self._expression(eqn, lambda a: args[a] or constant(None))

    def _with_edit(self, value: Var) -> ast.expr:
        eqn = self.defs.get(value)
        frame: Frame = self.editor.owner(value) or self.function.frame
        named = bool(value.name) and (value in frame.writes or eqn is None)
        if not named and eqn is not None and eqn.statement is not None:
            frame = eqn.statement.frame
        self.editor.expand(frame)
        if value in self.names_of:
            return ast.Name(self.names_of[value])
        if named:
            return ast.Name(self.editor.keep_version(frame, value))
        assert eqn is not None, f"{value.name or 'a value'} cannot be had"
        if eqn.node is None or eqn.statement is None:
            return self._expression(eqn, self.read)
        name = ast.Name(self.editor.hoist(eqn))
        return (
            name
            if len(eqn.outs) == 1
            else ast.Subscript(name, constant(eqn.outs.index(value)))
        )

    def _expression(self, eqn: Eqn, read: Read) -> ast.expr:
        return Expressions(self.dialect, read, self.shape).equation(eqn)

    # --- shapes --------------------------------------------------------------------------

    def shape(self, x: Atom) -> ast.expr:
        """The shape of `x`, or of anything that has the same; spelled out where its lengths have names."""
        found = self._known_shape(x)
        return found if found is not None else self._shape_of(self.read(x), x)

    def _shape_of(self, array: ast.expr, x: Atom) -> ast.expr:
        """x.shape, or np.shape(x) where x may be a plain number."""
        if x.type.rank or x in self._arrays:
            return ast.Attribute(array, "shape")
        return ast.Call(self.dialect.name("numpy.shape"), [array], [])

    def _known_shape(self, x: Atom) -> ast.expr | None:
        if (like := self._like(x)) is not None:
            return self._shape_of(ast.Name(self.names_of[like]), like)
        lengths = [self._length(d) for d in x.type.shape.dims or ()]
        if lengths and all(n is not None for n in lengths):
            return ast.Tuple([n for n in lengths if n is not None])
        return None

    def _like(self, x: Atom) -> Var | None:
        """A value under a name that has the shape of `x`, best x itself."""
        if not isinstance(x, Var) or x in self.names_of:
            return x if isinstance(x, Var) else None
        if not self._by_shape:
            for value in filter(self._has_shape, self.names_of):
                self._by_shape.setdefault(_shape_key(value), value)
        return self._by_shape.get(_shape_key(x))

    def _has_shape(self, value: Var) -> bool:
        made = self.defs.get(value)
        listed = value.type.items is not None or (
            made is not None and made.op == "range"
        )
        return not listed and value.type.kind not in WITHOUT_SHAPE

    def _named_length(self, dim: Dim | None) -> Var | None:
        """N, where the length has a name."""
        if dim is None:
            return None
        if self._named_lengths is None:
            lengths = [
                (dim_key(v.type.dim), v)
                for v in self.names_of
                if v.type.dim is not None
            ]
            self._named_lengths = dict(reversed(lengths))
        return self._named_lengths.get(dim_key(dim))

    def _length(self, dim: Dim) -> ast.expr | None:
        """N, 4 or E // H: a length that the forward part has computed."""
        if dim.known is not None:
            return constant(dim.known)
        if not self._by_length:
            for value in (*self.names_of, *self.defs):
                length = value.type.dim
                if (
                    isinstance(value, Var)
                    and length is not None
                    and length.known is None
                ):
                    self._by_length.setdefault(dim_key(length), value)
        found = self._by_length.get(dim_key(dim))
        return self._without_edit(found) if found is not None else None


def _is_cheap(eqn: Eqn) -> bool:
    if eqn.op == "getitem":
        return is_basic_index(eqn.args[1]) is True
    scalars = all(a.type.shape.is_scalar for a in (*eqn.args, eqn.out))
    return eqn.op in CHEAP or (eqn.op in SCALAR_CHEAP and scalars)


def _shape_key(value: Var) -> Any:
    """Equal for values that are known to have one shape."""
    dims = value.type.shape.dims
    if dims is None:
        return id(value.type.shape.root())
    return tuple(map(dim_key, dims))
