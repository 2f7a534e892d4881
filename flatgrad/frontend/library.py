"""A call of a library function or method -> equations, by the tables of namespaces.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

import flatgrad.rules  # noqa: F401  (registers the rules that the tables refer to)
from flatgrad.foreign import FOREIGN, NO_RULE, is_foreign
from flatgrad.frontend import (
    listed,
    masked,
    own_calls,
    several,
    tensor_layers,
    tensor_shapes,
    tensors,
)
from flatgrad.frontend.scope import Arguments, Path, Refusal, Struct, Value, atoms_in
from flatgrad.graph import Atom, Lit, Var
from flatgrad.namespaces import DEFAULTS, Bound, Spelling, bind, lookup
from flatgrad.registry import RULES, Kind
from flatgrad.types import join, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

HARMLESS_OPTIONS = {
    "casting", "subok", "optimize", "like", "stable", "kind", "device", "check_finite",
}  # fmt: skip
FLOATS = (
    "builtins.float", "numpy.float64", "numpy.double", "numpy.float_", "torch.float64", "torch.double",
)  # fmt: skip
KNOWN_FLOATS = {
    f"{library}.inf": float("inf") for library in ("math", "numpy", "torch")
}
SEEING = {f"builtins.{name}" for name in ("eval", "exec", "locals", "vars", "globals")}
TAKING_SHAPES = {
    "zeros", "ones", "empty", "full", "eye", "arange", "random_normal", "random_uniform", "random", "tri",
}  # fmt: skip
ARRAYS = ("numpy", "torch")
SECOND = ("where", "polygamma")  # x.where(c, y) is torch.where(c, x, y)
READERS = (tensor_layers, tensor_shapes)  # they register what they read of torch
SPLITS = {"split", "array_split", "hsplit", "vsplit", "dsplit"}
RESULTS = {
    "slogdet": 2, "eigh": 2, "eig": 2, "svd": 3, "qr": 2, "divmod": 2, "modf": 2, "frexp": 2, "lstsq": 4,
    "histogram": 2,
    "scipy_eigh": 2, "generalized_eigh": 2, "eigh_tridiagonal": 2, "scipy_qr": 2, "rq": 2, "polar": 2, "lu": 3,
    "orthogonal_procrustes": 2, "lu_factor": 2,
    "cho_factor": 2,
}  # fmt: skip
FEWER = {  # one result less with this option
    "scipy_eigh": {"eigvals_only": True}, "generalized_eigh": {"eigvals_only": True}, "lu": {"permute_l": True},
    "eigh_tridiagonal": {"eigvals_only": True},
}  # fmt: skip
RESULTS |= {
    "sici": 2,
    "shichi": 2,
    "fresnel": 2,
    "airy": 4,
    "itj0y0": 2,
    "iti0k0": 2,
    "ellipj": 4,
    "pearsonr": 2,
}
NAMES = {  # of results, in NumPy and in torch
    "slogdet": ("sign", "logabsdet"), "eigh": ("eigenvalues", "eigenvectors"), "qr": ("Q", "R"), "svd": ("U", "S", "Vh"),
}  # fmt: skip
OF_POINTS = {"dist", "dot"}  # what math has for more than numbers
AS_MANY = {"meshgrid", "broadcast_arrays"}  # results as arguments
UNKNOWN = object()
WRITE_WITH_OTHERS = "write it with operations that have one: docs/operations.md"
GIVE_ONE = (
    "give one with @flatgrad.rule, or mark the value constant with  # flatgrad: stop"
)


def function(low: Lowering, node: cst.Call, path: str, given: Arguments) -> Value:
    """What a call of the importable `path` gives."""
    if (own := own_calls.operation(low, Path(path))) is not None:
        return own_calls.call(low, node, own, given)
    namespace, _, name = path.rpartition(".")
    spelling = lookup(namespace, name)
    for option, value in DEFAULTS.get(path, {}).items():
        if len(given.positional) == 1:
            given.keywords.setdefault(option, Lit(value))
    if (library := namespace.partition(".")[0]) in ARRAYS:
        _refuse_mixture(low, node, library, given)
    if library == "torch":
        low.build.dialect = namespace
        if (found := tensors.call(low, node, name, given)) is not None:
            return found
    if path in ("builtins.tuple", "builtins.list") and len(given.positional) == 1:
        return _sequence(low, node, name, given)
    if path in FLOATS and _is_a_computed_text(given):
        what = f"{name}() of a text: what the text depends on is lost"
        raise Refusal("FG108", what, "use the number itself, not its text", node)
    if path in SEEING:
        seen = [v for frame in low._all_frames() for v in frame.env.values()]
        what = f"{name}() sees every variable, and what it does with them is not read"
        step = "write what it computes as an expression"
        reads = [*given.atoms, *(a for v in seen for a in atoms_in(v))]
        return low.opaque(what, reads, node, code="FG108", next_step=step)[0]
    if (made := several.function(low, node, path, given)) is not None:
        return made
    if spelling is None:
        return _unknown(low, node, path, given)
    return _apply(low, node, spelling, path, given, namespace)


def _refuse_mixture(
    low: Lowering, node: cst.Call, library: str, given: Arguments
) -> None:
    """A number may go to any library, an array to that of the function."""
    own = "torch" if low.module.library == "torch" else "numpy"
    if library == own or all(a.type.shape.is_scalar for a in given.atoms):
        return
    what = f"the function uses {library} beside {low.module.library}"
    raise Refusal("FG114", what, "write it with one library of arrays", node)


def _is_a_computed_text(given: Arguments) -> bool:
    match given.positional:
        case [Var(type=known)]:
            return known.kind == "str"
        case _:
            return False


def _sequence(low: Lowering, node: cst.Call, name: str, given: Arguments) -> Value:
    (held,) = given.positional
    if isinstance(held, Struct):
        return Struct(held.items, name)
    what = f"{name}() of a value is not read"
    return low.opaque(what, atoms_in(held), node, code="FG108")[0]


def method(
    low: Lowering, node: cst.Call, receiver: Value, name: str, given: Arguments
) -> Value:
    """What a call of a method of `receiver` gives."""
    generator = isinstance(receiver, Var) and receiver.type.kind == "generator"
    if generator and (drawn := lookup("numpy.random", name)):
        return _apply(low, node, drawn, f".{name}()", given, "numpy.random")
    given = Arguments([receiver, *given.positional], given.keywords)
    called = f".{name}()"
    if low.module.library == "torch":
        low.build.dialect = "method"
        if name in SECOND and len(given.positional) > 1:
            first, second, *rest = given.positional
            given = Arguments([second, first, *rest], given.keywords)
        if (found := tensors.call(low, node, name, given)) is not None:
            return found
    spelling = methods(low, name)
    if spelling is None or spelling.attribute:
        return _with_default(name, given, _unknown(low, node, called, given))
    if isinstance(receiver, Struct) and not spelling.sequence:
        return _unknown(low, node, called, given)
    return _apply(low, node, spelling, called, given, "method")


def methods(low: Lowering, name: str) -> Spelling | None:
    """A method of the arrays of the library; those of tensors are functions, too."""
    if low.module.library != "torch":
        return lookup("ndarray", name)
    return lookup("torch.Tensor", name) or lookup("torch", name)


def _with_default(name: str, given: Arguments, value: Var) -> Var:
    """settings.get("eps", 1e-5) is a number, as its default is."""
    match name, given.positional:
        case "get", [_, Lit(value=str()), Lit(value=int() | float())]:
            join(value.type.shape, scalar())
        case _:
            pass
    return value


def _unknown(low: Lowering, node: cst.Call, name: str, given: Arguments) -> Var:
    what = f"{NO_RULE}{name.removeprefix('builtins.')}"
    of_library = not name.startswith((".", "builtins."))
    step = GIVE_ONE if of_library else WRITE_WITH_OTHERS
    made = low.opaque(what, given.atoms, node, code="FG201", next_step=step)[0]
    if name.startswith("collections."):
        low.collections.append(made)
    if is_foreign(name):
        made.type.kind = FOREIGN
    return made


def _apply(
    low: Lowering,
    node: cst.Call,
    spelling: Spelling,
    name: str,
    given: Arguments,
    namespace: str,
) -> Value:
    """The operation that the tables name for a call, where its rule reads what is given."""
    given = _spread(low, name, given)
    try:
        bound = bind(spelling, given.positional, given.keywords, lift=Lit)
    except TypeError as error:
        if _without_rule(spelling.op):
            return _unknown(low, node, name, given)
        step = "see the library's documentation"
        raise Refusal("FG202", str(error), step, node) from None
    if bound.op not in RULES and not bound.fold:
        return _unknown(low, node, name, given)
    if (made := masked.of_some(low, node, bound)) is not None:
        return made
    unknown = [o for o in bound.unknown if not _harmless(o, bound.options[o])]
    if unknown:
        what = f"the option {unknown[0]}= of {name} is not read"
        return low.opaque(what, given.atoms, node, code="FG202")[0]
    data = _data(low, node, bound)
    if data is None:
        return _of_sequence(low, node, bound, name, given)
    return _operation(low, node, bound, data, namespace)


def _spread(low: Lowering, name: str, given: Arguments) -> Arguments:
    """The arguments, where scipy.linalg takes two of them as one tuple: cho_solve((c, lower), b)."""
    match name.removeprefix("scipy.linalg."), given.positional:
        case "cho_solve", [Struct(items=(c, lower)), *rest]:
            lower = _as_written(low, lower)
            return Arguments([c, *rest], given.keywords | {"lower": lower})
        case ("lu_solve" | "solve_banded"), [Struct(items=(one, other)), *rest]:
            return Arguments([one, other, *rest], given.keywords)
        case "solve_toeplitz", [Struct(items=(c, r)), *rest]:
            return Arguments([c, r, *rest], given.keywords)
        case "solve_toeplitz", [c, *rest]:
            return Arguments([c, c, *rest], given.keywords)
        case _:
            return given


def _as_written(low: Lowering, value: Value) -> Value:
    """The constant that a name stands for."""
    for eqn in low.build.eqns:
        if eqn.op == "alias" and eqn.out is value and isinstance(eqn.args[0], Lit):
            return eqn.args[0]
    return value


def _without_rule(op: str) -> bool:
    rule = RULES.get(op)
    return rule is None or rule.kind is Kind.CONSTANT


def _of_sequence(
    low: Lowering, node: cst.Call, bound: Bound[Value], name: str, given: Arguments
) -> Value:
    """Python's sum of an array adds up its rows; else a sequence has to be written out."""
    if bound.fold and bound.op == "add" and len(given.positional) == 1:
        low.build.dialect = "numpy"
        rows = low.atom(given.positional[0], node)
        return low.emit("sum", rows, node=node, axis=0)
    name = name.removeprefix("builtins.")
    what = f"{name} of a sequence whose length is not known is not read"
    code = "FG123" if bound.fold and bound.op == "mul" else "FG108"
    return low.opaque(what, given.atoms, node, code=code)[0]


def _operation(
    low: Lowering,
    node: cst.Call,
    bound: Bound[Value],
    data: Sequence[Atom],
    namespace: str,
) -> Value:
    low.build.dialect = namespace
    if namespace == "math" and bound.op not in OF_POINTS:
        for atom in data:
            join(atom.type.shape, scalar())
    if bound.fold:
        return _fold(low, node, bound.op, data)
    return _emit(low, node, bound.op, data, _options(low, node, bound))


def _harmless(option: str, value: Any) -> bool:
    if option == "order":  # of axes in memory, or of the fields of a record
        return value in (Lit("C"), Lit("K"), Lit(None))
    return (
        option in HARMLESS_OPTIONS
        or value == Lit(None)
        or (option == "where" and value == Lit(True))
        or (option.startswith("overwrite_") and value == Lit(False))
        or (option == "dtype" and _is_float(value))
    )


def _is_float(value: Any) -> bool:
    match value:
        case Path(path=path):
            return path in FLOATS
        case Lit(value=constant):
            return bool(constant == "float64")
        case Var():
            return value.type.kind == "other"
        case _:
            return False


def _data(low: Lowering, node: cst.Call, bound: Bound[Value]) -> list[Atom] | None:
    """The data arguments, a sequence spread; None where its length is not known."""
    found: list[Atom] = []
    for name, value in bound.data.items():
        if name == bound.sequence:
            if not isinstance(value, Struct):
                return None
            found += [_element(low, node, item) for item in value.items]
        elif isinstance(value, tuple):
            found.append(low.atom(Struct(value), None))
        else:
            array = not found and bound.op not in TAKING_SHAPES
            value = (
                value if _without_rule(bound.op) else listed.array_of(low, value, node)
            )
            found.append(_element(low, node, value, array=array))
    return found


def _element(low: Lowering, node: cst.Call, value: Value, array: bool = False) -> Atom:
    """A list among the data of an operation is an array in the making; constant tuples stay as they are."""
    if isinstance(value, Struct):
        if (constant := _static(value)) is not UNKNOWN:
            return Lit(constant)
        if value.kind == "list" or array:
            return low.emit(
                "stack", *(_element(low, node, i, array) for i in value.items)
            )
    return low.atom(value, _text_of(low, node, value))


def _text_of(low: Lowering, node: cst.Call, value: Value) -> cst.CSTNode | None:
    """The text that a value has: of a tuple among the arguments its own, if it is written there as one."""
    if not isinstance(value, Struct):
        return node
    written = (a.value for a in node.args if not a.star)
    return next((w for w in written if low.frame.values.get(w) is value), None)


def _static(value: Value) -> Any:
    """The Python value of a constant or of a structure of constants, or UNKNOWN."""
    match value:
        case Lit(value=constant):
            return constant
        case Var() if value.type.kind == "none":
            return None
        case Struct(items=items, kind=kind):
            found = [_static(i) for i in items]
            if any(f is UNKNOWN for f in found):
                return UNKNOWN
            return tuple(found) if kind == "tuple" else list(found)
        case _:
            return UNKNOWN


def _options(low: Lowering, node: cst.Call, bound: Bound[Value]) -> dict[str, Any]:
    kept = {n: v for n, v in bound.options.items() if n not in bound.unknown}
    return {name: _option(low, node, value) for name, value in kept.items()}


def _option(low: Lowering, node: cst.Call, option: Value | tuple[Value, ...]) -> Any:
    """A constant as Python has it, anything else as a value of the graph."""
    value = Struct(option) if isinstance(option, tuple) else option
    if isinstance(value, Path) and value.path in KNOWN_FLOATS:
        return KNOWN_FLOATS[value.path]
    constant = _static(value)
    if constant is UNKNOWN and _is_minus_infinity(low, value):
        return -float("inf")
    if low.module.library == "torch" and isinstance(constant, list):
        return tuple(constant)  # torch takes [0, 1] where NumPy asks for (0, 1)
    text = _text_of(low, node, value)
    return low.atom(value, text) if constant is UNKNOWN else constant


def _is_minus_infinity(low: Lowering, value: Value) -> bool:
    """-np.inf"""
    last = low.build.eqns[-1] if low.build.eqns else None
    if last is None or last.op != "neg" or last.outs != (value,):
        return False
    (inner,) = last.args
    made = next((e for e in low.outside.eqns if inner in e.outs), None)
    return made is not None and made.attrs.get("path") in KNOWN_FLOATS


def _fold(low: Lowering, node: cst.Call, op: str, data: Sequence[Atom]) -> Value:
    if len(data) == 1 and op in ("maximum", "minimum"):
        return low.emit({"maximum": "max", "minimum": "min"}[op], data[0], node=node)
    if len(data) == 0:
        return Lit(0)
    total: Atom = data[0]
    for place, item in enumerate(data[1:], 2):
        whole = place == len(data)  # one argument may come twice
        total = low.emit(op, total, item, node=node if whole else None)
    return total


def _emit(
    low: Lowering,
    node: cst.Call,
    op: str,
    data: Sequence[Atom],
    options: dict[str, Any],
) -> Value:
    if op in SPLITS:
        return _split(low, node, op, data, options)
    if op == "array":
        return _array(low, node, data, options)
    count = len(data) if op in AS_MANY else RESULTS.get(op, 1)
    if options.get("compute_uv") is False or (op, options.get("mode")) == ("qr", "r"):
        count = 1
    if any(options.get(k) is v for k, v in FEWER.get(op, {}).items()):
        count -= 1
    made = low.build.emit_all(op, data, count, node=node, attrs=options)
    values = tuple(e.atom for e in made)
    if op == "cho_factor":  # (c, lower)
        return Struct((values[0], Lit(options.get("lower", False))))
    if count == 1 and op not in AS_MANY:
        return values[0]
    names = NAMES.get(op, ())
    return Struct(values, "tuple", names if len(names) == count else ())


def _split(
    low: Lowering,
    node: cst.Call,
    op: str,
    data: Sequence[Atom],
    options: dict[str, Any],
) -> Value:
    """The parts are values of their own where their number is written down."""
    match data[1:]:
        case [Lit(value=int() as count)]:
            pass
        case [Lit(value=(list() | tuple()) as cuts)]:
            count = len(cuts) + 1
        case _:
            what = "a split into a number of parts that is not written down is not read"
            (parts,) = low.opaque(what, data, node, code="FG108")
            parts.type.kind = "list"
            return parts
    made = low.build.emit_all(op, data, count, node=node, attrs=options)
    return Struct(tuple(e.atom for e in made), "list")


def _array(
    low: Lowering, node: cst.Call, data: Sequence[Atom], options: dict[str, Any]
) -> Value:
    (value,) = data
    if (
        isinstance(value, Var)
        and value.name == ""
        and low.build.eqns[-1:]
        and low.build.eqns[-1].outs == (value,)
    ):
        eqn = low.build.eqns[-1]
        if eqn.op == "stack" and eqn.node is None:
            low.build.eqns.pop()
            return low.emit("stack", *eqn.args, node=node, **options)
    if isinstance(value, Lit) and isinstance(value.value, list | tuple):
        return low.emit("constant_array", value, node=node, **options)
    return low.emit("copy", value, node=node, **options)
