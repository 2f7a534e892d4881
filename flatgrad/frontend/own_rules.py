"""The rules in a user's file -> Rules: their text is read, never run.

    @flatgrad.rule("package.function")     or a function of the file, by its name
    def function_rule(x, /, scale=1.0, *, y):
        return <the partial derivative with respect to x>

Where the derivative of an equation is asked for, the body of the rule is lowered with the arguments in place of its
parameters, and its equations join those of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flatgrad import shapes
from flatgrad.builder import Builder, Expr, atom
from flatgrad.frontend.module import Module
from flatgrad.frontend.own_bodies import (
    COTANGENT,
    names_of_rules,
    parameters_of_rule,
    read_body,
    tangent_names,
    written,
)
from flatgrad.frontend.own_calls import Signature
from flatgrad.frontend.own_texts import ARITHMETIC, Text, texts_of
from flatgrad.frontend.scope import Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.registry import Kind, Rule
from flatgrad.types import Type

# --- from the file to Rules ---------------------------------------------------------------------------------------------


def read_rules(module: Module, others: Iterable[Module] = ()) -> list[Rule]:
    """The rules of a file, and those of other files for functions of libraries; a malformed one is refused."""
    texts = [text for node in module.rules for text in texts_of(module, node)]
    texts += [
        _elsewhere(text) for o in others for n in o.rules for text in texts_of(o, n)
    ]
    by_op: dict[str, list[Text]] = {}
    for text in texts:
        by_op.setdefault(text.op, []).append(text)
    return [_rule(found) for found in by_op.values()]


def _elsewhere(text: Text) -> Text:
    if text.of_file:
        raise text.refuse("a rule in a file of rules is for a function of a library")
    if text.called:
        what = "a function of a file of rules cannot be called by what is emitted"
        raise text.refuse(f"{what}: the rule has to stand in the file itself")
    return text


def _rule(texts: Sequence[Text]) -> Rule:
    """One Rule for one function: a vjp and a jvp may be given apart."""
    first = texts[0]
    for other in texts[1:]:
        parts = {first.kind, other.kind}
        if parts != {"vjp", "jvp"} or other is not texts[1]:
            raise other.refuse(f"{first.target} has two rules")
        if _takes(other) != _takes(first):
            raise other.refuse(f"the two rules for {first.target} do not fit together")
    for text in texts:
        _examine(text)
    kind = ARITHMETIC.get(first.kind, Kind.GENERAL)
    formula = _Formulas(first.signature, {t.kind: t for t in texts})
    shape = shapes.elementwise_float if kind is Kind.ELEMENTWISE else None
    options = {n: first.signature.defaults.get(n) for n in first.signature.options}
    context = frozenset({"y", "g"} if kind is not Kind.GENERAL else {"y"})
    return Rule(
        first.op,
        kind,
        formula,
        (),
        shape,
        context,
        options,
        first.target,
        first.results,
    )


def _takes(text: Text) -> tuple[Any, ...]:
    return text.results, text.signature.data, text.signature.options


# --- the formula ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Formulas:
    """What a Rule calls with values of the graph, in place of a function of the project."""

    signature: Signature
    texts: dict[str, Text]

    def __call__(self, *data: Expr, y: Any, g: Any = None, **options: Any) -> Any:
        values = _values(self.signature, data, options)
        if (text := self.texts.get("general")) is not None:
            return _either_mode(text, values, data, y)
        (kind, text), *_ = self.texts.items()
        if kind in ARITHMETIC:
            return written(text, _given(text, values, y=y, g=g), data[0].builder)
        return self._jvp(values, data, y), self._vjp(values, data, y)

    def _vjp(self, values: dict[str, Value], data: Any, y: Any) -> Callable[[Any], Any]:
        def vjp(g: Any) -> Any:
            text = self.texts.get("vjp")
            if text is None:
                raise NotImplementedError(
                    "its rule is for forward mode only: kind='jvp'"
                )
            cotangents = _or_zeros(g, y) if isinstance(g, tuple) else g
            given = _given(text, values, y=y, g=cotangents)
            return _applied(text, given, data[0].builder)

        return vjp

    def _jvp(self, values: dict[str, Value], data: Any, y: Any) -> Callable[..., Any]:
        def jvp(*tangents: Any) -> Any:
            text = self.texts.get("jvp")
            if text is None:
                raise NotImplementedError(
                    "its rule is for reverse mode only: kind='vjp'"
                )
            moved = _or_zeros(tangents, data)
            names = (f"d{name}" for name in self.signature.data)
            given = _given(text, values, y=y, **dict(zip(names, moved, strict=True)))
            return _applied(text, given, data[0].builder)

        return jvp


def _values(
    signature: Signature, data: Sequence[Expr], options: dict[str, Any]
) -> dict[str, Value]:
    """The arguments under the names that the rule has for them."""
    given = dict(zip(signature.data, map(_value, data), strict=True))
    return given | {n: _value(v) for n, v in (signature.defaults | options).items()}


def _given(text: Text, values: dict[str, Value], **context: Any) -> dict[str, Value]:
    """The arguments, and what the rule asks for besides."""
    asked = text.signature.context
    return values | {n: _value(v) for n, v in context.items() if n in asked}


def _value(given: Any) -> Value:
    if isinstance(given, tuple):
        return Struct(tuple(_value(item) for item in given))
    return atom(given)


def _or_zeros(given: Sequence[Any], like: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(
        one.builder.emit("zeros_like", one) if value is None else value
        for value, one in zip(given, like, strict=True)
    )


def _either_mode(
    text: Text, values: dict[str, Value], data: Sequence[Expr], y: Any
) -> Any:
    """The two functions within a rule of kind general."""
    values = _given(text, values, y=y)

    def jvp(*tangents: Any) -> Any:
        names = tangent_names(len(data))
        given = dict(zip(names, map(_value, _or_zeros(tangents, data)), strict=True))
        return written(text, values | given, data[0].builder, (0, names))

    def vjp(g: Any) -> Any:
        g = _or_zeros(g, y) if isinstance(g, tuple) else g
        given = {COTANGENT: _value(g)}
        return written(text, values | given, data[0].builder, (1, [COTANGENT]))

    return jvp, vjp


def _applied(text: Text, values: dict[str, Value], build: Builder) -> Any:
    """What a rule gives: by its formula, or by a call of the function itself."""
    return _call(text, values, build) if text.called else written(text, values, build)


def _call(text: Text, values: dict[str, Value], build: Builder) -> Any:
    """The rule is a function of the file that the emitted code calls, whatever is in it; several results are a tuple."""
    signature = text.signature
    names = (*signature.options, *signature.context)
    items = [_single(values[n], build) for n in (*signature.data, *names)]
    count = len(signature.data) if text.kind == "vjp" else text.results
    attrs = {"function": text.node.name.value, "keywords": names}
    made = build.emit_all("call_given", items, count, attrs=attrs)
    return made[0] if count == 1 else tuple(made)


def _single(value: Value, build: Builder) -> Atom:
    match value:
        case Var() | Lit():
            return value
        case Struct(items=items) if all(isinstance(i, Lit) for i in items):
            return Lit(tuple(i.value for i in items if isinstance(i, Lit)))
        case Struct(items=items):
            return build.emit("tuple", *(_single(i, build) for i in items)).atom
        case _:
            raise NotImplementedError("a called rule is given arrays and constants")


# --- a rule that nobody has used yet -------------------------------------------------------------------------------------


def _examine(text: Text) -> None:
    """Read the body once, of values of which nothing is known."""
    if text.called:
        return
    values: dict[str, Value] = {
        name: _any() for name in parameters_of_rule(text.signature)
    }
    values |= {n: _result(text) for n in ("y", "g") if n in text.signature.context}
    values |= {n: atom(v) for n, v in text.signature.defaults.items()}
    if text.kind == "general":
        moved = tangent_names(len(text.signature.data))
        seeds = values | {COTANGENT: _result(text)} | {n: _any() for n in moved}
        _expect(
            text, read_body(text, seeds, (0, moved))[0], text.results, "jvp: tangents"
        )
        _expect(
            text,
            read_body(text, seeds, (1, [COTANGENT]))[0],
            len(text.signature.data),
            "vjp: cotangents",
        )
        return
    found, _ = read_body(text, values, None)
    what = "partial derivatives" if text.kind == "elementwise" else "derivatives"
    count = text.results if text.kind == "jvp" else len(text.signature.data)
    _expect(text, found, count, what)


def _result(text: Text) -> Value:
    """A result, or as many as there are; the cotangents are as many."""
    parts = tuple(_any() for _ in range(text.results))
    return parts[0] if len(parts) == 1 else Struct(parts)


def _any() -> Var:
    return Var("", Type(kind="any"))


def _expect(text: Text, found: Sequence[Atom], count: int, what: str) -> None:
    if len(found) != count:
        raise text.refuse(f"{len(found)} {what} where {count} are needed")


__all__ = ["names_of_rules", "read_rules"]
