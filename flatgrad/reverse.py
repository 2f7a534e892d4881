"""Primal block -> gradient block: the primal, then the cotangent of each value, last to first.

The cotangents of one statement are summed before they join those of later statements, so that a block
printed in order has one line per statement and input, and a fork in the primal is a sum in the gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from functools import reduce
from itertools import groupby
from operator import add
from typing import Any

from flatgrad import implicit, trees
from flatgrad.broadcasting import fit
from flatgrad.builder import Builder, Expr, atom
from flatgrad.complex_values import (
    STORES,
    Field,
    Fields,
    complex_values,
    continued,
    has_room,
)
from flatgrad.conjugates import (
    SHAPES_AT,
    complex_rule,
    mark,
    pull_back_complex,
    real_part,
    touches,
    wide_buffers,
)
from flatgrad.foreign import TAKES_PART, foreign_values
from flatgrad.graph import Atom, Block, Eqn, Lit, Statement, Var, all_equations
from flatgrad.partial import partial_values
from flatgrad.registry import RULES, Kind, Rule
from flatgrad.shapes import may_repeat
from flatgrad.types import same_shape
from flatgrad.varying import takes_an_item, varying
from flatgrad.versions import MAY_HOLD, cotangent_type_of, given

INTEGER_KINDS = {"int", "bool", "arange", "str", "none", "slice"}


class NoRule(Exception):
    """A gradient would have to flow through an equation that nobody has a rule for."""

    def __init__(self, eqn: Eqn, why: str = "", step: str = ""):
        super().__init__(why or eqn.op)
        self.eqn, self.why, self.step = eqn, why, step


def not_read(eqn: Eqn, why: NotImplementedError) -> NoRule:
    """What the rule of an operation says that it does not know."""
    return NoRule(eqn, str(why), getattr(why, "step", ""))


def list_as_array(eqn: Eqn, kind: str | None) -> NoRule:
    """The gradient of a list that was taken for an array would be an array."""
    step = "give it an array, or make one of it: numpy.array(...)"
    return NoRule(eqn, f"a {kind} is used as an array", step)


def reverse(
    block: Block,
    wrt: Sequence[Var],
    seeds: Sequence[Atom | None],
    hinted: bool = False,
) -> Block:
    """(params, seeds) -> (outs, cotangent of each of `wrt`).

    `seeds` are the cotangents of the block's results: new parameters, or constants such as 1.0; None
    where a result has none. `hinted`: something outside of the block speaks of complex numbers.
    """
    walk = _Reverse(
        active_values(block, wrt, seeds),
        Builder(list(block.eqns)),
        partial_values(block.eqns),
    )
    walk.fields = complex_values(block, hinted)
    walk.roomy = has_room(block, hinted) if walk.fields else set()
    refuse_phases(block, walk.active, walk.fields)
    walk.parts = trees.parts_of(block.eqns)
    walk.given = given(block)
    walk.foreign = foreign_values(block.eqns, block.params)
    walk.run(block, [None if seed is None else walk.build.wrap(seed) for seed in seeds])
    walk.build.statement = None
    for param in wrt:
        walk.leave_open(param)
    gradients = [walk.gradient(p) for p in wrt]
    params = (*block.params, *(s for s in seeds if isinstance(s, Var)))
    if walk.fields:
        keep = len(block.eqns)
        own = wide_buffers(walk.build.eqns[keep:], walk.fields)
        walk.build.eqns[keep:] = [
            _real_already(block, own, e, seeds, hinted) for e in own
        ]
    return walk.build.block(params, [*block.outs, *gradients])


def _real_already(
    primal: Block,
    own: Sequence[Eqn],
    eqn: Eqn,
    seeds: Sequence[Atom | None],
    hinted: bool,
) -> Eqn:
    """What is real for a real parameter anyhow needs no check when the code runs."""
    if eqn.op != "real_if_real":
        return eqn
    cotangent, param = eqn.args
    assert isinstance(param, Var)
    fields = complex_values(primal, hinted, real=param)
    if cotangent in continued(fields, own, _of_seeds(primal, fields, seeds)):
        return eqn
    return replace(eqn, op="alias", args=(cotangent,))


def _of_seeds(
    primal: Block, fields: Fields, seeds: Sequence[Atom | None]
) -> dict[Atom, Field]:
    """Whoever gives a cotangent of what may be complex gives a complex or a real one."""
    return {
        seed: Field.PERHAPS
        for seed, out in zip(seeds, primal.outs, strict=True)
        if isinstance(seed, Var) and out in fields
    }


def tell_fields(
    primal: Block, backward: Block, seeds: Sequence[Atom | None], hinted: bool = False
) -> None:
    """Let the types of the backward part, all that follows `primal` in `backward`, say what may be complex."""
    fields = complex_values(primal, hinted)
    if not fields:
        return
    own = backward.eqns[len(primal.eqns) :]
    mark(own, continued(fields, own, _of_seeds(primal, fields, seeds)))


def refuse_phases(block: Block, active: set[Var], fields: Fields) -> None:
    """The sign of a complex number, its phase, is no constant; no rule for real numbers knows."""
    for eqn in all_equations(block.eqns):
        if eqn.op == "sign" and eqn.args[0] in fields and eqn.args[0] in active:
            raise NoRule(eqn, "of values that may be complex it is no constant")


def refuse_narrow(eqn: Eqn, fields: Fields) -> None:
    """NumPy stores the real part of a complex number where there is no room for more."""
    if eqn.op not in STORES:
        return
    base, value = fields.get(eqn.args[0]), fields.get(eqn.args[2])
    if base is Field.PERHAPS and value is not None:
        why = "what may be complex goes into an array that may be of real numbers; say what the parameters are: x: NDArray[np.complex128]"
        raise NoRule(eqn, why)


class _Reverse:
    """The way back through one block; `settled` may hold cotangents from outside of it."""

    def __init__(self, active: set[Var], build: Builder, partial: set[Atom]):
        self.active, self.build, self.partial = active, build, partial
        self.parts: dict[Var, trees.Part] = (
            {}
        )  # trees whose cotangents are parts of those of others
        self.given: set[Atom] = set()  # lists and dicts that came in as parameters
        self.foreign: set[Atom] = set()  # sparse matrices: no arrays
        self.changed: set[Atom] = set()  # has another shape in each iteration
        self.fields: dict[Atom, Field] = {}  # of what may be complex
        self.roomy: set[Eqn] = set()  # stores into what is complex if need be
        self.settled: dict[Var, Expr] = {}  # what later statements have contributed
        self.pending: dict[Var, list[Expr]] = {}  # what this statement contributes

    def run(self, block: Block, seeds: Sequence[Expr | None]) -> None:
        for out, seed in zip(block.outs, seeds, strict=True):
            if isinstance(out, Var) and out in self.active and seed is not None:
                self._contribute(out, seed)
        self.flush({})
        for statement, eqns in statements(reversed(block.eqns)):
            self.build.statement = statement
            self._statement(list(eqns))

    def _statement(self, eqns: list[Eqn]) -> None:
        """The equations of one statement, last first."""
        for eqn in eqns:
            if any(out in self.active and self._reached(out) for out in eqn.outs):
                self.build.dialect = _dialect(eqn)
                if eqn.blocks:
                    self._through_blocks(eqn)
                elif eqn.op == "call":
                    self._through_call(eqn)
                elif eqn.op in implicit.THROUGH:
                    self._through_solver(eqn)
                else:
                    self._pull_back(eqn)
        self.build.dialect = ""
        self.flush(order_of_reading(reversed(eqns)))

    def _reached(self, value: Var) -> bool:
        return value in self.pending or value in self.settled

    def _pull_back(self, eqn: Eqn) -> None:
        rule = RULES.get(eqn.op)
        if rule is None:
            raise NoRule(eqn)
        if rule.kind is Kind.CONSTANT:
            return
        if not self.foreign.isdisjoint(eqn.reads()):
            raise NoRule(eqn, TAKES_PART)
        if (
            eqn.op == "setitem"
            and eqn.args[2] in self.active
            and eqn.attrs.get("repeats") is not False
            and eqn.args[0].type.kind not in MAY_HOLD
            and may_repeat(eqn.args[1])
        ):
            raise NoRule(
                eqn,
                "an element may be stored into more than once: the index may repeat",
            )
        gs = [self._cotangent(out) for out in eqn.outs]
        if all(g is None for g in gs):
            return
        if rule.kind is Kind.COMPOSED:
            self._through_parts(eqn, rule, gs[0])
            return
        if rule.kind is Kind.ELEMENTWISE:
            self._refuse_lists(eqn)
        if eqn.op in ("setitem", "index_add") and eqn.args[0] in self.given:
            eqn = replace(eqn, attrs={**eqn.attrs, "given": True})
        if eqn not in self.roomy:
            refuse_narrow(eqn, self.fields)
        of_complex = touches(eqn, self.fields)
        try:
            if of_complex:
                cotangents = pull_back_complex(
                    pull_back, self.build, eqn, gs, self.fields
                )
            else:
                cotangents = pull_back(self.build, rule, eqn, gs)
        except NotImplementedError as why:
            raise not_read(eqn, why) from None
        self._nothing_dropped(eqn, len(cotangents))
        used = complex_rule(eqn, self.fields) if of_complex else rule
        fitted = used.kind is Kind.ELEMENTWISE
        for arg, cotangent in zip(eqn.args, cotangents, strict=False):
            if isinstance(arg, Var) and arg in self.active and cotangent is not None:
                c = self.build.wrap(cotangent)
                if fitted:
                    c = fit(c, arg, eqn.outs[0].type.shape)
                real = of_complex and arg not in self.fields
                self._contribute(arg, real_part(c) if real else c)

    def _through_parts(self, eqn: Eqn, rule: Rule, g: Expr | None) -> None:
        """What a function is composed of is computed again, and gone back through; the result is there."""
        self.build.dialect, start = "", len(self.build.eqns)
        args = [self.build.wrap(a) for a in eqn.args]
        try:
            result = rule(*args, options=options_of(self.build, rule, eqn)).atom
        except NotImplementedError as why:
            raise not_read(eqn, why) from None
        parts = self.build.eqns[start:]
        if parts and parts[-1].outs == (result,):
            self.build.eqns.pop()
            parts[-1] = replace(parts[-1], outs=eqn.outs)
            result = eqn.out
        _vary(Block((), tuple(parts), ()), self.active)
        assert isinstance(result, Var)
        assert g is not None
        self.pending[result] = [g]
        self._nothing_dropped(eqn, len(eqn.args))
        for part in reversed(parts):
            if any(out in self.active and self._reached(out) for out in part.outs):
                self._pull_back(part)

    def _refuse_lists(self, eqn: Eqn) -> None:
        for arg in eqn.args:
            if arg in self.active and arg.type.kind in ("list", "dict"):
                raise list_as_array(eqn, arg.type.kind)

    def _nothing_dropped(self, eqn: Eqn, count: int) -> None:
        """Every active argument is one of those that the rule has a cotangent for."""
        by_shape = SHAPES_AT.get(eqn.op, ())
        ignored = [
            *(a for i, a in enumerate(eqn.args) if i >= count and i not in by_shape),
            *(v for v in eqn.attrs.values() if isinstance(v, Var)),
        ]
        for arg in ignored:
            if isinstance(arg, Var) and arg in self.active:
                raise NoRule(
                    eqn,
                    f"no derivative of {eqn.op} with respect to {arg.name or 'one of its arguments'}",
                )

    def _contribute(self, value: Var, cotangent: Expr) -> None:
        cotangent = self._of_field(value, cotangent)
        made, kind = cotangent.atom, value.type.kind
        if kind in MAY_HOLD and isinstance(made, Var) and made.type.kind == "any":
            made.type.kind = "list" if kind == "tuple" else kind
        if value in self.parts:
            value, path = trees.root_and_path(self.parts, value)
            zeros = self.build.emit("zeros_like", value)
            cotangent = self.build.emit("tree_add", zeros, *path, cotangent)
        self.pending.setdefault(value, []).append(cotangent)

    def _of_field(self, value: Var, cotangent: Expr) -> Expr:
        """Real numbers that a branch or a loop hands on as complex ones have the real part of their cotangent."""
        primal = cotangent.atom.primal if isinstance(cotangent.atom, Var) else None
        if primal in self.fields and value not in self.fields:
            return real_part(cotangent)
        return cotangent

    def _cotangent(self, value: Var) -> Expr | None:
        """All of the cotangent of `value`: whatever reads it has been seen."""
        terms = self.pending.pop(value, [])
        if value in self.settled:
            terms.insert(0, self.settled.pop(value))
        if not terms:
            return None
        return self._mark(self._sum(value, terms), value)

    def flush(self, order: dict[Var, int]) -> None:
        """End of a statement: what it contributes to named values joins what later statements did."""
        named = [v for v in self.pending if v.name]
        for value in sorted(named, key=lambda v: order.get(v, 0)):
            terms = self.pending.pop(value)[::-1]
            total = self._sum(value, terms)
            if value in self.settled:
                total = self._sum(value, [self.settled[value], total])
            self.settled[value] = self._named(total, value)

    def _sum(self, value: Var, terms: list[Expr]) -> Expr:
        if value.type.kind in MAY_HOLD:
            return reduce(lambda a, b: self.build.emit("add_trees", a, b), terms)
        return reduce(add, terms)

    def _named(self, cotangent: Expr, value: Var) -> Expr:
        """A line of its own for the cotangent of a value that has a name."""
        made = cotangent.atom
        if isinstance(made, Lit):
            return cotangent
        fresh = (
            isinstance(made, Var)
            and made.primal is None
            and self.build.eqns[-1].outs == (made,)
        )
        named = cotangent if fresh else self.build.emit("alias", cotangent)
        return self._mark(named, value)

    def _mark(self, cotangent: Expr, value: Var) -> Expr:
        if isinstance(cotangent.atom, Var) and cotangent.atom.primal is None:
            cotangent.atom.primal = value
        return cotangent

    def result(self, value: Var) -> Expr:
        """All of the cotangent of `value`, zeros where nothing has contributed."""
        return self._or_zeros(self._cotangent(value), value)

    def gradient(self, param: Var) -> Expr:
        """The result for a parameter; its real part, if the parameter turns out to be real."""
        found = self.result(param)
        if self.fields.get(param) is not Field.PERHAPS:
            return found
        return self._mark(self.build.emit("real_if_real", found, param), param)

    def leave_open(self, param: Var) -> None:
        """What no gradient reaches and of which nothing is known may be a list or a dict of arrays."""
        unknown = param.type.kind == "any" and param.type.rank is None
        if unknown and not self._reached(param):
            param.type.kind = "tree"

    def _through_call(self, eqn: Eqn) -> None:
        """The backward of the helper takes a cotangent for each result that some call has one of, and the cache."""
        pair = eqn.attrs["pair"]
        if touches(eqn, self.fields):
            why = "complex values go into or out of a function with branches or loops; write it in place"
            raise NoRule(eqn, why)
        *results, cache = eqn.outs
        gs = [
            self._or_zeros(self._cotangent(out), out)
            for i, out in enumerate(results)
            if i in pair.seeded
        ]
        wanted = [eqn.args[pair.params.index(name)] for name in pair.wrt]
        kept = self._run_again(eqn) if pair.again else cache
        made = self.build.emit_all(
            "call_backward", [*gs, kept], len(wanted), attrs={"pair": pair}
        )
        parts: dict[Var, list[Expr]] = {}  # one argument may be given twice
        for arg, cotangent in zip(wanted, made, strict=True):
            cotangent_type = (
                cotangent_type_of(arg) if isinstance(arg, Var) else arg.type
            )
            assert isinstance(cotangent.atom, Var)
            cotangent.atom.type = cotangent_type
            if isinstance(arg, Var) and arg in self.active:
                parts.setdefault(arg, []).append(cotangent)
        for arg, found in parts.items():
            self._contribute(
                arg, found[0] if len(found) == 1 else self._sum(arg, found)
            )

    def _through_solver(self, eqn: Eqn) -> None:
        gs = [self._cotangent(out) for out in eqn.outs]
        try:
            parts = implicit.pull_back(self.build, eqn, gs, self.active)
        except NotImplementedError as why:
            raise not_read(eqn, why) from None
        for arg, part in parts:
            self._contribute(arg, part)

    def _run_again(self, eqn: Eqn) -> Expr:
        """The cache of a call, from calling the forward once more."""
        pair = eqn.attrs["pair"]
        args, attrs = pair.every(eqn.args), {"pair": pair}
        (cache,) = self.build.emit_all("call_again", args, 1, attrs=attrs)
        assert isinstance(cache.atom, Var)
        cache.atom.type = eqn.outs[-1].type
        return cache

    def handed_on(self, value: Var, before: Atom) -> Expr:
        """The cotangent of a value from outside of a block; zeros in the shape of `before` where nothing reads it.

        The number 0 stands for zeros of a shape that is not at hand, where they are only added to something.
        """
        found = self._so_far(value)
        if found is not None:
            return found
        if before == Lit(0.0):
            return self.build.wrap(before)
        return self._mark(self.build.emit("zeros_like", before), value)

    # --- branches and loops ----------------------------------------------------------

    def _through_blocks(self, eqn: Eqn) -> None:
        gs = [self._cotangent(out) if out in self.active else None for out in eqn.outs]
        if eqn.op == "if":
            self._through_branch(eqn, gs)
        else:
            self._through_loop(eqn, gs[1:])
        self.build.statement = eqn.statement

    def _touched(self, block: Block) -> list[Var]:
        """Values from outside of `block` that may get a cotangent within it."""
        roots = (
            trees.root_and_path(self.parts, v)[0]
            for v in block.free()
            if v in self.active
        )
        return list(dict.fromkeys(roots))

    def _inside(self, block: Block, known: dict[Var, Atom]) -> _Reverse:
        """The way back through an inner block, where outer values have the cotangents `known` so far."""
        inner = _Reverse(
            self.active, Builder(statement=self.build.statement), self.partial
        )
        inner.parts, inner.given, inner.changed = self.parts, self.given, self.changed
        inner.foreign = self.foreign
        inner.fields, inner.roomy = self.fields, self.roomy
        inner.settled = {v: inner.build.wrap(c) for v, c in known.items()}
        return inner

    def _so_far(self, value: Var) -> Expr | None:
        """What has been contributed to a value from outside, before an equation with blocks."""
        return self._cotangent(value) if self._reached(value) else None

    def _through_branch(self, eqn: Eqn, gs: Sequence[Expr | None]) -> None:
        """The same test; each branch adds what it contributes to what the outer values have so far."""
        touched = dict.fromkeys(v for block in eqn.blocks for v in self._touched(block))
        so_far = {
            v: found.atom for v in touched if (found := self._so_far(v)) is not None
        }
        ways = []
        for block in eqn.blocks:
            inner = self._inside(block, so_far)
            inner.run(
                block, [None if g is None else inner.build.wrap(g.atom) for g in gs]
            )
            inner.build.statement = eqn.statement
            ways.append(inner)
        reached = [
            v for v in touched if v in so_far or any(w._reached(v) for w in ways)
        ]
        outs = tuple(Var("", cotangent_type_of(v), primal=v) for v in reached)
        blocks = []
        for block, inner in zip(eqn.blocks, ways, strict=True):
            like = self._kept(eqn, block, gs)
            ends = tuple(inner.handed_on(v, like.get(v, v)).atom for v in reached)
            blocks.append(Block((), tuple(inner.build.eqns), ends, undoes=block))
        self._write(Eqn(outs, "if", eqn.args, {}, eqn.statement, blocks=tuple(blocks)))
        self._settle(reached, outs)

    def _kept(
        self, eqn: Eqn, block: Block, gs: Sequence[Expr | None]
    ) -> dict[Var, Atom]:
        """What a way may not have, and the other way hands on as it is: its cotangent has its shape."""
        other = next(b for b in eqn.blocks if b is not block)
        found: dict[Var, Atom] = {}
        for out, end, g in zip(eqn.outs, other.outs, gs, strict=True):
            alike = (end, *(v for v in other.free() if v.name and v.name == out.name))
            if g is not None:
                found |= {
                    v: g.atom
                    for v in alike
                    if isinstance(v, Var)
                    and v in self.partial
                    and v not in self.changed
                }
        return found

    def _through_loop(self, eqn: Eqn, gs: Sequence[Expr | None]) -> None:
        """The iterations from last to first, carrying the cotangents of what was carried and of what was read."""
        body = eqn.blocks[-1]
        counted = eqn.op == "for" and body.outs[0] == Lit(False)
        span = eqn.args[0] if counted else eqn.outs[0]
        starts = eqn.args[len(eqn.args) - len(gs) :]
        carried = [i for i in range(len(gs)) if body.params[1 + i] in self.active]
        touched = self._touched(body)
        inits = [self._or_zeros(gs[i], eqn.outs[1 + i]) for i in carried]
        inits += [self._or_zeros(self._so_far(v), v) for v in touched]
        primals = [body.params[1 + i] for i in carried] + touched
        changed = self.changed | varying(body)
        steady = [_is_steady(body, i, changed) for i in carried]
        steady += [True for _ in touched]
        kinds = [eqn.outs[1 + i] for i in carried] + touched
        params = [Var("", cotangent_type_of(v if same else whole), primal=v)
                  for v, whole, same in zip(primals, kinds, steady, strict=True)]  # fmt: skip
        inner = self._inside(
            body, dict(zip(touched, params[len(carried) :], strict=True))
        )
        inner.changed = changed
        seeds: list[Expr | None] = [None] * len(body.outs)
        for i, param in zip(carried, params, strict=False):
            seeds[1 + i] = inner.build.wrap(param)
        inner.run(body, seeds)
        inner.build.statement = eqn.statement
        likes = [self._like(eqn, v, p, same)
                 for v, p, same in zip(primals, params, steady, strict=True)]  # fmt: skip
        ends = tuple(
            inner.handed_on(v, like).atom
            for v, like in zip(primals, likes, strict=True)
        )
        eqns = tuple(inner.build.eqns)
        for i, (at, param) in enumerate(zip(carried, params, strict=False)):
            begun = starts[at] != Lit(None)
            lighter = None if begun else _only_added(eqns, param, ends[i])
            if lighter is not None:
                eqns, ends = lighter[0], (*ends[:i], lighter[1], *ends[i + 1 :])
        outs = tuple(Var("", p.type, primal=v) for v, p in zip(primals, params, strict=True))  # fmt: skip
        block = Block(
            (body.params[0], *params),
            eqns,
            (Lit(False), *ends),
            undoes=body,
        )
        args = (span, *(i.atom for i in inits))
        self._write(
            Eqn(
                (Var("", eqn.outs[0].type), *outs),
                "for",
                args,
                {"undoes": eqn},
                eqn.statement,
                blocks=(block,),
            )
        )
        for i, out in zip(carried, outs, strict=False):
            self._to_start(eqn, starts[i], body.params[1 + i], out)
        self._settle(touched, outs[len(carried) :])

    def _to_start(self, eqn: Eqn, start: Atom, param: Var, cotangent: Var) -> None:
        """What the reversed loop leaves is the cotangent of what the loop began with."""
        if not isinstance(start, Var) or start not in self.active:
            return
        read = Block((), eqn.blocks[-1].eqns, ()).free_or_params()
        if param not in read and not same_shape(start.type.shape, cotangent.type.shape):
            cotangent = self._unless_replaced(eqn, start, cotangent)
        self._contribute(start, self.build.wrap(cotangent))

    def _like(self, eqn: Eqn, value: Var, cotangent: Var, steady: bool) -> Atom:
        """What has the shape of the zeros that an iteration hands on; the number 0, where they are only added."""
        known = cotangent.type.shape.dims is not None
        if value not in eqn.blocks[-1].params:
            return cotangent if known else value
        if not steady:
            replaced = _is_replaced_by_an_item(eqn.blocks[-1], value)
            return Lit(0.0) if replaced else value
        return cotangent if known or self._begins_with_nothing(eqn, value) else value

    def _begins_with_nothing(self, eqn: Eqn, param: Var) -> bool:
        """Before the first iteration the variable may not be there."""
        starts = eqn.args[len(eqn.args) - len(eqn.outs) + 1 :]
        start = starts[eqn.blocks[-1].params.index(param) - 1]
        return start == Lit(None) or param in self.partial

    def _unless_replaced(self, eqn: Eqn, start: Var, cotangent: Var) -> Var:
        """What a loop replaces without reading it gets nothing from it, in a shape of its own, if it ran at all."""
        zeros = Builder(statement=eqn.statement)
        nothing = self._mark(zeros.emit("zeros_like", start), start).atom
        replaced = Block((), tuple(zeros.eqns), (nothing,))
        out = Var("", cotangent_type_of(start), primal=start)
        args = (eqn.outs[0],)
        blocks = (replaced, Block((), (), (cotangent,)))
        self._write(Eqn((out,), "if", args, {}, eqn.statement, blocks=blocks))
        return out

    def _or_zeros(self, cotangent: Expr | None, value: Var) -> Expr:
        if cotangent is not None:
            return cotangent
        return self._mark(self.build.emit("zeros_like", value), value)

    def _write(self, eqn: Eqn) -> None:
        self.build.eqns.append(eqn)

    def _settle(self, values: Sequence[Var], cotangents: Sequence[Var]) -> None:
        for value, cotangent in zip(values, cotangents, strict=True):
            self.settled[value] = self.build.wrap(cotangent)


def _is_steady(body: Block, position: int, changed: set[Atom]) -> bool:
    """What a loop carries has one shape: an iteration ends with that which it starts with."""
    param, end = body.params[1 + position], body.outs[1 + position]
    return end not in changed and same_shape(param.type.shape, end.type.shape)


def _is_replaced_by_an_item(body: Block, param: Var) -> bool:
    """Each iteration gives the variable an array from a list, does arithmetic with it and reads not what it held."""
    end = body.outs[body.params.index(param)]
    if param in Block((), body.eqns, ()).free_or_params() or end.type.kind != "any":
        return False
    readers = [e for e in body.eqns if end in e.reads()]
    rules = [RULES.get(e.op) for e in readers]
    arithmetic = all(r is not None and r.kind is Kind.ELEMENTWISE for r in rules)
    taken = [e for e in body.eqns if end in e.outs and e.op != "list_pop"]
    several = any(e.op == "getitem" and e.args[1].type.kind == "slice" for e in taken)
    return arithmetic and not several and any(map(takes_an_item, taken))


def _only_added(
    eqns: tuple[Eqn, ...], cotangent: Var, end: Atom
) -> tuple[tuple[Eqn, ...], Atom] | None:
    """A body with 0.0 for zeros of a shape in the end, where the cotangent is only added to items of lists and dicts.

    These may have several shapes, and 0.0 goes with any.
    """
    if cotangent.type.kind in MAY_HOLD:
        return None
    shown: set[Atom] = {cotangent}
    for eqn in eqns:
        if eqn.op == "alias" and eqn.args[0] in shown:
            shown.add(eqn.out)
    made = {end, *(e.args[0] for e in eqns if e.op == "alias" and e.out is end)}
    readers = [e for e in eqns if e.op != "alias" and not shown.isdisjoint(e.reads())]
    last = [e for e in readers if not made.isdisjoint(e.outs)]
    others = [e for e in readers if made.isdisjoint(e.outs)]
    if len(last) != 1 or not all(_adds_to_item(e, shown) for e in others):
        return None
    if last[0].op == "zeros_like":
        return eqns, Lit(0.0)
    if last[0].op != "for" or (inner := _within(last[0], shown, made)) is None:
        return None
    return tuple(inner if e is last[0] else e for e in eqns), end


def _adds_to_item(eqn: Eqn, values: Set[Atom]) -> bool:
    held = eqn.op == "index_add" and eqn.args[0].type.kind in MAY_HOLD
    held = held and eqn.args[1].type.kind != "slice"  # that is several items
    return held and eqn.args[2] in values


def _within(loop: Eqn, values: Set[Atom], ends: Set[Atom]) -> Eqn | None:
    """The same of a loop that starts with the cotangent, and reads it nowhere else."""
    (body,) = loop.blocks
    starts = [i for i, a in enumerate(loop.args) if a in values]
    if len(starts) != 1 or loop.outs[at := starts[0]] not in ends:
        return None
    if not values.isdisjoint(body.free()):
        return None
    lighter = _only_added(body.eqns, body.params[at], body.outs[at])
    if lighter is None:
        return None
    outs = (*body.outs[:at], lighter[1], *body.outs[at + 1 :])
    return replace(loop, blocks=(replace(body, eqns=lighter[0], outs=outs),))


def _dialect(eqn: Eqn) -> str:
    """In what spelling the derivative of `eqn` is written; np.matmul only begets np.matmul."""
    return (
        ""
        if eqn.dialect == "numpy" and eqn.op not in ("matmul", "dot")
        else eqn.dialect
    )


def statements(eqns: Iterable[Eqn]) -> Iterator[tuple[Statement | None, Iterator[Eqn]]]:
    yield from groupby(eqns, key=lambda eqn: eqn.statement)


def order_of_reading(eqns: Iterable[Eqn]) -> dict[Var, int]:
    order: dict[Var, int] = {}
    for eqn in eqns:
        written_last = (
            reversed(eqn.args) if eqn.op in ("setitem", "index_add") else eqn.args
        )
        for arg in written_last:
            if isinstance(arg, Var):
                order.setdefault(arg, len(order))
    return order


def pull_back(
    build: Builder, rule: Rule, eqn: Eqn, gs: Sequence[Expr | None]
) -> tuple[Any, ...]:
    """The cotangent of each argument of `eqn`, given those of its results; None where there is none."""
    if rule.kind is Kind.ELEMENTWISE:
        eqn = with_arrays(build, eqn)
    args = [build.wrap(a) for a in eqn.args]
    ys = tuple(build.wrap(out) for out in eqn.outs)
    y, g = (ys[0], gs[0]) if len(ys) == 1 else (ys, tuple(gs))
    options = options_of(build, rule, eqn)
    match rule.kind:
        case Kind.ELEMENTWISE:
            partials = _tuple(rule(*args, options=options, y=y))
            return tuple(_product(g, partial) for partial in partials)
        case Kind.LINEAR | Kind.MULTILINEAR:
            return _tuple(rule(*args, options=options, y=y, g=g))
        case Kind.GENERAL:
            _, vjp = rule(*args, options=options, y=y)
            return _tuple(vjp(g))
        case _:
            raise AssertionError(f"{rule.kind} has no cotangents")


def with_arrays(build: Builder, eqn: Eqn) -> Eqn:
    """The equation with arrays for the lists that it takes for such."""
    attrs = {k: _array(build, v) for k, v in eqn.attrs.items()}
    return replace(eqn, args=tuple(_array(build, a) for a in eqn.args), attrs=attrs)


def _array(build: Builder, value: Any) -> Any:
    """A list that stands for an array, as an array that can be computed with."""
    match value:
        case Lit(value=list() | tuple() as items) | (list() | tuple() as items):
            return build.emit("asarray", Lit(items)).atom
        case _:
            return value


def options_of(build: Builder, rule: Rule, eqn: Eqn) -> dict[str, Any]:
    return {
        k: build.wrap(v) if isinstance(v, Var) else v
        for k, v in eqn.attrs.items()
        if k in rule.defaults
    }


def _tuple(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


def _product(g: Any, partial: Any) -> Any:
    """g * partial; nothing for a partial derivative that is known to be zero."""
    if partial is None or (isinstance(partial, int | float) and partial == 0):
        return None
    return g * partial


def active_values(
    block: Block, wrt: Sequence[Var], seeds: Sequence[Atom | None]
) -> set[Var]:
    """Values that depend on `wrt` through floating-point values and on which a result with a seed depends."""
    varied = varied_values(block, wrt)
    useful = {
        out
        for out, seed in zip(block.outs, seeds, strict=True)
        if isinstance(out, Var) and seed is not None
    }
    _use(block, useful)
    return varied & useful


def varied_values(block: Block, wrt: Sequence[Var]) -> set[Var]:
    """Values that depend on `wrt` through floating-point values."""
    varied = set(wrt)
    _vary(block, varied)
    return varied


def _vary(block: Block, varied: set[Var]) -> None:
    """Add what depends on `varied`."""
    for eqn in block.eqns:
        if eqn.blocks:
            _vary_blocks(eqn, varied)
            continue
        rule = RULES.get(eqn.op)
        if rule is not None and rule.kind is Kind.CONSTANT:
            continue
        if any(arg in varied for arg in eqn.reads() if isinstance(arg, Var)):
            varied.update(out for out in eqn.outs if out.type.kind not in INTEGER_KINDS)


def _vary_blocks(eqn: Eqn, varied: set[Var]) -> None:
    if eqn.op == "if":
        for block in eqn.blocks:
            _vary(block, varied)
            _spread(block.outs, eqn.outs, varied)
        return
    body = eqn.blocks[-1]
    count = len(eqn.outs) - 1
    _spread(eqn.args[len(eqn.args) - count :], body.params[1:], varied)
    size = -1
    while size != len(varied):
        size = len(varied)
        _vary(body, varied)
        _spread(body.outs[1:], body.params[1:], varied)
    _spread(body.params[1:], eqn.outs[1:], varied)


def _spread(sources: Sequence[Atom], values: Sequence[Var], varied: set[Var]) -> None:
    for source, value in zip(sources, values, strict=True):
        if source in varied and value.type.kind not in INTEGER_KINDS:
            varied.add(value)


def _use(block: Block, useful: set[Var]) -> None:
    """Add what `useful` depends on."""
    for eqn in reversed(block.eqns):
        if useful.isdisjoint(eqn.outs):
            continue
        if eqn.blocks:
            _use_blocks(eqn, useful)
        else:
            useful.update(a for a in eqn.reads() if isinstance(a, Var))


def _use_blocks(eqn: Eqn, useful: set[Var]) -> None:
    if eqn.op == "if":
        for block in eqn.blocks:
            _take(eqn.outs, block.outs, useful)
            _use(block, useful)
        return
    body = eqn.blocks[-1]
    count = len(eqn.outs) - 1
    _take(eqn.outs[1:], body.params[1:], useful)
    size = -1
    while size != len(useful):
        size = len(useful)
        _take(body.params[1:], body.outs[1:], useful)
        _use(body, useful)
    _take(body.params[1:], eqn.args[len(eqn.args) - count :], useful)


def _take(values: Sequence[Var], sources: Sequence[Atom], useful: set[Var]) -> None:
    for value, source in zip(values, sources, strict=True):
        if value in useful and isinstance(source, Var):
            useful.add(source)


__all__ = ["Lit", "NoRule", "active_values", "atom", "fit", "pull_back", "reverse"]
