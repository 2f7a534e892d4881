"""A call of the source -> which of its arguments it may write into, and what they hold afterwards."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.module import names_in, nodes_in
from flatgrad.frontend.scope import Callee, Path, Refusal, Struct, Value, atoms_in
from flatgrad.graph import Atom, Var
from flatgrad.namespaces import lookup

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

CHANGING_METHODS = {
    "sort", "fill", "append", "extend", "insert", "pop", "remove", "clear", "update", "reverse", "resize", "put",
    "partition", "setdefault", "popitem", "itemset", "setflags", "byteswap", "add", "discard", "appendleft", "popleft", "extendleft",
    "rotate", "intersection_update", "difference_update", "symmetric_difference_update", "move_to_end",
}  # fmt: skip
WRITING_FUNCTIONS = {
    "copyto", "put", "place", "putmask", "fill_diagonal", "shuffle", "at", "put_along_axis", "setattr", "exec", "eval",
    "next", "heappush", "iadd", "imul", "isub", "setitem",
}  # fmt: skip
OUTPUTS = ("out", "output")  # as numpy and scipy.ndimage call them
WRITING_METHODS = {"shuffle", "readinto", "readinto1", "recv_into"}  # rng.shuffle(x)
PURE_LIBRARIES = {
    "numpy", "scipy", "math", "cmath", "builtins", "warnings", "logging", "sys", "os", "time", "random", "itertools",
    "functools", "operator", "copy", "typing", "torch", "jax",
}  # fmt: skip


def effects(low: Lowering, node: cst.Call, function: Any, value: Value) -> None:
    """Whatever the call may write into holds something unknown afterwards."""
    functions = {
        a.value for a in node.args if isinstance(low.frame.values.get(a.value), Callee)
    }
    for written in _written(node, function, functions):
        before = low.frame.values.get(written)
        if isinstance(before, Struct) and any(
            isinstance(a, Var) for a in atoms_in(before)
        ):
            raise Refusal(
                "FG111", "a list may be changed in place", "make a new list", node
            )
        if isinstance(before, Var) and not before.type.shape.is_scalar:
            _spoil(low, node, written, before, value)


def _spoil(
    low: Lowering, node: cst.Call, written: Any, before: Var, value: Value
) -> None:
    if isinstance(written, cst.Name) and low.frame.env.get(written.value) is before:
        reads = [before, *atoms_in(value)]
        what = "a call that may change its argument is not read"
        low.write(written, before, low.opaque(what, reads, node, code="FG202")[0])
    else:
        low.spoil(before)


def _written(node: cst.Call, function: Any, functions: set[Any]) -> list[Any]:
    """The arguments that a call may write into: by out=, by its name, or since nothing is known of it."""
    found = [
        a.value
        for a in node.args
        if a.keyword is not None and a.keyword.value in OUTPUTS
    ]
    if any(
        isinstance(a.value, cst.Name | cst.Lambda) and a.value in functions
        for a in node.args
    ):
        return [a.value for a in node.args]
    match function:
        case Path(path=path):
            root, name = path.partition(".")[0], path.rpartition(".")[2]
            writes = name in WRITING_FUNCTIONS or (name[-1:] == "_" and root == "torch")
            if writes or root not in PURE_LIBRARIES:
                found += [a.value for a in node.args]
            else:
                found += positional_out(node, path)
        case (_, name):
            assert isinstance(node.func, cst.Attribute)
            if name in CHANGING_METHODS or name.startswith("__") or name.endswith("_"):
                found.append(node.func.value)
            if name in WRITING_METHODS:
                found += [a.value for a in node.args]
        case _:
            found += [a.value for a in node.args]
    return found


def positional_out(node: cst.Call, path: str) -> list[Any]:
    """np.maximum(x, y, c) writes into c."""
    namespace, _, name = path.rpartition(".")
    spelling = lookup(namespace, name)
    if spelling is None or spelling.variadic:
        return []
    at = next((i for i, p in enumerate(spelling.parameters) if p in OUTPUTS), None)
    if at is None:
        return []
    return [a.value for a in node.args[at:] if a.keyword is None]


def effects_within(low: Lowering, node: cst.CSTNode) -> None:
    """Whatever the calls in text that is only passed through may write into holds something unknown."""
    for inner in nodes_in(node):
        if isinstance(inner, cst.Call):
            functions = {a.value for a in inner.args if _is_function(low, a.value)}
            called = _textual_function(low, inner.func)
            for written in _written(inner, called, functions):
                _spoil_names(low, written)


def _spoil_names(low: Lowering, written: cst.CSTNode) -> None:
    for name in names_in(written):
        value = low.frame.env.get(name.value)
        if isinstance(value, Var) and not value.type.shape.is_scalar:
            low.spoil(value)


def _is_function(low: Lowering, node: cst.BaseExpression) -> bool:
    """A function that is handed on, so that whoever gets it may call it."""
    if isinstance(node, cst.Lambda):
        return True
    if not isinstance(node, cst.Name):
        return False
    return node.value in low.module.functions or isinstance(
        low.frame.env.get(node.value), Callee
    )


def _textual_function(low: Lowering, func: cst.BaseExpression) -> Any:
    """What a call calls, as far as its text says it."""
    text = low.module.code(func)
    root, _, rest = text.partition(".")
    if root in low.module.imports:
        return Path(".".join(filter(None, (low.module.imports[root].path, rest))))
    if isinstance(func, cst.Attribute):
        return None, func.attr.value
    return Path(f"builtins.{text}") if hasattr(builtins, text) else None


def spoil_all(low: Lowering, values: Sequence[Atom]) -> None:
    """Any of these arrays may have been written into."""
    assert low.build.statement is not None
    low.note()
    for value in values:
        if isinstance(value, Var):
            low.storages.spoil(value, low.build.statement)
