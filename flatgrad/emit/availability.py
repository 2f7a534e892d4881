"""Values of the forward part that the backward reads -> an expression that finds each.

In this order: under its name; computed again, where that is cheap; and only then by an edit of the forward
text (edits.py).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Any

import libcst as cst

from flatgrad.emit.activations import printed_names
from flatgrad.emit.edits import Editor, is_single
from flatgrad.emit.expressions import Dialect, Read, constant
from flatgrad.emit.homes import Home
from flatgrad.emit.names import Names
from flatgrad.emit.tensors import expressions_of
from flatgrad.frontend.module import names_in, nodes_in
from flatgrad.frontend.scope import Frame, Function, Struct, Value, atoms_in
from flatgrad.graph import Atom, Block, Eqn, Lit, Var, all_equations
from flatgrad.loops import is_own_part
from flatgrad.shapes import is_basic_index
from flatgrad.shapes.indexing import indexed
from flatgrad.types import Dim, Shape, Type, dim_key, same_shape
from flatgrad.versions import MAY_HOLD

CHEAP = {
    "shape", "transpose", "matrix_transpose", "reshape", "ravel", "swapaxes", "moveaxis", "squeeze", "expand_dims",
    "neg", "gt", "lt", "ge", "le", "eq", "ne", "tuple", "slice", "arange", "range", "len", "size", "ndim", "invert",
    "external", "alias", "text", "stop_gradient", "astype", "is_ndarray",
}  # fmt: skip
SCALAR_CHEAP = {
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "pow",
    "mod",
    "abs",
    "maximum",
    "minimum",
}  # of numbers: 2 * H
STORES = ("setitem", "index_add")
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
WITHOUT_SHAPE = ("str", "tuple", "other", "slice", "generator")
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
        wanted: set[Var],
        protected: set[str],
        recomputed: Set[str] = frozenset(),
    ):
        self.recomputed = recomputed  # operations that are cheap, too
        self.function, self.eqns, self.dialect = function, eqns, dialect
        self.blocked = blocked
        self.editor = Editor(function, eqns, names, dialect)
        self.names, self.homes = names, self.editor.homes
        self.edits, self.names_of = self.editor.edits, self.editor.names_of
        # What the backward itself binds: indices of loops, elements taken from lists.
        self.local: dict[Atom, ast.expr] = {}
        # What the lines of a body begin with: (when the forward computed it, its name, how it is had again).
        self.taken: dict[Block, list[tuple[int, str, ast.expr]]] = {}
        self.looped: set[str] = set()  # what the reversed loops call their items
        self.lists: dict[Var, str] = {}
        self.asked: set[Var] = set()  # what needs a list
        self.wanted = wanted  # what needed one in the printing before
        # Of what an iteration starts with: whose end is in the same list.
        self.ended = {
            p for p in wanted if (end := self._end(p)) is not None and end in wanted
        }
        self.emptied: list[str] = []  # lists that the backward takes the elements from
        self.plain: set[str] = set()  # names of the user that the backward reads
        self.outer: set[str] = set()  # of these, those that the forward part has left
        self.protected = (
            protected  # those, as the printing before has shown, and the results
        )
        self.renamed_items: dict[str, str] = {}
        self.around: set[str] = set()  # what the loops around what is printed bind
        self.defs, self.readers = self.editor.defs, self.editor.readers
        self._found: dict[Atom, ast.expr] = {}
        self._by_shape: dict[Any, Var] = {}
        self._measured: list[Var] = []  # lengths that are being looked for
        self._by_length: dict[Any, Var] = {}
        self._named_lengths: dict[Any, Var] | None = None
        methods = (
            e
            for e in all_equations(eqns)
            if e.args and (e.dialect == "method" or e.op in ARRAYS_ONLY)
        )
        self._arrays = {e.args[0] for e in methods}
        self._open_loops()

    def _open_loops(self) -> None:
        """A loop of a helper that is read in place stands in the forward part: the backward goes back through it."""
        for eqn in all_equations(self.eqns):
            if eqn.op in ("for", "while") and not eqn.attrs.get("inline"):
                assert eqn.statement is not None
                self.editor.expand(eqn.statement.frame)

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
            elif isinstance(value, Struct) and not self._is_kept(name, frame, value):
                written = self._written(value, read)
                if written is None:
                    return None
                places[name.value] = written
            elif (
                new := printed_names(frame, self.edits.locals).get(name.value)
            ) is not None:
                places[name.value] = ast.Name(new)
        text = self.function.module.code(node).strip()
        tree = ast.parse(
            f"({text})", mode="eval"
        ).body  # which may go over several lines
        told: ast.expr = _Places(places).visit(tree)
        return told

    def _is_kept(self, name: Any, frame: Frame, value: Struct) -> bool:
        """The name holds these items wherever the backward reads it."""
        items = [a for a in atoms_in(value) if isinstance(a, Var)]
        within = any(self.homes.loop(item) is not None for item in items)
        return frame.env.get(name.value) is value and not within

    def _written(
        self, value: Value, read: Callable[[Var], ast.expr | None]
    ) -> ast.expr | None:
        """A tuple, a list or a dict of what its items are in the backward."""
        match value:
            case Var():
                return read(value)
            case Lit(value=constant):
                return self.dialect.literal(constant)
            case Struct(items=items, kind=kind):
                parts = [self._written(item, read) for item in items]
                if any(part is None for part in parts):
                    return None
                elements = [part for part in parts if part is not None]
                if kind == "dict":
                    keys = [self.dialect.literal(key) for key in value.keys]
                    return ast.Dict([*keys], elements)
                return ast.List(elements) if kind == "list" else ast.Tuple(elements)
            case _:
                return None

    def read(self, value: Atom) -> ast.expr:
        """An expression for `value` where the backward begins; edits the forward where there is none yet."""
        if isinstance(value, Lit):
            return self.dialect.literal(value.value)
        if value not in self._found:
            found = self._without_edit(value)
            if found is None and self.homes.is_inline(value):
                found = self._computed_again(value)
            elif (
                found is not None
                and value.name
                and value not in self.local
                and self.homes.loop(value) is not None
            ):
                found = self._begun_with(value, found)
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
        if (found := self._of_result(value, depth)) is not None:
            return found
        eqn = self.defs.get(value)
        single = eqn is not None and depth <= DEEPEST and len(eqn.outs) == 1
        if single and eqn is not None:
            found = self._again(eqn, depth)
        if found is not None:
            return found
        # Once it is known that a list will have it, what is cheap is computed from it.
        return ast.Name(value.name) if depth > 0 and value in self.wanted else None

    def _of_result(self, value: Var, depth: int) -> ast.expr | None:
        """What a branch ends with, under the name of its result."""
        result = self.homes.results.get(value)
        if result is None or depth >= DEEPEST:
            return None
        found = self._without_edit(result, depth + 1)
        return self.read(result) if found is not None and depth == 0 else found

    def _named(self, name: str) -> ast.expr:
        self.plain.add(name)
        self.outer.add(name)
        return ast.Name(name)

    def loop_name(self, wanted: str) -> str:
        """The user's name of an index or item, for the reversed loop; another where what has that name is read."""
        name = wanted
        begun = self._begun()
        while name in self.protected or name in self.around or name in begun:
            if name not in self.renamed_items:
                self.renamed_items[name] = self.names.fresh(wanted)
                self.edits.given.add(self.renamed_items[name])
            name = self.renamed_items[name]
        self.looped.add(name)
        return name

    def _begun(self) -> set[str]:
        """The names that the bodies of reversed loops begin by giving values."""
        return {name for lines in self.taken.values() for _, name, _ in lines}

    @contextmanager
    def within(self, names: set[str]) -> Iterator[None]:
        """What is printed stands in a loop that binds these names."""
        around, self.around = self.around, self.around | names
        try:
            yield
        finally:
            self.around = around

    def bound(self) -> set[str]:
        """Names that the backward itself binds: elements taken from lists, what its loops run over."""
        looped = {
            n.id
            for found in self.local.values()
            for n in ast.walk(found)
            if isinstance(n, ast.Name)
        }
        return (self._begun() | looped) - self.outer

    def _computed_again(self, value: Var) -> ast.expr:
        """What an expression computed that need not have been evaluated: computed again, from what it reads."""
        eqn = self.defs.get(value)
        if eqn is not None and eqn.op == "if":
            return self._chosen_again(eqn, eqn.outs.index(value))
        if (
            eqn is None
            or len(eqn.outs) > 1
            or eqn.blocks
            or eqn.op == "test"
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

    def _chosen_again(self, eqn: Eqn, position: int) -> ast.expr:
        """a if c else b, once more: neither need be evaluated."""
        ends = [self.read(block.outs[position]) for block in eqn.blocks]
        return ast.IfExp(self.read(eqn.args[0]), *ends)

    def _again(self, eqn: Eqn, depth: int) -> ast.expr | None:
        """What `eqn` computes, computed again, where that is cheap and its arguments are at hand."""
        if eqn.op == "external":
            self.editor.refuse_shadowed(eqn.attrs["text"])
        if eqn.op == "shape":
            return self._known_shape(eqn.args[0])
        if eqn.attrs.get("now") or self._is_written_item(eqn):
            return None
        if eqn.op in ("test", "opaque", "text") or eqn.attrs.get("inline"):
            if eqn.statement is None or not _is_plain_test(eqn.node):
                return None
            frame = eqn.statement.frame
            told = self._retold(
                eqn.node, frame, lambda v: self._without_edit(v, depth + 1)
            )
            return (
                self._retold(eqn.node, frame, self.read)
                if told is not None and depth == 0
                else told
            )
        if not (_is_cheap(eqn) or eqn.op in self.recomputed):
            return None
        args = {a: self._without_edit(a, depth + 1) for a in eqn.reads()}
        if any(a is None for a in args.values()):
            return None
        if depth == 0:
            return self._expression(eqn, self.read)
        return self._expression(eqn, lambda a: args[a] or constant(None))

    def _is_written_item(self, eqn: Eqn) -> bool:
        """s = xs[0]; s *= y: the list is the same afterwards, and xs[0] is not."""
        held = eqn.op in ("getitem", "dict_get") and eqn.args[0].type.kind in MAY_HOLD
        return held and eqn.outs[-1] in self.function.storages.destroyed

    def _with_edit(self, value: Var) -> ast.expr:
        eqn = self.defs.get(value)
        if (
            eqn is not None
            and eqn.op in ("for", "while")
            and value is eqn.outs[0]
            and not is_single(eqn)
        ):
            name = self.editor.count(value)
            if value in self.names_of:
                return ast.Name(name)
        if self.homes.loop(value) is not None:
            return self._in_iteration(value)
        if (
            eqn is not None
            and eqn.op == "call"
            and (
                self.editor.owner(value) is None
                or (
                    value in eqn.outs[: eqn.attrs["pair"].count]
                    and not self.editor.takes_results(eqn)
                )
            )
        ):
            return self._of_call(value, eqn)
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
        if (
            eqn.op == "if"
            and eqn.attrs.get("inline")
            and (eqn.node is None or len(eqn.outs) > 1)
        ):
            return self._chosen_again(eqn, eqn.outs.index(value))
        if eqn.op in STORES and eqn.statement is not None:
            raise self.editor.refusal("FG123", "the backward needs what an array without a name holds after a store",
                                      "give the array a name", eqn.statement.node)  # fmt: skip
        if eqn.node is None or eqn.statement is None:
            return self._expression(eqn, self.read)
        hoisted = ast.Name(self.editor.hoist(eqn))
        if is_single(eqn):
            return hoisted
        return ast.Subscript(hoisted, constant(eqn.outs.index(value)))

    def _of_call(self, value: Var, eqn: Eqn) -> ast.expr:
        """The cache of a call, or a result that has no name yet."""
        assert eqn.statement is not None
        self.editor.expand(eqn.statement.frame)
        if not eqn.attrs["pair"].forward_name:  # no gradient flows through it
            name = ast.Name(self.editor.hoist(eqn))
            return (
                ast.Subscript(name, constant(eqn.outs.index(value)))
                if eqn.attrs["pair"].results
                else name
            )
        cache = self.editor.pair_call(eqn)
        if value is eqn.outs[-1]:
            self.names_of[value] = cache
        if value not in self.names_of:
            what = "the backward needs a result of this call that is written into"
            step = "give the result a name on a line of its own"
            raise self.editor.refusal(
                "FG123", what, step, eqn.node or eqn.statement.node
            )
        return ast.Name(self.names_of[value])

    def _in_iteration(self, value: Var) -> ast.expr:
        """A value that each iteration computes anew: read back, or from a list."""
        eqn, owner = self.defs.get(value), self.editor.owner(value)
        frame = owner
        if frame is None and eqn is not None and eqn.statement is not None:
            frame = eqn.statement.frame
        self.editor.expand(frame or self.function.frame)
        counter = value in self.editor.counters
        unnamed = (
            self.editor.owner(value) is None
            and eqn is not None
            and not eqn.blocks
            and not counter
        )
        if unnamed and eqn is not None and (eqn.node is None or eqn.statement is None):
            return self._expression(eqn, self.read)
        if (found := self._read_back(value)) is not None:
            return found
        return self._from_list(value)

    def _from_list(self, value: Var) -> ast.expr:
        """The element that this iteration has put into a list: by its number, or the last one left."""
        home = self.homes.of[value]
        number = self.local.get(home.block.params[0]) if home.block.params else None
        counted = number is not None and self._counts(home)
        self.asked.add(value)
        start = self._follows(value)
        listed = self._list_of(start or value)
        if start is not None:
            self.editor.close(start, listed)
        if counted and number is not None:
            after = ast.BinOp(number, ast.Add(), ast.Constant(1))
            return ast.Subscript(
                ast.Name(listed), after if start is not None else number
            )
        if value in self.ended:
            return self._begun_with(
                value, ast.Subscript(ast.Name(listed), constant(-1))
            )
        self.emptied.append(listed)
        return self._begun_with(
            value,
            ast.Call(ast.Attribute(ast.Name(listed), "pop"), [], []),
            first=start is not None,
        )

    def _list_of(self, value: Var) -> str:
        if value not in self.lists:
            self.lists[value] = self.editor.record(value)
        return self.lists[value]

    def _end(self, param: Var) -> Var | None:
        """What an iteration leaves in the variable that it starts with as `param`."""
        home = self.homes.of.get(param)
        if home is None or not home.is_loop or param not in home.block.params[1:]:
            return None
        end = home.block.outs[home.block.params.index(param)]
        return end if isinstance(end, Var) and self._follows(end) is param else None

    def _follows(self, value: Var) -> Var | None:
        """What the iteration started with in the same variable: the next one starts with `value`."""
        home = self.homes.of[value]
        if not home.is_loop or home.outer is not None:
            return None
        for param, end in zip(home.block.params[1:], home.block.outs[1:], strict=True):
            same = end is value and param.name and param.name == value.name
            if same and param in self.wanted and self.homes.of.get(value) is home:
                return param
        return None

    def _begun_with(self, value: Var, found: ast.expr, first: bool = False) -> ast.expr:
        """The reversed body begins with a line that gives the value a name: its own, if that is free."""
        home = self.homes.of[value]
        stem = value.name or self.editor.stem(value)
        own = bool(value.name) and self.blocked is not None
        other = self._begun() | self.looped
        free = own and stem not in self.blocked and stem not in other  # type: ignore[operator]
        name = stem if free else self.names.fresh(stem)
        self.edits.given.add(name)
        self.names.taken.add(name)
        when = -2 if first else self.editor.when(value)
        self.taken.setdefault(home.block, []).append((when, name, found))
        return ast.Name(name)

    def _read_back(self, value: Var) -> ast.expr | None:
        """h[:, t], where the iteration stored the value there and nobody has changed it since."""
        home = self.homes.of[value]
        if not home.is_loop or home.outer is not None:
            return None
        for store in home.block.eqns:
            if (
                store.op == "setitem"
                and store.args[2] is value
                and self._is_left(home, store, value)
            ):
                whole = self._end_of(home, store)
                at = self._without_edit(store.args[1])
                if whole is not None and at is not None:
                    return ast.Subscript(whole, at)
        return None

    def _is_left(self, home: Home, store: Eqn, value: Var) -> bool:
        """What is stored is all of a part of floats that no other store touches."""
        part = Type(Shape(), "float")
        indexed(store.out.type.shape, part.shape, store.args[1].type)
        alike = value.type.shape.rank is not None and same_shape(
            part.shape, value.type.shape
        )
        number = home.block.params[0]
        own = is_own_part(home.block, store.args[1], number) and self._counts(home)
        stores = [
            e
            for e in all_equations(home.block.eqns)
            if e.op in ("setitem", "index_add", "opaque")
        ]
        others = [e for e in stores if e is not store and e.out.name == store.out.name]
        return alike and own and store.out.type.kind == "float" and not others

    def _end_of(self, home: Home, store: Eqn) -> ast.expr | None:
        """The array after the loop, if it is all that the loop made of it and still there."""
        for start, end, out in zip(
            home.block.params[1:], home.block.outs[1:], home.eqn.outs[1:], strict=True
        ):
            if end is store.out and store.args[0] is start and out in self.names_of:
                return self._named(self.names_of[out])
        return None

    def _counts(self, home: Home) -> bool:
        """The index of the loop counts its iterations from 0."""
        if home.outer is not None or not home.is_loop:
            return False
        target = getattr(home.statement.node, "target", None)
        if isinstance(target, cst.Name) and target.value.startswith("_"):
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
            return expressions_of(self.dialect)(
                self.dialect, read, self.shape
            ).equation(eqn)
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
        x = self.of_one_shape(x)
        found = self._known_shape(x)
        return found if found is not None else self._shape_of(self.read(x), x)

    def _shape_of(self, array: ast.expr, x: Atom) -> ast.expr:
        """x.shape, or np.shape(x) where x may be a plain number or not be there."""
        if x in self.homes.partial and isinstance(x, Var):
            self.editor.begin_with_nothing(x)
            return self.dialect.shape(array)
        if x in self._arrays or self.dialect.is_array(x, self.defs):
            found = ast.Attribute(array, "shape")
            found.of_floats = x.type.kind in ("float", "complex")  # type: ignore[attr-defined]
            found.kind = x.type.kind  # type: ignore[attr-defined]
            return found
        return self.dialect.shape(array)

    def of_one_shape(self, x: Atom) -> Atom:
        """An array that has the shape of `x`: for what it is after stores that have no name, what it was before."""
        while (
            x not in self.names_of
            and (made := self.defs.get(x)) is not None
            and made.op in STORES
        ):
            if self.editor.owner(made.out) is not None:
                break
            x = made.args[0]
        return x

    def _known_shape(self, x: Atom) -> ast.expr | None:
        x = self.of_one_shape(x)
        if (like := self._like(x)) is not None:
            return self._shape_of(self._named(self.names_of[like]), like)
        return self._lengths(x)

    def _lengths(self, x: Atom) -> ast.expr | None:
        """(N, 4), where each length is at hand."""
        lengths = [self._length(d) for d in x.type.shape.dims or ()]
        if lengths and all(n is not None for n in lengths):
            return ast.Tuple([n for n in lengths if n is not None])
        return None

    def _like(self, x: Atom) -> Var | None:
        """A value under a name that has the shape of `x`, best x itself."""
        if not isinstance(x, Var) or x in self.names_of:
            return x if isinstance(x, Var) else None
        if self.homes.loop(x) is not None and not _is_steady(x):
            return None
        if not self._by_shape:
            always = (v for v in self.names_of if v not in self.homes.of)
            for value in filter(self._has_shape, always):
                self._by_shape.setdefault(_shape_key(value), value)
        found = self._by_shape.get(_shape_key(x))
        ran = self.homes.loop(x) is not None  # what a loop leaves is there
        return found if ran or found is None or not self._is_of_a_loop(found) else None

    def _is_of_a_loop(self, value: Var) -> bool:
        """A value that only a loop gives, which may not have run."""
        frame = self.editor.owner(value)
        if value in self.defs or frame is None:
            return False
        return isinstance(frame.writes[value][1].node, cst.For | cst.While)

    def _has_shape(self, value: Var) -> bool:
        made = self.defs.get(value)
        listed = value.type.items is not None or (
            made is not None and made.op == "range"
        )
        return not (
            listed or self._may_be_skipped(value) or value.type.kind in WITHOUT_SHAPE
        )

    def _may_be_skipped(self, value: Var) -> bool:
        """What a branch leaves, where the other one leaves nothing; of dead values only the statement is known."""
        made, frame = self.defs.get(value), self.editor.owner(value)
        if made is not None:
            return made.op == "if" and value in self.homes.partial
        return frame is not None and isinstance(frame.writes[value][1].node, cst.If)

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
                if value in self.homes.of:
                    continue
                length = value.type.dim
                if (
                    isinstance(value, Var)
                    and length is not None
                    and length.known is None
                ):
                    self._by_length.setdefault(dim_key(length), value)
        found = self._by_length.get(dim_key(dim))
        if found is None or found in self._measured:
            return None  # N = x.shape[0] does not say what x.shape is
        self._measured.append(found)
        try:
            return self._without_edit(found)
        finally:
            self._measured.remove(found)


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


def _is_steady(value: Var) -> bool:
    """The shape is the same in every iteration: its lengths are numbers or have names."""
    dims = value.type.shape.dims
    if dims is None:
        return False
    roots = [d.root()[0] for d in dims]
    return all(r.value is not None or r.name or r.terms is not None for r in roots)


def _shape_key(value: Var) -> Any:
    """Equal for values that are known to have one shape."""
    dims = value.type.shape.dims
    if dims is None:
        return id(value.type.shape.root())
    return tuple(map(dim_key, dims))
