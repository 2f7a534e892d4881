"""What help() tells of a derivative."""

from __future__ import annotations

import inspect
from typing import Any

from flatgrad.interface.conventions import Chosen


def document(first: str, returns: str, function: Any) -> str:
    """A sentence, what is returned, and the text of the function itself."""
    parts = [first, returns]
    own = inspect.getdoc(function)
    if own:
        name = getattr(function, "__name__", "the function")
        parts += [f"The documentation of {name}:", own]
    return "\n\n".join(parts)


def parameters(chosen: Chosen) -> str:
    """x; x and w; x, w and b; every parameter that can carry a gradient."""
    if not chosen.names:
        return "every parameter that can carry one"
    *most, last = chosen.names
    return f"{', '.join(most)} and {last}" if most else last


def gradients(chosen: Chosen) -> str:
    """What comes back for the parameters that were chosen."""
    if chosen.alone:
        return "the gradient, which has the structure and shape of the argument"
    if chosen.names:
        return f"a tuple of gradients, in the order {', '.join(chosen.names)}"
    return "the gradient, or a tuple of gradients in the order of the parameters where there are several"


__all__ = ["document", "gradients", "parameters"]
