"""Parts -> forward and backward lines with no function around them, as lecture notes have it."""

from __future__ import annotations

from flatgrad.emit.layout import shown
from flatgrad.emit.parts import Parts


def script(parts: Parts) -> list[str]:
    """The forward lines, ones for the cotangents, and the backward lines."""
    seeds = [
        f"{seed} = {_ones(parts, seed, output)}"
        for seed, output in zip(parts.seeds, parts.seeded, strict=True)
    ]
    kept = [f"{name} = {value}" for name, value in parts.cached if name != value]
    lines = [*parts.forward, *kept, "", *seeds, *parts.backward]
    return ["\n".join(lines) + "\n"]


def _ones(parts: Parts, seed: str, output: str) -> str:
    if parts.defaults.get(seed) == "1.0":
        return "1.0"
    return shown(parts.dialect.ones_like(output))
