"""Anything that is called -> the Python function that it comes down to, where what surrounds it is known."""

from __future__ import annotations

import functools
from types import FunctionType, MethodType
from typing import Any

from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.interface.code_text import written
from flatgrad.interface.refusing import located, refusal


def plain_function(f: Any) -> FunctionType:
    """The Python function that is called when `f` is, where what surrounds it is known; else a refusal."""
    seen = f
    while True:
        inner = _transparent(seen)
        if inner is None:
            break
        seen = inner
    if isinstance(seen, FunctionType):
        if hasattr(seen, "__wrapped__"):
            raise _decorated(seen)
        return seen
    raise _no_function(seen)


def _transparent(f: Any) -> Any:
    """What is computed by `f` without a difference: of a cached or a compiled function, the function."""
    if type(f).__module__ == "flatgrad.interface.differentiable":
        return f.__wrapped__
    if isinstance(f, functools._lru_cache_wrapper):
        return f.__wrapped__
    root = type(f).__module__.partition(".")[0]
    if root == "numba" and hasattr(f, "py_func"):
        return f.py_func
    if root in ("jax", "jaxlib") and type(f).__name__ == "PjitFunction":
        return f.__wrapped__
    return None


def _decorated(f: FunctionType) -> FlatgradError:
    """Like the command line: what a decorator does is not known."""
    wrapped: Any = f
    while hasattr(wrapped, "__wrapped__"):
        wrapped = wrapped.__wrapped__
    what = f"{f.__name__} is decorated, so what it computes is not known"
    step = "name the function that it wraps, or leave the decorator out"
    code = getattr(wrapped, "__code__", f.__code__)
    try:
        node = written(wrapped).node
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            d = decorators[0]
            place = Place(d.lineno, d.col_offset, d.end_lineno, d.end_col_offset + 1)
            found = Diagnostic("FG116", what, step, place)
            return located([(found, code.co_filename, written(wrapped).source)])
    except (FlatgradError, AttributeError):
        pass
    return refusal("FG116", what, step, code.co_filename)


def _no_function(f: Any) -> FlatgradError:
    name = getattr(f, "__qualname__", None) or f"a {type(f).__name__}"
    if isinstance(f, MethodType):
        what = f"{name} is a method of an object, which is not read here"
        return refusal(
            "FG701", what, "write a function that is given what it reads of the object"
        )
    if isinstance(f, functools.partial):
        step = "write a function that calls it, or give the arguments when you call the gradient"
        return refusal("FG701", f"{f!r} is a partial call, which has no text", step)
    if not callable(f):
        return refusal("FG701", f"{f!r} is not a function", "give a Python function")
    what = f"{name} is not written in Python, or its library says what it is called as"
    return refusal(
        "FG701", what, "give a function or a method that is written in Python"
    )


def users_function(value: Any) -> FunctionType | None:
    """A function whose text is the user's; None for what is not one. What cannot be read is refused later."""
    try:
        return plain_function(value)
    except FlatgradError:
        return None


__all__ = ["plain_function", "users_function"]
