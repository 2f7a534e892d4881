"""Emitted definitions -> one module: imports, helpers, constants and functions, laid out by black."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass

import black
import libcst as cst

from flatgrad.emit.expressions import Dialect
from flatgrad.emit.helpers import HELPERS, helpers_of, with_needed
from flatgrad.emit.names import Names
from flatgrad.emit.tensors import TensorDialect
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.module import (
    Module,
    bound_names,
    names_in_text,
    parameters_of,
)
from flatgrad.frontend.printed import printed_helpers
from flatgrad.frontend.scope import Frame, Function

HEADER = "# Made by flatgrad."
DEFINED = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Emitted:
    """The definitions for one function of the user, and what they need around them."""

    function: Function
    texts: list[str]
    dialect: Dialect
    expanded: Collection[Frame]

    @staticmethod
    def dialect_of(module: Module, names: Names, local: Set[str]) -> Dialect:
        """The imports of the file by their names, but for those that are variables of the function."""
        imports = {
            name: i.path for name, i in module.imports.items() if name not in local
        }
        plain = not module.imports_library_of_arrays()
        kind = TensorDialect if module.library == "torch" else Dialect
        own = printed_helpers(module)
        return kind(imports, names.taken, plain, library=module.library, printed=own)


def write_module(module: Module, emitted: Sequence[Emitted]) -> str:
    body = [*dict.fromkeys(text for one in emitted for text in one.texts)]
    helpers = _helpers(emitted)
    kept = _needed(module, emitted, helpers)
    definitions = [_definition(module, name) for name in module.order if name in kept]
    imports = _imports(module, emitted, [*helpers, *definitions, *body])
    parts = [
        f"{HEADER}\n\n{imports}".strip(),
        *_joined(module, definitions, kept),
        *helpers,
        *body,
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _helpers(emitted: Sequence[Emitted]) -> list[str]:
    """The functions that the module defines for itself, under free names and with its own name of numpy."""
    texts = "\n".join(text for one in emitted for text in one.texts)
    called = names_in_text(texts)
    names = {
        old: new
        for e in emitted
        for old, new in e.dialect.helpers.items()
        if new in called
    }
    library = emitted[0].dialect.library
    if names and any(e.dialect.library != library for e in emitted):
        step = "ask for one function with --function"
        what = "functions that are written with different libraries of arrays"
        raise FlatgradError(Diagnostic("FG114", what, step))
    known, found = helpers_of(library), []
    printed = emitted[0].dialect.printed
    for helper in with_needed(sorted(names), library):
        if helper in printed:
            continue
        text = known[helper]
        for old in HELPERS:
            taken = any(old in e.dialect.taken for e in emitted)
            new = printed.get(old) or names.get(old, f"{old}_" if taken else old)
            text = re.sub(rf"\b{old}\b", new, text)
        own = "torch" if library == "torch" else "np"
        if f"{own}." in text:
            path = "torch" if library == "torch" else "numpy"
            spelled = ast.unparse(emitted[0].dialect.name(path))
            text = re.sub(rf"\b{own}\.", f"{spelled}.", text)
        found.append(text)
    return found


def layout(text: str) -> str:
    return black.format_str(text, mode=black.Mode())


def _needed(
    module: Module, emitted: Sequence[Emitted], helpers: Sequence[str]
) -> set[str]:
    """The user's helpers and constants that the definitions read, and what those read."""
    found: set[str] = set()
    made = {
        name for one in emitted for text in one.texts for name in DEFINED.findall(text)
    }
    pending = [(text, _locals(one.function)) for one in emitted for text in one.texts]
    pending += [(text, names_in_text(text) - HELPERS.keys()) for text in helpers]
    while pending:
        text, own = pending.pop()
        for name in names_in_text(text) - own - found:
            if name in made:
                continue
            if name in module.functions or name in module.constants:
                found.add(name)
                pending.append((_definition(module, name), set()))
    return found


def _locals(function: Function) -> set[str]:
    """The variables of a function; of a constant of the module, only if it binds the name itself."""
    found = {*function.frame.env, *(v.name for v in function.frame.writes)}
    node = function.node
    bound = {*bound_names(node.body), *(p.name.value for p in parameters_of(node))}
    own = {n for n in found if n in bound or n not in function.module.constants}
    return own - function.of_module


def _definition(module: Module, name: str) -> str:
    if name in module.functions:
        return module.code(
            module.functions[name].with_changes(
                leading_lines=_comments(module.functions[name])
            )
        )
    return module.code(module.constants[name])


def _comments(node: cst.FunctionDef) -> Sequence[cst.EmptyLine]:
    return [line for line in node.leading_lines if line.comment is not None]


def _joined(module: Module, definitions: Sequence[str], kept: set[str]) -> list[str]:
    """Definitions as the user ordered them; constants that follow each other stay together."""
    parts: list[str] = []
    seen: set[int] = set()
    for name, text in zip(
        [n for n in module.order if n in kept], definitions, strict=True
    ):
        node = module.functions.get(name) or module.constants[name]
        if id(node) in seen:
            continue
        seen.add(id(node))
        if (
            name in module.constants
            and parts
            and not parts[-1].lstrip().startswith(("def ", "@", "#"))
        ):
            parts[-1] = f"{parts[-1].rstrip()}\n{text.strip()}"
        else:
            parts.append(text.strip("\n"))
    return parts


def _imports(module: Module, emitted: Sequence[Emitted], texts: Sequence[str]) -> str:
    """The user's imports that are used, as they stand, and those that the backward needs besides."""
    used = {name for text in texts for name in names_in_text(text)}
    lines: dict[str, None] = {}
    groups: dict[str, list[str]] = {}
    for one in emitted:
        for name, line in one.dialect.added.items():
            if name in used and line.startswith("import "):
                lines[line] = None
    for name, imported in module.imports.items():
        if name.startswith("*"):
            lines[imported.line] = None
        elif name in used:
            for line in _lines_of(module, name, imported.line, texts):
                _add_line(lines, groups, line)
    for one in emitted:
        for name, line in one.dialect.added.items():
            if name in used:
                _add_line(lines, groups, line)
    return _sorted_groups([_merged(line, groups) for line in lines])


def _lines_of(module: Module, name: str, last: str, texts: Sequence[str]) -> list[str]:
    """`import scipy.linalg` and `import scipy.special` bind one name: those of them that are used."""
    found = [*dict.fromkeys(module.import_lines.get(name, ()))]
    if len(found) < 2 or last not in found:
        return [last]
    paths = {line: line.removeprefix("import ") for line in found}
    return [
        line
        for line, path in paths.items()
        if any(re.search(rf"\b{re.escape(path)}\b", text) for text in texts)
    ] or [last]


def _sorted_groups(lines: Sequence[str]) -> str:
    """The future, the standard library and the rest, with a blank line between."""
    groups: tuple[list[str], list[str], list[str]] = ([], [], [])
    for line in lines:
        root = line.split()[1].partition(".")[0]
        groups[
            0 if root == "__future__" else 1 if root in sys.stdlib_module_names else 2
        ].append(line)
    return "\n\n".join("\n".join(group) for group in groups if group)


def _add_line(lines: dict[str, None], groups: dict[str, list[str]], line: str) -> None:
    """`from m import a` and `from m import b` become one line, where the first stands."""
    if not line.startswith("from "):
        lines[line] = None
        return
    source, _, name = line.partition(" import ")
    groups.setdefault(source, []).append(name)
    lines[source] = None


def _merged(line: str, groups: dict[str, list[str]]) -> str:
    return (
        f"{line} import {', '.join(sorted(set(groups[line])))}"
        if line in groups
        else line
    )
