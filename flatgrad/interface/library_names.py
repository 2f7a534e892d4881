"""Modules and functions of libraries -> the import statements that give them their names."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any

from flatgrad.interface.code_text import Written, parsed

KNOWN = {
    "numpy",
    "scipy",
    "torch",
    "jax",
    "jaxlib",
    "cupy",
    "cupyx",
    "autograd",
    "flatgrad",
}


def is_library(name: str) -> bool:
    """The module is part of Python or installed: its text is not read."""
    root = name.partition(".")[0]
    if root == "__main__":  # of python -m, too
        return False
    if root in KNOWN or root in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def import_of(name: str, value: Any, text: Written, package: str) -> str | None:
    """The statement that binds `name` to `value`; the user's own where there is one."""
    for statement, path, attribute in imports_of(text.source, package):
        if statement.endswith(f" {name}") and _resolved(path, attribute) is value:
            return statement
    if isinstance(value, ModuleType):
        path = value.__name__
        return f"import {path}" if path == name else f"import {path} as {name}"
    found = _path(value)
    if found is None:
        return None
    module, last = found
    return f"from {module} import {last}" + (f" as {name}" if last != name else "")


@lru_cache(maxsize=64)
def imports_of(source: str, package: str) -> tuple[tuple[str, str, str], ...]:
    """Every import of a file, one name each: (statement, module, attribute)."""
    tree = parsed(source)
    return () if tree is None else tuple(_imports_in(tree, package))


def _imports_in(tree: ast.Module, package: str) -> Iterator[tuple[str, str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    renamed = f" as {alias.asname}" if alias.asname else ""
                    root = alias.name if alias.asname else alias.name.partition(".")[0]
                    line = f"import {alias.name if alias.asname else root}{renamed}"
                    yield line, root, ""
            case ast.ImportFrom(names=names, module=module, level=level):
                path = _absolute(module or "", level, package)
                for alias in names:
                    renamed = f" as {alias.asname}" if alias.asname else ""
                    yield f"from {path} import {alias.name}{renamed}", path, alias.name
            case _:
                pass


def _absolute(module: str, level: int, package: str) -> str:
    if not level:
        return module
    parent = package.rsplit(".", level - 1)[0] if level > 1 else package
    return f"{parent}.{module}" if module else parent


def _resolved(path: str, attribute: str) -> object:
    module = sys.modules.get(path)
    if not attribute or module is None:
        return module
    return getattr(module, attribute, sys.modules.get(f"{path}.{attribute}"))


def _path(value: Any) -> tuple[str, str] | None:
    """Where a function or class of a library is to be had by name."""
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if isinstance(module, str) and isinstance(name, str):
        for path in (_public(module), module):
            if _resolved(path, name) is value:
                return path, name
    from flatgrad.namespaces import namespaces

    for path in namespaces() if isinstance(name, str) else ():
        if path in sys.modules and _resolved(path, str(name)) is value:
            return path, str(name)
    return None


def _public(module: str) -> str:
    """scipy.special._logsumexp -> scipy.special"""
    parts = module.split(".")
    hidden = [i for i, part in enumerate(parts) if part.startswith("_") and i]
    return ".".join(parts[: hidden[0]]) if hidden else module


__all__ = ["import_of", "imports_of", "is_library"]
