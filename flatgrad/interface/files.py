"""What a file says at its top level: which names it gives values, and which it gives rules."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from flatgrad.interface.callables import users_function
from flatgrad.interface.code_text import Edit, Written, parsed
from flatgrad.interface.library_names import imports_of


def body(text: str) -> list[ast.stmt]:
    tree = parsed(text)
    return [] if tree is None else tree.body


@functools.lru_cache(maxsize=64)
def top_level(source: str) -> dict[str, list[ast.AST]]:
    """What gives each name of a file its value."""
    found: dict[str, list[ast.AST]] = {}
    tree = parsed(source)
    for node in tree.body if tree is not None else ():
        for name in bound_names(node):
            found.setdefault(name, []).append(node)
    return found


def bound_names(node: ast.AST) -> Iterator[str]:
    match node:
        case (
            ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.ClassDef(name=name)
        ):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from map(bound_by, names)
        case _:
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            yield from {n.id for n in stored if isinstance(n.ctx, ast.Store)}


def bound_by(alias: ast.alias) -> str:
    """The name that an import gives."""
    return alias.asname or alias.name.partition(".")[0]


def imports_in(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Each name that a statement imports, with the statement for it alone."""
    for line, _, _ in imports_of(ast.unparse(node), ""):
        yield line.split()[-1], line


@functools.lru_cache(maxsize=64)
def import_lines(source: str) -> frozenset[str]:
    return frozenset(line for line, _, _ in imports_of(source, ""))


def says(source: str, name: str, told: str) -> bool:
    """The file gives the name this value, or another number of the same kind, and no other."""
    match top_level(source).get(name, []):
        case [ast.Assign(targets=[ast.Name()], value=value)]:
            return ast.unparse(value) == ast.unparse(ast.parse(told)) or (
                _is_float(value) and _is_float(ast.parse(told, mode="eval").body)
            )
        case _:
            return False


def _is_float(node: ast.expr) -> bool:
    match node:
        case ast.UnaryOp(operand=operand):
            return _is_float(operand)
        case ast.Constant(value=float()):
            return True
        case _:
            return False


def is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False
    return True


def rules_in(
    text: Written, function: Any
) -> Iterator[tuple[ast.FunctionDef, FunctionType]]:
    tree = parsed(text.source)
    namespace = getattr(users_function(function), "__globals__", {})
    for node in tree.body if tree is not None else ():
        if not isinstance(node, ast.FunctionDef):
            continue
        live = namespace.get(node.name)
        if isinstance(live, FunctionType) and any(map(_is_rule, node.decorator_list)):
            yield node, live


def _is_rule(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=ast.Name(id="rule") | ast.Attribute(attr="rule")):
            return True
        case _:
            return False


def edit_of(node: ast.expr, new: str) -> Edit:
    return (
        node.lineno,
        node.col_offset,
        node.end_lineno or 0,
        node.end_col_offset or 0,
        new,
    )


def attribute_chains(
    text: Written, name: str
) -> Iterator[tuple[ast.Attribute, tuple[str, ...]]]:
    """Every name.a.b of a text, as long as they are."""
    inner: set[int] = set()
    for node in ast.walk(text.node):
        if not isinstance(node, ast.Attribute) or id(node) in inner:
            continue
        names, value = [node.attr], node.value
        while isinstance(value, ast.Attribute):
            inner.add(id(value))
            names.append(value.attr)
            value = value.value
        if isinstance(value, ast.Name) and value.id == name:
            yield node, tuple(reversed(names))


__all__ = [
    "attribute_chains",
    "body",
    "bound_by",
    "bound_names",
    "edit_of",
    "import_lines",
    "imports_in",
    "is_literal",
    "rules_in",
    "says",
    "top_level",
]
