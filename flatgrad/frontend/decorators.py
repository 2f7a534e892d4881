"""Decorators of the standard library that leave what a function computes as it is."""

from __future__ import annotations

import libcst as cst

from flatgrad.frontend.module import Module

TRANSPARENT = {"functools.lru_cache", "functools.cache", "functools.wraps", "typing.no_type_check", "typing.final",
               "typing.override"}  # fmt: skip


def is_transparent(module: Module, decorator: cst.Decorator) -> bool:
    """The function is called as it is written: its results are kept at most."""
    named = (
        decorator.decorator.func
        if isinstance(decorator.decorator, cst.Call)
        else decorator.decorator
    )
    root, _, rest = module.code(named).partition(".")
    imported = module.imports.get(root)
    return (
        imported is not None
        and (f"{imported.path}.{rest}" if rest else imported.path) in TRANSPARENT
    )


__all__ = ["is_transparent"]
