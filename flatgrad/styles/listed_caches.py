"""Parts of a function that keeps the caches of a loop in tuples -> the same, reading these tuples.

    caches.append((fc_cache, relu_cache))                  affine_caches.append(fc_cache); relu_caches.append(relu_cache)
    fc_cache, relu_cache = caches.pop()        and not     affine_cache = affine_caches.pop() ...

The list is the function's own, is filled in one place, and nothing else reads it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flatgrad.emit.parts import Parts

POP = re.compile(r"\s*(\w+) = (\w+)\.pop\(\)$")


@dataclass(frozen=True)
class Tuples:
    """A list of tuples, the names of their items, and the lists that are the same item by item."""

    listed: str
    items: Sequence[str]
    same: Mapping[str, str]  # list -> the item that it holds
    lines: frozenset[int]  # of the forward, that such lists alone need


def with_tuples(parts: Parts, is_added: Callable[[str], bool]) -> Parts:
    """`is_added`: whether a list was added to the user's lines for the caches of a layer."""
    text = "\n".join(parts.running)
    for found in _tuples(ast.parse(text), is_added):
        read = _popped(parts.reading, found)
        if read is not None:
            running = [
                x for n, x in enumerate(parts.running, 1) if n not in found.lines
            ]
            parts = replace(parts, running=running, reading=read)
            return with_tuples(parts, is_added)
    return parts


# --- the forward -----------------------------------------------------------------------------------------------------


def _tuples(tree: ast.Module, is_added: Callable[[str], bool]) -> Iterator[Tuples]:
    for loop in ast.walk(tree):
        if isinstance(loop, ast.For) and not _leaves(loop):
            for node in loop.body:
                listed, value = _appended(node)
                if isinstance(value, ast.Tuple) and _is_own(tree, listed):
                    found = _same(tree, loop, node, value, is_added)
                    if found is not None:
                        yield replace(found, listed=listed)


def _leaves(loop: ast.For) -> bool:
    inner = (ast.Break, ast.Continue, ast.Return, ast.While)
    nodes = [n for n in ast.walk(loop) if n is not loop]
    return any(isinstance(n, (*inner, ast.For)) for n in nodes)


def _appended(node: ast.AST) -> tuple[str, ast.expr | None]:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=listed), attr="append"), args=[value])):  # fmt: skip
            return listed, value
        case _:
            return "", None


def _is_own(tree: ast.Module, listed: str) -> bool:
    """caches = [], one caches.append, and no more."""
    begun = [n for n in tree.body if _begins(n, listed)]
    return len(begun) == 1 and len(_uses(tree, listed)) == 2


def _begins(node: ast.stmt, listed: str) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=[])):
            return name == listed
        case _:
            return False


def _uses(tree: ast.AST, name: str) -> list[ast.Name]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]


def _same(
    tree: ast.Module,
    loop: ast.For,
    append: ast.stmt,
    value: ast.Tuple,
    is_added: Callable[[str], bool],
) -> Tuples | None:
    """The added lists that hold what the tuples hold."""
    items = [e.id if isinstance(e, ast.Name) else "_" for e in value.elts]
    same: dict[str, str] = {}
    lines: set[int] = set()
    for node in ast.walk(loop):
        listed, item = _appended(node)
        if (
            not is_added(listed)
            or not isinstance(item, ast.Name)
            or not _is_own(tree, listed)
        ):
            continue
        assert isinstance(node, ast.stmt)
        own, named = _own_name_of(loop, item.id)
        if own in items and not _rebound(loop, own, node.lineno, append.lineno):
            same[listed] = own
            lines |= {node.lineno, *named, *(n.lineno for n in tree.body if _begins(n, listed))}  # fmt: skip
    return Tuples("", items, same, frozenset(lines)) if same else None


def _own_name_of(loop: ast.For, name: str) -> tuple[str, set[int]]:
    """fc_cache, of affine_cache = fc_cache, which nothing but the list reads."""
    for node in ast.walk(loop):
        match node:
            case ast.Assign(targets=[ast.Name(id=given)], value=ast.Name(id=own)) if given == name:  # fmt: skip
                if len(_uses(loop, name)) == 2:
                    return own, {node.lineno}
            case _:
                pass
    return name, set()


def _rebound(loop: ast.For, name: str, start: int, end: int) -> bool:
    """Between being put into the one list and into the other, or in a line that either stands in a branch of."""
    stores = [n.lineno for n in _uses(loop, name) if isinstance(n.ctx, ast.Store)]
    return start > end or any(start < line <= end for line in stores)


# --- the backward ----------------------------------------------------------------------------------------------------


def _popped(lines: Sequence[str], found: Tuples) -> list[str] | None:
    """The lines with one pop at the top of the loop; None where there is no such loop."""
    names = {m[1]: found.same[m[2]] for line in lines if (m := POP.match(line)) and m[2] in found.same}  # fmt: skip
    popped = [m[2] for line in lines if (m := POP.match(line)) and m[2] in found.same]
    tree = ast.parse("\n".join(lines))
    loops = [n for n in tree.body if isinstance(n, ast.For) and _pops(n, popped)]
    taken = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    alone = len(popped) == len({*popped}) == len(found.same)
    if len(loops) != 1 or not alone or taken & {*names.values(), found.listed}:
        return None
    at = loops[0].body[0].lineno - 1
    while lines[at - 1].lstrip().startswith("#"):
        at -= 1
    margin = lines[loops[0].lineno - 1]
    margin = margin[: len(margin) - len(margin.lstrip())] + "    "
    told = [i if i in names.values() else "_" for i in found.items]
    target = ", ".join(told) + ("," if len(told) == 1 else "")
    head = [*lines[:at], f"{margin}{target} = {found.listed}.pop()"]
    rest = [x for x in lines[at:] if not ((m := POP.match(x)) and m[2] in found.same)]
    head = [x for x in head if not re.fullmatch(r"(\w+) = list\(\1\)", x) or x.split(" ")[0] not in found.same]  # fmt: skip
    return [*head, *(_with_names(line, names) for line in rest)]


def _pops(loop: ast.For, lists: Sequence[str]) -> bool:
    """All of these are popped in the loop."""
    inside = {m[2] for line in ast.unparse(loop).split("\n") if (m := POP.match(line))}
    return bool(lists) and inside.issuperset(lists)


def _with_names(line: str, names: Mapping[str, str]) -> str:
    pattern = "|".join(map(re.escape, names))
    return re.sub(rf"(?<![\w.])({pattern})\b", lambda m: names[m[1]], line)


__all__ = ["with_tuples"]
