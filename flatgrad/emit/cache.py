"""Lines of a backward function -> what its cache holds, and the lines that read it from there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flatgrad.emit.names import Names
from flatgrad.emit.unbound import unbound
from flatgrad.frontend.module import TOKEN

Cached = tuple[str, str]  # the name in the backward, the expression in the forward


def cached_values(
    lines: Sequence[str], forward_names: set[str], names: Names, unsure: set[str]
) -> tuple[list[Cached], list[str]]:
    """Only what is read: of a value of which only the shape is, the shape. `unsure` need not be there."""
    code = "\n".join(line for line in lines if not _is_comment(line))
    read = dict.fromkeys(match[1] for match in TOKEN.finditer(code) if match[1])
    needed = unbound(lines)
    cached: list[Cached] = []
    shown = list(lines)
    for name in read:
        if name not in forward_names or name not in needed:
            continue
        if name in unsure or _reads_more_than_shape(code, name):
            cached.append((name, name))
        else:
            shape = names.fresh(f"{name}_shape")
            shown = [_with_shape(line, name, shape) for line in shown]
            cached.append((shape, f"{name}.shape"))
    return cached, shown


def _reads_more_than_shape(code: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){name}\b(?!\.shape\b)", code) is not None


def _with_shape(line: str, name: str, shape: str) -> str:
    if _is_comment(line):
        return line
    return re.sub(rf"(?<![\w.]){name}\.shape\b", shape, line)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def unpacked(cached: Sequence[Cached], cache: str) -> list[str]:
    """x, w = cache"""
    names = [name for name, _ in cached]
    if not names:
        return []
    return [
        (
            f"({names[0]},) = {cache}"
            if len(names) == 1
            else f"{', '.join(names)} = {cache}"
        )
    ]


def packed(cached: Sequence[Cached], cache: str) -> str:
    """cache = (x, w)"""
    values = [value for _, value in cached]
    return (
        f"{cache} = ({values[0]},)"
        if len(values) == 1
        else f"{cache} = ({', '.join(values)})"
    )
