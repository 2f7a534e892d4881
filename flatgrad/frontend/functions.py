"""Functions as values: tables of them, partial(f, a) and reduce(compose, fs)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import activations, arguments
from flatgrad.frontend.scope import Arguments, Callee, Path, Refusal, Struct, Value

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


def table(low: Lowering, setting: cst.BaseExpression) -> Struct | None:
    """What a constant of the module is that holds functions, by key or in order; None of another."""
    match setting:
        case cst.Dict(elements=elements) if all(
            isinstance(e, cst.DictElement) for e in elements
        ):
            parts = [e.value for e in elements]
        case cst.List(elements=elements) | cst.Tuple(elements=elements):
            parts = [e.value for e in elements]
        case _:
            return None
    if not parts or not all(_is_function(low, part) for part in parts):
        return None
    found = low.in_module(setting)
    return found if isinstance(found, Struct) else None


def _is_function(low: Lowering, node: Any) -> bool:
    match node:
        case cst.Lambda():
            return True
        case cst.Name(value=name):
            return name in low.module.functions
        case cst.Attribute(value=cst.Name(value=root)):
            return root in low.module.imports
        case _:
            return False


def called(
    low: Lowering, node: cst.Call, function: Any, given: Arguments
) -> Value | None:
    """partial(f, a, k=b) is a function of what is not given yet; None of other calls."""
    match function, given.positional:
        case Path(path="functools.partial"), [Callee() | Path(), *_]:
            return activations.activate(
                low, node, Callee("partial", _partial(given)), _renamed(given)
            )
        case Path(path="functools.reduce"), [
            Callee() as fold,
            Struct(items=items),
        ] if items and all(isinstance(f, Callee | Path) for f in items):
            return _folded(low, node, fold, items, given.texts[1])
        case Path(path="functools.reduce"), [Callee() | Path(), _, *_]:
            what = "what a reduction makes of each item is needed by the backward"
            step = "write it as a for loop"
            reads = given.atoms
            return low.opaque(what, reads, node, code="FG123", next_step=step)[0]
        case _:
            return None


def _folded(
    low: Lowering, node: cst.Call, fold: Callee, items: Sequence[Value], text: Any
) -> Value:
    """reduce(lambda f, g: lambda x: g(f(x)), (f, g, h)): one function of another."""
    found, shown = items[0], arguments.item_text(text, 0, len(items))
    for i, f in enumerate(items[1:], 1):
        texts = [shown, arguments.item_text(text, i, len(items))]
        found, shown = (
            activations.activate(low, node, fold, Arguments([found, f], {}, texts)),
            None,
        )
        if not isinstance(found, Callee | Path):
            raise Refusal(
                "FG108",
                "a reduction of functions to a value is not read",
                "call them one by one",
                node,
            )
    return found


def _partial(given: Arguments) -> cst.FunctionDef:
    """def partial(f, a1, k_): return lambda *args, **named: f(a1, *args, k=k_, **named)"""
    first = [f"a{i}" for i in range(1, len(given.positional))]
    named = [f"{name}_" for name in given.keywords]
    args = [*first, "*args", *(f"{name}={name}_" for name in given.keywords), "**named"]
    text = f"def partial({', '.join(['f', *first, *named])}): return lambda *args, **named: f({', '.join(args)})"
    found = cst.parse_statement(text)
    assert isinstance(found, cst.FunctionDef)
    return found


def _renamed(given: Arguments) -> Arguments:
    keywords = {f"{name}_": value for name, value in given.keywords.items()}
    texts = {f"{name}_": text for name, text in given.keyword_texts.items()}
    return Arguments(given.positional, keywords, given.texts, texts)


__all__ = ["called", "table"]
