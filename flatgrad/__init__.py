"""flatgrad: read a Python function, write its gradient as Python."""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flatgrad.declaring import rule

if TYPE_CHECKING:
    from flatgrad.computational_graph import graph

__all__ = ["graph", "rule"]


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
