"""Values of the forward part that the backward reads -> an expression that finds each.

In this order: under its name; computed again, where that is cheap; and only then by an edit of the forward
text (edits.py).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import libcst as cst

from flatgrad.emit.edits import Editor, is_single
from flatgrad.emit.expressions import Dialect, Expressions, Read, constant
from flatgrad.emit.homes import Home
from flatgrad.emit.names import Names
from flatgrad.frontend.module import names_in, nodes_in
from flatgrad.frontend.scope import Frame, Function, Struct
from flatgrad.graph import Atom, Block, Eqn, Lit, Var, all_equations
from flatgrad.shapes import is_basic_index
from flatgrad.types import Dim, dim_key

CHEAP = {
    "shape", "transpose", "matrix_transpose", "reshape", "ravel", "swapaxes", "moveaxis", "squeeze", "expand_dims",
    "neg", "gt", "lt", "ge", "le", "eq", "ne", "tuple", "slice", "arange", "range", "len", "size", "ndim", "invert",
    "external", "alias", "text", "stop_gradient", "astype",
}  # fmt: skip
SCALAR_CHEAP = {"add", "sub", "mul", "truediv", "floordiv", "pow"}  # of numbers: 2 * H
DEEPEST = 8  # steps that are computed again for one value
WRITES = {
    "setitem",
    "index_add",
    "list_append",
    "list_insert",
    "list_pop",
    "list_drop",
    "dict_setdefault",
}
WITHOUT_SHAPE = ("str", "tuple", "other", "slice")
ARRAYS_ONLY = (
    "getitem",
    "setitem",
    "matmul",
)  # operations that a plain number does not have


class Availability:
    """Where the backward finds each value of the forward part of `function`."""

    def __init__(
        self,
        function: Function,
        eqns: tuple[Eqn, ...],
        names: Names,
        dialect: Dialect,
        blocked: set[str] | None,
    ):
        self.function, self.eqns, self.dialect = function, eqns, dialect
        self.blocked = blocked
        self.editor = Editor(function, eqns, names, dialect)
        self.names, self.homes = names, self.editor.homes
        self.edits, self.names_of = self.editor.edits, self.editor.names_of
        # What the backward itself binds: indices of loops, elements taken from lists.
        self.local: dict[Atom, ast.expr] = {}
        self.taken: dict[Block, list[tuple[str, str]]] = {}
        self.emptied: list[str] = []  # lists that the backward takes the elements from
        self.plain: set[str] = set()  # names of the user that the backward reads
        self.defs, self.readers = self.editor.defs, self.editor.readers
        self._found: dict[Atom, ast.expr] = {}
        self._by_shape: dict[Any, Var] = {}
        self._by_length: dict[Any, Var] = {}
        self._named_lengths: dict[Any, Var] | None = None
        methods = (
            e
            for e in all_equations(eqns)
            if e.args and (e.dialect == "method" or e.op in ARRAYS_ONLY)
        )
        self._arrays = {e.args[0] for e in methods}

    def prepare(self, values: list[Var]) -> None:
        """Make the edits for these values first, in this order."""
        for value in values:
            if self.homes.loop(value) is None:
                self.read(value)

    def span(self, value: Atom) -> ast.expr:
        """The range of a loop, as the forward loop has it."""
        eqn = self.defs.get(value)
        if eqn is None or eqn.op not in ("range", "reversed"):
            return self.read(value)
        if eqn.op == "reversed":
            return ast.Call(ast.Name("reversed"), [self.span(eqn.args[0])], [])
        return ast.Call(ast.Name("range"), [self.read(a) for a in eqn.args], [])

    def iterable(self, loop: Eqn) -> ast.expr:
        """What a loop runs over, in terms of what the backward has."""
        assert loop.statement is not None
        text = (loop.attrs.get("part") or loop.node).iter
        found = self._retold(text, loop.statement.frame, self.read)
        if found is None:
            what = "what this loop runs over is not at hand in the backward"
            raise self.editor.refusal(
                "FG123", what, "give it a name before the loop", text
            )
        return found

    def _retold(
        self, node: Any, frame: Frame, read: Callable[[Var], ast.expr | None]
    ) -> ast.expr | None:
        """The text of an expression with each name replaced by where the backward finds its value."""
        places: dict[str, ast.expr] = {}
        for name in names_in(node):
            value = frame.values.get(name)
            if isinstance(value, Var):
                found = read(value)
                if found is None:
                    return None
                places[name.value] = found
            elif isinstance(value, Struct) and frame.env.get(name.value) is not value:
                return None
        tree = ast.parse(self.function.module.code(node).strip(), mode="eval").body
        told: ast.expr = _Places(places).visit(tree)
        return told

    def read(self, value: Atom) -> ast.expr:
        """An expression for `value` where the backward begins; edits the forward where there is none yet."""
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
            self.plain |= {
                n.id for n in ast.walk(self.local[value]) if isinstance(n, ast.Name)
            }
            return self.local[value]
        if value in self.names_of:
            return self._named(self.names_of[value])
        if (known := self._named_length(value.type.dim)) is not None:
            return self._named(self.names_of[known])
        if (name := self.editor.still_named(value)) is not None:
            return self._named(name)
        if (result := self.homes.results.get(value)) is not None and depth < DEEPEST:
            if (found := self._without_edit(result, depth + 1)) is not None:
                return found
        eqn = self.defs.get(value)
        if eqn is None or depth > DEEPEST or len(eqn.outs) > 1:
            return None
        return self._again(eqn, depth)

    def _named(self, name: str) -> ast.expr:
        self.plain.add(name)
        return ast.Name(name)

    def _computed_again(self, value: Var) -> ast.expr:
        """What an expression computed that need not have been evaluated: computed again, from what it reads."""
        eqn = self.defs.get(value)
        if (
            eqn is None
            or len(eqn.outs) > 1
            or eqn.blocks
            or eqn.op == "opaque"
            or eqn.op.startswith("random")
        ):
            node = (
                eqn.node
                if eqn is not None and eqn.node is not None
                else self.homes.of[value].statement.node
            )
            raise self.editor.refusal(
                "FG123", "the backward needs a value from within this expression", "compute it on a line of its own",
                node,
            )  # fmt: skip
        return self._expression(eqn, self.read)

    def _again(self, eqn: Eqn, depth: int) -> ast.expr | None:
        """What `eqn` computes, computed again, where that is cheap and its arguments are at hand."""
        if eqn.op == "external":
            self.editor.refuse_shadowed(eqn.attrs["text"])
        if eqn.op == "shape":
            return self._known_shape(eqn.args[0])
        if eqn.op in ("test", "opaque", "text"):
            if eqn.statement is None or not _is_plain_test(eqn.node):
                return None
            frame = eqn.statement.frame
            return self._retold(
                eqn.node, frame, lambda v: self._without_edit(v, depth + 1)
            )
        if not _is_cheap(eqn):
            return None
        args = {a: self._without_edit(a, depth + 1) for a in eqn.reads()}
        if any(a is None for a in args.values()):
            return None
        return self._expression(eqn, lambda a: args[a] or constant(None))

    def _with_edit(self, value: Var) -> ast.expr:
        eqn = self.defs.get(value)
        if (
            eqn is not None
            and eqn.op in ("for", "while")
            and not value.name
            and not is_single(eqn)
        ):
            counted = value is eqn.outs[0]
            name = self.editor.count(value) if counted else self.editor.flag(value)
            if self.homes.loop(value) is None:
                self.names_of[value] = name
                return ast.Name(name)
        if self.homes.loop(value) is not None:
            return self._in_iteration(value)
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
            if is_single(eqn)
            else ast.Subscript(name, constant(eqn.outs.index(value)))
        )

    def _in_iteration(self, value: Var) -> ast.expr:
        """A value that each iteration computes anew: read back, or from a list."""
        eqn, owner = self.defs.get(value), self.editor.owner(value)
        frame = owner
        if frame is None and eqn is not None and eqn.statement is not None:
            frame = eqn.statement.frame
        self.editor.expand(frame or self.function.frame)
        if (
            owner is None
            and eqn is not None
            and (eqn.node is None or eqn.statement is None)
        ):
            return self._expression(eqn, self.read)
        listed, stem = self.editor.record(value)
        home = self.homes.of[value]
        index = self.local.get(home.block.params[0]) if home.block.params else None
        if index is not None and self._counts(home):
            return ast.Subscript(ast.Name(listed), index)
        again = any(stem == n for names in self.taken.values() for n, _ in names)
        free = self.blocked is not None and stem not in self.blocked and not again
        name = stem if free else self.names.fresh(stem)
        self.edits.given.add(name)
        self.taken.setdefault(home.block, []).append((name, listed))
        self.emptied.append(listed)
        return ast.Name(name)

    def _counts(self, home: Home) -> bool:
        """The index of the loop counts its iterations from 0."""
        if home.outer is not None or not home.is_loop:
            return False
        source = self.function.loops.get(home.statement)
        if source is None or not source.counted:
            return False
        if source.kind != "range":
            return bool(source.kind == "items")
        span = self.defs.get(home.eqn.args[0])
        return span is not None and span.op == "range" and len(span.args) == 1

    def _expression(self, eqn: Eqn, read: Read) -> ast.expr:
        if eqn.op in WRITES or eqn.blocks:
            assert eqn.statement is not None
            what = "the backward needs what a change makes of a part that has no name"
            raise self.editor.refusal(
                "FG123", what, "give the part a name of its own", eqn.statement.node
            )
        try:
            return Expressions(self.dialect, read, self.shape).equation(eqn)
        except KeyError:
            node = (
                eqn.node
                if eqn.node is not None or eqn.statement is None
                else eqn.statement.node
            )
            what = "the backward needs a value from within this expression"
            raise self.editor.refusal(
                "FG123", what, "compute it on a line of its own", node
            ) from None

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
                if self.homes.loop(value) is not None:
                    continue
                length = value.type.dim
                if (
                    isinstance(value, Var)
                    and length is not None
                    and length.known is None
                ):
                    self._by_length.setdefault(dim_key(length), value)
        found = self._by_length.get(dim_key(dim))
        return self._without_edit(found) if found is not None else None


class _Places(ast.NodeTransformer):
    def __init__(self, places: dict[str, ast.expr]):
        self.places = places

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.places.get(node.id, node)


PLAIN_TEST = (
    cst.Name, cst.Attribute, cst.Comparison, cst.BooleanOperation, cst.UnaryOperation, cst.SimpleString, cst.Integer,
    cst.Float, cst.Subscript, cst.Tuple, cst.List, cst.FormattedString, cst.BinaryOperation,
)  # fmt: skip
PURE = {
    "startswith",
    "endswith",
    "isinstance",
    "len",
    "get",
    "lower",
    "upper",
    "keys",
    "any",
    "all",
    "abs",
    "hasattr",
    "str",
}


def _is_plain_test(node: Any) -> bool:
    """Computed again at no cost and with the same result: comparisons of what is at hand."""
    if not isinstance(node, cst.BaseExpression):
        return False
    for part in nodes_in(node):
        match part:
            case cst.Call(
                func=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name))
            ):
                if name not in PURE:
                    return False
            case cst.BaseExpression() if not isinstance(part, PLAIN_TEST):
                return False
            case _:
                pass
    return True


def _is_cheap(eqn: Eqn) -> bool:
    if eqn.op == "getitem" and eqn.args[0].type.kind in ("list", "dict", "tree"):
        return True
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
