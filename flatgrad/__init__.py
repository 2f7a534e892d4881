"""flatgrad: read a Python function, write its gradient as Python."""

from typing import TYPE_CHECKING, Any

from flatgrad.declaring import rule

if TYPE_CHECKING:
    from flatgrad.api import (
        differentiable,
        grad,
        grad_source,
        hessian,
        hvp,
        jacobian,
        jvp,
        value_and_grad,
        vjp,
    )
    from flatgrad.errors import FlatgradError

__all__ = [
    "FlatgradError",
    "differentiable",
    "grad",
    "grad_source",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "rule",
    "value_and_grad",
    "vjp",
]

_HOMES = dict.fromkeys(__all__, "flatgrad.api") | {"FlatgradError": "flatgrad.errors"}


if not TYPE_CHECKING:  # to a checker, what is not there is not there

    def __getattr__(name: str) -> Any:
        """What is asked for is imported then: `import flatgrad` alone costs nothing."""
        if name not in _HOMES:
            raise AttributeError(f"module 'flatgrad' has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
