"""Lines of a backward that fill the gradient of a dict key by key -> the same as one dict, named grads.

dparams = zeros_like_tree(params)
# W1 = params["W1"]                 ->    grads = {"W1": dW1, "b1": db1}
dparams["W1"] = dW1
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

GRADS = "grads"


def as_one_dict(
    lines: Sequence[str], gradient: str, name: str, forward: str
) -> list[str]:
    """The lines with the dict of gradients under the name `name`; in one line where its keys are known.

    The keys stand in the order in which `forward`, the text of the forward, reads them.
    """
    items = [
        _item(n, lines, gradient)
        for n, x in enumerate(lines)
        if _speaks_of(x, gradient)
    ]
    keys = [item[0] for item in items if item is not None and item[0]]
    plain = bool(keys) and None not in items and len(set(keys)) == len(keys)
    if not plain:
        return [re.sub(rf"\b{gradient}\b", name, line) for line in lines]
    told = sorted(
        (item for item in items if item is not None and item[0]),
        key=lambda item: _first(forward, item[0][1:-1]),
    )
    kept = _without_lone_comments(
        [line for line in lines if not _speaks_of(line, gradient)]
    )
    pairs = ", ".join(f"{key}: {value}" for key, value in told)
    return [*kept, "", f"{name} = {{{pairs}}}"]


def _first(text: str, key: str) -> int:
    """Where a key stands first, in quotes."""
    found = re.search(rf"""["']{re.escape(key)}["']""", text)
    return found.start() if found else len(text)


def _speaks_of(line: str, gradient: str) -> bool:
    return re.search(rf"\b{gradient}\b", line) is not None


def _item(number: int, lines: Sequence[str], gradient: str) -> tuple[str, str] | None:
    """The key and the value of dparams["W1"] = dW1; no key where the dict begins with zeros."""
    line = lines[number]
    if re.fullmatch(rf"{gradient} = \w+\(\w+\)", line):
        return "", ""
    key = r"""("[^"]*"|'[^']*')"""
    old = rf"(?:{gradient}\[\1\] \+ )?"
    found = re.fullmatch(rf"{gradient}\[{key}\] \+?= {old}(.+)", line)
    if found is None or not _is_steady(found[2], lines[number + 1 :]):
        return None
    return found[1], _bare(found[2])


def _is_steady(value: str, later: Sequence[str]) -> bool:
    """A name, or an expression of which the lines below change nothing."""
    if value.isidentifier():
        return True
    try:
        names = _names(ast.parse(value, mode="eval"))
        nodes = ast.parse("\n".join(later)).body
    except SyntaxError:  # a part of something longer
        return False
    return not any(names & _changed(node) for node in nodes)


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _changed(node: ast.stmt) -> set[str]:
    """The names that a line gives another value or may write into: all of those of a call or a block."""
    match node:
        case ast.Assign(targets=targets):
            return set[str]().union(*map(_names, targets))
        case ast.AugAssign(target=target):
            return _names(target)
        case ast.Return():
            return set()
        case _:
            return _names(node)


def _bare(value: str) -> str:
    """Without parentheses around all of it."""
    inner = value[1:-1]
    if not (value.startswith("(") and value.endswith(")")):
        return value
    try:
        ast.parse(inner, mode="eval")
    except SyntaxError:
        return value
    return inner


def _without_lone_comments(lines: Sequence[str]) -> list[str]:
    """Without the comments at the end that nothing follows."""
    found: list[str] = []
    for number, line in enumerate(lines):
        follows = next((x for x in lines[number + 1 :] if x), "#")
        if not (line.startswith("#") and follows.startswith("#")):
            found.append(line)
    return found
