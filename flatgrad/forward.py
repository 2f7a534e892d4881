"""Primal block -> block with tangents: the primal, and after each value v that varies, dot_v.

A tangent is computed where its value is: its equation belongs to the same statement, a branch has a branch beside it
and a loop a loop, which read what the primal computes there. What one way through a branch or a loop gives a tangent
has one on every other way too, if only of zeros, so that a variable and its tangent are always assigned together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

from flatgrad import implicit_tangents
from flatgrad.builder import Builder, Expr
from flatgrad.complex_values import Field, complex_values, continued, has_room
from flatgrad.conjugates import SHAPES_AT, complex_rule, mark, touches, wide_buffers
from flatgrad.foreign import TAKES_PART, foreign_values
from flatgrad.graph import Atom, Block, Eqn, Lit, Statement, Var, all_equations
from flatgrad.registry import RULES, Kind, Rule
from flatgrad.reverse import (
    NoRule,
    active_values,
    list_as_array,
    not_read,
    options_of,
    refuse_narrow,
    refuse_phases,
    varied_values,
    with_arrays,
)
from flatgrad.types import Shape, Type, same_shape
from flatgrad.versions import MAY_HOLD, UPDATING

HELD_TOGETHER = ("list", "dict", "tuple")


def forward(
    block: Block,
    wrt: Sequence[Var],
    tangents: Sequence[Atom],
    last: Statement | None,
    hinted: bool = False,
    wanted: Collection[int] | None = None,
) -> Block:
    """(params, tangents of `wrt`) -> (outs, tangent of each of the outs).

    Of the outs whose positions are not `wanted` there is none. `last` is the statement that returns, `hinted` says whether the file speaks of complex numbers.
    """
    asked = range(len(block.outs)) if wanted is None else wanted
    seeds = [Lit(1.0) if i in asked else None for i in range(len(block.outs))]
    active = active_values(block, wrt, seeds)
    walk = _Forward(needed_values(block, active), Builder(list(block.eqns)), {})
    walk.foreign = foreign_values(block.eqns, block.params)
    walk.fields = complex_values(block, hinted)
    refuse_phases(block, active, walk.fields)
    walk.roomy = has_room(block, hinted) if walk.fields else set()
    refuse_phases(block, varied_values(block, wrt), walk.fields)
    for param, tangent in zip(wrt, tangents, strict=True):
        walk.tangents[param] = tangent
    for param in block.params:
        if param in walk.needed and param not in walk.tangents:
            walk.settle(param, walk.zeros(param))
    walk.run(block.eqns)
    walk.build.statement = last
    made = {eqn.out: eqn for eqn in block.eqns if eqn.op in ("dict", "tuple")}
    for i, out in enumerate(block.outs):
        if isinstance(out, Var) and out not in walk.tangents and i in asked:
            walk.settle(out, walk.nothing(out, made))
    outs = [
        walk.tangent_or_zeros(out) if i in asked else walk.build.wrap(None)
        for i, out in enumerate(block.outs)
    ]
    if walk.fields:
        keep = len(block.eqns)
        walk.build.eqns[keep:] = wide_buffers(walk.build.eqns[keep:], walk.fields)
    params = (*block.params, *(t for t in tangents if isinstance(t, Var)))
    return walk.build.block(params, [*block.outs, *outs])


def tell_fields_of_tangents(
    primal: Block, whole: Block, tangents: dict[Var, Var], hinted: bool = False
) -> None:
    """Let the types of the tangents in `whole`, by those of the parameters, say what may be complex."""
    fields = complex_values(primal, hinted)
    if fields:
        own = whole.eqns[len(primal.eqns) :]
        begun: dict[Atom, Field] = {
            t: fields.get(p, Field.REAL) for p, t in tangents.items()
        }
        mark(own, continued(fields, own, begun))


def needed_values(block: Block, active: set[Var]) -> set[Var]:
    """Active values, and what becomes another version of one: it has a tangent of zeros."""
    found, size = set(active), -1
    while size != len(found):
        size = len(found)
        for eqn in all_equations(block.eqns):
            for group in _versions(eqn):
                if not found.isdisjoint(group):
                    found.update(v for v in group if isinstance(v, Var))
    return found


def _versions(eqn: Eqn) -> Iterable[tuple[Atom, ...]]:
    """Values of which all have a tangent, if the last one has."""
    if eqn.op in UPDATING:
        yield (eqn.outs[0], *eqn.args[:1])
    elif eqn.op == "if":
        for i, out in enumerate(eqn.outs):
            yield (out, *(block.outs[i] for block in eqn.blocks))
    elif eqn.blocks:
        body, outs = eqn.blocks[-1], eqn.outs[1:]
        starts = eqn.args[len(eqn.args) - len(outs) :]
        yield from zip(body.params[1:], outs, starts, body.outs[1:], strict=True)


class _Forward:
    """The way through one block; `tangents` holds those of everything computed so far."""

    def __init__(
        self, needed: set[Var], build: Builder, tangents: dict[Atom, Atom]
    ) -> None:
        self.needed, self.build, self.tangents = needed, build, tangents
        self.foreign: set[Atom] = set()  # sparse matrices: no arrays
        self.fields: dict[Atom, Field] = {}  # of what may be complex
        self.roomy: set[Eqn] = set()  # stores into what is complex if need be

    def run(self, eqns: Iterable[Eqn]) -> None:
        for eqn in eqns:
            if not self.needed.isdisjoint(eqn.outs):
                self.build.statement, self.build.dialect = eqn.statement, eqn.dialect
                self._equation(eqn)

    def _equation(self, eqn: Eqn) -> None:
        if eqn.op == "if":
            self._along_branch(eqn)
        elif eqn.blocks:
            self._along_loop(eqn)
        elif eqn.op == "call":
            self._along_call(eqn)
        else:
            for out, tangent in zip(eqn.outs, self._pushed(eqn), strict=True):
                if out in self.needed:
                    self.settle(out, tangent)

    def _pushed(self, eqn: Eqn) -> Sequence[Expr]:
        """The tangents of the results of one equation."""
        dots = [self.tangent(arg) for arg in eqn.args]
        varies = any(dot is not None for dot in dots)
        rule = RULES.get(eqn.op)
        if not varies and eqn.op not in HELD_TOGETHER:
            if rule is None or rule.kind is not Kind.CONSTANT:
                _refuse_options(eqn, self.tangents)
            return [self.zeros(out) for out in eqn.outs]
        if eqn.op in implicit_tangents.ALONG:
            return self._through_solver(eqn, dots)
        if rule is None:
            raise NoRule(eqn)
        if rule.kind is Kind.CONSTANT:
            return [self.zeros(out) for out in eqn.outs]
        if not self.foreign.isdisjoint(eqn.reads()):
            raise NoRule(eqn, TAKES_PART)
        _refuse(eqn, rule, self.tangents)
        if rule.kind is Kind.COMPOSED:
            return [self._through_parts(eqn, rule)]
        if eqn not in self.roomy:
            refuse_narrow(eqn, self.fields)
        try:
            if touches(eqn, self.fields):
                rule = complex_rule(eqn, self.fields)
            found = push_forward(self.build, rule, eqn, dots)
        except NotImplementedError as why:
            raise not_read(eqn, why) from None
        return self._or_zeros(eqn, found)

    def _through_solver(self, eqn: Eqn, dots: Sequence[Expr | None]) -> Sequence[Expr]:
        def dot_of(arg: Atom) -> Expr:
            known = self.tangent(arg)
            return self.zeros(arg) if known is None else known

        try:
            found = implicit_tangents.push_forward(self.build, eqn, dots, dot_of)
        except NotImplementedError as why:
            raise not_read(eqn, why) from None
        return self._or_zeros(eqn, found)

    def _or_zeros(self, eqn: Eqn, found: Sequence[Any]) -> Sequence[Expr]:
        """Zeros for nothing; a result whose tangent is not known is none that is asked for."""
        for out, dot in zip(eqn.outs, found, strict=True):
            if isinstance(dot, NotImplementedError) and out in self.needed:
                raise NoRule(eqn, str(dot))
        known = [None if isinstance(d, NotImplementedError) else d for d in found]
        return [
            self.zeros(out) if dot is None else self.build.wrap(dot)
            for out, dot in zip(eqn.outs, known, strict=True)
        ]

    def _through_parts(self, eqn: Eqn, rule: Rule) -> Expr:
        """The tangent of what a function is composed of; its result is there."""
        apart = Builder(statement=eqn.statement)
        args = [apart.wrap(a) for a in eqn.args]
        try:
            result = rule(*args, options=options_of(apart, rule, eqn)).atom
        except NotImplementedError as why:
            raise not_read(eqn, why) from None
        self.build.dialect = ""
        for part in apart.eqns:
            if result in part.outs:
                part = replace(part, outs=eqn.outs)
            else:
                self.build.eqns.append(part)
            if any(arg in self.tangents for arg in part.reads()):
                found = zip(part.outs, self._pushed(part), strict=True)
                self.tangents.update((out, dot.atom) for out, dot in found)
        end = eqn.out if eqn.out in self.tangents else result
        tangent = self.tangents.pop(end, None)
        return self.zeros(eqn.out) if tangent is None else self.build.wrap(tangent)

    # --- tangents of values ----------------------------------------------------------

    def settle(self, value: Var, tangent: Expr) -> None:
        """`tangent` is that of `value`; one with a name has a line of its own."""
        made, eqns = tangent.atom, self.build.eqns
        fresh = isinstance(made, Var) and made.primal is None
        fresh = fresh and bool(eqns) and made in eqns[-1].outs
        if value.name and not fresh:
            tangent = self.build.emit("alias", tangent)
        if isinstance(tangent.atom, Var) and tangent.atom.primal is None:
            tangent.atom.primal = value
        self.tangents[value] = tangent.atom

    def tangent(self, value: Atom) -> Expr | None:
        if value not in self.tangents:
            return None
        return self.build.wrap(self.tangents[value])

    def zeros(self, value: Atom) -> Expr:
        """Zeros, with room for what a later store into them may bring."""
        wide = {"dtype": "complex"} if value in self.fields else {}
        return self.build.emit("zeros_like", value, **wide)

    def nothing(self, value: Atom, made: Mapping[Any, Eqn]) -> Expr:
        """Zeros in the structure of a tuple or dict that is put together of constants; None for what is no number."""
        if (known := self.tangent(value)) is not None:
            return known
        if (eqn := made.get(value)) is not None:
            parts = [self.nothing(arg, made).atom for arg in eqn.args]
            return self.build.emit(eqn.op, *parts, **eqn.attrs)
        if isinstance(value, Lit):
            return self.build.wrap(0.0 if _is_number(value) else None)
        return self.zeros(value)

    def tangent_or_zeros(self, value: Atom) -> Expr:
        """The tangent of what is handed on; of what is not there, nothing."""
        if (known := self.tangent(value)) is not None:
            return known
        if isinstance(value, Lit):
            return self.build.wrap(None if value.value is None else 0.0)
        return self.zeros(value)

    # --- branches, loops, calls ------------------------------------------------------

    def _inside(self) -> _Forward:
        build = Builder(statement=self.build.statement)
        inner = _Forward(self.needed, build, self.tangents)
        inner.foreign, inner.fields = self.foreign, self.fields
        inner.roomy = self.roomy
        return inner

    def _along_branch(self, eqn: Eqn) -> None:
        kept = [i for i, out in enumerate(eqn.outs) if out in self.needed]
        blocks = []
        for block in eqn.blocks:
            inner = self._inside()
            inner.run(block.eqns)
            inner.build.statement = eqn.statement
            ends = [inner.tangent_or_zeros(block.outs[i]).atom for i in kept]
            eqns = tuple(inner.build.eqns)
            blocks.append(Block((), eqns, tuple(ends), undoes=block))
        outs = [tangent_of(eqn.outs[i]) for i in kept]
        self._write(eqn, outs, "if", eqn.args, tuple(blocks))
        self._hold([eqn.outs[i] for i in kept], outs)

    def _along_loop(self, eqn: Eqn) -> None:
        if eqn.attrs.get("inline"):
            raise NoRule(eqn, "a loop within an expression")
        body, outs = eqn.blocks[-1], eqn.outs[1:]
        starts = eqn.args[len(eqn.args) - len(outs) :]
        kept = [i for i, out in enumerate(outs) if out in self.needed]
        begun = [self.tangent_or_zeros(starts[i]).atom for i in kept]
        params = [tangent_of(body.params[1 + i]) for i in kept]
        inner = self._inside()
        inner._hold([body.params[1 + i] for i in kept], params)
        inner.run(body.eqns)
        inner.build.statement = eqn.statement
        ends = [inner.tangent_or_zeros(body.outs[1 + i]).atom for i in kept]
        eqns = tuple(inner.build.eqns)
        block = Block((body.params[0], *params), eqns, (Lit(False), *ends), undoes=body)
        left = [tangent_of(outs[i]) for i in kept]
        steps = Var("", eqn.outs[0].type)
        self._write(eqn, [steps, *left], "for", (Lit(None), *begun), (block,))
        self._hold([outs[i] for i in kept], left)

    def _write(
        self,
        eqn: Eqn,
        outs: Sequence[Var],
        op: str,
        args: tuple[Atom, ...],
        blocks: tuple[Block, ...],
    ) -> None:
        attrs = {} if eqn.attrs.get("inline") else {"along": eqn}
        beside = Eqn(tuple(outs), op, args, attrs, eqn.statement, blocks=blocks)
        self.build.eqns.append(beside)

    def _hold(self, values: Sequence[Var], tangents: Sequence[Var]) -> None:
        for value, tangent in zip(values, tangents, strict=True):
            self.tangents[value] = tangent

    def _along_call(self, eqn: Eqn) -> None:
        """The helper takes a tangent for each parameter that varies in some call, and gives those of its results."""
        pair = eqn.attrs["pair"]
        if not any(arg in self.tangents for arg in eqn.args):
            for out in eqn.outs[:-1]:
                if out in self.needed:
                    self.settle(out, self.zeros(out))
            return
        given = [eqn.args[pair.params.index(name)] for name in pair.wrt]
        dots = [self.tangent_or_zeros(arg).atom for arg in given]
        results = [out for i, out in enumerate(eqn.outs[:-1]) if i in pair.seeded]
        outs = [tangent_of(out) for out in results]
        attrs = {"pair": pair, "call": eqn}
        self.build.eqns.append(
            Eqn(tuple(outs), "call_jvp", tuple(dots), attrs, eqn.statement)
        )
        self._hold(results, outs)
        for out in eqn.outs[:-1]:
            if out in self.needed and out not in self.tangents:
                self.settle(out, self.zeros(out))


def tangent_of(value: Var) -> Var:
    kind = value.type.kind if value.type.kind in (*MAY_HOLD, "complex") else "float"
    found = Type(value.type.shape, kind, None, value.type.items)
    return Var("", found, primal=value)


def _refuse(eqn: Eqn, rule: Rule, tangents: dict[Atom, Atom]) -> None:
    """What no formula is written for: lists that are used as arrays, options that vary."""
    if rule.kind is Kind.ELEMENTWISE:
        for arg in eqn.args:
            if arg in tangents and arg.type.kind in ("list", "dict"):
                raise list_as_array(eqn, arg.type.kind)
    _refuse_options(eqn, tangents)


def _refuse_options(eqn: Eqn, tangents: dict[Atom, Atom]) -> None:
    for option in eqn.attrs.values():
        if isinstance(option, Var) and option in tangents:
            what = option.name or "one of its arguments"
            raise NoRule(eqn, f"no derivative of {eqn.op} with respect to {what}")


# --- one equation ----------------------------------------------------------------------


def push_forward(
    build: Builder, rule: Rule, eqn: Eqn, dots: Sequence[Expr | None]
) -> tuple[Any, ...]:
    """The tangent of each result of `eqn`, given those of its arguments; None where there is none."""
    if rule.kind is Kind.ELEMENTWISE:
        eqn = with_arrays(build, eqn)
    args = [build.wrap(a) for a in eqn.args]
    ys = tuple(build.wrap(out) for out in eqn.outs)
    y = ys[0] if len(ys) == 1 else ys
    options = options_of(build, rule, eqn)
    by_shape = SHAPES_AT.get(eqn.op, ())
    dots = [None if i in by_shape else dot for i, dot in enumerate(dots)]
    if by_shape and not any(dot is not None for dot in dots):
        return (None,)
    match rule.kind:
        case Kind.ELEMENTWISE:
            start = len(build.eqns)
            partials = _tuple(rule(*args, options=options, y=y))
            _nothing_dropped(eqn, dots, [p is not None for p in partials])
            terms = [
                _product(dot, partial)
                for dot, partial in zip(dots, partials, strict=False)
            ]
            terms = [t for t in terms if t is not None]
            return (_spread(build, eqn, terms, dots, start) if terms else None,)
        case Kind.LINEAR:
            return _through_linear(build, rule, eqn, dots, options)
        case Kind.MULTILINEAR:
            replaced = (
                [dot if j == i else a for j, a in enumerate(args)]
                for i, dot in enumerate(dots)
                if dot is not None
            )
            terms = [build.emit(eqn.op, *term, **eqn.attrs) for term in replaced]
            return (reduce(add, terms),)
        case Kind.GENERAL:
            jvp, _ = rule(*args, options=options, y=y)
            given = [*dots, *(None for _ in range(len(args) - len(dots)))]
            found = _tuple(jvp(*given))
            return tuple(None if _is_zero(dot) else dot for dot in found)
        case _:
            raise AssertionError(f"{rule.kind} has no tangents")


def _through_linear(
    build: Builder,
    rule: Rule,
    eqn: Eqn,
    dots: Sequence[Expr | None],
    options: dict[str, Any],
) -> tuple[Any, ...]:
    """The same operation on the tangents, zeros where an argument has none; what it is not linear in stays."""
    moves = _linear_in(rule, eqn, options)
    _nothing_dropped(eqn, dots, moves)
    moves += [False] * (len(eqn.args) - len(moves))
    args = []
    for arg, dot, moved in zip(eqn.args, dots, moves, strict=True):
        if not moved:
            args.append(build.wrap(arg))
        elif dot is not None:
            args.append(dot)
        elif isinstance(arg, Lit):
            args.append(build.wrap(_zeros_of(arg.value)))
        else:
            args.append(build.emit("zeros_like", arg))
    made = build.emit_all(eqn.op, args, len(eqn.outs), attrs=eqn.attrs)
    return tuple(made)


def _linear_in(rule: Rule, eqn: Eqn, options: dict[str, Any]) -> list[bool]:
    """In which arguments the operation is linear: those that its rule has a cotangent for."""
    if eqn.op in HELD_TOGETHER:
        return [True for _ in eqn.args]
    given = [c is not None for c in _cotangents(rule, eqn, options, eqn.args)]
    for i, arg in enumerate(eqn.args[: len(given)]):
        if isinstance(arg, Lit) and _is_number(arg) and any(given):
            given[i] = given[i] or _linear_in_number(rule, eqn, options, i)
    return given


def _linear_in_number(rule: Rule, eqn: Eqn, options: dict[str, Any], i: int) -> bool:
    """Of a number in the text the rule need not give the cotangent: it is asked for that of a variable there."""
    args = list(eqn.args)
    args[i] = Var("", Type(Shape(()), "float"))
    try:
        return _cotangents(rule, eqn, options, args)[i] is not None
    except NotImplementedError:  # such as a position, which has to be written down
        return False


def _cotangents(
    rule: Rule, eqn: Eqn, options: dict[str, Any], args: Sequence[Atom]
) -> tuple[Any, ...]:
    apart = Builder()
    gs = tuple(apart.wrap(Var("", out.type)) for out in eqn.outs)
    ys = tuple(apart.wrap(out) for out in eqn.outs)
    y, g = (ys[0], gs[0]) if len(ys) == 1 else (ys, gs)
    return _tuple(rule(*map(apart.wrap, args), options=options, y=y, g=g))


def _zeros_of(value: Any) -> Any:
    """0.0, or zeros in the structure of the lists that are written in the text."""
    if isinstance(value, list | tuple):
        return type(value)(map(_zeros_of, value))
    return 0.0


def _is_number(arg: Lit) -> bool:
    return isinstance(arg.value, int | float | complex)


def _nothing_dropped(
    eqn: Eqn, dots: Sequence[Expr | None], moves: Sequence[bool]
) -> None:
    """Every argument that varies is one that the rule has a derivative for."""
    for i, dot in enumerate(dots):
        if dot is not None and not (i < len(moves) and moves[i]):
            arg = eqn.args[i]
            what = (isinstance(arg, Var) and arg.name) or "one of its arguments"
            raise NoRule(eqn, f"no derivative of {eqn.op} with respect to {what}")


def _product(dot: Expr | None, partial: Any) -> Any:
    """dot * partial; nothing for a partial derivative that is known to be zero."""
    if dot is None or _is_zero(partial):
        return None
    return dot * partial


def _is_zero(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and value == 0)


def _spread(
    build: Builder, eqn: Eqn, terms: list[Any], dots: Sequence[Expr | None], start: int
) -> Expr:
    """The sum of `terms` in the shape of the result, which an argument without tangent may have stretched."""
    total: Expr = reduce(add, terms)
    out = eqn.outs[0]
    if out.type.shape.is_scalar or same_shape(total.atom.type.shape, out.type.shape):
        return total
    made = build.eqns[start:]
    seen = {a for e in made for a in e.reads()} if all(map(_stretches, made)) else set()
    still = [
        a
        for a, dot in zip(eqn.args, dots, strict=True)
        if dot is None and a not in seen and not a.type.shape.is_scalar
    ]
    if out in seen or not still:
        return total
    return build.emit("add", total, build.emit("zeros_like", out))


def _stretches(eqn: Eqn) -> bool:
    """The result has the shape that broadcasting gives the arguments."""
    rule = RULES.get(eqn.op)
    broadcast = eqn.op in ("where", "eq", "ne", "gt", "lt", "ge", "le", "sign", "alias")
    return broadcast or (rule is not None and rule.kind is Kind.ELEMENTWISE)


def _tuple(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)
