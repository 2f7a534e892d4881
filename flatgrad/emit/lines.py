"""Backward equations -> the lines of the backward part: which have lines, under which names, and in place or not."""

from __future__ import annotations

import ast
from collections import ChainMap, Counter
from dataclasses import dataclass, field, replace
from typing import Any

from flatgrad.emit import containers
from flatgrad.emit.availability import Availability
from flatgrad.emit.expressions import OPERATORS, Dialect, without_minus
from flatgrad.emit.names import Names, telling
from flatgrad.emit.tensors import expressions_of
from flatgrad.frontend.storages import shows_element
from flatgrad.graph import Atom, Eqn, Lit, Statement, Var
from flatgrad.registry import RULES
from flatgrad.shapes import is_basic_index
from flatgrad.simplify import is_line
from flatgrad.types import same_shape
from flatgrad.versions import VIEWS

STORES = {"setitem", "index_add"}
REPEATABLE = {
    "shape",
    "tuple",
    "slice",
    "expand_dims",
    "transpose",
    "matrix_transpose",
    "size",
    "reshape",
    "arange",
    "external",
}
COMPLEX = ("complex", "mixed")  # kinds of what is complex, or perhaps
IN_PLACE = {"add": "+", "sub": "-", "mul": "*", "truediv": "/"}
LARGEST = 40  # equations in one expression; a longer one is cut into lines
FOREVER = 1 << 60


@dataclass(eq=False)
class Line:
    """One equation that is printed as a statement, with all that is folded into it."""

    eqn: Eqn
    name: str = ""
    reads: set[Var] = field(default_factory=set)
    statements: list[Statement] = field(
        default_factory=list
    )  # of what is folded into it


@dataclass(frozen=True)
class Printed:
    """Statements of the backward part under the forward statement that they undo."""

    statement: Statement | None
    nodes: list[ast.stmt | Nest]
    also: list[Statement] = field(
        default_factory=list
    )  # statements that are undone in the same lines


@dataclass(frozen=True)
class Nest:
    """A branch or a loop of the backward part: the line that opens each suite, and what stands in it.

    What stands along a branch or a loop of the forward part has no lines of its own that open it.
    """

    suites: list[tuple[str, list[Printed]]]
    along: Eqn | None = None


@dataclass(eq=False)
class Arrays:
    """Which value each name of the backward holds, and in whose array it lies."""

    printed: dict[Atom, str] = field(default_factory=dict)
    holds: dict[str, set[Var]] = field(default_factory=dict)
    root: dict[Var, Var] = field(default_factory=dict)
    sharing: dict[Var, set[Var]] = field(default_factory=dict)
    owned: set[Var] = field(default_factory=set)

    def copy(self) -> Arrays:
        holds = {k: set(v) for k, v in self.holds.items()}
        sharing = {k: set(v) for k, v in self.sharing.items()}
        return Arrays(
            dict(self.printed), holds, dict(self.root), sharing, set(self.owned)
        )


class Lines:
    """The lines of one block of the backward part; those of inner blocks have `outer` and the line they stand in."""

    def __init__(self, eqns: tuple[Eqn, ...], outs: tuple[Atom, ...], available: Availability, names: Names,
                 dialect: Dialect, prefix: str, seeds: dict[Var, str], outer: Lines | None = None, at: int = 0,
                 params: tuple[Var, ...] = (), repeated: bool = False):  # fmt: skip
        self.eqns, self.outs, self.available, self.names = eqns, outs, available, names
        self.prefix, self.seeds = prefix, seeds
        self.outer, self.at, self.params, self.repeated = outer, at, {*params}, repeated
        self.expressions = expressions_of(dialect)(
            dialect, self.read, self.shape, available.of_one_shape
        )
        self.dialect = dialect
        self.defs: dict[Atom, Eqn] = dict(outer.defs) if outer is not None else {}
        self.own = {out for eqn in eqns for out in eqn.outs}
        self.defs.update((out, eqn) for eqn in eqns for out in eqn.outs)
        self.uses = Counter(a for e in eqns for a in e.reads())
        self.uses.update(outs)
        self.readers: dict[Atom, Eqn] = {a: e for e in eqns for a in e.reads()}
        self.aliases: dict[Atom, list[Var]] = {}
        for eqn in eqns:
            if eqn.op == "alias" or eqn.op in STORES or containers.is_update(eqn):
                self.aliases.setdefault(eqn.args[0], []).append(eqn.outs[0])
        self.within = {v for e in eqns for block in e.blocks for v in block.free()}
        self.stored = {
            e.args[0] for e in eqns if e.op in STORES or containers.is_update(e)
        }
        self.once: set[str] = (
            outer.once if outer is not None else set()
        )  # names of items that are read once
        self.unshared: set[Atom] | None = None
        self.lines = self._cut()
        self.last = self._last_reads()
        self._names: dict[Var, str] = outer._names if outer is not None else {}
        self._own: dict[str, str] = outer._own if outer is not None else {}
        self.arrays: Arrays = outer.arrays if outer is not None else Arrays()
        for seed, name in seeds.items():
            self.printed[seed] = name
            self._holds[name] = {seed}
            self._own[name] = name

    @property
    def printed(self) -> dict[Atom, str]:
        return self.arrays.printed

    @property
    def _holds(self) -> dict[str, set[Var]]:
        return self.arrays.holds

    @property
    def root(self) -> dict[Var, Var]:
        return self.arrays.root

    @property
    def sharing(self) -> dict[Var, set[Var]]:
        return self.arrays.sharing

    @property
    def owned(self) -> set[Var]:
        return self.arrays.owned

    # --- which equations are lines ---------------------------------------------------------------------------------

    def _cut(self) -> list[Line]:
        """Fold what is read once into its reader, as long as the expression stays short."""
        lines: list[Line] = []
        folded: dict[Atom, Line] = {}
        size: dict[Atom, int] = {}
        self.folded: set[Var] = set()
        results = set(self.outs)
        for eqn in self.eqns:
            line = Line(eqn)
            total = 1
            if (
                eqn.op in STORES
                and eqn.args[0] in self.folded
                and self.defs[eqn.args[0]].op != "zeros_like"
            ):
                self._unfold(eqn.args[0], folded, lines)
            for arg in eqn.reads():
                if arg in self.folded:
                    inner = folded[arg]
                    line.reads |= inner.reads
                    line.statements += [
                        s
                        for s in (inner.eqn.statement, *inner.statements)
                        if s is not None
                    ]
                    total += size[arg]
                elif isinstance(arg, Var):
                    line.reads.add(arg)
            if len(eqn.outs) == 1 and self._folds(eqn, total, results):
                self.folded.add(eqn.out)
                size[eqn.out], folded[eqn.out] = total, line
            else:
                lines.append(line)
        return lines

    def _unfold(self, value: Atom, folded: dict[Atom, Line], lines: list[Line]) -> None:
        """What is stored into is computed on a line before: the store may read what that line overwrites."""
        assert isinstance(value, Var)
        self.folded.discard(value)
        lines.append(folded.pop(value))

    def _folds(self, eqn: Eqn, size: int, results: set[Atom]) -> bool:
        out = eqn.out
        if (
            is_line(out)
            or eqn.blocks
            or containers.is_update(eqn)
            or eqn.op in STORES
            or out in results
        ):
            return False
        if eqn.op == "slice":
            return True  # which only stands within brackets
        if size > LARGEST:
            return False
        if out in self.within:
            return eqn.op in REPEATABLE and not any(a in self.defs for a in eqn.reads())
        if out in self.stored and self.uses[out] > 1 and eqn.op != "zeros_like":
            return False  # a line of its own, which what is read before the store reads as well
        if eqn.op == "getitem" and eqn.args[0] in self.stored:
            return False  # read before the store, so that what is stored into need not be copied
        if self.uses[out] == 1:
            return True
        if eqn.op == "getitem" and self._is_length(eqn):
            return True
        simple = all(
            a not in self.folded or self.defs[a].op in REPEATABLE
            for a in eqn.reads()
            if isinstance(a, Var)
        )
        return eqn.op in REPEATABLE and simple

    def _is_length(self, eqn: Eqn) -> bool:
        """x.shape[0] reads as well twice as once."""
        made = self.defs.get(eqn.args[0]) if isinstance(eqn.args[0], Var) else None
        made = made or (
            self.available.defs.get(eqn.args[0])
            if isinstance(eqn.args[0], Var)
            else None
        )
        return made is not None and made.op == "shape"

    def _last_reads(self) -> dict[Var, int]:
        last: dict[Var, int] = {}
        for number, line in enumerate(self.lines):
            for var in line.reads:
                last[var] = number
        for out in self.outs:
            if isinstance(out, Var):
                last[out] = FOREVER
        return last

    # --- printing --------------------------------------------------------------------------------------------------

    def print(self) -> list[Printed]:
        found: list[Printed] = []
        for number, line in enumerate(self.lines):
            nodes = self._line(number, line)
            if not nodes:
                continue
            if not found or found[-1].statement is not line.eqn.statement:
                found.append(Printed(line.eqn.statement, []))
            found[-1].nodes.extend(nodes)
            found[-1].also.extend(line.statements)
        return [
            replace(p, nodes=containers.inlined_pops(p.nodes, self.once)) for p in found
        ]

    def read(self, value: Atom) -> ast.expr:
        if value in self.printed:
            return ast.Name(self.printed[value])
        if isinstance(value, Var) and value in self.folded:
            return self.expressions.equation(self.defs[value])
        if value in self.defs and self.outer is not None:
            return self.outer.read(value)
        return self.available.read(value)

    def shape(self, value: Atom) -> ast.expr:
        if value not in self.printed and value not in self.defs:
            return self.available.shape(value)
        array = self.read(value)
        return self.dialect.shape(
            array,
            not self.dialect.is_array(value, ChainMap(self.defs, self.available.defs)),
        )

    def _line(self, number: int, line: Line) -> list[Any]:
        nodes = self._statements(number, line)
        if any(o.type.kind in containers.MAY_HOLD for o in line.eqn.outs):
            self._give_away(line)
        return nodes

    def _give_away(self, line: Line) -> None:
        """A list or a dict has the arrays from now on that are put into it; what is added to its items, it has not."""
        if line.eqn.op not in containers.UNSHARED and not line.eqn.blocks:
            self.owned.difference_update(
                self.root.get(v, v)
                for v in line.reads
                if v.type.kind not in containers.MAY_HOLD
            )

    def _statements(self, number: int, line: Line) -> list[Any]:
        eqn = line.eqn
        if eqn.blocks:
            return print_nest(self, number, eqn)
        if containers.is_update(eqn):
            return containers.print_update(self, number, line)
        if len(eqn.outs) > 1:
            return self._several(number, eqn)
        if eqn.op in STORES:
            return self._store(number, line)
        name = self._name(number, eqn.out)
        if eqn.op == "alias" and self.printed.get(eqn.args[0]) == name:
            self._assign(eqn.out, name, eqn.args[0])
            return []
        for old, other in _operands(eqn):
            if self.printed.get(old) == name and self._may_reuse(number, old, eqn):
                node = self._update(eqn.op, name, other)
                self._assign(eqn.out, name, old)
                return [node]
        value = self.expressions.equation(eqn)
        if eqn.op == "getitem" and self._is_replaced(number, eqn):
            value = self.dialect.copied(value)
            self._assign(eqn.out, name, eqn.out)
        elif eqn.op == "getitem" and self._is_overwritten(number, eqn):
            value = self.dialect.copied(value, may_be_number=False)
            self._assign(eqn.out, name, eqn.out)
        else:
            self._assign(eqn.out, name, self._base(eqn))
        self._disown(eqn, eqn.out)
        return [ast.Assign([ast.Name(name)], value)]

    def _is_replaced(self, number: int, eqn: Eqn) -> bool:
        """An item that is read after another has its place: in an array, which this may be, the item changes too."""
        base, part = eqn.args[0], eqn.out
        if base.type.kind != "tree" or part.type.rank == 0 or self.dialect.plain:
            return False
        return any(
            line.eqn.op == "setitem"
            and line.eqn.args[0] is base
            and self._is_alive(part, i)
            for i, line in enumerate(self.lines)
            if i > number
        )

    def _is_overwritten(self, number: int, eqn: Eqn) -> bool:
        """A part that is read after a store into its array: a copy of it rather than one of the whole array."""
        base, part = eqn.args[0], eqn.out
        if (
            part.type.shape.is_scalar
            or not part.type.rank
            or is_basic_index(eqn.args[1]) is not True
        ):
            return False
        stores = (
            i
            for i, line in enumerate(self.lines)
            if line.eqn.op in STORES and line.eqn.args[0] is base
        )
        at = next((i for i in stores if i > number), None)
        if at is None or not isinstance(base, Var) or self._is_alive(base, at):
            return False
        return self.root.get(base) in self.owned and self._is_alive(part, at)

    def _update(self, op: str, name: str, other: Atom) -> ast.stmt:
        """x += v, or x -= v rather than x += -v"""
        if op == "add":
            operator, amount = self._signed(other)
        else:
            operator, amount = OPERATORS[IN_PLACE[op]](), self.read(other)
        return ast.AugAssign(ast.Name(name), operator, amount)

    def _several(self, number: int, eqn: Eqn) -> list[ast.stmt]:
        value = self.expressions.equation(eqn)
        # What has another name here has its own again afterwards.
        before = dict(self._names)
        names: list[str] = []
        for out in eqn.outs:
            name = self._name(number, out) if self.uses[out] else "_"
            again = name in names and name != "_"
            names.append(self.names.fresh(name) if again else name)
        self._names.update(before)
        for out, name in zip(eqn.outs, names, strict=True):
            self._assign(out, name, out)
            self._disown(eqn, out)
        return [ast.Assign([ast.Tuple([ast.Name(n) for n in names])], value)]

    def _disown(self, eqn: Eqn, out: Var) -> None:
        """What a function of the user returns may be one array twice, or one that it was given."""
        rule = RULES.get(eqn.op)
        own = rule is not None and rule.called
        if own or eqn.op in ("call_backward", "call_given"):
            self.owned.discard(self.root[out])

    def _store(self, number: int, line: Line) -> list[ast.stmt]:
        """x[i] = v: into x itself where nobody else has it, else into a copy."""
        eqn = line.eqn
        base, index, value = eqn.args
        name = self._name(number, eqn.out, line.reads - {base})
        nodes: list[ast.stmt] = []
        if base in self.folded and self._base(self.defs[base]) is base:
            nodes.append(ast.Assign([ast.Name(name)], self._buffer(base)))
            self._assign(eqn.out, name, eqn.out)
        elif self._may_reuse(number, base, eqn):
            if self.printed[base] != name:
                nodes.append(ast.Assign([ast.Name(name)], self.read(base)))
            self._assign(eqn.out, name, base)
        else:
            wide = eqn.out.type.kind in COMPLEX and value.type.kind in COMPLEX
            copied = self._copy(base, wide)
            nodes.append(ast.Assign([ast.Name(name)], copied))
            self._assign(eqn.out, name, eqn.out)
        nodes.append(self._element(eqn, name, index, value))
        return nodes

    def _buffer(self, zeros: Atom) -> ast.expr:
        """Zeros to store into, an array also where the value is a number."""
        if zeros.type.shape.is_scalar:
            return self.dialect.zero()
        return self.read(zeros)

    def _copy(self, value: Atom, wide: bool = False) -> ast.expr:
        """x.copy(), or np.copy(x) where x may be a plain number; `wide`: to hold complex numbers."""
        if value.type.kind in containers.MAY_HOLD:
            return containers.copied(self.read(value), value, self.dialect)
        if wide and value.type.kind != "complex" and value.type.rank:
            kind = ast.Name("complex")
            return ast.Call(ast.Attribute(self.read(value), "astype"), [kind], [])
        if wide and value.type.kind != "complex":
            kinds = [ast.keyword("dtype", ast.Name("complex"))]
            return ast.Call(self.dialect.name("numpy.array"), [self.read(value)], kinds)
        return self.dialect.copied(self.read(value), not value.type.rank)

    def _element(self, eqn: Eqn, name: str, index: Atom, value: Atom) -> ast.stmt:
        if self.dialect.library == "jax.numpy":
            how = "set" if eqn.op == "setitem" else "add"
            return self._replaced(name, how, self.read(index), self.read(value))
        target = ast.Subscript(ast.Name(name), self.read(index))
        if eqn.op == "setitem":
            return ast.Assign([target], self.read(value))
        if eqn.attrs.get("repeats") is not False:
            place = _outside_brackets(self.read(index))
            return ast.Expr(
                self.dialect.added_at(ast.Name(name), place, self.read(value))
            )
        operator, amount = self._signed(value)
        return ast.AugAssign(target, operator, amount)

    def _replaced(
        self, name: str, how: str, index: ast.expr, value: ast.expr
    ) -> ast.stmt:
        """x = x.at[i].add(v), where nothing is written in place."""
        place = ast.Subscript(ast.Attribute(ast.Name(name), "at"), index)
        made = ast.Call(ast.Attribute(place, how), [value], [])
        return ast.Assign([ast.Name(name)], made)

    def _signed(self, value: Atom) -> tuple[ast.operator, ast.expr]:
        """x -= v rather than x += -v"""
        node = self.read(value)
        bare = without_minus(node)
        return (ast.Add(), node) if bare is None else (ast.Sub(), bare)

    # --- names -------------------------------------------------------------------------------------------------------

    def _name(
        self, number: int, value: Var, read: frozenset[Var] | set[Var] = frozenset()
    ) -> str:
        """The name of a line: after the value whose derivative it is, unless that is still `read`."""
        value = self._hint(value) or value
        primal = value.primal
        if primal is None:
            eqn, reader = self.defs.get(value), self.readers.get(value)
            return self.names.fresh(telling(eqn, reader))
        wanted = self._derivative(primal)
        if (
            self.defs[value].op == "alias"
            and self.printed.get(self.defs[value].args[0]) == wanted
        ):
            return wanted
        source = self.defs[value].args[:1] if self.defs[value].op == "alias" else ()
        held = self._holds.get(wanted, set())
        if any(
            self._is_alive(v, number) and v not in source for v in held
        ) or self._is_read(held, read):
            wanted = self._names[primal] = self.names.underscored(wanted)
        return wanted

    def _is_read(self, held: set[Var], read: frozenset[Var] | set[Var]) -> bool:
        """A store reads, beside its base, a value that its name still holds: another array than its own."""
        return any(v in read for v in held)

    def _hint(self, value: Var) -> Var | None:
        """A store that only the next line reads is made under that line's name."""
        while value.primal is None or not value.primal.name:
            if (shown := self._shown_as(value)) is not None:
                return shown
            reader = self.readers.get(value)
            if (
                self.uses[value] != 1
                or reader is None
                or (len(reader.outs) != 1 and reader.op != "list_pop")
            ):
                return None
            if not _goes_on(value, reader):
                return None
            value = reader.outs[0]
        return value

    def _shown_as(self, value: Var) -> Var | None:
        """The named derivative that starts as this very value: grad_h for both rather than grad_a, grad_h = grad_a."""
        for reader in self.aliases.get(value, ()):
            if is_line(reader):
                return reader
        return None

    def _is_alive(self, value: Var, number: int) -> bool:
        if self.last.get(value, -1) > number:
            return True
        if self.outer is None or value in self.own or value in self.params:
            return False
        # From outside: a loop reads it again, a branch leaves it to what follows.
        return self.repeated or self.outer._is_alive(value, self.at)

    def outlives(self, value: Var) -> bool:
        """A value from outside of the block that is read after it, or in the next iteration."""
        if self.outer is None or value in self.own or value in self.params:
            return False
        return self.repeated or self.outer._is_alive(value, self.at)

    def _derivative(self, primal: Var) -> str:
        if primal not in self._names:
            self._names[primal] = self._new_name(primal)
        return self._names[primal]

    def _new_name(self, primal: Var) -> str:
        """grad_x for x; for an older version under a name of its own, after that; for an unnamed value, after what it is."""
        renamed = self.available.edits.renamed.get(primal)
        printed = renamed or primal.name or self.available.names_of.get(primal)
        if not printed:
            eqn, reader = self.available.defs.get(primal), self.available.readers.get(
                primal
            )
            return self.prefix + self.names.beside(telling(eqn, reader), self.prefix)
        name = self.prefix + printed
        if name not in self._own:
            self._own[name] = self.names.underscored(name)
        return self._own[name]

    def _assign(self, value: Var, name: str, storage: Atom) -> None:
        """`value` is in `name` from now on, in the array of `storage`; a constant stands for one that others have."""
        shared = self.printed.get(storage) == name
        self.printed[value] = name
        self._holds[name] = self._holds[name] | {value} if shared else {value}
        root = self.root.get(storage, storage) if isinstance(storage, Var) else value
        self.root[value] = root
        self.sharing.setdefault(root, set()).add(value)
        if storage is value:
            self.owned.add(root)

    # --- ownership -----------------------------------------------------------------------------------------------------

    def _base(self, eqn: Eqn) -> Atom:
        """The value whose array the result of `eqn` lies in: itself, unless it is a view."""
        while _is_view(eqn) and eqn.args and isinstance(eqn.args[0], Var):
            base = eqn.args[0]
            if eqn.op == "getitem" and base.type.kind in containers.MAY_HOLD:
                return Lit(None)  # an item, which others may have
            if eqn.out not in self.own and eqn.out not in self.folded:
                break
            if (
                eqn.op == "getitem"
                and eqn.outs[0].type.shape.is_scalar
                and not shows_element(eqn)
            ):
                return eqn.outs[0]  # a number, no view
            if base not in self.folded:
                return base
            eqn = self.defs[base]
        return eqn.out

    def _is_read_only(self, value: Var) -> bool:
        """NumPy lets nobody write into a diagonal that it shows."""
        eqn = self.defs.get(value)
        while eqn is not None and _is_view(eqn):
            if eqn.op in ("diag", "diagonal"):
                return True
            eqn = self.defs.get(eqn.args[0])
        return False

    def _may_reuse(self, number: int, old: Atom, eqn: Eqn) -> bool:
        """The old value is dead after this line, nobody else has its array, and the new one fits into it."""
        if (
            not isinstance(old, Var)
            or old not in self.root
            or self._is_alive(old, number)
        ):
            return False
        if self.dialect.plain and old.type.shape.is_scalar:
            return True  # numbers are never changed, only names set anew
        root = self.root[old]
        kind = eqn.outs[0].type.kind
        if kind in COMPLEX and old.type.kind != "complex" and not old.type.shape.is_scalar:  # fmt: skip
            return False  # an array of real numbers has no room for complex ones
        if self._is_read_only(old) or (eqn.op in STORES and old.type.shape.is_scalar):
            return False
        held = old.type.kind in containers.MAY_HOLD
        if root not in self.owned or not (
            held or same_shape(old.type.shape, eqn.outs[0].type.shape)
        ):
            return False
        return not any(
            v is not old and self._is_alive(v, number) for v in self.sharing[root]
        )


def _is_view(eqn: Eqn) -> bool:
    """np.diag shows the diagonal of a matrix, and makes a matrix of a vector."""
    if eqn.op == "diag":
        return eqn.args[0].type.rank != 1
    return eqn.op in VIEWS


def _outside_brackets(index: ast.expr) -> ast.expr:
    """(:, i) is written (slice(None), i) where it is no subscript."""
    match index:
        case ast.Tuple(elts=elements):
            return ast.Tuple([_outside_brackets(e) for e in elements])
        case ast.Slice(lower=lower, upper=upper, step=step):
            none = ast.Constant(None)
            bounds = [b if b is not None else none for b in (lower, upper, step)]
            if step is None:
                bounds = bounds[1:2] if lower is None else bounds[:2]
            return ast.Call(ast.Name("slice"), bounds, [])
        case _:
            return index


def _goes_on(value: Var, reader: Eqn) -> bool:
    """`reader` continues the same array: the next store into it, or arithmetic on it."""
    if reader.op in STORES or containers.is_update(reader):
        return reader.args[0] is value
    return reader.op in IN_PLACE or reader.op == "alias"


def _operands(eqn: Eqn) -> list[tuple[Atom, Atom]]:
    """(what may be updated in place, by what) for an arithmetic operation."""
    if eqn.op not in IN_PLACE:
        return []
    a, b = eqn.args
    return [(a, b), (b, a)] if eqn.op in ("add", "mul") else [(a, b)]


from flatgrad.emit.nests import print_nest  # noqa: E402  (they call each other)

__all__ = ["Line", "Lines", "Lit", "Nest", "Printed"]
