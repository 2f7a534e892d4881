"""Equations -> what is taken for granted of parameters where nothing is said, and which of them are labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flatgrad.graph import Atom, Block, Eqn, Var, all_equations
from flatgrad.types import Dim, Shape, join, scalar

LOSS = re.compile(r"(?i)(?:\b|_)(?:loss|cost|objective|penalty|likelihood)(?:\b|_)")
ONE_MATRIX = {
    "cholesky", "eigh", "eigvalsh", "inv", "det", "slogdet", "solve", "svd", "qr", "pinv", "matrix_power", "lstsq",
    "expm", "logm", "sqrtm", "sinm", "cosm", "tanm", "sinhm", "coshm", "tanhm", "fractional_matrix_power",
    "solve_sylvester", "solve_continuous_lyapunov", "solve_discrete_lyapunov", "solve_continuous_are",
    "solve_discrete_are", "scipy_cholesky", "cho_factor", "lu", "lu_factor", "scipy_eigh", "generalized_eigh",
    "scipy_eigvalsh", "generalized_eigvalsh", "scipy_qr", "rq", "polar", "solve_assuming", "cho_solve", "lu_solve",
}  # fmt: skip
UNIFORM = {"random_rand", "random_random", "random_uniform"}
COMPARISONS = {"lt", "gt", "le", "ge"}
NUMBERS = {"det", "slogdet"}
BROADCASTING = {"add", "sub", "mul", "truediv", "pow"}
REDUCING = {
    "sum", "mean", "max", "min", "prod", "norm", "dot", "matmul", "inner", "trace", "det", "logsumexp", "var", "std",
}  # fmt: skip
PLUMBING = {
    "tuple", "slice", "reshape", "ravel", "copy", "alias", "astype", "getitem", "invert", "asarray", "transpose",
}  # fmt: skip
ARITHMETIC = {"add", "sub", "mul", "floordiv", "mod", "neg"}  # of indices and counts
SEVERAL = {"tuple", "slice", *ARITHMETIC}  # made of all of their arguments
UNDIFFERENTIATED = ("int", "bool", "str", "other", "none", "settings", "dtype")


def is_loss(text: str) -> bool:
    """A function whose name or docstring speaks of a loss computes one number."""
    return LOSS.search(text) is not None


def assume(
    eqns: Sequence[Eqn], params: Sequence[Var], *, loss: bool, stacks: bool
) -> bool:
    """What is taken for granted where nothing is said (docs/decisions/shapes.md); True if anything was.

    A matrix given to numpy.linalg is one matrix, where `stacks` are not thought of or something speaks for it.
    """
    assumed = matrices_or_stacks(eqns)
    if stacks:
        assumed = [a for a in assumed if _is_one_matrix(a, eqns, loss)]
    assumed += _of_own_transposes(eqns)
    for array in assumed:
        if array.type.rank is None:
            join(array.type.shape, Shape((Dim(), Dim())))
    numbers = loss and _weights_are_numbers(eqns, params)
    compared = _chances_are_numbers([*all_equations(eqns)])
    return bool(assumed) or numbers or compared


def matrices_or_stacks(eqns: Iterable[Eqn]) -> list[Atom]:
    """What is given to numpy.linalg and may be one matrix or a stack of them."""
    found = (e.args[0] for e in eqns if e.op in ONE_MATRIX and e.args)
    return [a for a in found if a.type.rank is None]


def numbers_of_stacks(eqns: Iterable[Eqn]) -> bool:
    """Something may be a determinant, or one for each matrix of a stack: broadcasting would not stop at it."""
    return any(e.op in NUMBERS and e.args[0].type.rank is None for e in eqns)


def _is_one_matrix(array: Atom, eqns: Sequence[Eqn], loss: bool) -> bool:
    """Something of its shape is used as nobody would use a stack, whose last axes are those of the matrices."""
    own = array.type.shape.root()
    read = [e for e in eqns if any(a.type.shape.root() is own for a in e.args)]
    first = (e for e in read if e.args[0].type.shape.root() is own)
    numbers = {e.args[0] for e in eqns if e.op in ("float", "item")}
    said = any(_is_said_of_one(e, loss or e.outs[0] in numbers) for e in first)
    return said or any(_is_of_a_vector(eqn) for eqn in read)


def _is_of_a_vector(eqn: Eqn) -> bool:
    """a @ x"""
    product = eqn.op in ("matmul", "dot")
    return product and any(arg.type.rank == 1 for arg in eqn.args)


def _is_said_of_one(eqn: Eqn, number: bool) -> bool:
    """a.T, np.diag(a), np.trace(a); or a determinant that is one number, as all are in a loss."""
    match eqn.op:
        case "transpose":
            return _is_turned(eqn)
        case "trace":
            return not eqn.attrs
        case op:
            return op == "diag" or (number and op in NUMBERS)


def _of_own_transposes(eqns: Sequence[Eqn]) -> list[Atom]:
    """x where x.T @ x, or x @ x.T, is given to numpy.linalg: neither a vector nor a stack."""
    given = {*matrices_or_stacks(eqns)}
    turned: dict[Atom, Atom] = {e.out: e.args[0] for e in eqns if _is_turned(e)}
    products = (e.args for e in eqns if e.op in ("matmul", "dot") and e.out in given)
    pairs = (pair for a, b in products for pair in ((a, b), (b, a)))
    return [x for t, x in pairs if turned.get(t) is x and x.type.rank is None]


def _is_turned(eqn: Eqn) -> bool:
    return eqn.op == "transpose" and eqn.attrs.get("axes") is None


def _chances_are_numbers(eqns: Sequence[Eqn]) -> bool:
    """What random numbers are compared with, as in rand(*x.shape) < p, is a number."""
    asked = [chance for chance in _chances(eqns) if chance.type.rank is None]
    for chance in asked:
        join(chance.type.shape, scalar())
    return bool(asked)


def chances(block: Block) -> list[Var]:
    """The values that random numbers are compared with."""
    return _chances([*all_equations(block.eqns)])


def _chances(eqns: Sequence[Eqn]) -> list[Var]:
    drawn = {e.out for e in eqns if e.op in UNIFORM}
    return [
        a
        for e in eqns
        if e.op in COMPARISONS and not drawn.isdisjoint(e.args)
        for a in e.args
        if isinstance(a, Var) and a not in drawn
    ]


def _weights_are_numbers(eqns: Sequence[Eqn], params: Sequence[Var]) -> bool:
    """In a loss, a parameter that only scales sums over arrays which are then added up is a number."""
    reduced = reduced_scalars(eqns)
    added = _added_to(eqns, reduced)
    met: dict[Atom, list[bool]] = {p: [] for p in params if p.type.rank is None}
    for eqn in eqns:
        for position, arg in enumerate(eqn.args):
            if arg in met:
                others = eqn.args[:position] + eqn.args[position + 1 :]
                scales = eqn.op in BROADCASTING and bool(others)
                among = all(a in reduced for a in others)
                met[arg].append(scales and among and not added.isdisjoint(eqn.outs))
    weights = [param for param, only in met.items() if only and all(only)]
    for weight in weights:
        join(weight.type.shape, scalar())
    return bool(weights)


def _added_to(eqns: Iterable[Eqn], values: set[Atom]) -> set[Atom]:
    """The terms of every sum that has one of `values` among its terms."""
    sums = (e for e in eqns if e.op in ("add", "sub"))
    return {term for e in sums if not values.isdisjoint(e.args) for term in e.args}


def reduced_scalars(eqns: Iterable[Eqn]) -> set[Atom]:
    """Scalars that sum up arrays, and what is computed of such alone: losses and penalties."""
    found: set[Atom] = set()
    for eqn in eqns:
        if len(eqn.outs) != 1 or not eqn.out.type.shape.is_scalar:
            continue
        if eqn.op in REDUCING or any(a in found for a in eqn.args):
            found.add(eqn.out)
    return found


def labels(block: Block) -> set[Var]:
    """Parameters that carry no gradient: they index, count or name."""
    params = set(block.params)
    every = list(all_equations(block.eqns))
    made = {out: eqn for eqn in every for out in eqn.outs}
    whole: set[Var] = set()
    for eqn in every:
        for used in _used_as_integers(eqn):
            whole |= _sources(used, made)
    found = {p for p in params if p.type.kind in UNDIFFERENTIATED and p not in whole}
    found |= {p for p in whole & params if _is_label(p, every, whole)}
    found |= {p for p in params if _is_compared_only(p, every)}
    return found | {p for p in params if _is_asked_only(p, every, whole)}


def _is_compared_only(param: Var, eqns: Sequence[Eqn]) -> bool:
    """x == missing: a mark, not a quantity."""
    readers = [eqn for eqn in eqns if param in eqn.reads()]
    inside = any(param in block.outs for eqn in eqns for block in eqn.blocks)
    return bool(readers) and not inside and all(e.op in ("eq", "ne") for e in readers)


def _is_label(param: Var, eqns: Sequence[Eqn], whole: set[Var]) -> bool:
    """A dict of settings is one if all that is taken out of it counts, indexes or names."""
    return all(
        out in whole or out.type.kind in ("int", "str", "bool")
        for eqn in eqns
        if _takes_item(eqn, param)
        for out in eqn.outs
    )


def _is_asked_only(param: Var, eqns: Sequence[Eqn], whole: set[Var]) -> bool:
    """settings.get("eps", 1e-5) and the like: a dict that holds no array."""
    readers = [e for e in eqns if param in e.args and not _hands_on(e, param)]
    if not readers:
        return any(param in eqn.args for eqn in eqns)
    asked = [eqn for eqn in readers if eqn.op == "opaque"]
    others = [eqn for eqn in readers if eqn.op != "opaque"]
    return (
        param.type.kind == "dict"
        and bool(asked)
        and all(_takes_item(eqn, param) or _puts_item(eqn, param) for eqn in others)
        and _is_label(param, others, whole)
    )


def _hands_on(eqn: Eqn, param: Var) -> bool:
    """It is given to a helper for which it is such a dict."""
    function = eqn.attrs["pair"].function if eqn.op == "call" else None
    return function is not None and all(
        inner in function.labels
        for inner, given in zip(function.block.params, eqn.args, strict=False)
        if given is param
    )


def _takes_item(eqn: Eqn, param: Var) -> bool:
    return (
        eqn.op == "getitem" and eqn.args[0] is param and eqn.args[1].type.kind == "str"
    )


def _puts_item(eqn: Eqn, param: Var) -> bool:
    """settings["running_mean"] = ...: what comes next time is asked for, too."""
    return (
        eqn.op == "setitem" and eqn.args[0] is param and eqn.args[1].type.kind == "str"
    )


def _used_as_integers(eqn: Eqn) -> Iterator[Atom]:
    match eqn.op:
        case "getitem" | "setitem" | "index_add" | "take":
            yield eqn.args[1]
        case "arange" | "zeros" | "ones" | "eye" | "empty" | "full":
            yield from eqn.args[:1] if eqn.args else ()
        case "reshape" | "broadcast_to" | "tile" | "repeat" | "pad":
            yield from eqn.args[1:2]
        case "range":
            yield from eqn.args
        case _:
            pass


def _sources(value: Atom, made: Mapping[Var, Eqn]) -> set[Var]:
    """The values that `value`, an index or a count, is made of."""
    found: set[Var] = set()
    stack = [value]
    while stack:
        current = stack.pop()
        if not isinstance(current, Var) or current in found:
            continue
        found.add(current)
        eqn = made.get(current)
        if eqn is not None and eqn.op in (PLUMBING | ARITHMETIC):
            stack.extend(eqn.args if eqn.op in SEVERAL else eqn.args[:1])
    return found
