"""Printed lines that call backward functions of the file -> the same, with the results in the file's own order.

dx, dw, db = affine_backward(da, cache)     ->     dw, dx, db = affine_backward(da, cache)

where the affine_backward of the file ends in `return dw, dx, db`. Which gradient is which, names have to tell.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.filling.stubs import Stub, forwards_of, functions_in, parameter_of
from flatgrad.frontend.pairs import is_cache

UNREAD = "_"
VIEWS = {"reshape", "view", "ravel", "transpose", "squeeze", "swapaxes", "t", "asarray"}


@dataclass(frozen=True)
class Layer:
    """A backward function of the file, and the parameters whose gradients it returns, in order."""

    name: str
    node: ast.FunctionDef
    order: Sequence[str] | None  # None: as flatgrad has it, since it is filled in
    why: str = ""  # what stands against calling it
    writes: bool = False  # into the cotangent that it is given


def layers_of(text: str, stubs: Sequence[Stub]) -> dict[str, Layer]:
    """The backward functions of a file by their names."""
    functions = dict(functions_in(ast.parse(text)))
    empty = {s.name: s for s in stubs}
    found = {}
    for name, node in functions.items():
        forward = next((f for f in forwards_of(name) if f in functions), None)
        if forward is not None and "backward" in name:
            params = [a.arg for a in functions[forward].args.args]
            found[name] = _layer(name, node, params, empty.get(name))
    return found


def _layer(
    name: str, node: ast.FunctionDef, params: Sequence[str], stub: Stub | None
) -> Layer:
    if stub is not None and stub.results is None:
        return Layer(name, node, None)
    takes = [a.arg for a in node.args.args]
    if len(takes) < 2 or any(map(is_cache, takes[:-1])):
        return Layer(name, node, (), "it does not take dout, cache")
    returned = {tuple(meanings(r.value, params)) for r in _returns(node)}
    if len(returned) != 1 or "" in (order := next(iter(returned))):
        return Layer(name, node, (), "which gradient is which, its return does not tell")  # fmt: skip
    written = _written(node)
    if written & _from_cache(node, takes[-1]):
        return Layer(name, node, (), "it writes into what lies in its cache")
    return Layer(name, node, order, writes=bool(written & {*takes[:-1]}))


def _written(node: ast.FunctionDef) -> set[str]:
    """The names that something is written into, and those whose array these may be: dx = dout."""
    found: set[str] = set()
    for inner in ast.walk(node):
        match inner:
            case ast.Subscript(value=value, ctx=ast.Store()) | ast.AugAssign(target=ast.Name() as value):  # fmt: skip
                found |= names_in(value)
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if method == "at" or method.endswith("_"):  # fmt: skip
                found |= names_in(value).union(*map(names_in, inner.args[:1]))
            case ast.Call(keywords=keywords):
                found |= set[str]().union(*(names_in(k.value) for k in keywords if k.arg == "out"))  # fmt: skip
            case _:
                pass
    while more := _shown(node, found) - found:
        found |= more
    return found


def _shown(node: ast.FunctionDef, names: set[str]) -> set[str]:
    """What is under another of these names, too: a name alone, a view of it, or a part."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign):
            targets = set[str]().union(*map(names_in, inner.targets))
            if targets & names:
                found |= {n for v in _views(inner.value) for n in names_in(v)}
    return found


def _views(value: ast.expr) -> Iterator[ast.expr]:
    match value:
        case ast.Name():
            yield value
        case ast.Tuple(elts=items):
            for item in items:
                yield from _views(item)
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in VIEWS:
            yield from _views(inner)
        case ast.Attribute(value=inner, attr="T") | ast.Subscript(value=inner):
            yield from _views(inner)
        case ast.IfExp(body=one, orelse=other):
            yield from _views(one)
            yield from _views(other)
        case _:
            return


def _from_cache(node: ast.FunctionDef, cache: str) -> set[str]:
    """The cache, and the names of what is taken out of it."""
    found = {cache}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign) and cache in {n for v in _views(inner.value) for n in names_in(v)}:  # fmt: skip
            found |= set[str]().union(*map(names_in, inner.targets))
    return found


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _returns(node: ast.FunctionDef) -> Iterator[ast.Return]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Return):
            yield inner


def meanings(value: ast.expr | None, params: Sequence[str]) -> Iterator[str]:
    """The parameter that each result is the gradient of; "" where that is not told."""
    match value:
        case ast.Tuple(elts=items):
            for item in items:
                yield from meanings(item, params)
        case ast.Name(id=name):
            yield parameter_of(name, params) or ""
        case _:
            yield params[0] if len(params) == 1 else ""


# --- calls ---------------------------------------------------------------------------------------------------------


def in_own_order(
    lines: Sequence[str],
    printed: Mapping[str, Sequence[str]],
    layers: Mapping[str, Layer],
) -> list[str]:
    """`printed`: of the functions that the lines call, what flatgrad's own version of each returns, in order."""
    found = [*lines]
    for node in ast.walk(ast.parse("\n".join(lines))):
        if (
            not isinstance(node, ast.Call)
            or (name := ast.unparse(node.func)) not in layers
        ):
            continue
        layer = layers[name]
        if layer.why:
            raise _refusal(layer)
        if layer.order is not None and [*layer.order] != [
            *printed.get(name, layer.order)
        ]:
            _reordered(found, node, printed[name], layer)
        if layer.writes:
            found = [_with_copy(line, name) for line in found]
    return found


def _with_copy(line: str, name: str) -> str:
    """relu_backward(dout.copy(), cache), where that function writes into dout."""
    copy = "clone" if "torch" in line else "copy"
    pattern = re.compile(rf"(?<![\w.])({re.escape(name)}\()([^\W\d]\w*)(?=, )")
    return (
        line if line.lstrip().startswith("#") else pattern.sub(rf"\1\2.{copy}()", line)
    )


def _reordered(
    lines: list[str], call: ast.Call, wanted: Sequence[str], layer: Layer
) -> None:
    """The line of the call is written again."""
    number = call.lineno - 1
    line = lines[number]
    match ast.parse(line.strip()).body if call.lineno == call.end_lineno else []:
        case [ast.Assign(targets=[target], value=ast.Call())] if target is not None:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
        case _:
            raise _refusal(layer, "its results are not in the order of the parameters")
    order = layer.order or ()
    told = dict(zip(wanted, map(ast.unparse, parts), strict=True))
    if any(told[w] != UNREAD for w in wanted if w not in order):
        raise _refusal(layer, "it does not return all gradients that are needed")
    margin = line[: len(line) - len(line.lstrip())]
    targets = ", ".join(told.get(p, UNREAD) for p in order)
    lines[number] = f"{margin}{targets} = {line.partition(' = ')[2]}"


def _refusal(layer: Layer, why: str = "") -> FlatgradError:
    node = layer.node
    place = Place(node.lineno, node.col_offset + 5, node.lineno, node.col_offset + 5 + len(node.name))  # fmt: skip
    what = f"{layer.name} cannot be called here: {why or layer.why}"
    step = "let it end in one line such as: return dx, dw, db"
    return FlatgradError(Diagnostic("FG801", what, step, place))


__all__ = ["Layer", "in_own_order", "layers_of", "meanings"]
