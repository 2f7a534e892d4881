"""flatgrad: read a Python function, write its gradient as Python."""

import sys
from types import ModuleType
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
    from flatgrad.computational_graph import graph
    from flatgrad.errors import FlatgradError

__all__ = [
    "FlatgradError",
    "differentiable",
    "grad",
    "grad_source",
    "graph",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "rule",
    "value_and_grad",
    "vjp",
]

_HOMES = dict.fromkeys(__all__, "flatgrad.api") | {"FlatgradError": "flatgrad.errors"}


class _Package(ModuleType):
    """`flatgrad.graph` is the function; of the module with this name there is `from flatgrad.graph import Var`."""

    @property
    def graph(self) -> Any:
        from flatgrad.computational_graph import graph

        return graph

    @graph.setter
    def graph(self, module: ModuleType) -> None:
        """Importing flatgrad/graph.py would put it here."""


sys.modules[__name__].__class__ = _Package

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


def load_ipython_extension(shell: Any) -> None:
    """%load_ext flatgrad, in a notebook."""
    from flatgrad.notebook import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """%unload_ext flatgrad."""
    from flatgrad.notebook import unload

    unload(shell)
