"""What stands in a user's file for flatgrad to read; when the file is run it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

KINDS = ("elementwise", "linear", "multilinear", "general", "vjp", "jvp")


def rule(
    target: str | Callable[..., Any],
    *,
    kind: str = "elementwise",
    results: int = 1,
    called: bool = False,
) -> Callable[[Function], Function]:
    """Say that a function is the derivative rule of `target`, a function of this file or "package.function".

    docs/your-own-rules.md explains `kind`, `results` and `called`. The function itself is returned as it is.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")

    def unchanged(function: Function) -> Function:
        return function

    return unchanged


__all__ = ["KINDS", "rule"]
