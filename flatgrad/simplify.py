"""Gradient block -> equal block with less in it.

The primal part, the first `keep` equations, is what the user wrote: it is read, never changed. In the rest,
identities are applied, equal results computed once, broadcasts dropped where arithmetic makes them, products
put in order and what nobody reads removed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flatgrad import trees
from flatgrad.broadcasting import fit, stretched_axes
from flatgrad.builder import Builder, Expr, atom
from flatgrad.graph import (
    Atom,
    Block,
    Eqn,
    Lit,
    Statement,
    Var,
    all_equations,
    check,
    prune,
)
from flatgrad.loops import is_drained
from flatgrad.products import in_order
from flatgrad.registry import RULES
from flatgrad.rewrites import Identities
from flatgrad.shapes import may_repeat
from flatgrad.types import dim_key, same_shape

IDENTITIES = Identities()
ONE = Lit(1.0)  # the cotangent of a loss: no line of its own
ROUNDS = 2  # each round is linear; what a round leaves to the next is rare
ROUNDS_OF_NESTED = 6  # what a loop no longer hands on shows in the next round only
ELEMENTWISE = {
    "add",
    "sub",
    "mul",
    "truediv",
    "gt",
    "lt",
    "ge",
    "le",
    "eq",
    "ne",
    "maximum",
    "minimum",
    "where",
}
COMPARISONS = {"gt", "lt", "ge", "le"}
FOLDED = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
}


def simplify(block: Block, keep: int = 0, in_step: bool = False) -> Block:
    """Simplify all but the first `keep` equations.

    In step with them, an equation is computed where its statement stands, and knows nothing of later ones.
    """
    nested = any(eqn.blocks for eqn in block.eqns)
    order = Order(block.eqns[:keep]) if in_step else None
    for _ in range(ROUNDS_OF_NESTED if nested else ROUNDS):
        walk = _Walk(block, keep, order=order)
        block = check(walk.run())
        if not walk.changed:
            break
    return check(_Walk(check(in_order(block, keep)), keep, order=order).run())


class Order:
    """When equations are computed, and when the last one of each statement is; of loops, the last of their first line."""

    def __init__(self, eqns: Sequence[Eqn]):
        self.of: dict[Eqn, int] = {}
        self.end: dict[Statement | None, int] = {}
        self.begun: dict[Statement | None, int] = {}
        for when, eqn in enumerate(all_equations(eqns)):
            self.of[eqn] = self.end[eqn.statement] = when
            if not eqn.blocks:
                self.begun[eqn.statement] = when


@dataclass(eq=False)
class _Walk:
    """One walk over the block: each equation made simpler with what is known of those before it."""

    block: Block
    keep: int
    outer: _Walk | None = None  # the walk over the block around this one
    order: Order | None = None  # of the primal, where it is not all computed before
    # The loop or branch in whose block this is.
    within: Statement | None = None
    build: Builder = field(default_factory=Builder)
    same: dict[Atom, Atom] = field(default_factory=dict)
    seen: dict[Any, Var] = field(default_factory=dict)
    defs: dict[Atom, Eqn] = field(default_factory=dict)
    changed: bool = False

    def __post_init__(self) -> None:
        self.uses = uses(self.block.eqns[self.keep :], self.block.outs)
        self.lengths: dict[Any, Var] = {}
        self.primal: dict[Atom, Eqn] = {}
        self.stores: dict[Atom, Eqn] = {}  # by what is overwritten
        if self.outer is not None:
            self.same = dict(self.outer.same)
            self.seen = dict(self.outer.seen)
            self.primal = dict(self.outer.primal)
            self.lengths |= self.outer.lengths

    def run(self) -> Block:
        self.build.eqns += self.block.eqns[: self.keep]
        inner = self.block.undoes.eqns if self.block.undoes is not None else ()
        primal = deque((*self.block.eqns[: self.keep], *inner))
        for eqn in self.block.eqns[self.keep :]:
            self._know(primal, eqn.statement)
            self._equation(self._updated(eqn))
        outs = tuple(self.same.get(o, o) for o in self.block.outs)
        whole = replace(self.block, eqns=tuple(self.build.eqns), outs=outs)
        return remove_dead(whole, self.keep)

    def _know(self, primal: deque[Eqn], statement: Statement | None) -> None:
        """Equations of the forward part that are computed when `statement` has been."""
        end = None if self.order is None else self._end(self.order, statement)
        while primal and (end is None or self.order.of[primal[0]] <= end):  # type: ignore[union-attr]
            eqn = primal.popleft()
            for key, value in named_lengths([eqn]).items():
                self.lengths.setdefault(key, value)
            if len(eqn.outs) == 1 and not eqn.blocks:
                self.seen.setdefault(_key(eqn), eqn.out)
                self.primal[eqn.out] = eqn
                if eqn.op == "setitem":
                    self.stores[eqn.args[0]] = eqn

    def _end(self, order: Order, statement: Statement | None) -> int:
        """Within a loop, what its first line computes is computed before all else."""
        begins = statement is not None and statement is self.within
        return (order.begun if begins else order.end).get(statement, -1)

    def _updated(self, eqn: Eqn) -> Eqn:
        if not any(a in self.same for a in eqn.reads()):
            return eqn
        attrs = {
            k: self.same.get(v, v) if isinstance(v, Var) else v
            for k, v in eqn.attrs.items()
        }
        return replace(
            eqn, args=tuple(self.same.get(a, a) for a in eqn.args), attrs=attrs
        )

    def _equation(self, eqn: Eqn) -> None:
        if eqn.blocks:
            self._with_blocks(eqn)
            return
        if len(eqn.outs) != 1:
            self.build.eqns.append(eqn)
            return
        self.build.statement, self.build.dialect = eqn.statement, eqn.dialect
        start = len(self.build.eqns)
        found = self._shorter(eqn)
        if found is not None:
            self.changed = True
            self._becomes(eqn, atom(found), start)
        elif (
            not is_line(eqn.out)
            and not self._is_trivial(eqn)
            and (old := self.seen.get(_key(eqn))) is not None
        ):
            self.same[eqn.out] = old
            self.uses[old] += self.uses[eqn.out]
            self.changed = True
        else:
            self.build.eqns.append(eqn)
        for new in self.build.eqns[start:]:
            self.seen.setdefault(_key(new), new.out)
            self.defs[new.out] = new

    def _with_blocks(self, eqn: Eqn) -> None:
        """Simplify within; what a loop only hands on is what it started with."""
        if eqn.op == "for":
            eqn = self._without_steady(eqn)
        inner = [
            _Walk(block, 0, self, self.order, eqn.statement) for block in eqn.blocks
        ]
        blocks = tuple(walk.run() for walk in inner)
        self.changed |= any(walk.changed for walk in inner)
        self.build.eqns.append(replace(eqn, blocks=blocks))

    def _without_steady(self, eqn: Eqn) -> Eqn:
        (body,) = eqn.blocks
        carried = range(1, len(eqn.outs))
        steady = [
            i for i in carried
            if body.outs[i] is body.params[i] or (not self.uses[eqn.outs[i]] and is_drained(body, i))
        ]  # fmt: skip
        for i in steady:
            start = eqn.args[i]
            for value in (body.params[i], eqn.outs[i]):
                self.same[value] = start
                self.uses[start] += self.uses[value]
            self.changed = True
        kept = [0, *(i for i in carried if i not in steady)]

        def only(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[i] for i in kept)

        body = replace(body, params=only(body.params), outs=only(body.outs))
        return replace(eqn, outs=only(eqn.outs), args=only(eqn.args), blocks=(body,))

    def _is_trivial(self, eqn: Eqn) -> bool:
        """Sooner written twice than named: 1 / y, and a number times a scalar."""
        if eqn.op == "zeros_like" or (
            eqn.op == "truediv" and isinstance(eqn.args[0], Lit)
        ):
            return True
        scalar = all(a.type.shape.is_scalar for a in eqn.args)
        return (
            eqn.op in ("mul", "truediv", "neg")
            and scalar
            and (eqn.op == "neg" or any(isinstance(a, Lit) for a in eqn.args))
        )

    def _becomes(self, eqn: Eqn, found: Atom, start: int) -> None:
        """`found` takes the place of the result of `eqn`; a line keeps its variable."""
        last = self.build.eqns[-1] if len(self.build.eqns) > start else None
        if not is_line(eqn.out) or found == ONE:
            self.same[eqn.out] = found
            self.uses[found] += self.uses[eqn.out]
            if (
                isinstance(found, Var)
                and found.primal is None
                and found in (last.outs if last else ())
            ):
                found.primal = eqn.out.primal
        elif last is not None and last.outs == (found,):
            self.build.eqns[-1] = replace(last, outs=eqn.outs)
        else:
            self.build.eqns.append(replace(eqn, op="alias", args=(found,), attrs={}))

    def _shorter(self, eqn: Eqn) -> Any:
        """A simpler way to compute `eqn`, or None."""
        if (found := trees.shorter(self, eqn)) is not None:
            return found
        if (found := IDENTITIES.apply(eqn, self.made_by, self.build)) is not None:
            return found
        match eqn.op, eqn.args:
            case ("add" | "sub" | "mul") as op, (
                Lit(value=int() | float() as a),
                Lit(value=int() | float() as b),
            ):
                return Lit(FOLDED[op](a, b))
            case "add", (Lit(value=int(0)), Var() as x) if x.type.kind == "int":
                return x
            case "neg", (Lit(value=int() | float() as a),):
                return Lit(-a)
            case "alias", (Var() as x,) if not is_line(eqn.out):
                return x
            case "alias", (Lit() as x,) if x == ONE:
                return x
            case "alias", (x,) if (made := self.made_by(x)) is not None and len(
                made.outs
            ) == 1:
                return self.build.emit(made.op, *made.args, **made.attrs)
            case "add", (total, part):
                stored = self._scattered(eqn, total, part)
                return stored if stored is not None else self._without_broadcast(eqn)
            case ("broadcast_to" | "reshape"), (Var() as x, _):
                same = self._same_already(eqn, x)
                return same if same is not None else self._of_broadcast(eqn)
            case ("setitem" | "index_add"), (x, index, value):
                return self._store(eqn, x, index, value)
            case "getitem", (x, Lit(value=int() as k)):
                return self._length(x, k)
            case "size", (Var() as x,) if x.type.rank == 1:
                return self.lengths.get(dim_key((x.type.shape.dims or ())[0]))
            case "real", (Var() as x,) if x in self.defs and self.defs[x].op == "real":
                return x
            case "conj", (Var() as x,):
                return self._conjugated(x)
            case "expand_dims", (Var() as x,):
                return self._factor_outside(eqn, x)
            case "sum", (x,):
                return self._sum(eqn, x)
            case "mul", (a, b):
                newer = self._mask_after_store(a, b)
                return newer if newer is not None else self._without_broadcast(eqn)
            case op, _ if op in ELEMENTWISE:
                return self._without_broadcast(eqn)
            case "matrix_transpose", (Var() as x,):
                turned = self._turned(x)
                return turned if turned is not None else self._of_broadcast(eqn)
            case "transpose", (Var() as x,) if (
                eqn.attrs.get("axes") is None and x.type.rank == 2
            ):
                return self.build.emit("matrix_transpose", x)
            case ("transpose" | "neg"), (Var(),):
                return self._of_broadcast(eqn)
            case "unbroadcast", (Var() as g, like):
                return self._fitted(g, like)
            case _:
                return None

    def made_by(self, value: Atom) -> Eqn | None:
        """The equation behind an intermediate that nobody else reads and that gets no line of its own."""
        if not isinstance(value, Var) or is_line(value) or self.uses[value] > 1:
            return None
        return self.defs.get(value)

    def _without_broadcast(self, eqn: Eqn) -> Expr | None:
        """broadcast_to(v, shape) * y -> v * y where y already has that shape."""
        if (narrow := self._without_leading_axis(eqn)) is not None:
            return narrow
        for position, arg in enumerate(eqn.args):
            value, shape = self._spread(arg)
            if value is None:
                continue
            others = [a for i, a in enumerate(eqn.args) if i != position]
            args = [value if i == position else a for i, a in enumerate(eqn.args)]
            goal = arg.type.shape if shape is not None else eqn.out.type.shape
            if any(
                same_shape(a.type.shape, goal) for a in others if isinstance(a, Var)
            ):
                return self.build.emit(eqn.op, *args, **eqn.attrs)
            if shape is not None and all(a.type.shape.is_scalar for a in others):
                narrow = self.build.emit(eqn.op, *args, **eqn.attrs)
                return self.build.emit("broadcast_to", narrow, shape)
        return None

    def _spread(self, value: Atom) -> tuple[Atom | None, Atom | None]:
        """(v, shape) of broadcast_to(v, shape); (v, None) where a spread scalar has been moved about since."""
        made = self.made_by(value)
        again = self.defs.get(value)
        if (
            made is None
            and again is not None
            and again.op == "broadcast_to"
            and not is_line(again.out)
        ):
            made = again
        if made is None:
            return None, None
        if made.op == "broadcast_to":
            return made.args[0], made.args[1]
        if made.op in (
            "expand_dims",
            "reshape",
            "transpose",
            "matrix_transpose",
            "neg",
        ):
            inner, _ = self._spread(made.args[0])
            if inner is not None and inner.type.shape.is_scalar:
                return (
                    atom(-self.build.wrap(inner)) if made.op == "neg" else inner
                ), None
        return None, None

    def _of_broadcast(self, eqn: Eqn) -> Expr | None:
        """Moving the elements of a scalar that is spread over a shape spreads it over the new shape."""
        made = self.made_by(eqn.args[0])
        if (
            made is None
            or made.op != "broadcast_to"
            or not made.args[0].type.shape.is_scalar
        ):
            return None
        value = self.build.wrap(made.args[0])
        if eqn.op == "neg":
            return self.build.emit("broadcast_to", -value, made.args[1])
        if eqn.op == "broadcast_to" or (
            eqn.op == "reshape" and not self._leaves_open(eqn.args[1])
        ):
            return self.build.emit("broadcast_to", value, eqn.args[1])
        return None

    def _leaves_open(self, shape: Atom) -> bool:
        """A length may be the -1 that reshape finds the right one for."""
        if isinstance(shape, Lit):
            lengths = shape.value if isinstance(shape.value, tuple) else (shape.value,)
            return any(not isinstance(n, int) or n < 0 for n in lengths)
        made = self.defs.get(shape)
        if made is not None and made.op == "tuple":
            return any(map(self._leaves_open, made.args))
        return made is None or made.op not in ("shape", "getitem", "size", "len", "mul")

    def _same_already(self, eqn: Eqn, x: Var) -> Var | None:
        """A value that has the shape already is itself."""
        return x if same_shape(x.type.shape, eqn.out.type.shape) else None

    def _scattered(self, eqn: Eqn, total: Atom, part: Atom) -> Expr | None:
        """g + (zeros with v at i, w at j) -> v and w added to g at i and j."""
        for whole, piece in ((total, part), (part, total)):
            if not isinstance(whole, Var) or not same_shape(
                whole.type.shape, eqn.out.type.shape
            ):
                continue
            stores = self._stores_into_zeros(piece)
            if stores and same_shape(piece.type.shape, eqn.out.type.shape):
                grown = self.build.wrap(whole)
                for store in stores:
                    attrs = (
                        dict(store.attrs)
                        if store.op == "index_add"
                        else {"repeats": False}
                    )
                    grown = self.build.emit(
                        "index_add", grown, *store.args[1:], **attrs
                    )
                return grown
        return None

    def _stores_into_zeros(self, value: Atom) -> list[Eqn]:
        """The stores that made `value` out of zeros, first to last; none if it was made otherwise."""
        stores: list[Eqn] = []
        made = self.made_by(value)
        while made is not None and made.op in ("index_add", "setitem"):
            stores.insert(0, made)
            base = made.args[0]
            made = self.made_by(base)
            if made is not None and made.op == "zeros_like":
                return stores
        return []

    def _store(self, eqn: Eqn, x: Atom, index: Atom, value: Atom) -> Expr | None:
        if eqn.op == "index_add" and "repeats" not in eqn.attrs:
            return self.build.emit(
                "index_add", x, index, value, repeats=may_repeat(index)
            )
        if (
            eqn.op == "index_add"
            and eqn.attrs.get("repeats") is False
            and self._is_untouched(x, index)
        ):
            return self.build.emit("setitem", x, index, value)
        made = self.made_by(value)
        is_item = eqn.op == "setitem" and x.type.kind in trees.MAY_HOLD
        if made is not None and made.op == "broadcast_to" and not is_item:
            return self.build.emit(eqn.op, x, index, made.args[0], **eqn.attrs)
        return None

    def _is_untouched(self, x: Atom, index: Atom) -> bool:
        """`x` is made of zeros into which nothing was stored at `index` yet."""
        for _ in range(FEW):
            made = self.defs.get(x)
            while made is not None and made.op == "alias":
                made = self.defs.get(made.args[0])
            if made is None:
                return False
            if made.op == "zeros_like":
                return True
            if made.op not in ("setitem", "index_add") or not _are_apart(
                made.args[1], index
            ):
                return False
            x = made.args[0]
        return False

    def _length(self, x: Atom, k: int) -> Atom | None:
        """x.shape[0] -> N, where the user has named it; (a, b)[0] -> a."""
        if isinstance(x, Lit):
            held = x.value if isinstance(x.value, tuple) else ()
            return Lit(held[k]) if -len(held) <= k < len(held) else None
        made = self.defs.get(x) or self.primal.get(x)
        if (
            made is not None
            and made.op == "tuple"
            and -len(made.args) <= k < len(made.args)
        ):
            return made.args[k]
        if made is None or made.op != "shape":
            return None
        dims = made.args[0].type.shape.dims
        if dims is None or not -len(dims) <= k < len(dims):
            return None
        if dims[k].known is not None:
            return Lit(dims[k].known)
        return self.lengths.get(dim_key(dims[k]))

    def _conjugated(self, x: Var) -> Atom | None:
        """conj(conj(z)) -> z, conj(-2j) -> 2j"""
        match self.defs.get(x) or self.primal.get(x):
            case Eqn(op="conj", args=(z,)):
                return z
            case Eqn(op="neg", args=(Lit(value=complex() as number),)):
                return Lit((-number).conjugate())
            case _:
                return None

    def _factor_outside(self, eqn: Eqn, x: Var) -> Expr | None:
        """(-2 * x)[:, None] -> -2 * x[:, None]"""
        made = self.made_by(x)
        match made:
            case Eqn(
                op="mul",
                args=(Lit() as factor, Var() as inner)
                | (Var() as inner, Lit() as factor),
            ):
                moved = self.build.emit("expand_dims", inner, **eqn.attrs)
                return self.build.emit("mul", factor, moved)
            case _:
                return None

    def _fitted(self, g: Var, like: Atom) -> Any:
        """Broadcasting is undone by sums where the shapes are known."""
        if same_shape(g.type.shape, like.type.shape):
            return g
        if (
            like.type.shape.is_scalar
            or stretched_axes(like.type.shape, g.type.shape) is not None
        ):
            return fit(self.build.wrap(g), like, g.type.shape)
        return None

    def _sum(self, eqn: Eqn, x: Atom) -> Any:
        """The sum of a scalar is that scalar; the sum of -x is minus the sum of x."""
        if x.type.shape.is_scalar and not eqn.attrs.get("keepdims"):
            return x
        made = self.made_by(x)
        if made is not None and made.op == "neg":
            return -self.build.emit("sum", made.args[0], **eqn.attrs)
        return None

    def _turned(self, x: Var) -> Any:
        """Two transpositions in a row are one, or none."""
        made = self.made_by(x) or (self.primal.get(x) if not x.name else None)
        if made is None and not is_line(x):  # others may read the turned one
            made = self.defs.get(x)
        if made is None or made.op not in ("transpose", "matrix_transpose"):
            return None
        axes = made.attrs.get("axes")
        if x.type.rank == 2 and (axes is None or axes == (1, 0)):
            return made.args[0]
        if not isinstance(axes, tuple) or not all(isinstance(a, int) for a in axes):
            return made.args[0] if made.op == "matrix_transpose" else None
        order = (*axes[:-2], axes[-1], axes[-2])
        if order == tuple(range(len(order))):
            return made.args[0]
        return self.build.emit("transpose", made.args[0], axes=order)

    def _without_leading_axis(self, eqn: Eqn) -> Expr | None:
        """v[None] * y -> v * y where y has that axis: broadcasting puts it there."""
        for position, arg in enumerate(eqn.args):
            made = self.made_by(arg)
            if made is None or made.op != "expand_dims" or made.attrs.get("axis") != 0:
                continue
            others = [a.type.rank for i, a in enumerate(eqn.args) if i != position]
            if arg.type.rank is not None and any(
                r is not None and r >= arg.type.rank for r in others
            ):
                args = [
                    made.args[0] if i == position else a for i, a in enumerate(eqn.args)
                ]
                return self.build.emit(eqn.op, *args, **eqn.attrs)
        return None

    def _mask_after_store(self, g: Atom, mask: Atom) -> Expr | None:
        """g * (m > 0), where g is zero wherever m was overwritten since, may as well read the new m."""
        made, zeroed = self.made_by(mask), self.defs.get(g)
        while zeroed is not None and zeroed.op == "alias":
            zeroed = self.defs.get(zeroed.args[0])
        if (
            made is None
            or made.op not in COMPARISONS
            or zeroed is None
            or zeroed.op != "setitem"
        ):
            return None
        store = self.stores.get(made.args[0])
        if store is None or store.args[1] != zeroed.args[1] or zeroed.args[2] != Lit(0):
            return None
        newer = self.build.emit(made.op, store.out, *made.args[1:])
        return self.build.emit("mul", g, newer)


FEW = 12  # stores into one buffer that are looked back at


def _are_apart(a: Atom, b: Atom) -> bool:
    """Two written indices from the front that differ."""
    if not (isinstance(a, Lit) and isinstance(b, Lit)):
        return False
    if isinstance(a.value, str) and isinstance(b.value, str):
        return a != b
    return (
        type(a.value) is int
        and type(b.value) is int
        and a != b
        and min(a.value, b.value) >= 0
    )


def is_line(value: Var) -> bool:
    """Derivatives of values that the user named get lines of their own."""
    return value.primal is not None and value.primal.name != ""


def named_lengths(eqns: Sequence[Eqn]) -> dict[Any, Var]:
    """Lengths of axes that the user has names for: `N, D = x.shape`."""
    found: dict[Any, Var] = {}
    for eqn in eqns:
        for out in eqn.outs:
            if out.name and out.type.dim is not None and out.type.dim.known is None:
                found.setdefault(dim_key(out.type.dim), out)
    return found


def _key(eqn: Eqn) -> Any:
    """Equal for equations that compute the same; options at their defaults do not count."""
    if not eqn.attrs:
        return eqn.op, eqn.args, ()
    rule = RULES.get(eqn.op)
    defaults = rule.defaults if rule is not None else {}
    given = [
        (k, v)
        for k, v in eqn.attrs.items()
        if isinstance(v, Var) or defaults.get(k, ...) != v
    ]
    return (
        eqn.op,
        eqn.args,
        tuple(
            sorted((k, v if isinstance(v, Var | Eqn) else repr(v)) for k, v in given)
        ),
    )


def remove_dead(block: Block, keep: int = 0) -> Block:
    """Without the equations after the first `keep` whose results nobody reads."""
    rest = prune(replace(block, eqns=block.eqns[keep:]), everything=True)
    return replace(block, eqns=(*block.eqns[:keep], *rest.eqns))


def uses(eqns: Sequence[Eqn], outs: Sequence[Atom]) -> Counter[Atom]:
    """How often each value is read, in blocks within too."""
    found: Counter[Atom] = Counter(outs)
    for eqn in eqns:
        found.update(eqn.args)
        found.update(v for v in eqn.attrs.values() if isinstance(v, Var))
        for block in eqn.blocks:
            found += uses(block.eqns, block.outs)
    return found
