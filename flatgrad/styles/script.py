"""Parts -> forward and backward lines with no function around them, as lecture notes have it."""

from __future__ import annotations

from flatgrad.emit.parts import Parts


def script(parts: Parts) -> list[str]:
    """The forward lines, ones for the cotangents, and the backward lines."""
    pairs = zip(parts.seeds, parts.seeded, strict=True)
    seeds = [f"{seed} = {parts.ones(output)}" for seed, output in pairs]
    kept = [f"{name} = {value}" for name, value in parts.cached if name != value]
    lines = [*parts.forward, *kept, "", *seeds, *parts.backward]
    return ["\n".join(lines) + "\n"]
