"""A call of the source -> equations: by the tables, in place for functions of the file, as a write, or opaque."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import (
    activations,
    arguments,
    comprehensions,
    conditions,
    containers,
    effects,
    frozen,
    functions,
    iterators,
    library,
    listed,
    own_calls,
    settings,
    solvers,
    stores,
)
from flatgrad.frontend.branches import way
from flatgrad.frontend.scope import (
    Arguments,
    Callee,
    Choice,
    Path,
    Refusal,
    Value,
    atoms_in,
)
from flatgrad.namespaces import lookup

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering


TAKING_TUPLES = {
    "randn", "rand", "reshape", "transpose", "zeros", "ones", "empty", "max", "min", "view", "permute", "expand", "repeat",
    "new_zeros", "new_ones",
}  # fmt: skip


def call(low: Lowering, node: cst.Call) -> Value:
    """What a call gives; whatever it may write into holds something unknown afterwards."""
    if (parts := frozen.method(low, node)) is not None:
        return _of_frozen(low, node, *parts)
    if (replaced := stores.replaced(low, node)) is not None:
        return replaced
    function = _function(low, node.func)
    if isinstance(function, Choice):
        return _of_either(low, node, function)
    if (found := stores.without_out(node, function)) is not None:
        given = _arguments(low, found[0], function)
        value = _value(low, found[0], function, given)
        written = stores.into_out(low, found[1], value, node)
        if written is not None:
            return written
    if (summed := comprehensions.summed(low, node, function)) is not None:
        return summed
    if (
        function == Path("builtins.zip")
        and (rows := listed.unzip(low, node)) is not None
    ):
        return rows
    if (items := comprehensions.gone_through(low, node, function)) is not None:
        return items
    given = _arguments(low, node, function)
    if not isinstance(function, Callee):
        for arg in node.args:
            iterators.taken(low, arg.value)
    if (asked := settings.called(low, node, function, given)) is not None:
        return asked
    if (called := containers.called(low, node, function, given)) is not None:
        return called
    if (made := functions.called(low, node, function, given)) is not None:
        return made
    if (solved := solvers.called(low, node, function, given)) is not None:
        return solved
    value = _value(low, node, function, given)
    known = own_calls.operation(low, function) is not None
    if not isinstance(function, Callee) and not known:
        effects.effects(low, node, function, value)
    return value


def _of_frozen(
    low: Lowering, node: cst.Call, function: Path, distribution: cst.Call
) -> Value:
    """The method's own arguments come first, then the parameters."""
    own, parameters = (_arguments(low, n, function) for n in (node, distribution))
    given = Arguments(
        [*own.positional, *parameters.positional],
        {**own.keywords, **parameters.keywords},
    )
    return library.function(low, node, function.path, given)


def _of_either(low: Lowering, node: cst.Call, choice: Choice) -> Value:
    """What the one function or the other gives."""
    if stores.without_out(node, choice.then) is not None:
        what = "a call of a function that a branch has chosen writes into an array"
        raise Refusal("FG120", what, "call each function in its branch", node)
    given = _arguments(low, node, choice.then)

    def read(function: Path) -> Value:
        value = _value(low, node, function, given)
        if own_calls.operation(low, function) is None:
            effects.effects(low, node, function, value)
        return value

    one, other = (way(low, partial(read, f)) for f in (choice.then, choice.other))
    return conditions.chosen(low, choice.test, node, one, other)


def _value(low: Lowering, node: cst.Call, function: Any, given: Arguments) -> Value:
    match function:
        case Callee():
            return activations.activate(low, node, function, given)
        case Path(path=path):
            return library.function(low, node, path, given)
        case (receiver, name):
            return library.method(low, node, receiver, name, given)
        case _:
            what = "a call of a value is not read"
            reads = [*atoms_in(function), *given.atoms]
            return low.opaque(what, reads, node, code="FG108")[0]


def _function(low: Lowering, func: cst.BaseExpression) -> Any:
    """A helper, an importable path, or the receiver and name of a method."""
    if isinstance(func, cst.Attribute):
        base = low.expression(func.value)
        if isinstance(base, Path):
            return Path(f"{base.path}.{func.attr.value}")
        return base, func.attr.value
    return low.expression(func)


def _takes_tuple(function: Any) -> bool:
    """One starred tuple may stand for its elements: they are a shape, or nothing is read of the call."""
    match function:
        case Callee():
            return False
        case Path(path=path):
            namespace, _, name = path.rpartition(".")
        case (_, str() as name):
            namespace = "ndarray" if lookup("ndarray", name) else "torch"
        case _:
            return True
    return name in TAKING_TUPLES or lookup(namespace, name) is None


def _arguments(low: Lowering, node: cst.Call, function: Any) -> Arguments:
    """What the call gives; a function that is not of this file must be given each argument by itself."""
    own = own_calls.operation(low, function) is not None
    given = arguments.read(low, node, not own and _takes_tuple(function))
    unpacked = given.rest or given.named
    if unpacked is not None and not isinstance(function, Callee):
        what = "unpacking in a call is not read yet"
        raise Refusal("FG110", what, "write the arguments one by one", unpacked[0])
    return given


def in_place(low: Lowering, node: cst.Call) -> bool:
    """`np.add.at(a, i, v)` or `a.fill(v)` as a write into a; False where the call is no such write."""
    if not isinstance(node.func, cst.Attribute | cst.Name):
        return False
    return stores.in_place(low, node, _function(low, node.func))
