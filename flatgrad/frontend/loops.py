"""A loop of the text -> one `for` or `while` equation, whose body carries what the iterations hand on.

The body is read with new values for everything that it may change. What it turned out to change, and of what type,
is compared with what was taken for granted; where they differ the body is read again. So a name that one iteration
writes and the next one reads, by whatever alias, is always seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.builder import Builder
from flatgrad.frontend import containers, trees
from flatgrad.frontend.branches import NOTHING, either, joined, way
from flatgrad.frontend.exits import lines_of
from flatgrad.frontend.module import bound_names, names_in, nodes_in
from flatgrad.frontend.scope import Callee, Path, Refusal, Stale, Struct, Value
from flatgrad.frontend.sources import index_type, source
from flatgrad.frontend.storages import vars_in
from flatgrad.graph import Atom, Block, Eqn, Lit, Var
from flatgrad.types import Shape, Type, same_shape, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

TRIES = 8  # how often a body is read before the types of what it carries are left open


@dataclass
class Assumed:
    """What is taken for granted of a body: what it changes, of which types, and what may share an array."""

    names: dict[str, None]
    types: dict[str, list[Type]] = field(default_factory=dict)
    sharing: dict[str, set[Var]] = field(default_factory=dict)
    dynamic: set[str] = field(
        default_factory=set
    )  # lists whose items are not known one by one


@dataclass
class Body:
    """What one reading of a body gave."""

    index: Var
    starts: dict[str, Value]
    params: dict[str, list[Var]]
    eqns: tuple[Eqn, ...]
    stop: Atom
    ends: dict[str, Value]
    test: Block | None = None


def for_loop(low: Lowering, node: cst.For) -> None:
    """for target in iterable: body"""
    if node.asynchronous is not None:
        what = "an asynchronous loop is not read"
        raise Refusal("FG104", what, "write for instead of async for", node)
    statement = low.begin(node)
    trees.hint(low, node)
    over = source(low, node.iter)
    low.loops[statement] = over

    def start(index: Var) -> None:
        low.build.statement = statement
        low.assign(node.target, over.item(index), node.target)

    _loop(low, node, "for", [over.span], over.kind, start, None)


def while_loop(low: Lowering, node: cst.While) -> None:
    """while test: body"""
    low.begin(node)
    _loop(low, node, "while", [], "range", lambda index: None, node.test)


def _loop(
    low: Lowering, node: Any, op: str, args: list[Atom], kind: str,
    start: Callable[[Var], None], test: Any,
) -> None:  # fmt: skip
    statement = low.build.statement
    assert statement is not None
    assumed = Assumed(dict.fromkeys(_changed(low, node)), dynamic={*growing(node)})
    for attempt in range(TRIES + 2):
        _flexible(low, assumed)
        saved = low.snapshot()
        body = _read(low, node, assumed, kind, start, test)
        if not _mend(low, body, assumed, give_up=attempt >= TRIES):
            break
        low.restore(saved)
    else:
        what = "what this loop carries from one iteration to the next is not clear"
        raise Refusal("FG121", what, "keep each variable of one kind and shape", node)
    low.build.statement = statement
    left = _emit(low, node, op, args, body)
    _after(low, body)
    if node.orelse is not None:
        _otherwise(low, node, left)


def _otherwise(low: Lowering, node: Any, left: Atom) -> None:
    """The else of a loop is run where the loop was not left by a break."""
    statement = low.build.statement
    assert statement is not None
    lines = lines_of(node.orelse.body)
    with low.inside(statement, 1):
        if left == Lit(False):
            low.lines(lines)
            return
        ways = [way(low, lambda: None), way(low, lambda: low.lines(lines))]
    low.build.statement = statement
    joined(low, left, ways)


# --- one reading -----------------------------------------------------------------------------------------------


def _read(
    low: Lowering, node: Any, assumed: Assumed, kind: str, start: Any, test: Any
) -> Body:
    frame, statement = low.frame, low.build.statement
    assert statement is not None
    starts = {n: frame.env.get(n, NOTHING) for n in assumed.names}
    params: dict[str, list[Var]] = {}
    before = dict(frame.env)
    for name, value in starts.items():
        made: list[Var] = []
        _carry(low, name, _fresh(low, name, value, assumed, made))
        if made:
            params[name] = made
    outer, scanned, stop = low.build, low.scanned, low.stop
    low.build, low.scanned, low.stop = Builder(statement=statement), 0, Lit(False)
    index = Var("", index_type(kind))
    try:
        with low.inside(statement):
            block = _test(low, test, params) if test is not None else None
            start(index)
            low.lines(lines_of(node.body))
            _as_values(low, starts)
        low.note()
        eqns, left = tuple(low.build.eqns), low.stop
    finally:
        low.build, low.scanned, low.stop = outer, scanned, stop
    ends = dict(frame.env)
    frame.env = before
    return Body(index, starts, params, eqns, left, ends, block)


def _as_values(low: Lowering, starts: dict[str, Value]) -> None:
    """A list that is made anew in each iteration is one value after the loop."""
    for name, start in starts.items():
        end = low.frame.env.get(name)
        if isinstance(end, Struct) and not isinstance(start, Struct):
            if end.kind == "tuple":
                _carry(low, name, low.atom(end, low.here() or low.node))
            else:
                containers.loose(low, name, end)


def _carry(low: Lowering, name: str, value: Value) -> None:
    low.storages.hold(low.frame, name, value)


def _fresh(
    low: Lowering, name: str, value: Value, assumed: Assumed, made: list[Var]
) -> Value:
    """New values in the place of those that an iteration starts with."""
    match value:
        case Struct(items=items):
            return value.of([_fresh(low, "", i, assumed, made) for i in items])
        case Var() | Lit():
            types = assumed.types.setdefault(name, [])
            if len(types) <= len(made):
                types.append(_start_type(value))
            param = Var(name, types[len(made)])
            made.append(param)
            low.storages.enter(param, value, assumed.sharing.get(name, ()))
            return param
        case _:
            return value


def _start_type(value: Atom) -> Type:
    found = value.type
    if found.kind == "none":
        return Type()
    shape = found.shape if found.shape.dims is None else Shape(found.shape.dims)
    return Type(shape, found.kind, None, found.items)


def _test(low: Lowering, test: Any, params: dict[str, list[Var]]) -> Block:
    """The test of a while loop, as a block of its own: it is run before each iteration and after the last."""
    outer, scanned = low.build, low.scanned
    low.build, low.scanned = Builder(statement=outer.statement), 0
    try:
        go = low.atom(low.expression(test), test)
        low.note()
        return Block((), tuple(low.build.eqns), (go,))
    finally:
        low.build, low.scanned = outer, scanned


# --- what the reading showed -------------------------------------------------------------------------------------


def _mend(low: Lowering, body: Body, assumed: Assumed, give_up: bool) -> bool:
    """Correct what was taken for granted; False if it held."""
    changed = _more_names(low, body, assumed)
    for name, params in body.params.items():
        changed |= _wider(low, name, params, body, assumed, give_up)
    changed |= _more_sharing(low, body, assumed)
    return changed


def _more_names(low: Lowering, body: Body, assumed: Assumed) -> bool:
    """Names that were changed by an alias."""
    found = [
        n for n, v in body.ends.items()
        if n not in assumed.names and v is not low.frame.env.get(n)
    ]  # fmt: skip
    assumed.names |= dict.fromkeys(found)
    return bool(found)


def _wider(
    low: Lowering,
    name: str,
    params: list[Var],
    body: Body,
    assumed: Assumed,
    give_up: bool,
) -> bool:
    start, end = body.starts[name], body.ends.get(name, NOTHING)
    pairs = _pairs(start, end)
    if pairs is None:
        if name in assumed.dynamic or not isinstance(start, Struct):
            what = f"{name} changes its kind from one iteration to the next"
            raise Refusal("FG121", what, "keep it of one kind", low.here())
        assumed.dynamic.add(name)
        assumed.types.pop(name, None)
        return True
    changed = False
    for position, (param, (_, out)) in enumerate(zip(params, pairs, strict=True)):
        if not isinstance(out, Var | Lit):
            continue
        wide = _widened(param.type, out.type, give_up)
        if wide is not None:
            assumed.types[name][position] = wide
            changed = True
    return changed


def _pairs(start: Value, end: Value) -> list[tuple[Value, Value]] | None:
    """What an iteration starts and ends with, value by value; None where the structure changes."""
    match start, end:
        case Struct(items=left, kind=kind), Struct(items=right, kind=other):
            if len(left) != len(right) or kind != other or start.keys != end.keys:
                return None
            found = [_pairs(a, b) for a, b in zip(left, right, strict=True)]
            return None if None in found else [p for part in found for p in part or ()]
        case (Var() | Lit(), Var() | Lit()):
            return [(start, end)]
        case (Var() | Lit(), Stale()):
            return [(start, end)]
        case (Var() | Lit(), _) if start == NOTHING:
            return [(start, end)]
        case (Callee() | Path() | Stale(), _):
            return []
        case _:
            return None


def _widened(assumed: Type, end: Type, give_up: bool) -> Type | None:
    """A type that covers what an iteration ends with too; None where the one at hand does."""
    if end.kind == "none" or assumed is end:
        return None
    wide = either(assumed, end)
    same_rank = (assumed.shape.dims is None) or same_shape(assumed.shape, wide.shape)
    loose = (
        assumed.shape.dims is not None
        and wide.shape.dims is not None
        and len(assumed.shape.dims) == len(wide.shape.dims)
    )
    if assumed.kind in ("any", wide.kind) and (
        same_rank or (loose and _all_open(assumed, wide))
    ):
        return None
    if give_up:
        return Type(Shape(), "any")
    kind = (
        wide.kind
        if assumed.kind != "any" or end.kind in ("list", "dict")
        else assumed.kind
    )
    if (
        assumed.kind == "any"
        and assumed.shape.dims is None
        and not assumed.shape.root().parts
    ):
        kind = end.kind
    return Type(wide.shape, kind, None, wide.items)


def _all_open(assumed: Type, wide: Type) -> bool:
    """Lengths that differ from one iteration to the next are unknown ones."""
    pairs = zip(assumed.shape.dims or (), wide.shape.dims or (), strict=True)
    return all(
        d.root() == e.root() or (d.known is None and not d.root()[0].name)
        for d, e in pairs
    )


def _more_sharing(low: Lowering, body: Body, assumed: Assumed) -> bool:
    """What an iteration ends with may lie in an array that the next one knows by other names."""
    changed = False
    outside = [v for value in low.frame.env.values() for v in vars_in(value)]
    for name, params in body.params.items():
        known = assumed.sharing.setdefault(name, set())
        for out in vars_in(body.ends.get(name, NOTHING)):
            if out.type.shape.is_scalar and out not in low.storages.arrays:
                continue
            root = low.storages.root(out)
            for other in outside:
                shares = low.storages.root(other) is root
                if shares and other not in known and not _already(low, params, other):
                    known.add(other)
                    changed = True
    return changed


def _already(low: Lowering, params: Sequence[Var], other: Var) -> bool:
    return any(low.storages.root(p) is low.storages.root(other) for p in params)


# --- the equation ------------------------------------------------------------------------------------------------


def _emit(low: Lowering, node: Any, op: str, args: list[Atom], body: Body) -> Atom:
    """Write the equation; returns whether the loop was left by a break."""
    starts: list[Atom] = []
    params: list[Var] = []
    ends: list[Atom] = []
    for name, made in body.params.items():
        pairs = _pairs(body.starts[name], body.ends.get(name, NOTHING)) or []
        for param, (start, end) in zip(made, pairs, strict=True):
            if isinstance(end, Stale):
                end = param
            assert isinstance(start, Var | Lit)
            starts.append(start)
            params.append(param)
            ends.append(end if isinstance(end, Var | Lit) else NOTHING)
    leaves = node.orelse is not None and body.stop != Lit(False)
    if leaves:
        starts.append(Lit(False))
        params.append(Var("", Type(scalar(), "bool")))
        ends.append(body.stop)
    block = Block((body.index, *params), body.eqns, (body.stop, *ends))
    blocks = (block,) if body.test is None else (body.test, block)
    steps = Var("", Type(scalar(), "int"))
    outs = tuple(
        _end(low, p, s, e) for p, s, e in zip(params, starts, ends, strict=True)
    )
    eqn = Eqn(
        (steps, *outs),
        op,
        (*args, *starts),
        {},
        low.build.statement,
        node,
        blocks=blocks,
    )
    low.build.eqns.append(eqn)
    body.params = _sorted_out(body.params, outs)
    return outs[-1] if leaves else Lit(False)


def _end(low: Lowering, param: Var, start: Atom, end: Atom) -> Var:
    out = Var(param.name, either(start.type, either(param.type, end.type)))
    low.storages.meet(out, [v for v in (start, end, param) if isinstance(v, Var)])
    return out


def _sorted_out(
    params: dict[str, list[Var]], outs: Sequence[Var]
) -> dict[str, list[Var]]:
    rest = list(outs)
    return {name: [rest.pop(0) for _ in made] for name, made in params.items()}


def _after(low: Lowering, body: Body) -> None:
    """What the names hold after the loop."""
    for name, start in body.starts.items():
        end = body.ends.get(name, NOTHING)
        if isinstance(end, Stale):
            _carry(low, name, end)
        elif name in body.params:
            rest = list(body.params[name])
            _carry(low, name, _rebuilt(start, rest))
        elif not isinstance(start, Struct) and end is not start:
            _carry(low, name, end)
    for made in body.params.values():
        for out in made:
            if out.name:
                low.merged(out)
    low.note()


def _rebuilt(start: Value, outs: list[Var]) -> Value:
    match start:
        case Struct(items=items):
            return start.of([_rebuilt(i, outs) for i in items])
        case Var() | Lit():
            return outs.pop(0)
        case _:
            return start


# --- what a body may change --------------------------------------------------------------------------------------


def _changed(low: Lowering, node: Any) -> list[str]:
    """Names that the loop binds, and those of arrays that it writes into, as far as the text shows."""
    found = [*bound_names(node), *growing(node)]
    for inner in nodes_in(node):
        match inner:
            case cst.AssignTarget(target=target) | cst.AugAssign(target=target):
                found += _bases(target)
            case cst.Expr(
                value=cst.Call(
                    func=cst.Attribute(value=base, attr=cst.Name(value=method))
                )
            ) if (method in containers.CHANGING):
                found += _bases(base)
            case cst.Expr(value=cst.Call() as call):
                found += [n.value for n in names_in(call)]
            case _:
                pass
    known = low.frame.env
    return [n for n in dict.fromkeys(found) if n in known or n in {*bound_names(node)}]


def _bases(target: Any) -> list[str]:
    while isinstance(target, cst.Subscript | cst.Attribute):
        target = target.value
    match target:
        case cst.Name(value=name):
            return [name]
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            return [n for e in elements for n in _bases(e.value)]
        case _:
            return []


def _flexible(low: Lowering, assumed: Assumed) -> None:
    """Lists and dicts that the loop changes are values of their own: how many items they have is not known."""
    containers.changes(low, sorted(assumed.dynamic))


def growing(node: Any) -> list[str]:
    """Names of lists and dicts that the text within `node` changes."""
    found: list[str] = []
    for inner in nodes_in(node):
        match inner:
            case cst.Call(
                func=cst.Attribute(value=base, attr=cst.Name(value=method))
            ) if (method in containers.CHANGING):
                found += _bases(base)
            case cst.AugAssign(target=cst.Name(value=name)):
                found.append(name)
            case cst.AssignTarget(target=cst.Subscript() as target) | cst.AugAssign(
                target=cst.Subscript() as target
            ):
                found += _bases(target)
            case cst.Del():
                found += [n.value for n in names_in(inner)]
            case _:
                pass
    return list(dict.fromkeys(found))


__all__ = ["for_loop", "growing", "while_loop"]
