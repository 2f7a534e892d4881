"""A call of the source -> equations: library functions by their tables, helpers of the file read in place."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

import flatgrad.rules  # noqa: F401  (registers the rules that the tables refer to)
from flatgrad.frontend.module import names_in, nodes_in
from flatgrad.frontend.scope import Callee, Frame, Path, Refusal, Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.namespaces import Spelling, bind, lookup
from flatgrad.registry import RULES, Kind
from flatgrad.types import join, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

REBINDING = re.compile(r"^\s*(?:global|nonlocal)\s", re.MULTILINE)
DEPTH = 20  # helpers that call helpers: deeper than this is taken for a recursion
HARMLESS_OPTIONS = {
    "order",
    "casting",
    "subok",
    "optimize",
    "like",
    "stable",
    "kind",
    "device",
}
CHANGING_METHODS = {
    "sort", "fill", "append", "extend", "insert", "pop", "remove", "clear", "update", "reverse", "resize", "put",
    "partition", "setdefault", "popitem", "itemset", "setflags", "byteswap",
}  # fmt: skip
KEEPING_FUNCTIONS = {"print", "isinstance", "len", "warn", "assert_allclose", "seed"}


def call(low: Lowering, node: cst.Call) -> Value:
    function = _function(low, node.func)
    value = _value(low, node, function)
    if not isinstance(function, Callee):
        _effects(low, node, function, value)
    return value


def _value(low: Lowering, node: cst.Call, function: Any) -> Value:
    match function:
        case Callee():
            return _helper(low, node, function)
        case Path(path=path):
            return _library(low, node, path)
        case (receiver, name):
            return _method(low, node, receiver, name)
        case _:
            args, keywords = _arguments(low, node)
            reads = _atoms([function, *args, *keywords.values()])
            return low.opaque(
                "a call of a value is not read", reads, node, code="FG108"
            )[0]


def _function(low: Lowering, func: cst.BaseExpression) -> Any:
    """A helper, an importable path, or the receiver and name of a method."""
    if isinstance(func, cst.Attribute):
        base = low.expression(func.value)
        if isinstance(base, Path):
            return Path(f"{base.path}.{func.attr.value}")
        return base, func.attr.value
    return low.expression(func)


def _arguments(low: Lowering, node: cst.Call) -> tuple[list[Value], dict[str, Value]]:
    positional: list[Value] = []
    keywords: dict[str, Value] = {}
    for arg in node.args:
        value = low.expression(arg.value)
        if arg.star == "*" and isinstance(value, Struct):
            positional += value.items
        elif (
            arg.star == "*" and isinstance(value, Var) and value.type.items is not None
        ):
            low.build.dialect = ""
            positional += [
                low.emit("getitem", value, Lit(i)) for i in range(len(value.type.items))
            ]
        elif arg.star == "*" and isinstance(value, Var) and len(node.args) == 1:
            positional.append(
                value
            )  # one tuple stands for its elements where a shape is asked for
        elif arg.star:
            raise Refusal(
                "FG110",
                "unpacking in a call is not read yet",
                "write the arguments one by one",
                arg,
            )
        elif arg.keyword is not None:
            keywords[arg.keyword.value] = value
        else:
            positional.append(value)
    return positional, keywords


# --- library functions and methods ---------------------------------------------------------------------------


def _library(low: Lowering, node: cst.Call, path: str) -> Value:
    namespace, _, name = path.rpartition(".")
    spelling = lookup(namespace, name)
    args, keywords = _arguments(low, node)
    if path in ("builtins.tuple", "builtins.list") and len(args) == 1:
        (held,) = args
        if isinstance(held, Struct):
            return Struct(held.items, name)
        return low.opaque(f"{name}() of a value is not read", _atoms(args), node, code="FG108")[0]
    if spelling is None:
        return _unknown(low, node, path, args, keywords)
    return _apply(low, node, spelling, path, args, keywords, namespace)


def _method(low: Lowering, node: cst.Call, receiver: Value, name: str) -> Value:
    spelling = lookup("ndarray", name)
    args, keywords = _arguments(low, node)
    if (
        spelling is None
        or spelling.attribute
        or (isinstance(receiver, Struct) and not spelling.sequence)
    ):
        return _unknown(low, node, f".{name}()", [receiver, *args], keywords)
    return _apply(
        low, node, spelling, f".{name}()", [receiver, *args], keywords, "method"
    )


def _unknown(
    low: Lowering,
    node: cst.Call,
    name: str,
    args: Sequence[Value],
    keywords: Mapping[str, Value],
) -> Var:
    name = name.removeprefix("builtins.")
    step = "write it with operations that have one: docs/operations.md"
    reads = _atoms([*args, *keywords.values()])
    what = f"no derivative rule for {name}"
    return low.opaque(what, reads, node, code="FG201", next_step=step)[0]


def _apply(low: Lowering, node: cst.Call, spelling: Spelling, name: str, args: Sequence[Value],
           keywords: Mapping[str, Value], namespace: str) -> Value:  # fmt: skip
    try:
        bound = bind(spelling, args, keywords, lift=Lit)
    except TypeError as error:
        rule = RULES.get(spelling.op)
        if rule is None or rule.kind is Kind.CONSTANT:
            return _unknown(low, node, name, args, keywords)
        raise Refusal(
            "FG202", str(error), "see the library's documentation", node
        ) from None
    rule = RULES.get(bound.op)
    if rule is None and not bound.fold:
        return _unknown(low, node, name, args, keywords)
    unknown = [o for o in bound.unknown if not _harmless(o, bound.options[o])]
    if unknown:
        what = f"the option {unknown[0]}= of {name} is not read"
        return low.opaque(
            what, _atoms([*args, *keywords.values()]), node, code="FG202"
        )[0]
    data = _data(low, node, bound.data, bound.sequence, bound.op)
    if data is None and bound.fold and bound.op == "add" and len(args) == 1:
        low.build.dialect = "numpy"
        return low.emit("sum", low.atom(args[0], node), node=node, axis=0)
    if data is None:
        what = f"{name} of a sequence whose length is not known is not read"
        return low.opaque(
            what, _atoms([*args, *keywords.values()]), node, code="FG108"
        )[0]
    low.build.dialect = namespace
    if namespace == "math":
        for atom in data:
            join(atom.type.shape, scalar())
    if bound.fold:
        return _fold(low, node, bound.op, data)
    return _emit(
        low,
        node,
        bound.op,
        data,
        _options(low, node, bound.options, set(bound.unknown)),
    )


def _harmless(option: str, value: Any) -> bool:
    return (
        option in HARMLESS_OPTIONS
        or value == Lit(None)
        or (option == "dtype" and _is_float(value))
    )


def _is_float(value: Any) -> bool:
    if isinstance(value, Path):
        return value.path in (
            "builtins.float",
            "numpy.float64",
            "numpy.double",
            "numpy.float_",
        )
    return (isinstance(value, Var) and value.type.kind == "other") or value == Lit(
        "float64"
    )


def _data(
    low: Lowering, node: cst.Call, data: Mapping[str, Any], sequence: str, op: str
) -> list[Atom] | None:
    found: list[Atom] = []
    for name, value in data.items():
        if name == sequence:
            if not isinstance(value, Struct):
                return None
            found += [_element(low, node, item) for item in value.items]
        elif isinstance(value, tuple):
            found.append(low.atom(Struct(value), node))
        else:
            found.append(
                _element(low, node, value, array=not found and op not in TAKING_SHAPES)
            )
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
    return low.atom(value, node)


KNOWN_FLOATS = {f"{library}.inf": float("inf") for library in ("math", "numpy")}
TAKING_SHAPES = {
    "zeros",
    "ones",
    "empty",
    "full",
    "eye",
    "arange",
    "random_normal",
    "random_uniform",
    "random",
    "tri",
}
UNKNOWN = object()


def _static(value: Any) -> Any:
    """The Python value of a constant or of a structure of constants, or UNKNOWN."""
    match value:
        case Lit(value=constant):
            return constant
        case Struct(items=items, kind=kind):
            found = [_static(i) for i in items]
            if any(f is UNKNOWN for f in found):
                return UNKNOWN
            return tuple(found) if kind == "tuple" else list(found)
        case tuple():
            return _static(Struct(value))
        case _:
            return UNKNOWN


def _options(
    low: Lowering, node: cst.Call, options: Mapping[str, Any], dropped: set[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in dropped:
            continue
        constant = _static(value)
        if constant is UNKNOWN and isinstance(value, tuple):
            value = Struct(value)
        if isinstance(value, Path) and value.path in KNOWN_FLOATS:
            found[name] = KNOWN_FLOATS[value.path]
        elif constant is not UNKNOWN:
            found[name] = constant
        elif isinstance(value, Path) or name == "dtype":
            found[name] = low.atom(value, node)
        else:
            found[name] = low.atom(value, node)
    return found


def _fold(low: Lowering, node: cst.Call, op: str, data: Sequence[Atom]) -> Value:
    if len(data) == 1 and op in ("maximum", "minimum"):
        return low.emit({"maximum": "max", "minimum": "min"}[op], data[0], node=node)
    if len(data) == 0:
        return Lit(0)
    total: Atom = data[0]
    for item in data[1:]:
        last = item is data[-1]
        total = low.emit(op, total, item, node=node if last else None)
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
    count = RESULTS.get(op, 1)
    if op == "svd" and options.get("compute_uv") is False:
        count = 1
    made = low.build.emit_all(op, data, count, node=node, attrs=options)
    values = tuple(e.atom for e in made)
    return values[0] if count == 1 else Struct(values)


SPLITS = {"split", "array_split", "hsplit", "vsplit", "dsplit"}
RESULTS = {
    "slogdet": 2,
    "eigh": 2,
    "eig": 2,
    "svd": 3,
    "qr": 2,
    "divmod": 2,
    "modf": 2,
    "frexp": 2,
    "lstsq": 4,
}


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
            return low.opaque(what, data, node, code="FG108")[0]
    made = low.build.emit_all(op, data, count, node=node, attrs=options)
    return Struct(tuple(e.atom for e in made), "list")


def _array(
    low: Lowering, node: cst.Call, data: Sequence[Atom], options: dict[str, Any]
) -> Value:
    (value,) = data
    if isinstance(value, Var) and value.name == "" and low.build.eqns[-1].out is value:
        eqn = low.build.eqns[-1]
        if eqn.op == "stack" and eqn.node is None:
            low.build.eqns.pop()
            return low.emit("stack", *eqn.args, node=node, **options)
    if isinstance(value, Lit) and isinstance(value.value, list | tuple):
        return low.emit("constant_array", value, node=node, **options)
    return low.emit("copy", value, node=node, **options)


def _atoms(values: Sequence[Value]) -> list[Atom]:
    from flatgrad.frontend.lower import atoms_in

    return [a for v in values for a in atoms_in(v)]


# --- calls that write into their arguments ---------------------------------------------------------------------

WRITING_FUNCTIONS = {
    "copyto", "put", "place", "putmask", "fill_diagonal", "shuffle", "at", "put_along_axis", "setattr", "exec", "eval",
    "next", "heappush", "iadd", "imul", "isub", "setitem",
}  # fmt: skip
PURE_LIBRARIES = {
    "numpy", "scipy", "math", "cmath", "builtins", "warnings", "logging", "sys", "os", "time", "random", "itertools",
    "functools", "operator", "copy", "typing",
}  # fmt: skip


def in_place(low: Lowering, node: cst.Call) -> bool:
    """`np.add.at(a, i, v)` as a write into a; False where the call is no such write."""
    match node:
        case cst.Call(
            func=func,
            args=[cst.Arg(value=cst.Name() as name, keyword=None), index, value],
        ):
            if _function(low, func) != Path("numpy.add.at"):
                return False
            base = low.expression(name)
            if not isinstance(base, Var):
                return False
            where, what = low.expression(index.value), low.expression(value.value)
            low.build.dialect = ""
            new = low.emit(
                "index_add",
                base,
                low.atom(where, index),
                low.atom(what, value),
                repeats=True,
            )
            low.write(name, base, new)
            return True
        case cst.Call(
            func=cst.Attribute(value=cst.Name() as name, attr=cst.Name(value="fill")),
            args=[value],
        ):
            base = low.expression(name)
            if not isinstance(base, Var):
                return False
            amount = low.atom(low.expression(value.value), value)
            low.build.dialect = ""
            low.write(name, base, low.emit("setitem", base, Lit(...), amount))
            return True
        case _:
            return False


def _effects(low: Lowering, node: cst.Call, function: Any, value: Value) -> None:
    """Whatever the call may write into holds something unknown afterwards."""
    functions = {
        a.value for a in node.args if isinstance(low.frame.values.get(a.value), Callee)
    }
    for written in _written(node, function, functions):
        before = low.frame.values.get(written)
        if isinstance(before, Struct):
            raise Refusal(
                "FG111", "a list may be changed in place", "make a new list", node
            )
        if isinstance(before, Var) and not before.type.shape.is_scalar:
            _spoil(low, node, written, before, value)


def _spoil(
    low: Lowering, node: cst.Call, written: Any, before: Var, value: Value
) -> None:
    if isinstance(written, cst.Name) and low.frame.env.get(written.value) is before:
        reads = [before, *_atoms([value])]
        what = "a call that may change its argument is not read"
        low.write(written, before, low.opaque(what, reads, node, code="FG202")[0])
    else:
        assert low.build.statement is not None
        low.note()
        low.storages.spoil(before, low.build.statement)


def _written(node: cst.Call, function: Any, functions: set[Any]) -> list[Any]:
    """The arguments that a call may write into: by out=, by its name, or since nothing is known of it."""
    found = [
        a.value for a in node.args if a.keyword is not None and a.keyword.value == "out"
    ]
    if any(
        isinstance(a.value, cst.Name | cst.Lambda) and a.value in functions
        for a in node.args
    ):
        return [a.value for a in node.args]
    match function:
        case Path(path=path):
            root, name = path.partition(".")[0], path.rpartition(".")[2]
            if name in WRITING_FUNCTIONS or root not in PURE_LIBRARIES:
                found += [a.value for a in node.args]
            else:
                found += _positional_out(node, path)
        case (_, name):
            assert isinstance(node.func, cst.Attribute)
            if name in CHANGING_METHODS or name.startswith("__"):
                found.append(node.func.value)
        case _:
            found += [a.value for a in node.args]
    return found


def _positional_out(node: cst.Call, path: str) -> list[Any]:
    """np.maximum(x, y, c) writes into c."""
    namespace, _, name = path.rpartition(".")
    spelling = lookup(namespace, name)
    if spelling is None or "out" not in spelling.parameters or spelling.variadic:
        return []
    at = spelling.parameters.index("out")
    return [a.value for a in node.args[at:] if a.keyword is None]


def effects_within(low: Lowering, node: cst.CSTNode) -> None:
    """The same for calls in text that is only passed through."""
    for call_node in nodes_in(node):
        if isinstance(call_node, cst.Call):
            functions = {a.value for a in call_node.args if _is_function(low, a.value)}
            for written in _written(
                call_node, _textual_function(low, call_node.func), functions
            ):
                for name in names_in(written):
                    value = low.frame.env.get(name.value)
                    if isinstance(value, Var) and not value.type.shape.is_scalar:
                        assert low.build.statement is not None
                        low.note()
                        low.storages.spoil(value, low.build.statement)


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


# --- helpers of the same file ------------------------------------------------------------------------------------


def _helper(low: Lowering, node: cst.Call, callee: Callee) -> Value:
    """Read the helper's body with the arguments in place of its parameters."""
    args, keywords = _arguments(low, node)
    caller, statement = low.frame, low.build.statement
    assert statement is not None
    frame = Frame(callee.node, callee.frame, node, statement)
    if getattr(callee.node, "decorators", ()):
        what = f"{callee.name} is decorated, so what it does is not known"
        return low.opaque(
            what, _atoms([*args, *keywords.values()]), node, code="FG116"
        )[0]
    if REBINDING.search(low.module.code(callee.node.body)):
        what = f"{callee.name} rebinds names that it shares with others"
        raise Refusal("FG105", what, "pass the value in and return it", node)
    if frame.depth() > DEPTH:
        what = f"{callee.name} calls itself"
        return low.opaque(
            f"{what}, which is not read yet",
            _atoms([*args, *keywords.values()]),
            node,
            code="FG112",
        )[0]
    _bind_parameters(low, frame, node, callee, args, keywords)
    mark, problems = len(low.build.eqns), len(low.problems)
    low.frame = frame
    try:
        result = _read_body(low, frame)
    finally:
        low.frame, low.build.statement = caller, statement
    if result is None or len(low.problems) > problems:
        return _unreadable(
            low, node, callee, [*args, *keywords.values()], mark, problems
        )
    low.calls.setdefault(statement, []).append(frame)
    return result


def _read_body(low: Lowering, frame: Frame) -> Value | None:
    if isinstance(frame.function, cst.Lambda):
        low.begin(frame.function.body)
        frame.result = low.expression(frame.function.body)
        return frame.result
    low.suite(frame.function.body)
    return frame.result


def _unreadable(
    low: Lowering,
    node: cst.Call,
    callee: Callee,
    args: Sequence[Value],
    mark: int,
    problems: int,
) -> Var:
    """Forget what was read of the helper: its call is opaque, with the first reason why."""
    first = low.problems[problems] if len(low.problems) > problems else None
    forgotten = {out for eqn in low.build.eqns[mark:] for out in eqn.outs}
    del low.problems[problems:], low.build.eqns[mark:]
    low.scanned = min(low.scanned, mark)
    low.externals = {k: v for k, v in low.externals.items() if v not in forgotten}
    line = (
        low.module.place(first.node)
        if first is not None and first.node is not None
        else None
    )
    where = f" (line {line.line})" if line else ""
    reason = first.args[0] if first is not None else "it returns nothing"
    code = first.code if first is not None else "FG102"
    what = f"{callee.name} cannot be read: {reason}{where}"
    value = low.opaque(what, _atoms(args), node, code=code)[0]
    _spoil_seen(low, callee, args)
    return value


def _spoil_seen(low: Lowering, callee: Callee, args: Sequence[Value]) -> None:
    """A helper that is not read may write into its arguments and into what it sees around it."""
    assert low.build.statement is not None
    seen = [v for v in _atoms(args) if isinstance(v, Var)]
    frame = callee.frame
    names = {n.value for n in names_in(callee.node.body)}
    while frame is not None:
        seen += [v for n, v in frame.env.items() if n in names and isinstance(v, Var)]
        frame = frame.enclosing
    low.note()
    for value in seen:
        low.storages.spoil(value, low.build.statement)


def _bind_parameters(low: Lowering, frame: Frame, node: cst.Call, callee: Callee, args: Sequence[Value],
                     keywords: Mapping[str, Value]) -> None:  # fmt: skip
    """Give each parameter of the helper its argument, by Python's rules."""
    params = callee.node.params
    by_position = [*params.posonly_params, *params.params]
    if len(args) > len(by_position) and not isinstance(params.star_arg, cst.Param):
        raise Refusal("FG113", f"{callee.name} takes {len(by_position)} arguments, {len(args)} are given",
                      "mend the call", node)  # fmt: skip
    if isinstance(params.star_arg, cst.Param) or params.star_kwarg is not None:
        raise Refusal("FG101", f"{callee.name} takes any number of arguments, which is not read yet",
                      "name each parameter", node)  # fmt: skip
    given = dict(zip((p.name.value for p in by_position), args, strict=False))
    names = {p.name.value for p in (*params.params, *params.kwonly_params)}
    for key, value in keywords.items():
        if key not in names or key in given:
            raise Refusal(
                "FG113",
                f"{callee.name} has no free parameter {key}",
                "mend the call",
                node,
            )
        given[key] = value
    _refuse_hidden_defaults(low, callee, given, node)
    nodes = _argument_nodes(node, [p.name.value for p in by_position])
    for param in (*by_position, *params.kwonly_params):
        name = param.name.value
        if name not in given:
            given[name] = _default(low, frame, param, callee, node)
        low.note()
        low.storages.hold(frame, name, given[name])
        frame.arguments[name] = (nodes.get(name, param.default), given[name])


def _refuse_hidden_defaults(
    low: Lowering, callee: Callee, given: Mapping[str, Value], node: cst.Call
) -> None:
    """A default that reads a name means the name where the helper is defined, not where it is called."""
    for param in (
        *callee.node.params.posonly_params,
        *callee.node.params.params,
        *callee.node.params.kwonly_params,
    ):
        if param.default is None or param.name.value in given:
            continue
        for name in names_in(param.default):
            if name.value in low.frame.env and name.value not in (
                "True",
                "False",
                "None",
            ):
                what = f"the default of {param.name.value} reads {name.value}, which means something else here"
                raise Refusal("FG117", what, "give the argument in the call", node)


def _argument_nodes(node: cst.Call, names: Sequence[str]) -> dict[str, cst.CSTNode]:
    found: dict[str, cst.CSTNode] = {}
    for position, arg in enumerate(node.args):
        name = (
            arg.keyword.value
            if arg.keyword
            else names[position] if position < len(names) else ""
        )
        found[name] = arg.value
    return found


def _default(
    low: Lowering, frame: Frame, param: cst.Param, callee: Callee, node: cst.Call
) -> Value:
    if param.default is None:
        raise Refusal(
            "FG113",
            f"{callee.name} lacks its argument {param.name.value}",
            "mend the call",
            node,
        )
    if param.name.value in callee.defaults:
        return callee.defaults[param.name.value]
    return low.in_module(param.default)


__all__ = ["Kind", "call", "effects_within", "in_place"]
