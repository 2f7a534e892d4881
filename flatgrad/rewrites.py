"""Algebra, one identity per line: what is written -> what is simpler.

Both sides are ordinary arithmetic on the variables of the lambda, so a test can run them on numbers and
check that they agree. `cost` must fall, so rewriting always ends. An identity may change rounding; it may
not turn a NaN, an infinity or a -0.0 into something else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flatgrad.builder import Builder, Expr, atom, xp
from flatgrad.graph import Atom, Eqn, Lit, Var

IDENTITIES: list[Callable[..., tuple[Any, Any]]] = [
    lambda x: (x * 1, x),
    lambda x: (1 * x, x),
    lambda x: (x * 1.0, x),
    lambda x: (1.0 * x, x),
    lambda x: (x / 1, x),
    lambda x: (x / 1.0, x),
    lambda x: (x - 0, x),
    lambda x: (x**1, x),
    lambda x: (x * -1, -x),
    lambda x: (-1 * x, -x),
    lambda x: (x * -1.0, -x),
    lambda x: (x + x, 2 * x),
    lambda x: (-(-x), x),  # noqa: B002
    lambda x, y: (-x * y, -(x * y)),
    lambda x, y: (x * -y, -(x * y)),
    lambda x, y: (-x / y, -(x / y)),
    lambda x, y: (x / -y, -(x / y)),
    lambda x, y: (x @ -y, -(x @ y)),
    lambda x, y: (-x @ y, -(x @ y)),
    lambda x, y: (x + -y, x - y),
    lambda x, y: (-x + y, y - x),
    lambda x, y: (x - -y, x + y),
    lambda x, y: (-(x - y), y - x),
    lambda x, y: (x * (1 / y), x / y),
    lambda x, y: (x * (1.0 / y), x / y),
    lambda x, y: ((1 / y) * x, x / y),
    lambda x, y: (1.0 * x / y, x / y),
    lambda x: (x.mT.mT, x),
    lambda x, y: ((x.mT @ y).mT, y.mT @ x),
    lambda x, y: (xp.dot(x.mT, y).mT, xp.dot(y.mT, x)),
]


@dataclass(frozen=True)
class Rewrite:
    variables: tuple[Var, ...]
    defs: Mapping[Var, Eqn]  # how each intermediate of the left side is made
    left: Eqn
    right: Callable[..., Any]

    @classmethod
    def of(cls, identity: Callable[..., tuple[Any, Any]]) -> Rewrite:
        build = Builder()
        variables = tuple(Var(name) for name in inspect.signature(identity).parameters)
        left, _ = identity(*map(build.wrap, variables))
        defs = {eqn.out: eqn for eqn in build.eqns}
        return cls(variables, defs, defs[left.atom], lambda *xs: identity(*xs)[1])

    def apply(self, eqn: Eqn, made_by: MadeBy, build: Builder) -> Expr | None:
        """The simpler expression for `eqn`, or None when the left side does not match it."""
        found: dict[Var, Atom] = {}
        if not self._matches(self.left, eqn, made_by, found):
            return None
        scratch = Builder(statement=build.statement, dialect=build.dialect)
        right = self.right(*(scratch.wrap(found[v]) for v in self.variables))
        live = _reachable(scratch.eqns, atom(right))
        build.eqns += [e for e in scratch.eqns if e.out in live]
        return build.wrap(right)

    def _matches(
        self, pattern: Eqn, eqn: Eqn | None, made_by: MadeBy, found: dict[Var, Atom]
    ) -> bool:
        if eqn is None or pattern.op != eqn.op or len(pattern.args) != len(eqn.args):
            return False
        return all(
            self._fits(p, a, made_by, found)
            for p, a in zip(pattern.args, eqn.args, strict=True)
        )

    def _fits(
        self, pattern: Atom, actual: Atom, made_by: MadeBy, found: dict[Var, Atom]
    ) -> bool:
        if isinstance(pattern, Lit):
            return pattern == actual
        if pattern in self.defs:
            return self._matches(self.defs[pattern], made_by(actual), made_by, found)
        return found.setdefault(pattern, actual) == actual


MadeBy = Callable[[Atom], Eqn | None]


def _reachable(eqns: list[Eqn], out: Atom) -> set[Atom]:
    live = {out}
    for eqn in reversed(eqns):
        if eqn.out in live:
            live.update(eqn.args)
    return live


def cost(value: Atom, defs: Mapping[Var, Eqn], depth: int = 0) -> int:
    """What a reader pays: each operation and literal 1, each variable 2, each minus its depth too."""
    if isinstance(value, Lit):
        return 1
    if value not in defs:
        return 2
    eqn = defs[value]
    own = 1 + (depth if eqn.op == "neg" else 0)
    return own + sum(cost(a, defs, depth + 1) for a in eqn.args)


class Identities:
    """All identities, found by what an equation and its arguments look like."""

    def __init__(self) -> None:
        self.by_operation: dict[str, list[Rewrite]] = {}
        for identity in IDENTITIES:
            rewrite = Rewrite.of(identity)
            self.by_operation.setdefault(rewrite.left.op, []).append(rewrite)
        self._candidates: dict[tuple[str, ...], list[Rewrite]] = {}

    def apply(self, eqn: Eqn, made_by: MadeBy, build: Builder) -> Expr | None:
        """The simpler expression for `eqn` by the first identity that matches."""
        if eqn.op not in self.by_operation:
            return None
        looks = (eqn.op, *(_look(arg, made_by) for arg in eqn.args))
        if looks not in self._candidates:
            known = self.by_operation[eqn.op]
            self._candidates[looks] = [r for r in known if _may_match(r, looks[1:])]
        for rewrite in self._candidates[looks]:
            if (found := rewrite.apply(eqn, made_by, build)) is not None:
                return found
        return None


def _look(value: Atom, made_by: MadeBy) -> str:
    """What an argument looks like: a number, the operation that makes it, or nothing in particular."""
    if isinstance(value, Lit):
        return f"={value.value!r}" if isinstance(value.value, int | float) else "="
    made = made_by(value)
    return made.op if made is not None else ""


def _may_match(rewrite: Rewrite, looks: tuple[str, ...]) -> bool:
    patterns = rewrite.left.args
    return len(patterns) == len(looks) and all(
        (
            look == f"={p.value!r}"
            if isinstance(p, Lit)
            else p not in rewrite.defs or look == rewrite.defs[p].op
        )
        for p, look in zip(patterns, looks, strict=True)
    )
