"""Printed lines that call backward functions of the file -> the same, with the results in the file's own order.

dx, dw, db = affine_backward(da, cache)     ->     dw, dx, db = affine_backward(da, cache)

where the affine_backward of the file ends in `return dw, dx, db`. Which gradient is which, names have to tell.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.filling.stubs import Stub, forwards_of, functions_in, parameter_of
from flatgrad.frontend.pairs import is_cache

UNREAD = "_"


@dataclass(frozen=True)
class Layer:
    """A backward function of the file, and the parameters whose gradients it returns, in order."""

    name: str
    node: ast.FunctionDef
    order: Sequence[str] | None  # None: as flatgrad has it, since it is filled in
    why: str = ""  # what stands against calling it


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
    return Layer(name, node, order)


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
    return found


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
