"""Gradients within a function: flatgrad.grad(f)(x), and names that stand for one -> functions of the module that is read."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from flatgrad.interface.code_text import Written
from flatgrad.interface.live import Entry
from flatgrad.interface.refusing import refusal

if TYPE_CHECKING:
    from flatgrad.interface.readings import Reading

MAKERS = {"grad", "value_and_grad"}


def calls_of_makers(
    text: Written, names: Mapping[str, Entry]
) -> Iterator[tuple[ast.Call, Any]]:
    """Each grad(f, ...) in the text, with the gradient that it is; of what is not known when it is read, none."""
    for node in ast.walk(text.node):
        if isinstance(node, ast.Call) and _maker(node.func, names) is not None:
            found = _evaluated(node, names)
            if found is not None:
                yield node, found


def _maker(node: ast.expr, names: Mapping[str, Entry]) -> Any:
    """flatgrad.grad, by whatever name the module has for it."""
    value = _value(node, names)
    name = getattr(value, "__name__", "")
    return (
        value
        if name in MAKERS and getattr(value, "__module__", "") == "flatgrad.api"
        else None
    )


def _value(node: ast.expr, names: Mapping[str, Entry]) -> Any:
    match node:
        case ast.Name(id=name) if name in names:
            return names[name].get()
        case ast.Attribute(value=value, attr=attr):
            return getattr(_value(value, names), attr, None)
        case _:
            return None


def _evaluated(node: ast.Call, names: Mapping[str, Entry]) -> Any:
    maker = _maker(node.func, names)
    function = _value(node.args[0], names) if node.args else None
    if function is None:
        return None
    try:
        rest = [ast.literal_eval(a) for a in node.args[1:]]
        named = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    except ValueError:
        return None
    return maker(function, *rest, **named)


def is_gradient(value: Any) -> bool:
    from flatgrad.interface.gradients import Gradient

    return isinstance(value, Gradient)


def reading_of(gradient: Any) -> tuple[Reading, FunctionType]:
    """The text of a gradient for any arguments, and the function at the bottom of it."""
    from flatgrad.interface.functions import GradientFunction, PythonFunction

    subject = gradient.subject
    while isinstance(subject, GradientFunction):
        subject = subject.inner
    if type(subject) is not PythonFunction:
        what = f"{gradient.__name__} is made of a method or a partial call, and is not read within a function"
        raise refusal("FG701", what, "make it of a function")
    return GradientFunction(gradient).reading(None), subject.function


__all__ = ["calls_of_makers", "is_gradient", "reading_of"]
