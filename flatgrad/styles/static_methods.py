"""Parts -> a class with a static forward and backward, as EECS 498 has its layers; a loss stays a function."""

from __future__ import annotations

from flatgrad.emit.parts import Parts, indented
from flatgrad.styles.composed import with_own_caches
from flatgrad.styles.course import (
    FORWARD,
    layer_backward,
    layer_forward,
    layer_or_loss,
    with_names_of_caches,
)


def class_of_layer(parts: Parts) -> list[str]:
    """class Affine: with forward(x, w, b) and backward(dout, cache)"""
    parts = with_names_of_caches(with_own_caches(parts))
    if parts.scalar:
        return layer_or_loss(parts)
    methods = [layer_forward(parts, FORWARD), layer_backward(parts, "backward")]
    lines = [
        f"class {parts.module_names.underscored(class_name(parts.function.name))}(object):"
    ]
    for method in methods:
        lines += [*indented(["@staticmethod", *method.split("\n")])]
    return ["\n".join(lines) + "\n"]


def class_name(function: str) -> str:
    """Affine, of affine_forward."""
    words = [word for word in function.split("_") if word and word != FORWARD]
    return "".join(word[0].upper() + word[1:] for word in words) or "Layer"
