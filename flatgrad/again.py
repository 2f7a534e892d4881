"""Source text -> source text of a derivative that can be differentiated again: `Derived`, which the next step takes.

    f(x, y)  --gradient_of-->  f_gradient(x, y)  --gradient_of-->  f_gradient2(x, y)  --tangent_of-->  ...

Each text is a module by itself, with a function that returns the derivative and nothing else. What the first step knew
of shapes is handed on to the next. Names tell the order: grad_x, then grad2_x; dot_x, then dot2_x.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from flatgrad.emit.module import layout
from flatgrad.frontend.hints import RESULT
from flatgrad.frontend.module import names_in_text
from flatgrad.options import Options, Shape
from flatgrad.pipeline import Transformation

BLANK = re.compile(r"(?<=\):\n)\n+(?= )")  # below the head of a function


PLAIN = Options()


@dataclass(frozen=True)
class Derived:
    """A module, the function in it that is to be differentiated next, and the shapes of its parameters."""

    text: str
    name: str
    shapes: Mapping[str, Shape] = field(default_factory=dict)


def gradient_of(source: Derived, wrt: Iterable[str] = (), options: Options = PLAIN) -> Derived:  # fmt: skip
    """NAME_gradient(params) -> the gradient of NAME, which returns one number; a tuple for several of `wrt`."""
    return _derivative(source, "gradient", "grad", wrt, options)


def tangent_of(source: Derived, wrt: Iterable[str] = (), options: Options = PLAIN) -> Derived:  # fmt: skip
    """NAME_tangent(params, dot_x, ...) -> the tangent of what NAME returns, along the tangents of `wrt`."""
    return _derivative(source, "tangent", "dot", wrt, options)


def hessian_vector(source: Derived, wrt: Iterable[str] = (), options: Options = PLAIN) -> Derived:  # fmt: skip
    """NAME_hvp(params, dot_x, ...) -> the Hessian of NAME times the vector dot_x: forward over reverse."""
    names = tuple(wrt)
    found = tangent_of(gradient_of(source, names, options), names, options)
    return _renamed(found, _free(f"{source.name}_hvp", found.text))


def _derivative(
    source: Derived, emit: str, stem: str, wrt: Iterable[str], options: Options
) -> Derived:
    names = _prefix(stem, source)
    asked = replace(
        options,
        emit=emit,
        functions=(source.name,),
        wrt=tuple(wrt),
        shapes={**source.shapes, **options.shapes},
        names=names,
        inline=True,  # one function, and no cache that is handed from one to another
    )
    whole = Transformation(source.text, asked)
    text = BLANK.sub("", layout(whole.emitted(emit)))
    shapes = whole.shapes(emit)
    shapes |= {f"{names}{n}": shape for n, shape in shapes.items()}
    kept = {
        n: s
        for n, s in shapes.items()
        if n in _parameters(text) or n.startswith(RESULT)
    }
    text = _with_library(source.text, text)
    made = Derived(text, _last_function(text), kept)
    return _renamed(made, _in_order(source.name, emit, made))


def _prefix(stem: str, source: Derived) -> str:
    """grad_, or grad2_ where the text has a grad_x already."""
    used = {n.partition("_")[0] for n in names_in_text(source.text)}
    orders = [int(n.removeprefix(stem) or 1) for n in used if re.fullmatch(rf"{stem}\d*", n)]  # fmt: skip
    return f"{stem}{max(orders) + 1}_" if orders else f"{stem}_"


def _in_order(name: str, emit: str, made: Derived) -> str:
    """f_gradient2 rather than f_gradient_gradient."""
    match = re.fullmatch(rf"(.+_{emit})(\d*)", name)
    if match is None:
        return made.name
    return _free(f"{match[1]}{int(match[2] or 1) + 1}", made.text)


def _free(name: str, text: str) -> str:
    while name in names_in_text(text):
        name += "_"
    return name


def _renamed(made: Derived, name: str) -> Derived:
    text = re.sub(rf"\bdef {made.name}\(", f"def {name}(", made.text)
    return replace(made, text=text, name=name)


def _last_function(text: str) -> str:
    found: list[str] = re.findall(r"^def (\w+)\(", text, re.MULTILINE)
    return found[-1]


def _parameters(text: str) -> set[str]:
    """The names of the parameters of the last function."""
    function = ast.parse(text).body[-1]
    assert isinstance(function, ast.FunctionDef)
    return {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}


def _with_library(before: str, after: str) -> str:
    """A function that calls methods only says by an import that it is one of tensors."""
    if re.search(r"^(import torch|from torch)\b", before, re.MULTILINE) and "torch" not in names_in_text(after):  # fmt: skip
        return after.replace("\n\n", "\n\nimport torch  # noqa: F401\n\n", 1)
    return after


__all__ = ["Derived", "gradient_of", "hessian_vector", "tangent_of"]
