"""Parts of a function that calls layers -> the same with the caches that these return themselves.

    a, fc_cache, affine_cache = affine_forward(x, w, b)     ->     a, fc_cache = affine_forward(x, w, b)

Where the function keeps the caches of a loop in a list of its own, that list stands for the other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flatgrad.emit.parts import Parts
from flatgrad.frontend.pairs import pairs_in
from flatgrad.styles.listed_caches import with_tuples


def with_own_caches(parts: Parts) -> Parts:
    """The parts, where layers are called as they stand in the file."""
    layers = {
        e.attrs["pair"].forward_name
        for e in pairs_in(parts.function.block.eqns)
        if e.attrs["pair"].own
    }
    if not layers - {""}:
        return parts
    running, _ = _called_as_they_are(parts.running, layers)
    lines, again = _called_as_they_are(parts.forward, layers)
    parts = replace(parts, running=running)
    parts = _with_own_comments(replace(parts, forward=lines), layers)
    parts = renamed(parts, again)
    lists = _lists_of_one(parts.forward, layers)
    kept = [line for line in parts.forward if not _is_about(line, lists)]
    running = [line for line in parts.running if not _is_about(line, lists)]
    parts = renamed(replace(parts, forward=kept, running=running), lists)
    patterns = [re.compile(own_name(name, "s")) for name in layers]
    return with_tuples(parts, lambda n: any(p.fullmatch(n) for p in patterns))


def own_name(function: str, plural: str = "") -> str:
    """What the name of a cache that is added to a call looks like."""
    return rf"{function}_cache\d*{plural}\d*"


# --- calls ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edit:
    """Text in place of a part of a line, or a line after it."""

    line: int
    start: int
    end: int
    text: str


def _called_as_they_are(
    lines: Sequence[str], layers: set[str]
) -> tuple[list[str], dict[str, str]]:
    """The lines without the added targets, and the names that stand for these."""
    tree = ast.parse("\n".join(lines))
    stores = [
        n.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]
    edits: list[Edit] = []
    renamed: dict[str, str] = {}
    for node, target in _calls(tree, layers):
        *_, own, added = target.elts
        assert isinstance(added, ast.Name)
        start = (
            own.end_col_offset
            if isinstance(own, ast.Name) and own.id != "_"
            else own.col_offset
        )
        edits.append(
            Edit(
                node.lineno,
                start or 0,
                added.end_col_offset or 0,
                "" if start == own.end_col_offset else added.id,
            )
        )
        if start != own.end_col_offset or not isinstance(own, ast.Name):
            continue
        if stores.count(own.id) == 1:
            renamed[added.id] = own.id
        else:
            end = node.end_lineno or node.lineno
            edits.append(Edit(end + 1, node.col_offset, -1, f"{added.id} = {own.id}"))
    return _edited(lines, edits), renamed


def _calls(tree: ast.AST, layers: set[str]) -> Iterator[tuple[ast.Assign, ast.Tuple]]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Tuple(elts=[_, *_, ast.Name(id=added)]) as target],
                value=ast.Call(func=ast.Name(id=name)),
            ) if name in layers and re.fullmatch(own_name(name), added):
                yield node, target
            case _:
                pass


def _edited(lines: Sequence[str], edits: Sequence[Edit]) -> list[str]:
    """The last ones first, so that the others keep their places."""
    found = list(lines)
    for edit in sorted(edits, key=lambda e: (e.line, e.end), reverse=True):
        if edit.end < 0:
            found.insert(edit.line - 1, " " * edit.start + edit.text)
            continue
        line = found[edit.line - 1].encode()
        found[edit.line - 1] = (
            line[: edit.start] + edit.text.encode() + line[edit.end :]
        ).decode()
    return found


# --- lists of caches -----------------------------------------------------------------------------------------------


def _lists_of_one(lines: Sequence[str], layers: set[str]) -> dict[str, str]:
    """The lists that are filled with the same caches as one of the user's, in the same lines."""
    tree = ast.parse("\n".join(lines))
    filled: dict[tuple[int, str], list[str]] = {}
    changes: dict[str, int] = {}
    for suite in _suites(tree):
        for node in suite:
            match node:
                case ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id=listed), attr="append"),
                        args=[ast.Name(id=item)],
                    )
                ):
                    filled.setdefault((id(suite), item), []).append(listed)
                    changes[listed] = changes.get(listed, 0) + 1
                case ast.Assign(targets=[ast.Name(id=listed)], value=ast.List(elts=[])):
                    changes[listed] = changes.get(listed, 0) + 1
                case _:
                    stored = {
                        n.id
                        for n in ast.walk(node)
                        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                    } - _begun_as_none(node)
                    if not isinstance(node, ast.For | ast.While | ast.If):
                        changes |= {name: changes.get(name, 0) + 9 for name in stored}
    patterns = [own_name(name, "s") for name in layers]
    found: dict[str, str] = {}
    for lists in filled.values():
        added = [n for n in lists if any(re.fullmatch(p, n) for p in patterns)]
        own = [n for n in lists if n not in added and changes[n] == 2]
        found |= {n: own[0] for n in added if own}
    return found


def _begun_as_none(node: ast.stmt) -> set[str]:
    """h and cache, of `h, cache = None, None`"""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=left)], value=ast.Tuple(elts=right)):
            pairs = zip(left, right, strict=False)
        case ast.Assign(targets=[target], value=value):
            pairs = zip([target], [value], strict=True)
        case _:
            return set()
    return {t.id for t, v in pairs if isinstance(t, ast.Name) and isinstance(v, ast.Constant) and v.value is None}  # fmt: skip


def _suites(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for key in ("body", "orelse"):
            suite = getattr(node, key, None)
            if isinstance(suite, list):
                yield suite


def _is_about(line: str, names: Mapping[str, str]) -> bool:
    """It begins one of these lists, or adds to it."""
    return any(
        re.match(rf"\s*{name}(?: = \[\]|\.append\(.*\))$", line) for name in names
    )


def _with_own_comments(parts: Parts, layers: set[str]) -> Parts:
    """The calls that comments show are the user's, too."""
    added = "|".join(map(own_name, sorted(layers)))
    pattern = re.compile(rf"^(\s*# .*), (?:{added}) = ")

    def told(lines: Sequence[str]) -> list[str]:
        return [pattern.sub(r"\1 = ", line) for line in lines]

    return replace(parts, reading=told(parts.reading), backward=told(parts.backward))


# --- names ---------------------------------------------------------------------------------------------------------


def renamed(parts: Parts, names: Mapping[str, str]) -> Parts:
    """The parts with other names for some values, everywhere."""
    if not names:
        return parts
    pattern = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, names))})\b")

    def told(text: str) -> str:
        return pattern.sub(lambda m: names[m[1]], text)

    def every(lines: Sequence[str]) -> list[str]:
        return [told(line) for line in lines]

    return replace(
        parts,
        forward=every(parts.forward),
        running=every(parts.running),
        outputs=every(parts.outputs),
        cached=list(dict.fromkeys((told(n), told(v)) for n, v in parts.cached)),
        backward=every(parts.backward),
        gradients=every(parts.gradients),
        reading=every(parts.reading),
        read_gradients=every(parts.read_gradients),
        bound=frozenset(told(n) for n in parts.bound),
        held=replace(
            parts.held,
            shapes={told(n): shape for n, shape in parts.held.shapes.items()},
            sharing=[frozenset(map(told, group)) for group in parts.held.sharing],
            written=frozenset(map(told, parts.held.written)),
            drawn=frozenset(map(told, parts.held.drawn)),
            asides=every(parts.held.asides),
        ),
    )
