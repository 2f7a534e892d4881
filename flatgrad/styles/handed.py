"""A function that calls layers, the names of their caches -> values of its own that lie in these caches.

rnn_forward gives its Wx to rnn_step_forward at every step, which keeps it: `_, _, Wx, Wh, _ = cache[0]`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from flatgrad.frontend.module import Module


@dataclass(frozen=True)
class Handed:
    """The line that takes values out of the cache of a layer, and their names."""

    line: str
    names: frozenset[str]


def handed_on(module: Module, text: str, caches: Set[str]) -> list[Handed]:
    """For each call of a layer whose cache is one of `caches`, or is put into a list that is."""
    tree = ast.parse(text)
    bound = [
        n.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]
    found: list[Handed] = []
    for call, cache in _calls(tree):
        path = cache if cache in caches else _first_of_list(tree, cache, caches)
        kept = (
            _kept_parameters(module, call.func.id)
            if isinstance(call.func, ast.Name)
            else []
        )
        given = _given(module, call)
        names = [given.get(k, "") for k in kept]
        steady = [n if n not in bound and names.count(n) == 1 else "" for n in names]
        if path and any(steady):
            target = ", ".join(n or "_" for n in steady) + (
                "," if len(steady) == 1 else ""
            )
            found.append(Handed(f"{target} = {path}", frozenset(filter(None, steady))))
    return found


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """a, fc_cache = affine_forward(x, w, b)"""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Tuple(elts=[*_, ast.Name(id=cache)])],
                value=ast.Call() as call,
            ):
                yield call, cache
            case _:
                pass


def _first_of_list(tree: ast.AST, cache: str, lists: Set[str]) -> str:
    """cache[0], where a loop puts the caches of all its steps, and nothing else, into one list."""
    every = [*_appends(tree)]
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)]
    for listed, item in {pair for loop in loops for pair in _appends(loop)}:
        alone = [pair for pair in every if pair[0] == listed] == [(listed, item)]
        if alone and item == cache and listed in lists:
            return f"{listed}[0]"
    return ""


def _appends(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """caches.append(cache)"""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=listed), attr="append"),
                args=[item],
            ):
                yield listed, item.id if isinstance(item, ast.Name) else ""
            case _:
                pass


def _kept_parameters(module: Module, layer: str) -> list[str]:
    """What stands in the cache of the layer, item by item: its parameters, "" for anything else."""
    if layer not in module.functions:
        return []
    (function,) = ast.parse(module.code(module.functions[layer]).strip()).body
    assert isinstance(function, ast.FunctionDef)
    bound = {
        n.id
        for n in ast.walk(function)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    steady = {a.arg for a in function.args.args} - bound
    items = _items(function.body)
    return [i.id if isinstance(i, ast.Name) and i.id in steady else "" for i in items]


def _items(body: Sequence[ast.stmt]) -> list[ast.expr]:
    """The items of the tuple that is returned last, by its name or as it stands."""
    match body[-1]:
        case ast.Return(value=ast.Tuple(elts=[*_, ast.Tuple(elts=items)])):
            return items
        case ast.Return(value=ast.Tuple(elts=[*_, ast.Name(id=name)])):
            made = [
                node.value
                for node in body
                if isinstance(node, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
            ]
            match made:
                case [*_, ast.Tuple(elts=items)]:
                    return items
                case _:
                    return []
        case _:
            return []


def _given(module: Module, call: ast.Call) -> dict[str, str]:
    """The names that the call gives, by the parameters that take them."""
    if not isinstance(call.func, ast.Name) or call.func.id not in module.functions:
        return {}
    params = [p.name.value for p in module.functions[call.func.id].params.params]
    pairs = [
        *zip(params, call.args, strict=False),
        *((k.arg, k.value) for k in call.keywords),
    ]
    return {p: a.id for p, a in pairs if p and isinstance(a, ast.Name)}
