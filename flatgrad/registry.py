"""Derivative rules by operation: a formula, what kind of formula it is, and how the shape follows.

    def op(<data>, /, <static options>, *, <y: the result> <g: the incoming cotangent>)

@elementwise   returns the partial derivative with respect to each data argument
@linear        returns the cotangent of its data argument, given `g`
@multilinear   the same, for products: linear in each data argument on its own
@general       returns two functions: jvp(*tangents) -> dy and vjp(g) -> cotangents
@composed      returns the result, computed by other operations, whose derivatives make its own

Each serves forward and reverse mode. `at` holds the data at which tests probe the rule, `shape` tells
the shape of the result. Operations of several results take and give tuples for `y`, `g` and `dy`; the
cotangent of a result that nothing reads is None.

@elementwise_complex and @general_complex are the rules for complex numbers of operations whose rule for
real ones does not hold for them; rules/complex_numbers.py says which hold as they stand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import RLock
from typing import Any

from flatgrad.graph import Eqn

Formula = Callable[..., Any]
ShapeRule = Callable[[Eqn], None]


class Kind(Enum):
    ELEMENTWISE = auto()
    LINEAR = auto()
    MULTILINEAR = auto()
    GENERAL = auto()
    COMPOSED = auto()
    CONSTANT = auto()


@dataclass(frozen=True)
class Probe:
    """Data and options at which a rule is tested: probe(x, axis=0)."""

    data: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)


def probe(*data: Any, **options: Any) -> Probe:
    return Probe(data, options)


@dataclass(frozen=True)
class Rule:
    op: str
    kind: Kind
    formula: Formula
    at: tuple[Probe, ...] = ()
    shape: ShapeRule | None = None
    context: frozenset[str] = frozenset()
    defaults: dict[str, Any] = field(default_factory=dict)
    # Of a rule in the user's file: the function that it is for, and how many results that has.
    called: str = ""
    results: int = 1

    def __call__(self, *data: Any, options: dict[str, Any], **context: Any) -> Any:
        """Apply the formula, handing it only the context (`y`, `g`) that its signature asks for."""
        wanted = {k: v for k, v in context.items() if k in self.context}
        return self.formula(*data, **options, **wanted)

    def needs(self, name: str) -> bool:
        return name in self.context


RULES: dict[str, Rule] = {}
_LOCK = RLock()
COMPLEX: dict[str, Rule] = (
    {}
)  # for complex numbers, where the rule in RULES is for real ones only


def _probes(at: Any) -> tuple[Probe, ...]:
    """One tuple of data, or a list of such tuples and of probes with options."""
    if isinstance(at, list):
        return tuple(p if isinstance(p, Probe) else Probe(p) for p in at)
    return (Probe(at),) if at else ()


def _declares(
    kind: Kind, rules: dict[str, Rule] = RULES
) -> Callable[..., Callable[[Formula], Formula]]:
    def decorator(
        at: tuple[Any, ...] | list[Any] = (), shape: ShapeRule | None = None
    ) -> Callable[[Formula], Formula]:
        def register(formula: Formula) -> Formula:
            parameters = inspect.signature(formula).parameters.values()
            context = {
                p.name
                for p in parameters
                if p.kind is p.KEYWORD_ONLY and p.default is p.empty
            }
            defaults = {
                p.name: p.default for p in parameters if p.default is not p.empty
            }
            op = formula.__name__.rstrip("_")
            if op in rules:
                raise ValueError(f"{op} has two rules")
            rules[op] = Rule(
                op, kind, formula, _probes(at), shape, frozenset(context), defaults
            )
            return formula

        return register

    return decorator


elementwise = _declares(Kind.ELEMENTWISE)
linear = _declares(Kind.LINEAR)
multilinear = _declares(Kind.MULTILINEAR)
general = _declares(Kind.GENERAL)
elementwise_complex = _declares(Kind.ELEMENTWISE, COMPLEX)
general_complex = _declares(Kind.GENERAL, COMPLEX)
composed = _declares(Kind.COMPOSED)


def constant(*ops: str, shape: ShapeRule | None = None) -> None:
    """Operations whose derivative is zero wherever it exists."""
    for op in ops:
        RULES[op] = Rule(op, Kind.CONSTANT, lambda *data: None, shape=shape)


@contextmanager
def with_rules(rules: Sequence[Rule]) -> Iterator[None]:
    """Rules that hold for a while; one text with rules of its own is transformed at a time."""
    if not rules:
        yield
        return
    with _LOCK:
        RULES.update({rule.op: rule for rule in rules})
        try:
            yield
        finally:
            for rule in rules:
                RULES.pop(rule.op, None)


def infer(eqn: Eqn) -> None:
    """Let what is known of the arguments of `eqn` say what is known of its results, and back."""
    rule = RULES.get(eqn.op)
    if rule is not None and rule.shape is not None:
        rule.shape(eqn)


def options_of(rule: Rule, names: Sequence[str]) -> set[str]:
    """The options among `names` that the rule does not know."""
    return set(names) - set(rule.defaults)
