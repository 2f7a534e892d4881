"""Lines of Python -> the same lines, where some names are read from elsewhere: x becomes self.x."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

SCOPES = (ast.Lambda, ast.FunctionDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)  # fmt: skip


def renamed(lines: Sequence[str], new: Mapping[str, str]) -> list[str]:
    """The lines with `new[name]` for each name; comments and strings stay."""
    found = list("\n".join(lines).encode().split(b"\n"))
    names = [n for n in _names(lines) if n.id in new]
    for node in sorted(names, key=_position, reverse=True):
        line, start = found[node.lineno - 1], node.col_offset
        end = start + len(node.id.encode())
        found[node.lineno - 1] = line[:start] + new[node.id].encode() + line[end:]
    return [line.decode() for line in found]


def assigned(lines: Sequence[str]) -> set[str]:
    """The names that the lines give a value."""
    return set(stored(ast.parse("\n".join(lines))))


def assigned_in_blocks(lines: Sequence[str]) -> set[str]:
    """The names that loops and branches give a value."""
    blocks = [s for s in ast.parse("\n".join(lines)).body if hasattr(s, "body")]
    return {name for block in blocks for name in stored(block)}


def stored(tree: ast.AST) -> Iterator[str]:
    """The names that a statement gives a value, once for each place."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=path, asname=other):
                yield other or path.partition(".")[0]
            case ast.arg(arg=name) | ast.MatchMapping(rest=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.ExceptHandler(name=str(name)):
                yield name


def kept_apart(lines: Sequence[str]) -> set[str]:
    """Names in functions, comprehensions and f-strings, which may be others of the same name."""
    nodes = ast.walk(ast.parse("\n".join(lines)))
    return {
        name for node in nodes if isinstance(node, SCOPES) for name in _mentioned(node)
    }


def _mentioned(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name) | ast.arg(arg=name):
                yield name


def _names(lines: Sequence[str]) -> Iterable[ast.Name]:
    nodes = ast.walk(ast.parse("\n".join(lines)))
    return [node for node in nodes if isinstance(node, ast.Name)]


def _position(node: ast.Name) -> tuple[int, int]:
    return node.lineno, node.col_offset
