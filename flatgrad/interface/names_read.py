"""A function -> the names that it reads from outside, and where in its text they stand."""

from __future__ import annotations

import ast
import builtins
import dis
from collections.abc import Iterator
from types import CodeType, FunctionType

from flatgrad.interface.code_text import Written
from flatgrad.interface.live import MISSING, Cell, Entry, Global


def names_read(function: FunctionType, text: Written) -> dict[str, Entry]:
    """Each name that the function reads from its module or from the functions around it, with its place."""
    found: dict[str, Entry] = {}
    cells = function.__closure__ or ()
    free = dict(zip(function.__code__.co_freevars, cells, strict=True))
    for name in sorted({*_globals_of(function.__code__), *_names_of_head(text)}):
        if name not in free and _is_known(function, name):
            found[name] = Global(function.__globals__, name)
    for name, cell in free.items():
        found[name] = Cell(cell)
    return found


def _is_known(function: FunctionType, name: str) -> bool:
    return name in function.__globals__ or not hasattr(builtins, name)


def builtins_read(function: FunctionType, text: Written) -> list[Entry]:
    """Names of Python, which the module may give another meaning one day."""
    names = sorted({*_globals_of(function.__code__), *_names_of_head(text)})
    hidden = [
        n for n in names if n not in function.__globals__ and hasattr(builtins, n)
    ]
    return [Global(function.__globals__, name) for name in hidden]


def _globals_of(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)


def _names_of_head(text: Written) -> Iterator[str]:
    """The names in annotations; defaults are known by their values."""
    node = text.node
    if isinstance(node, ast.Lambda):
        return
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    stars = [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    annotations = [a.annotation for a in (*every, *stars)]
    for annotation in (*annotations, node.returns):
        if annotation is not None:
            yield from (n.id for n in ast.walk(annotation) if isinstance(n, ast.Name))


def is_bound_within(code: CodeType, name: str) -> bool:
    """A function within this one has a variable of that name."""
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    own = (*code.co_varnames, *code.co_cellvars)
    return name in own or any(is_bound_within(c, name) for c in inner)


__all__ = ["MISSING", "builtins_read", "is_bound_within", "names_read"]
