"""A call of a small function that flatgrad has printed -> the one operation that the function stands for.

Its text asks for shapes when it is run, which no graph can say; what it means has a rule. It is known by its text, so
that a function of the user's with the same name stays the user's.
"""

from __future__ import annotations

import ast
import functools
from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.emit.helpers import HELPERS, OF_TENSORS
from flatgrad.frontend.module import Module
from flatgrad.frontend.scope import Arguments, Callee, Struct, Value
from flatgrad.graph import Atom, Var
from flatgrad.registry import RULES
from flatgrad.versions import MAY_HOLD

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

# Functions whose operation has another name, and those whose name is that of another operation.
OPERATIONS = {"zeros_like_tree": "zeros_like", "zeros_like_lists": "zeros_like"}
OTHERS = {"frame"}
OF_TREES = {"zeros_like"}  # of what is no tree it would be said to be an array


def call(
    low: Lowering, node: cst.Call, callee: Callee, given: Arguments
) -> Value | None:
    """The equation for the call; None for a function that flatgrad has not printed."""
    name = helper_of(low.module, callee.name) if callee.frame is None else None
    op = OPERATIONS.get(name or "", name)
    if op is None or op not in RULES or op in OTHERS or given.keywords:
        return None
    if any(isinstance(value, Struct) for value in given.positional):
        return None
    args = [low.atom(value, node) for value in given.positional]
    if op in OF_TREES and not all(map(_is_tree, args)):
        return None
    low.build.dialect = "torch" if low.module.library == "torch" else ""
    return low.emit(op, *args, node=node)


def _is_tree(value: Atom) -> bool:
    """A list or a dict; what may be one, is for flatgrad has printed this function for it."""
    if isinstance(value, Var) and value.type.kind == "any" and value.type.rank is None:
        value.type.kind = "tree"
    return value.type.kind in MAY_HOLD


def printed_helpers(module: Module) -> dict[str, str]:
    """What the module calls the functions that flatgrad has printed into it, by flatgrad's own names."""
    found = {helper_of(module, name): name for name in module.functions}
    return {known: name for known, name in found.items() if known is not None}


def helper_of(module: Module, name: str) -> str | None:
    """The name that flatgrad knows the function of the module by."""
    known = name.rstrip("_")
    if known not in HELPERS or name not in module.functions:
        return None
    told = _meaning(module.code(module.functions[name]), _aliases(module))
    texts = (t[known] for t in (HELPERS, OF_TENSORS) if known in t)
    return known if told in map(_meaning, texts) else None


def _aliases(module: Module) -> tuple[tuple[str, str], ...]:
    """What the module calls NumPy and PyTorch, with what flatgrad calls them."""
    known = {"numpy": "np", "torch": "torch"}
    found = [(n, known[i.path]) for n, i in module.imports.items() if i.path in known]
    return (*found, *((f"{name}_", name) for name in HELPERS))


@functools.lru_cache(maxsize=256)
def _meaning(text: str, aliases: tuple[tuple[str, str], ...] = ()) -> str:
    """The text of a function without its name, its docstring and its layout."""
    (function,) = ast.parse(text.strip("\n")).body
    assert isinstance(function, ast.FunctionDef)
    own = dict(aliases)
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            node.id = own.get(node.id, node.id)
    body = function.body[ast.get_docstring(function) is not None :]
    return "\n".join(map(ast.dump, [function.args, *body]))


__all__ = ["call", "helper_of", "printed_helpers"]
