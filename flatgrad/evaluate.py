"""Block and inputs -> the value of everything in it: what a graph means, with NumPy and SciPy.

`runtime(op)` takes data by position and options by the rule's names, and never writes into its arguments.
"""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import numpy as np

from flatgrad.graph import Atom, Block, Eqn, Lit, Var
from flatgrad.namespaces import (
    ALGORITHMS,
    INFIX,
    arrange,
    home,
    lookup,
    meanings,
    spell,
)
from flatgrad.neural import OPERATIONS
from flatgrad.registry import RULES, Kind

Value = Any
# Operations that give a list or a tuple also where it holds one array.
SEQUENCES = {"split", "chunk", "meshgrid", "broadcast_arrays"}


def evaluate(block: Block, *inputs: Value) -> dict[Atom, Value]:
    """The value of every parameter, equation and result of `block`."""
    known: dict[Atom, Value] = dict(zip(block.params, inputs, strict=True))
    for eqn in block.eqns:
        result = _apply(eqn, known)
        several = len(eqn.outs) != 1 or eqn.op in SEQUENCES
        known.update(zip(eqn.outs, result if several else (result,), strict=True))
    return known | {out: _read(out, known) for out in block.outs}


def run(block: Block, *inputs: Value) -> list[Value]:
    """The results of `block`."""
    known = evaluate(block, *inputs)
    return [known[out] for out in block.outs]


def _apply(eqn: Eqn, known: Mapping[Atom, Value]) -> Value:
    options = {k: _read(v, known) for k, v in eqn.attrs.items()}
    return runtime(eqn.op)(*(_read(a, known) for a in eqn.args), **options)


def _read(value: Any, known: Mapping[Atom, Value]) -> Value:
    match value:
        case Lit(value=constant):
            return constant
        case Var():
            return known[value]
        case _:
            return value


@cache
def runtime(op: str) -> Callable[..., Value]:
    """The function that computes `op`; KeyError if there is none."""
    if op in _OWN:
        return _OWN[op]
    if op in OPERATIONS:
        return cast("Callable[..., Value]", OPERATIONS[op])
    if op in RULES and RULES[op].kind is Kind.COMPOSED:
        return RULES[op].formula
    if op in INFIX or op in ("neg", "pos", "invert"):
        return _operator(op)
    if op.startswith("random_"):
        return _named("numpy.random", spell(op, "numpy.random") or op)
    if function := _helper(op):
        return function
    for namespace in (
        "numpy",
        "numpy.linalg",
        "numpy.lib.stride_tricks",
        "scipy.special",
        "scipy.linalg",
        "numpy.fft",
        "scipy.fft",
        *ALGORITHMS,
        "math",
        "builtins",
        *home(op),
    ):
        name = spell(op, namespace)
        if name is not None:
            return _arranged(op, namespace, name)
    raise KeyError(f"nothing computes {op}")


def _operator(op: str) -> Callable[..., Value]:
    name = {"bitand": "and_", "bitor": "or_", "bitxor": "xor"}.get(op, op)
    function: Callable[..., Value] = getattr(operator, name)
    return function


def _named(namespace: str, name: str) -> Callable[..., Value]:
    module, path = namespace, name
    if namespace.startswith("scipy.stats."):  # a distribution is no module
        module, path = "scipy.stats", f"{namespace.rpartition('.')[2]}.{name}"
    function: Callable[..., Value] = operator.attrgetter(path)(
        importlib.import_module(module)
    )
    return function


def _arranged(op: str, namespace: str, name: str) -> Callable[..., Value]:
    """Take data in the rule's order and options under the rule's names."""
    function, first = _named(namespace, name), lookup(namespace, name)
    spelling = next(s for s in meanings(first) if s.op == op) if first else None
    if spelling is None or spelling.fold:
        return function

    def call(*data: Value, **options: Value) -> Value:
        positional, keywords = arrange(spelling, data, options)
        return function(*positional, **keywords)

    return call


def _helper(op: str) -> Callable[..., Value] | None:
    """A function that emitted modules define for themselves: the same text is run here."""
    from flatgrad.emit.helpers import HELPERS, with_needed

    if op not in HELPERS:
        return None
    module: dict[str, Any] = {"np": np}
    for name in with_needed([op]):
        exec(HELPERS[name], module)
    function: Callable[..., Value] = module[op]
    return function


def _setitem(x: Value, index: Value, value: Value, repeats: bool = True) -> Value:
    x = np.array(x)
    x[index] = value
    return x


def _index_add(x: Value, index: Value, value: Value, repeats: bool = True) -> Value:
    x = np.array(x)
    np.add.at(x, index, value)
    return x


def _split(x: Value, indices_or_sections: Value, axis: int = 0) -> tuple[Value, ...]:
    return tuple(np.split(x, indices_or_sections, axis))


def _qr(a: Value, mode: str = "reduced") -> Value:
    result = np.linalg.qr(a, mode=mode)  # type: ignore[call-overload]
    return tuple(result) if mode != "r" else result


def _array(*elements: Value, **options: Value) -> Value:
    return np.array(elements, **options)


def _take_along_axis(x: Value, indices: Value, axis: Any = -1) -> Value:
    return np.take_along_axis(x, np.asarray(indices), axis)


def _clip(x: Value, low: Value = None, high: Value = None) -> Value:
    return np.clip(x, low, high)


def _fill(x: Value, value: Value) -> Value:
    return np.full_like(x, value)


def _average(x: Value, weights: Value = None, **options: Any) -> Value:
    return np.average(x, weights=weights, **options)


def _picked_log_softmax(
    x: Value, p: Value, index: Value, logarithm: bool = False
) -> Value:
    """`p`, made of `x`, is there for the derivative."""
    return _named("scipy.special", "log_softmax")(x, axis=1)[index]


def _softmax(x: Value, axis: Any = None) -> Value:
    return _named("scipy.special", "softmax")(x, axis=axis)


def _cho_factor(a: Value, lower: bool = False) -> Value:
    """Without what lies in the other triangle, which is left to chance."""
    c, _ = _named("scipy.linalg", "cho_factor")(a, lower=lower)
    return np.tril(c) if lower else np.triu(c), lower


def _cho_solve(c: Value, b: Value, lower: bool) -> Value:
    return _named("scipy.linalg", "cho_solve")((c, lower), b)


# What Python spells with syntax, what changes its argument in place, and what differs from NumPy's own form.
_OWN: dict[str, Callable[..., Value]] = {
    "getitem": operator.getitem,
    "setitem": _setitem,
    "index_add": _index_add,
    "fill": _fill,
    "tuple": lambda *items, list=False: [*items] if list else items,
    "list": lambda *items: list(items),
    "slice": slice,
    "item": lambda x, args=None: np.asarray(x).item(*(() if args is None else (args,))),
    "average": _average,
    "picked_log_softmax": _picked_log_softmax,
    "is_ndarray": lambda new, old: isinstance(new, np.ndarray)
    and new.shape == np.shape(old),
    "not": operator.not_,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "is": operator.is_,
    "is_not": operator.is_not,
    "ifelse": lambda c, a, b: a if c else b,
    "stop_gradient": lambda x: x,
    "alias": lambda x: x,
    "constant_array": lambda x, **options: np.array(x, **options),
    "copy": lambda x, dtype=None, order=None: np.array(x, dtype=dtype),
    "range": range,
    "array": _array,
    "block": lambda *arrays: np.block(list(arrays)),
    "concatenate": lambda *arrays, **options: np.concatenate(arrays, **options),
    "stack": lambda *arrays, **options: np.stack(arrays, **options),
    "vstack": lambda *arrays: np.vstack(arrays),
    "hstack": lambda *arrays: np.hstack(arrays),
    "dstack": lambda *arrays: np.dstack(arrays),
    "column_stack": lambda *arrays: np.column_stack(arrays),
    "split": _split,
    "einsum": lambda *operands, subscripts: np.einsum(subscripts, *operands),
    "matrix_transpose": lambda x: np.swapaxes(x, -1, -2),
    "astype": lambda x, dtype, **options: np.asarray(x).astype(dtype, **options),
    "flatten": lambda x, order="C": np.array(x).ravel(order),
    "dtype": lambda x: np.asarray(x).dtype,
    "tolist": lambda x: np.asarray(x).tolist(),
    "root_of_squares": np.sqrt,
    "abs_squared": lambda x: np.abs(x) ** 2,
    "relu": lambda x: np.maximum(x, 0),
    "softmax": _softmax,
    "clip": _clip,
    "log_base": lambda x, base: np.log(x) / np.log(base),
    "take_along_axis": _take_along_axis,
    "qr": _qr,
    "slogdet": lambda a: tuple(np.linalg.slogdet(a)),
    "eigh": lambda a, **options: tuple(np.linalg.eigh(a, **options)),
    "scipy_qr": lambda a, **options: tuple(_named("scipy.linalg", "qr")(a, **options)),
    "cho_factor": _cho_factor,
    "lu_solve": lambda lu, piv, b, **options: _named("scipy.linalg", "lu_solve")(
        (lu, np.asarray(piv)), b, **options
    ),
    "cho_solve": _cho_solve,
    "solve_banded": lambda ab, b, l, u: _named("scipy.linalg", "solve_banded")(
        (l, u), ab, b
    ),
    "solve_toeplitz": lambda c, r, b: _named("scipy.linalg", "solve_toeplitz")(
        (c, r), b
    ),
    "block_diag": lambda *arrays: _named("scipy.linalg", "block_diag")(*arrays),
    "shape": np.shape,
    "float": lambda x: x if isinstance(x, complex) else np.asarray(x, float)[()],
    "pearsonr": lambda x, y: tuple(_named("scipy.stats", "pearsonr")(x, y)),
    "expm_frechet": lambda a, e, **_: _named("scipy.linalg", "expm_frechet")(
        a, e, compute_expm=False
    ),
}
