"""norm(mu, sigma).logpdf(x) -> norm.logpdf(x, mu, sigma): a distribution that is given its parameters and asked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.frontend.scope import Path
from flatgrad.namespaces import lookup

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


def method(low: Lowering, node: cst.Call) -> tuple[Path, cst.Call] | None:
    """The method of the distribution itself, and the call that gives the parameters."""
    match node.func:
        case cst.Attribute(value=cst.Call() as frozen, attr=cst.Name(value=name)) if (
            isinstance(frozen.func, cst.Name | cst.Attribute)
            and _root(frozen.func) in low.module.imports
        ):
            distribution = low.expression(frozen.func)
        case _:
            return None
    match distribution:
        case Path(path=path) if path.startswith("scipy.stats.") and lookup(path, name):
            return Path(f"{path}.{name}"), frozen
        case _:
            return None


def _root(node: cst.BaseExpression) -> str:
    """stats of stats.norm; nothing of what would be computed."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node.value if isinstance(node, cst.Name) else ""
