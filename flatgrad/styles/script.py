"""Parts -> forward and backward lines with no function around them, as lecture notes have it."""

from __future__ import annotations

from flatgrad.emit.parts import Parts
from flatgrad.frontend.module import parameters_of
from flatgrad.styles.course import without_copies


def without_function(parts: Parts) -> list[str]:
    """The forward lines, ones for the cotangents, and the backward lines."""
    pairs = zip(parts.seeds, parts.seeded, strict=True)
    seeds = [f"{s} = {parts.ones(o)}" for s, o in pairs if s in parts.read()]
    named = zip(parts.wrt, parts.read_gradients, strict=True)
    results = [(f"{parts.prefix}{name}", value) for name, value in named]
    ends = [f"{name} = {value}" for name, value in results if name != value]
    lines = [
        *_defaults(parts),
        *parts.running,
        "",
        *seeds,
        *without_copies(parts.reading),
        *ends,
    ]
    return ["\n".join(lines) + "\n"]


def _defaults(parts: Parts) -> list[str]:
    """eps = 1e-5"""
    function = parts.function
    every = parameters_of(function.node)
    given = [(p.name.value, p.default) for p in every if p.default is not None]
    return [f"{name} = {function.module.code(value)}" for name, value in given]
