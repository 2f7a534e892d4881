"""The text of a backward function -> its derivative variables, the lines that set each, and what it returns.

`dxhat`, `grad_xhat` and `grads["xhat"]` all are of `xhat`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIXES = ("grad_", "d_", "d")
SUFFIXES = ("_grad", "_bar")


@dataclass(frozen=True)
class Line:
    """A statement: where it begins, and its text on one line."""

    number: int
    text: str
    adds: bool = False  # x += y


@dataclass
class Variable:
    """A name, or an item of a dict, that a function sets."""

    name: str
    lines: list[Line] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)

    @property
    def last(self) -> int:
        return max((line.number for line in self.lines), default=0)


def primal_name(name: str) -> str:
    """The variable whose derivative this is by its name; "" if it is none."""
    if "[" in name:  # an item of a dict: grads['W1'], grads['dW1']
        key = ast.literal_eval(name[name.index("[") + 1 : -1])
        return primal_name(key) or key
    for prefix in PREFIXES:
        if name.startswith(prefix) and len(name) > len(prefix):
            return name.removeprefix(prefix)
    for suffix in SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name.removesuffix(suffix)
    return ""


def plain(name: str) -> str:
    """x_hat and xhat are one variable to a reader."""
    return name.replace("_", "")


def function_in(text: str, name: str) -> ast.FunctionDef | None:
    """The last function of that name at top level, or in a class for Class.name."""
    body: list[ast.stmt] = ast.parse(text).body
    *classes, last = name.split(".")
    for one in classes:
        named = [n for n in body if isinstance(n, ast.ClassDef) and n.name == one]
        body = named[-1].body if named else []
    found = [n for n in body if isinstance(n, ast.FunctionDef) and n.name == last]
    return found[-1] if found else None


def variables(text: str, function: ast.FunctionDef) -> dict[str, Variable]:
    """What the statements of a function set, by name, in order."""
    found: dict[str, Variable] = {}
    for statement in statements(function):
        shown = one_line(text, statement)
        line = Line(statement.lineno, shown, _is_sum(statement))
        read = names_in(statement)
        for target in targets(statement):
            for name in target_names(target):
                variable = found.setdefault(name, Variable(name))
                variable.lines.append(line)
                variable.reads |= read
        for name, key, value in _dict_items(statement):
            segment = ast.get_source_segment(text, value) or ""
            told = " ".join(f"{key!r}: {segment}".split())
            read = names_in(value)
            found[name] = Variable(name, [Line(value.lineno, told)], read)
    return found


def _is_sum(statement: ast.stmt) -> bool:
    match statement:
        case ast.AugAssign(op=ast.Add() | ast.Sub()):
            return True
        case _:
            return False


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _dict_items(statement: ast.stmt) -> Iterator[tuple[str, str, ast.expr]]:
    """grads["W1"], W1 and dW1 for grads = {"W1": dW1}."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as made):
            for key, value in zip(made.keys, made.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield f"{name}[{key.value!r}]", key.value, value


def one_line(text: str, node: ast.AST) -> str:
    segment = ast.get_source_segment(text, node) or ""
    return " ".join(part.strip() for part in segment.splitlines())


def statements(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """Assignments, and calls such as np.add.at(dx, ...), in the order of the text."""
    found = [
        n
        for n in ast.walk(function)
        if isinstance(n, ast.Assign | ast.AugAssign | ast.AnnAssign)
        or (isinstance(n, ast.Expr) and isinstance(n.value, ast.Call))
    ]
    return iter(sorted(found, key=lambda n: (n.lineno, n.col_offset)))


def targets(statement: ast.stmt) -> list[ast.expr]:
    match statement:
        case ast.Assign(targets=targets):
            return targets
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return [target]
        case ast.Expr(value=ast.Call(args=[first, *_])):
            return [first]
        case _:
            return []


def target_names(target: ast.expr) -> Iterator[str]:
    """x of x, x[i] and (x, y); for d["x"] the item as well as the dict."""
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from target_names(part)
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(k))):
            yield f"{name}[{k!r}]"
            yield name
        case ast.Subscript(value=inner) | ast.Starred(value=inner):
            yield from target_names(inner)
        case _:
            return


def returned_names(function: ast.FunctionDef) -> list[Any]:
    """The names in the last return statement, nested as they are; "" for what is no name."""
    last = last_return(function)
    if last is None or last.value is None:
        return []
    named = _nested_names(last.value)
    return named if isinstance(named, list) else [named]


def last_return(function: ast.FunctionDef) -> ast.Return | None:
    returns = [n for n in ast.walk(function) if isinstance(n, ast.Return) and n.value]
    return max(returns, key=lambda n: n.lineno, default=None)


def _nested_names(node: ast.expr) -> Any:
    match node:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [_nested_names(part) for part in parts]
        case ast.Name(id=name):
            return name
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            named = [(k, _nested_names(v)) for k, v in pairs]
            return {k.value: v for k, v in named if isinstance(k, ast.Constant)}
        case _:
            return ""


def return_line(text: str, function: ast.FunctionDef) -> list[Line]:
    last = last_return(function)
    return [] if last is None else [Line(last.lineno, one_line(text, last))]


def with_first_outputs(text: str, name: str, count: int) -> str:
    """The same, but a function returns only the first outputs of the tuple that it returns."""
    function = function_in(text, name)
    lines = text.encode("utf-8").split(b"\n")
    for node in ast.walk(function) if function is not None else ():
        match node:
            case ast.Return(value=ast.Tuple(elts=parts) as whole):
                kept = [ast.get_source_segment(text, p) or "" for p in parts[:count]]
                _replace(lines, whole, ", ".join(kept).encode("utf-8"))
            case _:
                pass
    return b"\n".join(lines).decode("utf-8")


def _replace(lines: list[bytes], node: ast.expr, new: bytes) -> None:
    """Other text in place of a node, and as many lines as before."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    after = lines[last][node.end_col_offset :]
    empty = [b""] * (last - first)
    joined = b" ".join(new.split())
    lines[first : last + 1] = [
        lines[first][: node.col_offset] + joined + after,
        *empty,
    ]


def depends_on(found: Mapping[str, Variable], name: str) -> set[str]:
    """Everything that the last value of a variable may have come from."""
    reached, pending = set[str](), [name]
    while pending:
        current = pending.pop()
        if current in reached:
            continue
        reached.add(current)
        if current in found:
            pending += found[current].reads
        pending += [n for n in found if n.startswith(f"{current}[")]
    return reached
