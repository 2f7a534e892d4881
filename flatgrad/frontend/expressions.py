"""An expression of the source -> its value in the graph."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.builder import Builder
from flatgrad.foreign import FOREIGN, foreign_values
from flatgrad.frontend import (
    calls,
    comprehensions,
    conditions,
    containers,
    effects,
    functions,
    initial,
    iterators,
    library,
    listed,
    settings,
    solvers,
    tensors,
)
from flatgrad.frontend.scope import (
    Callee,
    Frame,
    Path,
    Refusal,
    Stale,
    Struct,
    Value,
    atoms_in,
    stale,
)
from flatgrad.graph import Atom, Lit, Var
from flatgrad.namespaces import lookup

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

BINARY = {
    cst.Add: "add", cst.Subtract: "sub", cst.Multiply: "mul", cst.Divide: "truediv", cst.Power: "pow",
    cst.MatrixMultiply: "matmul", cst.FloorDivide: "floordiv", cst.Modulo: "mod", cst.BitAnd: "bitand",
    cst.BitOr: "bitor", cst.BitXor: "bitxor", cst.LeftShift: "lshift", cst.RightShift: "rshift",
}  # fmt: skip

UNARY = {cst.Minus: "neg", cst.Plus: "pos", cst.BitInvert: "invert"}

CONSTANTS = {"True": True, "False": False, "None": None, "Ellipsis": ...}

UNREAD: dict[type[cst.CSTNode], str] = {
    cst.ListComp: "a comprehension",
    cst.SetComp: "a comprehension",
    cst.DictComp: "a comprehension",
    cst.GeneratorExp: "a generator expression",
    cst.Dict: "a dict",
    cst.Set: "a set",
    cst.FormattedString: "an f-string",
}


def expression(low: Lowering, node: Any) -> Value:
    """The value of `node`; what is not read becomes an opaque equation."""
    match node:
        case cst.Name():
            return _name_value(low, node)
        case cst.Integer() | cst.Float() | cst.Imaginary():
            return Lit(ast.literal_eval(node.value.replace("_", "")))
        case cst.SimpleString() | cst.ConcatenatedString():
            return _string(low, node)
        case cst.Ellipsis():
            return Lit(...)
        case cst.BinaryOperation():
            return _binary(low, node)
        case cst.UnaryOperation(operator=cst.Not(), expression=operand):
            return _negated(low, node, operand)
        case cst.UnaryOperation(operator=operator, expression=operand):
            return _unary(low, node, UNARY[type(operator)], low.expression(operand))
        case cst.Comparison():
            return conditions.comparison(low, node)
        case cst.List(elements=elements) if _is_spread(elements):
            return _spread(low, node)
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            kind = "tuple" if isinstance(node, cst.Tuple) else "list"
            return Struct(tuple(_elements(low, elements)), kind)
        case cst.Subscript():
            return _subscript(low, node)
        case cst.Attribute():
            return _attribute(low, node)
        case cst.Call():
            return calls.call(low, node)
        case cst.Lambda():
            return low.callee("lambda", node)
        case cst.NamedExpr(target=cst.Name() as target):
            return _walrus(low, node, target)
        case cst.Yield():
            raise generator(node)
        case cst.Await():
            raise Refusal("FG104", "await is not read", "call a plain function", node)
        case cst.BooleanOperation():
            return conditions.boolean(low, node)
        case cst.IfExp():
            return conditions.ternary(low, node)
        case cst.Dict():
            return listed.literal(low, node)
        case cst.FormattedString():
            return containers.text(low, node, _mentioned(low, node))
        case cst.ListComp() | cst.GeneratorExp() | cst.SetComp() | cst.DictComp():
            return comprehensions.comprehension(low, node)
        case _:
            return unread(low, node, UNREAD.get(type(node), "this expression"))


def _mentioned(low: Lowering, node: cst.FormattedString) -> list[Atom]:
    parts = [p for p in node.parts if isinstance(p, cst.FormattedStringExpression)]
    return [a for p in parts for a in atoms_in(low.expression(p.expression))]


def generator(node: cst.CSTNode) -> Refusal:
    """`node` is a yield, so that the function around it is a generator."""
    what = "generators are not read"
    return Refusal("FG104", what, "return the values instead of yielding them", node)


def _walrus(low: Lowering, node: cst.NamedExpr, target: cst.Name) -> Value:
    low.assign(target, low.expression(node.value), node.value)
    assigned = low.frame.env[target.value]
    if isinstance(assigned, Var):
        assert low.build.statement is not None
        low.walrus.setdefault(low.build.statement, []).append((node, assigned))
    return assigned


def unread(low: Lowering, node: cst.CSTNode, what: str) -> Var:
    """An opaque equation of all that the text of `node` mentions."""
    effects.effects_within(low, node)
    reads = low.mention(node)
    return low.opaque(f"{what} is not read yet", reads, node, code="FG108")[0]


def _name_value(low: Lowering, node: cst.Name) -> Value:
    """What a name stands for here: a local value, one of an enclosing function, of the module, of Python."""
    if node.value in CONSTANTS:
        return Lit(CONSTANTS[node.value])
    frame: Frame | None = low.frame
    while frame is not None:
        if node.value in frame.env:
            return _local(low, node, frame)
        frame = frame.enclosing
    return _global(low, node, node.value)


def _local(low: Lowering, node: cst.Name, frame: Frame) -> Value:
    value = frame.env[node.value]
    if isinstance(value, Stale):
        raise stale(value, node)
    iterators.read(low, node, value)
    if isinstance(value, Var) or node.value in frame.arguments:
        low.frame.reads.append((node, value, low.build.statement))
    return value


def _global(low: Lowering, node: cst.Name, name: str) -> Value:
    module = low.module
    if name in module.unsteady:
        what = f"{name} is given more than one value at module level"
        raise Refusal("FG115", what, "give each value a name of its own", node)
    if name in module.functions:
        return Callee(name, module.functions[name])
    if name in module.imports:
        return Path(module.imports[name].path)
    if name in module.constants:
        return _constant(low, name)
    if name in module.others or hasattr(builtins, name):
        return Path(f"builtins.{name}")
    if any(key.startswith("*") for key in module.imports):
        return _from_star(low, name)
    what = f"the name {name} is not defined here"
    raise Refusal("FG109", what, "define or import it", node)


def _from_star(low: Lowering, name: str) -> Path:
    paths = [i.path for key, i in low.module.imports.items() if key.startswith("*")]
    for path in paths:
        if lookup(path, name) is not None:
            return Path(f"{path}.{name}")
    return Path(f"{paths[0]}.{name}")


def _constant(low: Lowering, name: str) -> Value:
    """A module constant: its value stays a name, its shape and kind come from what it is set to."""
    setting = _set_to(low.module.constants[name], name)
    if isinstance(setting, cst.Lambda):
        return Callee(name, setting)
    if setting is not None and (table := functions.table(low, setting)) is not None:
        return table
    known = name in low.externals
    var = low.external(name)
    if not known and setting is not None:
        _describe(low, var, setting)
    return var


def _set_to(line: cst.SimpleStatementLine, name: str) -> cst.BaseExpression | None:
    for part in line.body:
        match part:
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Name(value=target))], value=value
            ) if (target == name):
                return value
            case cst.AnnAssign(
                target=cst.Name(value=target), value=cst.BaseExpression() as value
            ) if (target == name):
                return value
            case _:
                pass
    return None


def _describe(low: Lowering, var: Var, value: cst.BaseExpression) -> None:
    """Give `var` the type that its defining expression has, read with a builder that is thrown away."""
    build, frame = low.build, low.frame
    low.build, low.frame = Builder(), Frame(frame.function)
    try:
        found = low.atom(low.expression(value), value)
        var.type = found.type
        if found in foreign_values(low.build.eqns):
            var.type.kind = FOREIGN
    except Refusal:
        pass
    finally:
        low.build, low.frame = build, frame


def _string(low: Lowering, node: Any) -> Value:
    value = node.evaluated_value
    return (
        Lit(value)
        if isinstance(value, str | bytes)
        else unread(low, node, "an f-string")
    )


def _binary(low: Lowering, node: cst.BinaryOperation) -> Value:
    """A chain a + b + c leans to the left; it is walked without recursion, since it may be long."""
    chain = []
    left: cst.BaseExpression = node
    while isinstance(left, cst.BinaryOperation):
        chain.append(left)
        left = left.left
    value = low.expression(left)
    for link in reversed(chain):
        value = _operate(low, link, value, low.expression(link.right))
        low.frame.values[link] = value
    return value


def _operate(
    low: Lowering, node: cst.BinaryOperation, left: Value, right: Value
) -> Value:
    op = BINARY[type(node.operator)]
    match op, left, right:
        case "add", Struct(items=a, kind=kind), Struct(items=b, kind=other) if (
            kind == other
        ):
            return Struct(a + b, kind)
        case "bitor", _, _ if "dict" in (_kind(left), _kind(right)):
            return unread(low, node, "a union of dicts")
        case "mul", Struct(items=a, kind=kind), Lit(value=int() as n):
            return Struct(a * n, kind)
        case "mod", Lit(value=str()), _:
            return containers.text(low, node, [*atoms_in(left), *atoms_in(right)])
        case "add", _, _ if "str" in (_kind(left), _kind(right)):
            return containers.text(low, node, [*atoms_in(left), *atoms_in(right)])
        case "add", _, _ if "list" in (_kind(left), _kind(right)):
            low.build.dialect = ""
            pair = [containers.as_list(low, node, v) for v in (left, right)]
            return low.emit("list_concat", *pair, node=node)
        case "mul", _, _ if "list" in (_kind(left), _kind(right)):
            return _repeated(low, node, left, right)
        case _:
            a_atom, b_atom = low.atom(left, node.left), low.atom(right, node.right)
            low.build.dialect = ""
            return low.emit(op, a_atom, b_atom, node=node)


def _kind(value: Value) -> str:
    match value:
        case Struct(kind=kind):
            return kind
        case Var() | Lit():
            return value.type.kind
        case _:
            return ""


def _repeated(
    low: Lowering, node: cst.BinaryOperation, left: Value, right: Value
) -> Value:
    """[v] * n where n is not written down."""
    items, count = (left, right) if _kind(left) == "list" else (right, left)
    if (
        isinstance(items, Struct)
        and isinstance(count, Lit)
        and type(count.value) is int
    ):
        return items.of(items.items * count.value)
    low.build.dialect = ""
    if (
        isinstance(items, Struct)
        and len(items.items) == 1
        and isinstance(items.items[0], Var | Lit)
    ):
        return low.emit("list_filled", items.items[0], low.atom(count, node), node=node)
    return low.emit(
        "list_repeat",
        containers.as_list(low, node, items),
        low.atom(count, node),
        node=node,
    )


def _unary(low: Lowering, node: cst.CSTNode, op: str, operand: Value) -> Value:
    match op, operand:
        case "neg", Lit(value=int() | float() as number) if not isinstance(
            number, bool
        ):
            return Lit(-number)
        case "pos", Lit(value=int() | float()):
            return operand
        case _:
            value = low.atom(operand, node)
            low.build.dialect = ""
            return low.emit(op, value, node=node)


def _negated(low: Lowering, node: cst.CSTNode, operand: cst.BaseExpression) -> Value:
    value = conditions.tested(low, operand)
    if isinstance(value, Lit):
        return Lit(not value.value)
    low.build.dialect = ""
    return low.emit("not", value, node=node)


def _elements(low: Lowering, elements: Any) -> list[Value]:
    found: list[Value] = []
    for element in elements:
        value = low.expression(element.value)
        if isinstance(element, cst.StarredElement):
            if not isinstance(value, Struct):
                raise Refusal("FG107", "how many values the star unpacks is not known",
                              "write the elements one by one", element)  # fmt: skip
            found += value.items
        else:
            found.append(value)
    return found


def _is_spread(elements: Any) -> bool:
    return any(isinstance(e, cst.StarredElement) for e in elements)


def _spread(low: Lowering, node: cst.List) -> Value:
    """[a, *xs, b]: one list after the other, where how many items they have is not known."""
    runs: list[Value] = []
    for element in node.elements:
        value = low.expression(element.value)
        iterators.taken(low, element.value)
        if not isinstance(element, cst.StarredElement):
            value = Struct((value,), "list")
        match runs, value:
            case [*_, Struct(items=before)], Struct(items=items):
                runs[-1] = Struct((*before, *items), "list")
            case _:
                runs.append(value)
    if isinstance(runs[0], Struct) and len(runs) == 1:
        return runs[0].of(runs[0].items)
    low.build.dialect = ""
    found, *others = [containers.as_list(low, node, run) for run in runs]
    if not others:
        return containers.typed(
            low.emit("list_copy", found, node=node, kind="list"), "list"
        )
    for at, other in enumerate(others):
        last = at == len(others) - 1
        found = low.emit("list_concat", found, other, node=node if last else None)
    return found


def _subscript(low: Lowering, node: cst.Subscript) -> Value:
    base = low.expression(node.value)
    where = index(low, node)
    if isinstance(base, Struct) and isinstance(where, Lit):
        found = _item(base, where.value, node)
        named = base.kind == "tuple" and bool(base.keys)
        return named_part(low, node, found) if named else found
    if settings.is_settings(base):
        return settings.item(low, node, base, where)  # type: ignore[arg-type]
    if isinstance(base, Struct) and base.kind == "dict":
        array = containers.as_dict(low, node, base)
        low.build.dialect = ""
        return low.emit("getitem", array, where, node=node)
    if isinstance(base, Path) and not isinstance(where, Lit):  # np.r_[x, y]
        return unread(low, node, f"{base.path}[...]")
    if isinstance(base, Path):
        return low.external(low.module.code(node))
    array = low.atom(base, node.value)
    low.build.dialect = ""
    part = low.emit("getitem", array, where, node=node)
    initial.item(low, array, node, part)
    return part


def named_part(low: Lowering, node: cst.CSTNode, part: Value) -> Value:
    """x.max(dim=1).values"""
    tensors.taken(low, node, part)
    return part


def _item(base: Struct, where: Any, node: cst.CSTNode) -> Value:
    try:
        if base.kind == "dict":
            return base.items[base.keys.index(where)]
        found: Any = base.items[where]
        return Struct(found, base.kind) if isinstance(where, slice) else found
    except (IndexError, TypeError, ValueError):
        raise Refusal("FG107", f"a {base.kind} of {len(base.items)} has no such element", "mend the index",
                      node) from None  # fmt: skip


def index(low: Lowering, node: cst.Subscript) -> Atom:
    """What stands between the brackets, as one value: constant where all of it is."""
    parts = [_index_part(low, element.slice) for element in node.slice]
    single = len(parts) == 1 and not isinstance(node.slice[0].comma, cst.Comma)
    if single:
        return parts[0]
    if all(isinstance(p, Lit) for p in parts):
        return Lit(tuple(p.value for p in parts if isinstance(p, Lit)))
    low.build.dialect = ""
    return low.emit("tuple", *parts)


def _index_part(low: Lowering, part: cst.BaseSlice) -> Atom:
    match part:
        case cst.Index(value=value, star=None):
            return _position(low, value)
        case cst.Slice():
            return _slice(low, part)
        case _:
            what = "a star in an index is not read"
            raise Refusal("FG108", what, "write the index out", part)


def _position(low: Lowering, node: cst.BaseExpression) -> Atom:
    match low.expression(node):
        case Path(path="numpy.newaxis"):
            return Lit(None)
        case Struct(items=items, kind=kind):
            return _positions(low, kind, [low.atom(i, node) for i in items])
        case found:
            return low.atom(found, node)


def _positions(low: Lowering, kind: str, atoms: list[Atom]) -> Atom:
    """A tuple indexes one axis after another, a list is an array of indices."""
    constants = [a.value for a in atoms if isinstance(a, Lit)]
    if len(constants) == len(atoms):
        return Lit(constants if kind == "list" else tuple(constants))
    return low.emit("stack" if kind == "list" else "tuple", *atoms)


def _slice(low: Lowering, part: cst.Slice) -> Atom:
    bounds = [
        Lit(None) if bound is None else low.atom(low.expression(bound), bound)
        for bound in (part.lower, part.upper, part.step)
    ]
    constants = [b.value for b in bounds if isinstance(b, Lit)]
    if len(constants) == len(bounds):
        return Lit(slice(*constants))
    low.build.dialect = ""
    return low.emit("slice", *bounds)


def _attribute(low: Lowering, node: cst.Attribute) -> Value:
    base, name = low.expression(node.value), node.attr.value
    if isinstance(base, Path):
        return Path(f"{base.path}.{name}")
    if (solution := solvers.attribute(low, base, name, node)) is not None:
        return solution
    if isinstance(base, Struct) and base.kind == "tuple" and name in base.keys:
        return named_part(low, node, base.items[base.keys.index(name)])
    array = low.atom(base, node.value)
    spelling = library.methods(low, name)
    low.build.dialect = "method"
    if spelling is not None and spelling.attribute:
        return low.emit(spelling.op, array, node=node)
    what = f"the attribute .{name} is not known"
    return low.opaque(what, [array], node, code="FG203")[0]
