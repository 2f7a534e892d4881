"""Calls that write into an array -> stores: out=, np.add.at, np.copyto, .fill(), .sort() and the like.

A call that is not read here, or not with these arguments, is left to effects.py: its array holds something unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import arguments, assignments, effects, expressions, library
from flatgrad.frontend.scope import Arguments, Path, Refusal, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.namespaces import lookup
from flatgrad.types import same_shape

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

Given = dict[str, Any]
Store = Callable[["Lowering", Var, Given], "Atom | None"]


# --- what each call stores -----------------------------------------------------------------------------------------


def _add_at(low: Lowering, array: Var, given: Given) -> Atom | None:
    return _indexed(low, array, given, "add")


def _subtract_at(low: Lowering, array: Var, given: Given) -> Atom | None:
    return _indexed(low, array, given, "sub")


def _indexed(low: Lowering, array: Var, given: Given, op: str) -> Atom | None:
    index, amount = _atom(low, given["indices"]), _atom(low, given["b"])
    low.build.dialect = ""
    amount = low.emit("neg", amount) if op == "sub" else amount
    return low.emit("index_add", array, index, amount, repeats=True)


def _scale_at(low: Lowering, array: Var, given: Given, op: str) -> Atom | None:
    index = _atom(low, given["indices"])
    if assignments.may_meet(low, index):
        return None
    amount = _atom(low, given["b"])
    low.build.dialect = ""
    part = low.emit("getitem", array, index)
    return low.emit("setitem", array, index, low.emit(op, part, amount), repeats=False)


def _fill(low: Lowering, array: Var, given: Given) -> Atom | None:
    return low.emit("setitem", array, Lit(...), _atom(low, given["value"]))


def _copyto(low: Lowering, array: Var, given: Given) -> Atom | None:
    value = _atom(low, given["src"])
    low.build.dialect = ""
    if "where" not in given:
        return low.emit("setitem", array, Lit(...), value)
    return _masked(low, array, _atom(low, given["where"]), value)


def _putmask(low: Lowering, array: Var, given: Given) -> Atom | None:
    value = _atom(low, given["values"])
    if not value.type.shape.is_scalar and not same_shape(
        value.type.shape, array.type.shape
    ):
        return None
    return _masked(low, array, _atom(low, given["mask"]), value)


def _place(low: Lowering, array: Var, given: Given) -> Atom | None:
    value = _atom(low, given["vals"])
    return (
        _masked(low, array, _atom(low, given["mask"]), value)
        if value.type.shape.is_scalar
        else None
    )


def _masked(low: Lowering, array: Var, mask: Atom, value: Atom) -> Atom:
    low.build.dialect = "numpy"
    return low.emit("setitem", array, Lit(...), low.emit("where", mask, value, array))


def _put(low: Lowering, array: Var, given: Given) -> Atom | None:
    index, value = _atom(low, given["ind"]), _atom(low, given["v"])
    low.build.dialect = ""
    flat = low.emit("reshape", array, Lit(-1))
    shape = low.emit("shape", array)
    stored = low.emit("setitem", flat, index, value, **assignments.apart(low, index))
    return low.emit("reshape", stored, shape)


def _fill_diagonal(low: Lowering, array: Var, given: Given) -> Atom | None:
    dims = array.type.shape.dims
    if dims is None or len(dims) != 2:
        return None
    low.build.dialect = ""
    shape = low.emit("shape", array)
    lengths = [low.emit("getitem", shape, Lit(i)) for i in range(2)]
    count = lengths[0]
    if dims[0].root() != dims[1].root():
        low.build.dialect = "builtins"
        count = low.emit("minimum", *lengths)
    low.build.dialect = "numpy"
    places = low.emit("arange", count)
    low.build.dialect = ""
    index = low.emit("tuple", places, places)
    return low.emit("setitem", array, index, _atom(low, given["val"]), repeats=False)


def _sort(low: Lowering, array: Var, given: Given) -> Atom | None:
    axis = given.get("axis", Lit(-1))
    if not isinstance(axis, Lit):
        return None
    low.build.dialect = "numpy"
    ordered = low.emit(
        "sort", array, **({} if axis == Lit(-1) else {"axis": axis.value})
    )
    return low.emit("setitem", array, Lit(...), ordered)


def _partition(low: Lowering, array: Var, given: Given) -> Atom | None:
    axis = given.get("axis", Lit(-1))
    if not isinstance(axis, Lit) or "kth" not in given:
        return None
    kth = _atom(low, given["kth"])
    low.build.dialect = "numpy"
    options = {} if axis == Lit(-1) else {"axis": axis.value}
    return low.emit("setitem", array, Lit(...), low.emit("partition", array, kth, **options))  # fmt: skip


def _put_along_axis(low: Lowering, array: Var, given: Given) -> Atom | None:
    axis, dims = given.get("axis"), array.type.shape.dims
    if dims is None or not isinstance(axis, Lit) or not isinstance(axis.value, int):
        return None
    places = _atom(low, given["indices"])
    low.build.dialect = ""
    shape = low.emit("shape", array)
    parts: list[Atom] = []
    for i in range(len(dims)):
        if i == axis.value % len(dims):
            parts.append(places)
            continue
        low.build.dialect = "numpy"
        counted = low.emit("arange", low.emit("getitem", shape, Lit(i)))
        layout = tuple(-1 if j == i else 1 for j in range(len(dims)))
        parts.append(low.emit("reshape", counted, Lit(layout)))
    low.build.dialect = ""
    index = low.emit("tuple", *parts)
    ones = places.type.shape.dims
    single = ones is not None and len(ones) == len(dims) and ones[axis.value].known == 1
    known = {"repeats": False} if single or _is_order(low, places) else {}
    return low.emit("setitem", array, index, _atom(low, given["values"]), **known)


def _is_order(low: Lowering, places: Atom) -> bool:
    """An order of all places, along whichever axis."""
    made = low.storages.indices.get(places) if isinstance(places, Var) else None
    return made is not None and made.op == "argsort"


FUNCTIONS: dict[str, tuple[tuple[str, ...], Store]] = {
    "numpy.add.at": (("a", "indices", "b"), _add_at),
    "numpy.subtract.at": (("a", "indices", "b"), _subtract_at),
    "numpy.multiply.at": (
        ("a", "indices", "b"),
        lambda low, a, given: _scale_at(low, a, given, "mul"),
    ),
    "numpy.divide.at": (
        ("a", "indices", "b"),
        lambda low, a, given: _scale_at(low, a, given, "truediv"),
    ),
    "numpy.copyto": (("dst", "src", "casting", "where"), _copyto),
    "numpy.putmask": (("a", "mask", "values"), _putmask),
    "numpy.place": (("arr", "mask", "vals"), _place),
    "numpy.put": (("a", "ind", "v", "mode"), _put),
    "numpy.fill_diagonal": (("a", "val", "wrap"), _fill_diagonal),
    "numpy.put_along_axis": (("arr", "indices", "values", "axis"), _put_along_axis),
}
METHODS: dict[str, tuple[tuple[str, ...], Store]] = {
    "fill": (("value",), _fill),
    "sort": (("axis", "kind", "order"), _sort),
    "partition": (("kth", "axis", "kind", "order"), _partition),
    "put": (
        ("indices", "values", "mode"),
        lambda low, a, g: _put(low, a, {"ind": g["indices"], "v": g["values"]}),
    ),
}
UNREAD = {"casting", "mode", "wrap", "order"}


def in_place(low: Lowering, node: cst.Call, function: Any) -> bool:
    """The call as a write into an array; False where it is no such write."""
    if low.module.library == "torch" and (written := _underscored(function)):
        return _into_tensor(low, node, *written)
    found = _store_of(function, node)
    if found is None or low.module.library == "jax.numpy":
        return False
    target, (names, store), arguments = found
    given = _given(names, arguments)
    array = low.expression(target) if given is not None else None
    if (
        given is None
        or UNREAD & {*given}
        or not isinstance(array, Var)
        or array.type.shape.is_scalar
        or array.type.kind in ("list", "dict", "tree", "tuple")
    ):
        return False
    values = {name: low.expression(value) for name, value in given.items()}
    if any(
        isinstance(a, Var) and assignments.drops_fractions(array, a)
        for a in values.values()
    ):
        return False
    new = store(low, array, values)
    if not isinstance(new, Var):
        return False
    _write(low, target, array, new)
    return True


# --- x.add_(v) ---------------------------------------------------------------------------------------------------

# What changes the arrangement, and draws that are not those of a function.
NO_STORES = {
    "t", "transpose", "unsqueeze", "squeeze", "requires_grad", "detach", "resize", "as_strided", "swapaxes", "swapdims",
    "normal", "uniform", "random", "bernoulli", "exponential", "set", "share_memory",
}  # fmt: skip


def _underscored(function: Any) -> tuple[Var, str] | None:
    """The tensor and `add` of x.add_"""
    match function:
        case (Var() as array, str() as name) if name[-1:] == "_" and name[-2:] != "__":
            return array, name[:-1]
        case _:
            return None


def _into_tensor(low: Lowering, node: cst.Call, array: Var, name: str) -> bool:
    """A method of torch that ends with _ stores what the one without gives."""
    if name in NO_STORES or not isinstance(node.func, cst.Attribute):
        return False
    if array.type.shape.is_scalar or array.type.kind in ("list", "dict", "tree", "tuple"):  # fmt: skip
        return False
    target = node.func.value
    given = arguments.read(low, node, takes_tuple=False)
    if given.rest is not None or given.named is not None:
        return False
    value = _stored_value(low, node, array, name, given)
    if not isinstance(value, Var | Lit) or assignments.drops_fractions(array, value):
        return False
    made = low.build.eqns[-1:]
    new = value
    fresh = isinstance(value, Var) and not value.name and made and made[0].outs == (value,)  # fmt: skip
    same = isinstance(value, Var) and same_shape(value.type.shape, array.type.shape)
    if not (fresh and same and isinstance(target, cst.Name)):
        low.build.dialect = ""
        new = low.emit("setitem", array, Lit(...), value)
    assert isinstance(new, Var)
    _write(low, target, array, new)
    return True


def _stored_value(
    low: Lowering, node: cst.Call, array: Var, name: str, given: Arguments
) -> Value | None:
    match name, given.positional:
        case "zero", []:
            return Lit(0.0)
        case "fill", [value]:
            return value
        case "copy", [value, *_]:
            return value
        case _:
            func = node.func.with_changes(attr=cst.Name(name))
            plain, start = node.with_changes(func=func), len(low.build.eqns)
            try:
                value = library.method(low, plain, array, name, given)
            except Refusal as why:
                raise Refusal(why.code, why.what, why.next_step, node) from None
            for i, eqn in enumerate(low.build.eqns[start:], start):
                if eqn.node is plain:  # which is no text of the user's
                    at = node if eqn.op == "opaque" else None
                    low.build.eqns[i] = replace(eqn, node=at)
            return value


def _write(low: Lowering, target: cst.BaseExpression, array: Var, new: Var) -> None:
    """A call gives a name what is written into its array; the name in its text stays what it is."""
    low.write(target, array, new)
    if isinstance(target, cst.Name):
        statement = low.build.statement
        assert statement is not None
        low.frame.bindings.pop(target, None)
        low.frame.writes[new] = (None, statement)


def _store_of(function: Any, node: cst.Call) -> Any:
    """The array that is written into, how, and by which other arguments."""
    if any(a.star for a in node.args):
        return None
    match function:
        case Path(path=path) if (
            path in FUNCTIONS and node.args and node.args[0].keyword is None
        ):
            names, store = FUNCTIONS[path]
            return node.args[0].value, (names[1:], store), node.args[1:]
        case (Var(), name) if name in METHODS:
            assert isinstance(node.func, cst.Attribute)
            return node.func.value, METHODS[name], node.args
        case _:
            return None


def _given(
    names: Sequence[str], arguments: Sequence[cst.Arg]
) -> dict[str, cst.BaseExpression] | None:
    found: dict[str, cst.BaseExpression] = {}
    for position, argument in enumerate(arguments):
        if argument.keyword is None and position >= len(names):
            return None
        found[
            argument.keyword.value if argument.keyword is not None else names[position]
        ] = argument.value
    return found


def _atom(low: Lowering, value: Value) -> Atom:
    here = low.here()
    assert here is not None
    return low.atom(value, here)


# --- x.at[i].set(v) -----------------------------------------------------------------------------------------------


def replaced(low: Lowering, node: cst.Call) -> Value | None:
    """jax's way to write: another array, with another part; None of other calls."""
    match node:
        case cst.Call(
            func=cst.Attribute(
                value=cst.Subscript(value=cst.Attribute(value=array, attr=cst.Name(value="at"))) as part,
                attr=cst.Name(value="set" | "add" as how),
            ),
            args=[cst.Arg(value=given, star="", keyword=None)],
        ) if low.module.library == "jax.numpy":  # fmt: skip
            pass
        case _:
            return None
    x = low.atom(low.expression(array), array)
    index, value = expressions.index(low, part), low.atom(low.expression(given), given)
    low.build.dialect = ""
    return low.emit({"set": "replaced", "add": "increased"}[how], x, index, value, node=node)  # fmt: skip


# --- out= ------------------------------------------------------------------------------------------------------------


def without_out(
    node: cst.Call, function: Any
) -> tuple[cst.Call, cst.BaseExpression] | None:
    """np.exp(x, out=y) as np.exp(x), and y."""
    if any(
        a.star or (a.keyword is not None and a.keyword.value == "where")
        for a in node.args
    ):
        return None
    at = [a for a in node.args if a.keyword is not None and a.keyword.value == "out"]
    if not at and isinstance(function, Path):
        known = effects.positional_out(node, function.path)
        at = [a for a in node.args if a.value in known]
    if len(at) != 1 or not _is_known(function):
        return None
    match at[0].value:
        case cst.Tuple(elements=[element]):
            target = element.value
        case target:
            pass
    if isinstance(target, cst.Name) and target.value == "None":
        return None
    return node.with_changes(args=[a for a in node.args if a is not at[0]]), target


def _is_known(function: Any) -> bool:
    match function:
        case Path(path=path):
            namespace, _, name = path.rpartition(".")
            known = namespace.startswith(("numpy", "torch"))
            return known and lookup(namespace, name) is not None
        case (Var(), name):
            return lookup("ndarray", name) is not None
        case _:
            return False


def into_out(
    low: Lowering, target: cst.BaseExpression, value: Value, node: cst.Call
) -> Value | None:
    """The array `target` holds the value of the call, which the call gives too."""
    array = low.expression(target)
    if (
        not isinstance(array, Var)
        or not isinstance(value, Var)
        or assignments.drops_fractions(array, value)
    ):
        return None
    fresh = (
        not value.name and low.build.eqns[-1:] and low.build.eqns[-1].outs == (value,)
    )
    new = value
    if (
        not fresh
        or not same_shape(value.type.shape, array.type.shape)
        or not isinstance(target, cst.Name)
    ):
        low.build.dialect = ""
        new = low.emit("setitem", array, Lit(...), value)
    _write(low, target, array, new)
    return new


__all__ = ["in_place", "into_out", "without_out"]
