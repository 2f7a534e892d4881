"""The rules in a user's file -> Rules: their text is read, never run.

    @flatgrad.rule("package.function")     or a function of the file, by its name
    def function_rule(x, /, scale=1.0, *, y):
        return <the partial derivative with respect to x>

Where the derivative of an equation is asked for, the body of the rule is lowered with the arguments in place of its
parameters, and its equations join those of the gradient.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from flatgrad import shapes
from flatgrad.builder import Builder, Expr, atom
from flatgrad.declaring import KINDS
from flatgrad.errors import Diagnostic, FlatgradError, within
from flatgrad.frontend.exits import TooManyExits, single_exit
from flatgrad.frontend.lower import Lowering
from flatgrad.frontend.module import Module, dotted, is_rule
from flatgrad.frontend.own_calls import OF_FILE, OF_LIBRARY, Signature
from flatgrad.frontend.plainer import plainer
from flatgrad.frontend.scope import Callee, Frame, Refusal, Struct, Value
from flatgrad.frontend.settled import settled
from flatgrad.graph import Atom, Eqn, Lit, Var, all_equations
from flatgrad.registry import RULES, Kind, Rule
from flatgrad.types import Type

ARITHMETIC = {
    "elementwise": Kind.ELEMENTWISE,
    "linear": Kind.LINEAR,
    "multilinear": Kind.MULTILINEAR,
}
STEP = "see docs/your-own-rules.md"


@dataclass(frozen=True)
class Text:
    """One rule as it stands in a file."""

    module: Module
    node: cst.FunctionDef
    target: str  # of the file, or package.function
    of_file: bool
    kind: str
    results: int
    called: bool
    signature: Signature

    @property
    def op(self) -> str:
        return (OF_FILE if self.of_file else OF_LIBRARY).format(self.target)

    def refuse(self, what: str, node: cst.CSTNode | None = None) -> FlatgradError:
        place = self.module.place(node) if node is not None else None
        place = place or self.module.place(self.node.name)
        problem = Diagnostic("FG601", what, STEP, place)
        other = self.module.filename
        return FlatgradError(within(problem, other) if other else problem)


# --- from the file to Rules ---------------------------------------------------------------------------------------------


def read_rules(module: Module, others: Iterable[Module] = ()) -> list[Rule]:
    """The rules of a file, and those of other files for functions of libraries; a malformed one is refused."""
    texts = [text for node in module.rules for text in _texts(module, node)]
    texts += [
        _elsewhere(text) for o in others for n in o.rules for text in _texts(o, n)
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


def _texts(module: Module, node: cst.FunctionDef) -> Iterable[Text]:
    for decorator in node.decorators:
        if is_rule(module, decorator):
            yield _text(module, node, decorator)


def _text(module: Module, node: cst.FunctionDef, decorator: cst.Decorator) -> Text:
    call = decorator.decorator
    signature = _signature(node)
    unread = Text(
        module, node, node.name.value, True, "elementwise", 1, False, signature
    )
    if not isinstance(call, cst.Call) or not call.args:
        raise unread.refuse("a rule says which function it is for", decorator)
    target, of_file = _target(unread, call.args[0])
    said = {a.keyword.value: a.value for a in call.args[1:] if a.keyword is not None}
    unknown = said.keys() - {"kind", "results", "called"}
    if unknown or len(said) != len(call.args) - 1:
        raise unread.refuse("a rule is told kind=, results= and called=", decorator)
    options = {name: _literal(module, value) for name, value in said.items()}
    text = replace(unread, target=target, of_file=of_file, **options)
    _check_options(text, decorator)
    _check_signature(text)
    return text


def _check_options(text: Text, decorator: cst.Decorator) -> None:
    if text.kind not in KINDS:
        raise text.refuse(f"the kind of a rule is one of {', '.join(KINDS)}", decorator)
    if type(text.results) is not int or text.results < 1:
        raise text.refuse("results= is the number of results", decorator)
    found = text.module.functions.get(text.node.name.value)
    if text.called is True and (found is None or found.body is not text.node.body):
        raise text.refuse("a rule that is called has a name of its own")
    if type(text.called) is not bool or (
        text.called and text.kind not in ("vjp", "jvp")
    ):
        raise text.refuse("called=True goes with kind='vjp' or kind='jvp'", decorator)
    if text.results > 1 and text.kind in ARITHMETIC:
        what = "a function of several results takes a rule of kind general, vjp or jvp"
        raise text.refuse(what, decorator)


def _target(text: Text, arg: cst.Arg) -> tuple[str, bool]:
    """Which function a rule is for, and whether it is one of the file."""
    module = text.module
    match arg.value:
        case cst.SimpleString() as string:
            name = str(string.evaluated_value)
            if name in module.functions:
                return name, True
            root, dot, rest = name.partition(".")
            if dot and rest:
                known = module.imports.get(root)
                return f"{known.path if known else root}.{rest}", False
        case cst.Name(value=name) if name in module.functions:
            return name, True
        case named if arg.keyword is None and (path := dotted(module, named)):
            return path, False
    what = f"{module.code(arg.value)} is neither a function of this file nor package.function"
    raise text.refuse(what, arg)


def _literal(module: Module, node: cst.BaseExpression) -> Any:
    try:
        return ast.literal_eval(module.code(node))
    except ValueError:
        return None


def _signature(node: cst.FunctionDef) -> Signature:
    """Data before /, else what has no default; then options; after * what the formula reads."""
    before = [*node.params.posonly_params]
    rest = [*node.params.params]
    if not before:
        before = [p for p in rest if p.default is None]
        rest = [p for p in rest if p.default is not None]
    after = node.params.kwonly_params
    rest += [p for p in after if p.default is not None]
    code = cst.Module([]).code_for_node
    defaults = {p.name.value: code(p.default) for p in rest if p.default is not None}
    return Signature(
        tuple(p.name.value for p in before),
        tuple(p.name.value for p in rest),
        defaults,
        tuple(p.name.value for p in after if p.default is None),
    )


def _check_signature(text: Text) -> None:
    """Only what a rule can be given; the defaults become values."""
    node, signature = text.node, text.signature
    star = node.params.star_arg
    if isinstance(star, cst.Param) or node.params.star_kwarg is not None:
        raise text.refuse("a rule takes each argument by its own name")
    if not signature.data or any(p.default for p in node.params.posonly_params):
        raise text.refuse("a rule takes data, without defaults, before the /")
    if text.kind == "linear" and len(signature.data) > 1:
        raise text.refuse("what is linear in each of several arguments is multilinear")
    for name in signature.context:
        if name not in _context(text):
            raise text.refuse(
                f"a rule of kind {text.kind} is given {', '.join(_context(text))}"
                f" after the *, not {name}"
            )
    for name, written in signature.defaults.items():
        try:
            signature.defaults[name] = ast.literal_eval(written)
        except ValueError:
            what = f"the default of {name} has to be written as a constant"
            raise text.refuse(what) from None


def _context(text: Text) -> tuple[str, ...]:
    match text.kind:
        case "linear" | "multilinear" | "vjp":
            return ("y", "g")
        case "jvp":
            return ("y", *(f"d{name}" for name in text.signature.data))
        case _:
            return ("y",)


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
            return _written(text, _given(text, values, y=y, g=g), data[0].builder)
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
        names = _tangents(len(data))
        given = dict(zip(names, map(_value, _or_zeros(tangents, data)), strict=True))
        return _written(text, values | given, data[0].builder, (0, names))

    def vjp(g: Any) -> Any:
        g = _or_zeros(g, y) if isinstance(g, tuple) else g
        given = {COTANGENT: _value(g)}
        return _written(text, values | given, data[0].builder, (1, [COTANGENT]))

    return jvp, vjp


def _applied(text: Text, values: dict[str, Value], build: Builder) -> Any:
    """What a rule gives: by its formula, or by a call of the function itself."""
    return _call(text, values, build) if text.called else _written(text, values, build)


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


# --- reading a rule's body ----------------------------------------------------------------------------------------------

# Which of the functions that a rule returns is asked for, and the names of what it is given.
Inner = tuple[int, Sequence[str]]
COTANGENT = "_cotangent"


def _written(
    text: Text, values: dict[str, Value], build: Builder, inner: Inner | None = None
) -> Any:
    """The equations of a rule's body join those of `build`; what it returns, as expressions."""
    found, eqns = _read(text, values, inner)
    for eqn in eqns:
        for out in eqn.outs:
            out.name = ""
        dialect = "" if eqn.dialect == "numpy" else eqn.dialect
        build.eqns.append(
            replace(eqn, statement=build.statement, node=None, dialect=dialect)
        )
    results = tuple(_expression(build, value) for value in found)
    return results[0] if len(results) == 1 else results


def _expression(build: Builder, value: Atom) -> Any:
    return value.value if isinstance(value, Lit) else Expr(build, value)


def _read(
    text: Text, values: dict[str, Value], inner: Inner | None
) -> tuple[list[Atom], list[Eqn]]:
    """What the body returns, and the equations that it takes; a refusal where it cannot be read."""
    try:
        node = single_exit(plainer(text.node))
    except TooManyExits as error:
        raise text.refuse("a rule returns in one place", error.node) from None
    low = Lowering(text.module, {}, node, Frame(node), flat=True)
    taken = _parameters(text.signature) | {*(inner[1] if inner else ())}
    for name in taken & values.keys():
        low.hold(name, values[name])
    low.suite(node.body)
    result = low.frame.result
    if result is not None and inner is not None:
        result = _called_within(text, low, result, inner)
    if low.problems:
        raise text.refuse(low.problems[0].what, low.problems[0].node)
    if result is None:
        raise text.refuse("a rule returns the derivative")
    items = result.items if isinstance(result, Struct) else (result,)
    found = [_item(text, low, item) for item in items]
    eqns, found = settled([*low.outside.eqns, *low.build.eqns], found)
    eqns = _needed(eqns, found)
    _refuse_unreadable(text, eqns)
    return found, [_importable(text, eqn) for eqn in eqns]


def _parameters(signature: Signature) -> set[str]:
    return {*signature.data, *signature.options, *signature.context}


def _tangents(count: int) -> list[str]:
    """What the tangents are called that the first function of a general rule is given."""
    return [f"_tangent{i}" for i in range(count)]


def _called_within(text: Text, low: Lowering, result: Value, inner: Inner) -> Value:
    """What the first or the second of the two functions gives that the rule returns."""
    position, names = inner
    match result:
        case Struct(items=(Callee(), Callee())):
            chosen = result.items[position]
        case _:
            raise text.refuse(
                "a rule of kind general returns two functions, jvp and vjp"
            )
    low.hold("_chosen", chosen)
    call = cst.parse_expression(f"_chosen({', '.join(names)})")
    low.frame.returned = None
    low.begin(cst.SimpleStatementLine([cst.Expr(call)]))
    try:
        return low.expression(call)
    except Refusal as problem:
        raise text.refuse(problem.what, problem.node) from None


def _item(text: Text, low: Lowering, item: Value) -> Atom:
    match item:
        case Var() | Lit():
            return item
        case _:
            raise text.refuse("a rule returns arrays and numbers", low.frame.returned)


def _needed(eqns: Sequence[Eqn], results: Sequence[Atom]) -> list[Eqn]:
    needed: set[Atom] = {*results}
    kept: list[Eqn] = []
    for eqn in reversed(eqns):
        if not needed.isdisjoint(eqn.outs):
            kept.append(eqn)
            needed.update(eqn.reads())
    return kept[::-1]


def _refuse_unreadable(text: Text, eqns: Sequence[Eqn]) -> None:
    for eqn in eqns:
        if eqn.op == "external" and text.module.filename and not eqn.attrs["path"]:
            name = eqn.attrs["text"]
            what = (
                f"{name} stands in a file of rules, which what is emitted cannot read"
            )
            raise text.refuse(what, text.node)
        if eqn.op == "opaque":
            raise text.refuse(str(eqn.attrs["what"]), eqn.node)
        if eqn.blocks or eqn.op == "call":
            node = eqn.node or (eqn.statement.node if eqn.statement else None)
            what = "a rule is straight-line code, without branches and loops on values"
            raise text.refuse(what, node)


def _importable(text: Text, eqn: Eqn) -> Eqn:
    """np.pi in a rule is numpy.pi, by whatever name the file that it is used in has for numpy."""
    if eqn.op != "external" or not eqn.attrs.get("path"):
        return eqn
    return replace(eqn, attrs={**eqn.attrs, "text": eqn.attrs["path"]})


def names_of_rules(eqns: Iterable[Eqn]) -> set[str]:
    """The names of the module that equations of rules read or call."""
    found = set()
    for eqn in all_equations(eqns):
        rule = RULES.get(eqn.op)
        if eqn.op == "external":
            found.add(str(eqn.attrs["text"]).partition(".")[0])
        elif eqn.op == "call_given":
            found.add(str(eqn.attrs["function"]))
        elif rule is not None and rule.called:
            found.add(rule.called.partition(".")[0])
    return found


# --- a rule that nobody has used yet -------------------------------------------------------------------------------------


def _examine(text: Text) -> None:
    """Read the body once, of values of which nothing is known."""
    if text.called:
        return
    values: dict[str, Value] = {name: _any() for name in _parameters(text.signature)}
    values |= {n: _result(text) for n in ("y", "g") if n in text.signature.context}
    values |= {n: atom(v) for n, v in text.signature.defaults.items()}
    if text.kind == "general":
        moved = _tangents(len(text.signature.data))
        seeds = values | {COTANGENT: _result(text)} | {n: _any() for n in moved}
        _expect(text, _read(text, seeds, (0, moved))[0], text.results, "jvp: tangents")
        _expect(
            text,
            _read(text, seeds, (1, [COTANGENT]))[0],
            len(text.signature.data),
            "vjp: cotangents",
        )
        return
    found, _ = _read(text, values, None)
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
