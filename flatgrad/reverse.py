"""Primal block -> gradient block: the primal, then the cotangent of each value, last to first.

The cotangents of one statement are summed before they join those of later statements, so that a block
printed in order has one line per statement and input, and a fork in the primal is a sum in the gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import groupby
from operator import add
from typing import Any

from flatgrad.broadcasting import fit
from flatgrad.builder import Builder, Expr, atom
from flatgrad.graph import Atom, Block, Eqn, Lit, Statement, Var
from flatgrad.registry import RULES, Kind, Rule
from flatgrad.shapes import may_repeat

INTEGER_KINDS = {"int", "bool", "arange", "str", "none", "slice"}
COMPLEX = {"conj", "real", "imag", "angle"}
CONTAINERS = {
    "tuple"
}  # has no derivative, but what it holds may have one: refused rather than dropped


class NoRule(Exception):
    """A gradient would have to flow through an equation that nobody has a rule for."""

    def __init__(self, eqn: Eqn, why: str = ""):
        super().__init__(why or eqn.op)
        self.eqn, self.why = eqn, why


def reverse(block: Block, wrt: Sequence[Var], seeds: Sequence[Atom]) -> Block:
    """(params, seeds) -> (outs, cotangent of each of `wrt`).

    `seeds` are the cotangents of the block's results: new parameters, or constants such as 1.0.
    """
    return _Reverse(block, wrt, seeds).run()


class _Reverse:
    def __init__(self, block: Block, wrt: Sequence[Var], seeds: Sequence[Atom]):
        self.block, self.wrt, self.seeds = block, wrt, seeds
        self.build = Builder(list(block.eqns))
        self.active = active_values(block, wrt)
        self.settled: dict[Var, Expr] = {}  # what later statements have contributed
        self.pending: dict[Var, list[Expr]] = {}  # what this statement contributes

    def run(self) -> Block:
        for out, seed in zip(self.block.outs, self.seeds, strict=True):
            if isinstance(out, Var) and out in self.active:
                self._contribute(out, self.build.wrap(seed))
        self.flush({})
        for statement, eqns in statements(reversed(self.block.eqns)):
            self.build.statement = statement
            self._statement(list(eqns))
        self.build.statement = None
        gradients = [self._result(p) for p in self.wrt]
        params = (*self.block.params, *(s for s in self.seeds if isinstance(s, Var)))
        return self.build.block(params, [*self.block.outs, *gradients])

    def _statement(self, eqns: list[Eqn]) -> None:
        """The equations of one statement, last first."""
        for eqn in eqns:
            if any(out in self.active and self._reached(out) for out in eqn.outs):
                self.build.dialect = _dialect(eqn)
                self._pull_back(eqn)
        self.build.dialect = ""
        self.flush(order_of_reading(reversed(eqns)))

    def _reached(self, value: Var) -> bool:
        return value in self.pending or value in self.settled

    def _pull_back(self, eqn: Eqn) -> None:
        rule = RULES.get(eqn.op)
        if rule is None or eqn.op in CONTAINERS:
            raise NoRule(eqn)
        if rule.kind is Kind.CONSTANT:
            return
        if eqn.op in COMPLEX or any(
            v.type.kind == "complex" for v in (*eqn.outs, *eqn.args)
        ):
            raise NoRule(eqn, "complex values are not differentiated yet")
        if (
            eqn.op == "getitem"
            and isinstance(eqn.args[1], Lit)
            and isinstance(eqn.args[1].value, str)
        ):
            raise NoRule(eqn, "gradients of dicts are not given yet")
        if (
            eqn.op == "setitem"
            and eqn.args[2] in self.active
            and may_repeat(eqn.args[1])
        ):
            raise NoRule(
                eqn,
                "an element may be stored into more than once: the index may repeat",
            )
        gs = [self._cotangent(out) for out in eqn.outs]
        if all(g is None for g in gs):
            return
        try:
            cotangents = pull_back(self.build, rule, eqn, gs)
        except NotImplementedError as why:
            raise NoRule(eqn, str(why)) from None
        self._nothing_dropped(eqn, len(cotangents))
        fitted = rule.kind is Kind.ELEMENTWISE
        for arg, cotangent in zip(eqn.args, cotangents, strict=False):
            if isinstance(arg, Var) and arg in self.active and cotangent is not None:
                c = self.build.wrap(cotangent)
                self._contribute(
                    arg, fit(c, arg, eqn.outs[0].type.shape) if fitted else c
                )

    def _nothing_dropped(self, eqn: Eqn, count: int) -> None:
        """Every active argument is one of those that the rule has a cotangent for."""
        ignored = [
            *eqn.args[count:],
            *(v for v in eqn.attrs.values() if isinstance(v, Var)),
        ]
        for arg in ignored:
            if isinstance(arg, Var) and arg in self.active:
                raise NoRule(
                    eqn,
                    f"no derivative of {eqn.op} with respect to {arg.name or 'one of its arguments'}",
                )

    def _contribute(self, value: Var, cotangent: Expr) -> None:
        self.pending.setdefault(value, []).append(cotangent)

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
        return reduce(add, terms)

    def _named(self, cotangent: Expr, value: Var) -> Expr:
        """A line of its own for the cotangent of a value that has a name."""
        made = cotangent.atom
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

    def _result(self, param: Var) -> Expr:
        found = self._cotangent(param)
        return self.build.emit("zeros_like", param) if found is None else found


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
    args = [build.wrap(a) for a in eqn.args]
    ys = tuple(build.wrap(out) for out in eqn.outs)
    y, g = (ys[0], gs[0]) if len(ys) == 1 else (ys, tuple(gs))
    options = {
        k: build.wrap(v) if isinstance(v, Var) else v
        for k, v in eqn.attrs.items()
        if k in rule.defaults
    }
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


def _tuple(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


def _product(g: Any, partial: Any) -> Any:
    """g * partial; nothing for a partial derivative that is known to be zero."""
    if partial is None or (isinstance(partial, int | float) and partial == 0):
        return None
    return g * partial


def active_values(block: Block, wrt: Sequence[Var]) -> set[Var]:
    """Values that depend on `wrt` through floating-point values and on which a result depends."""
    varied = set(wrt)
    for eqn in block.eqns:
        rule = RULES.get(eqn.op)
        if rule is not None and rule.kind is Kind.CONSTANT and eqn.op not in CONTAINERS:
            continue
        if any(arg in varied for arg in eqn.reads() if isinstance(arg, Var)):
            varied.update(out for out in eqn.outs if out.type.kind not in INTEGER_KINDS)
    useful = {out for out in block.outs if isinstance(out, Var)}
    for eqn in reversed(block.eqns):
        if not useful.isdisjoint(eqn.outs):
            useful.update(a for a in eqn.reads() if isinstance(a, Var))
    return varied & useful


__all__ = ["Lit", "NoRule", "active_values", "atom", "fit", "pull_back", "reverse"]
