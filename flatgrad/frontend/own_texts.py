"""@flatgrad.rule(...) in a file -> which function it is for, of what kind, and what it takes."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from flatgrad.declaring import KINDS
from flatgrad.errors import Diagnostic, FlatgradError, within
from flatgrad.frontend.module import Module, dotted, is_rule
from flatgrad.frontend.own_calls import OF_FILE, OF_LIBRARY, Signature
from flatgrad.registry import Kind

STEP = "see docs/your-own-rules.md"
ARITHMETIC = {
    "elementwise": Kind.ELEMENTWISE,
    "linear": Kind.LINEAR,
    "multilinear": Kind.MULTILINEAR,
}


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


def texts_of(module: Module, node: cst.FunctionDef) -> Iterable[Text]:
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
        if name not in context_of(text):
            raise text.refuse(
                f"a rule of kind {text.kind} is given {', '.join(context_of(text))}"
                f" after the *, not {name}"
            )
    for name, written in signature.defaults.items():
        try:
            signature.defaults[name] = ast.literal_eval(written)
        except ValueError:
            what = f"the default of {name} has to be written as a constant"
            raise text.refuse(what) from None


def context_of(text: Text) -> tuple[str, ...]:
    match text.kind:
        case "linear" | "multilinear" | "vjp":
            return ("y", "g")
        case "jvp":
            return ("y", *(f"d{name}" for name in text.signature.data))
        case _:
            return ("y",)


__all__ = ["ARITHMETIC", "Text", "context_of", "texts_of"]
