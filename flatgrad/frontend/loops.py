"""A loop of the text -> one `for` or `while` equation, whose body carries what the iterations hand on.

The body is read with new values for everything that it may change. What it turned out to change, and of what type,
is compared with what was taken for granted; where they differ the body is read again. So a name that one iteration
writes and the next one reads, by whatever alias, is always seen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.builder import Builder
from flatgrad.frontend import carried, containers, iterators, trees
from flatgrad.frontend.branches import NOTHING, are_apart, either
from flatgrad.frontend.exits import lines_of
from flatgrad.frontend.module import bound_names, names_in, names_of_target, nodes_in
from flatgrad.frontend.scope import (
    Callee,
    Choice,
    Path,
    Refusal,
    Stale,
    Struct,
    Value,
    stale,
)
from flatgrad.frontend.sources import index_type, source
from flatgrad.frontend.storages import vars_in
from flatgrad.graph import Atom, Block, Eqn, Lit, Statement, Var, all_equations
from flatgrad.shapes.items import NOTHING as NO_ITEMS
from flatgrad.shapes.items import each_of
from flatgrad.types import Dim, Shape, Type, join, same_shape, scalar
from flatgrad.varying import varying

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

FUNCTIONS = (Callee, Path, Choice)
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
    # Values of which nothing was taken for granted: what their types say by now, the body asks for.
    opened: set[tuple[str, int]] = field(default_factory=set)
    shared: carried.Shared = field(default_factory=carried.Shared)
    functions: set[str] = field(default_factory=set)  # that the loop defines


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
    views: dict[str, Any] = field(
        default_factory=dict
    )  # names that show the arrays of others


def for_loop(low: Lowering, node: cst.For) -> None:
    """for target in iterable: body"""
    if node.asynchronous is not None:
        what = "an asynchronous loop is not read"
        raise Refusal("FG104", what, "write for instead of async for", node)
    statement = low.begin(node)
    trees.hint(low, node)
    over = source(low, node.iter)
    low.loops[statement] = over
    iterators.taken(low, node.iter)
    iterators.refuse_changed(low, node.iter, _changed(low, node))

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
    _refuse_other_kinds(body, statement)
    _refuse_stale(low, body)
    kept = [
        n
        for n, made in body.params.items()
        if len(made) == 1 and body.ends.get(n) is made[0]
    ]
    _emit(low, node, op, args, body)
    _after(low, body, kept)


# --- one reading -----------------------------------------------------------------------------------------------


def _read(
    low: Lowering, node: Any, assumed: Assumed, kind: str, start: Any, test: Any
) -> Body:
    frame, statement = low.frame, low.build.statement
    assert statement is not None
    starts = {n: frame.env.get(n, NOTHING) for n in assumed.names}
    params: dict[str, list[Var]] = {}
    before = dict(frame.env)
    views = carried.derived(low, starts, assumed.shared)
    for name, value in starts.items():
        made: list[Var] = []
        if name in views or name in assumed.functions:
            continue
        _carry(low, name, _fresh(low, name, value, assumed, made))
        if made:
            params[name] = made
    _touch(low, starts, params, assumed)
    outer, scanned, stop = low.build, low.scanned, low.stop
    running, written = low.running, len(low.storages.targets)
    low.build, low.scanned, low.stop = Builder(statement=statement), 0, Lit(False)
    index = Var("", index_type(kind))
    low.loop_depth += 1
    called = low.called()
    try:
        with low.inside(statement):
            block = _test(low, test, views) if test is not None else None
            carried.show(low, views)
            entered, rebound = _entered(low, starts, params, views), _rebound(node)
            low.entering = {s: p for s, p in entered.items() if p.name not in rebound}
            low.running = []
            start(index)
            through = carried.gone_through(low.build.eqns)
            held, low.entering, low.running = low.running, {}, running
            carried.meet(low, held, entered)
            low.lines(lines_of(node.body))
            _as_values(low, starts)
        low.note()
        eqns, left = tuple(low.build.eqns), low.stop
        carried.refuse_written(low, held, entered, rebound, written)
        carried.refuse_resized(low, through, eqns)
        ends = dict(frame.env)
    finally:
        low.build, low.scanned, low.stop = outer, scanned, stop
        low.entering, low.running, frame.env = {}, running, before
        low.loop_depth -= 1
        low.forget_calls(called)
    return Body(index, starts, params, eqns, left, ends, block, views)


def _keyed(values: dict[str, list[Any]]) -> dict[Any, Any]:
    """The values that names carry, each under the name and its place."""
    return {(name, i): v for name, found in values.items() for i, v in enumerate(found)}


def _started(starts: dict[str, Value], params: dict[str, list[Var]]) -> dict[Any, Any]:
    """What each parameter of the body starts with."""
    return _keyed(
        {
            name: [s for s, _ in _pairs(starts[name], starts[name]) or ()]
            for name in params
        }
    )


def _touch(
    low: Lowering,
    starts: dict[str, Value],
    params: dict[str, list[Var]],
    assumed: Assumed,
) -> None:
    """What may share an array where an iteration begins: what does before the loop, or after an iteration."""
    low.note()
    outside = carried.visible(low, [*params, *starts])
    pairs = carried.touching(low, _started(starts, params), outside)
    carried.touch(low, _keyed(params), pairs | assumed.shared.touching)
    carried.hold(low, params, assumed.shared.held)


def _entered(
    low: Lowering,
    starts: dict[str, Value],
    params: dict[str, list[Var]],
    views: dict[str, Any],
) -> dict[Var, Var]:
    """What has taken the place of what was there before the loop."""
    found = dict(
        zip(_started(starts, params).values(), _keyed(params).values(), strict=True)
    )
    for name in views:
        found[starts[name]] = low.frame.env[name]
    return {s: p for s, p in found.items() if isinstance(s, Var) and isinstance(p, Var)}


def _rebound(node: Any) -> set[str]:
    """Names that the loop gives other values, rather than write into their arrays."""
    found: set[str] = set()
    for inner in nodes_in(node):
        match inner:
            case (
                cst.AssignTarget(target=target)
                | cst.For(target=target)
                | cst.NamedExpr(target=target)
            ):
                found.update(names_of_target(target))
            case cst.AnnAssign(target=target) | cst.AsName(name=target):
                found.update(names_of_target(target))
            case _:
                pass
    return found


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
    return Type(shape, found.kind, None, found.items, each_of(found))


def _test(low: Lowering, test: Any, views: dict[str, Any]) -> Block:
    """The test of a while loop, as a block of its own: it is run before each iteration and after the last."""
    outer, scanned = low.build, low.scanned
    low.build, low.scanned = Builder(statement=outer.statement), 0
    try:
        carried.show(low, views, named=False)
        go = low.condition(test)
        low.note()
        return Block((), tuple(low.build.eqns), (go,))
    finally:
        low.build, low.scanned = outer, scanned


# --- what the reading showed -------------------------------------------------------------------------------------


def _mend(low: Lowering, body: Body, assumed: Assumed, give_up: bool) -> bool:
    """Correct what was taken for granted; False if it held."""
    changed = _more_names(low, body, assumed)
    defined = {n for n in body.params if isinstance(body.ends.get(n), FUNCTIONS)}
    defined = {n for n in defined if body.starts[n] == NOTHING}
    assumed.functions |= defined
    changed |= bool(defined)
    for name, params in body.params.items():
        if name in defined:
            continue
        changed |= _wider(low, name, params, body, assumed, give_up)
    changed |= _more_sharing(low, body, assumed)
    changed |= _more_touching(low, body, assumed)
    return changed


def _more_touching(low: Lowering, body: Body, assumed: Assumed) -> bool:
    """Names that are no views any more, and what may share an array from then on."""
    lost = carried.still_derived(low, body.ends, body.views)
    assumed.shared.apart.update(lost)
    outside = carried.visible(low, [*body.params, *body.starts])
    found = carried.touching(low, _ended(body), outside)
    known = carried.touching(low, _keyed(body.params), outside)
    more = found - known - assumed.shared.touching
    assumed.shared.touching |= more
    held = carried.holding(low, body.ends) - assumed.shared.held
    assumed.shared.held |= held
    return bool(lost or more or held)


def _ended(body: Body) -> dict[Any, Any]:
    ends = {
        n: _pairs(body.starts[n], body.ends.get(n, NOTHING)) or [] for n in body.params
    }
    return _keyed({n: [end for _, end in pairs] for n, pairs in ends.items()})


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
    for position, (param, (begun, out)) in enumerate(zip(params, pairs, strict=True)):
        if not isinstance(out, Var | Lit):
            continue
        if (
            param in low.tested
            and param.type.shape.is_scalar
            and out.type.shape.dims is None
        ):
            join(out.type.shape, scalar())
        if (name, position) in assumed.opened:
            continue
        begun_type = begun.type if isinstance(begun, Var | Lit) else Type()
        wide = _widened(begun_type, param.type, out.type, give_up)
        if _is_another(body, begun, param, out):
            wide = wide or Type(Shape(), param.type.kind)
        if begun == NOTHING and param.type.kind == "any" and not give_up:
            wide = wide or _only_given(body, param, out)
        if wide is not None:
            if wide.kind == "any" and wide.shape.dims is None:
                assumed.opened.add((name, position))
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
        case (Callee() | Path() | Choice(), Callee() | Path() | Choice() as other):
            return [] if _is_the_same(start, other) else None
        case (Stale(), _):
            return []
        case _:
            return None


def _is_another(body: Body, start: Value, param: Var, end: Atom) -> bool:
    """What has a new shape in each iteration does not have that of the start, where this is unknown and others have it.

    What no iteration computes with is the plainest case: each replaces it.
    """
    if not isinstance(start, Var) or start.type.shape.dims is not None:
        return False
    shapes = [v.type.shape for v in (start, param, end)]
    if not same_shape(*shapes[:2]) or same_shape(*shapes[1:]):
        return False
    read = any(param in e.args for e in all_equations(body.eqns) if not e.blocks)
    others = {v.type.shape.root() for v in _apart(body, param)}
    return not read or not others.isdisjoint(_told_by(shapes[0]))


def _told_by(shape: Shape) -> set[Shape]:
    """The shape, and those of the parts and broadcasts that are known by it."""
    found, pending = set[Shape](), [shape.root()]
    while pending:
        one = pending.pop()
        if one not in found:
            found.add(one)
            pending += [p.root() for p in one.parts.values() if isinstance(p, Shape)]
    return found


def _apart(body: Body, param: Var) -> Iterator[Var]:
    """What an iteration reads that does not come from this variable."""
    every = list(all_equations(body.eqns))
    of_it = {param, *(p for e in every for b in e.blocks for p in b.params)}
    made = {out for e in every for out in e.outs}
    for eqn in every:
        if eqn.blocks or not of_it.isdisjoint(eqn.args):
            of_it.update(eqn.outs)
        else:
            yield from eqn.outs
        yield from (a for a in eqn.args if isinstance(a, Var) and a not in of_it | made)


def _only_given(body: Body, param: Var, end: Atom) -> Type | None:
    """A list or a dict, where an iteration gives the variable one or leaves it as it is."""
    kinds = {v.type.kind for v in _given(body.eqns, param, end)}
    return Type(Shape(), kinds.pop()) if kinds in ({"list"}, {"dict"}) else None


def _given(eqns: Sequence[Eqn], param: Var, end: Atom) -> list[Atom]:
    """What the branches of an iteration give a variable, but for those that leave it as it is."""
    if end is param:
        return []
    made = next((e for e in eqns if end in e.outs), None)
    if made is None or made.op != "if":
        return [end]
    position = made.outs.index(end)
    ways = [_given(b.eqns, param, b.outs[position]) for b in made.blocks]
    return [v for way in ways for v in way]


def _widened(start: Type, assumed: Type, end: Type, give_up: bool) -> Type | None:
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
    if (
        assumed.kind in ("any", wide.kind)
        and (same_rank or (loose and _all_open(start, assumed, wide)))
        and _of_such_items(assumed, wide)
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
    return Type(wide.shape, kind, None, wide.items, wide.each)


def _of_such_items(assumed: Type, wide: Type) -> bool:
    """Of an empty list nothing was taken for granted."""
    each = each_of(assumed)
    if each is None or each is NO_ITEMS or wide.each is each:
        return True
    return wide.each is not None and same_shape(each.shape, wide.each.shape)


def _all_open(start: Type, assumed: Type, wide: Type) -> bool:
    """Lengths that differ from one iteration to the next are unknown ones, and not those of the first."""
    first = {d.root() for d in start.shape.dims or ()}
    pairs = zip(assumed.shape.dims or (), wide.shape.dims or (), strict=True)
    return all(
        d.root() == e.root()
        or (d.known is None and not d.root()[0].name and d.root() not in first)
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


def _emit(low: Lowering, node: Any, op: str, args: list[Atom], body: Body) -> None:
    starts: list[Atom] = []
    params: list[Var] = []
    ends: list[Atom] = []
    read = Block((), body.eqns, ()).free_or_params()
    for name, made in body.params.items():
        pairs = _pairs(body.starts[name], body.ends.get(name, NOTHING)) or []
        for param, (start, end) in zip(made, pairs, strict=True):
            if isinstance(end, Stale):
                end = param
            assert isinstance(start, Var | Lit)
            if start == NOTHING and isinstance(end, Var) and param not in read:
                param.type = _each_time(end.type)  # only the loop gives it a value
            starts.append(start)
            params.append(param)
            ends.append(end if isinstance(end, Var | Lit) else NOTHING)
    block = Block((body.index, *params), body.eqns, (body.stop, *ends))
    _let_vary(block)
    blocks = (block,) if body.test is None else (body.test, block)
    steps = Var("", Type(scalar(), "int"))
    outside = carried.visible(low, [*body.params, *body.starts])
    outside += carried.in_containers(low)
    together = carried.touching(low, dict(enumerate(starts)), outside)
    together |= carried.touching(low, dict(enumerate(ends)), outside)
    outs = tuple(
        _end(low, p, s, e) for p, s, e in zip(params, starts, ends, strict=True)
    )
    carried.touch(low, dict(enumerate(outs)), together)
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


def _let_vary(body: Block) -> None:
    """What has another shape in each iteration has not that of the last one where an iteration begins."""
    changed = varying(body)
    for param, end in zip(body.params[1:], body.outs[1:], strict=True):
        shape = param.type.shape
        if end in changed and same_shape(shape, end.type.shape):
            own = Shape() if shape.dims is None else Shape(Dim() for _ in shape.dims)
            param.type = Type(
                own, param.type.kind, None, param.type.items, param.type.each
            )


def _end(low: Lowering, param: Var, start: Atom, end: Atom) -> Var:
    found = either(start.type, either(param.type, end.type))
    out = Var(param.name, _each_time(found))
    low.storages.meet(out, [v for v in (start, end, param) if isinstance(v, Var)])
    return out


def _each_time(type: Type) -> Type:
    """What holds in every iteration: an integer is another length in each."""
    return Type(type.shape, type.kind, None, type.items, type.each)


def _sorted_out(
    params: dict[str, list[Var]], outs: Sequence[Var]
) -> dict[str, list[Var]]:
    rest = list(outs)
    return {name: [rest.pop(0) for _ in made] for name, made in params.items()}


def _refuse_other_kinds(body: Body, statement: Statement) -> None:
    """What starts as a list and ends as a number is refused where it is read, and only there."""
    for name in body.params:
        match body.starts[name], body.ends.get(name, NOTHING):
            case (Var() | Lit() as start, Var() | Lit() as end) if are_apart(
                start.type, end.type
            ):
                why = f"{name} changes its kind from one iteration to the next"
                step = "keep it of one kind"
                body.ends[name] = Stale(name, why, statement, "FG121", step)
            case _:
                pass


def _refuse_stale(low: Lowering, body: Body) -> None:
    """What an iteration leaves as not known must not be what the next one begins by reading."""
    read = Block((), body.eqns, ()).free_or_params()
    for name, start in body.starts.items():
        if name not in body.params and _is_unseen(start, body.ends.get(name)):
            what = f"{name} is another function in the next iteration"
            step = "call each function in its branch"
            raise Refusal("FG121", what, step, low.here())
    for name, made in body.params.items():
        end = body.ends.get(name)
        if isinstance(end, Stale) and any(p in read for p in made):
            raise stale(end, low.here() or low.node)


def _is_unseen(start: Value, end: Value | None) -> bool:
    """A function, or a tuple of them, changes: it is no value of the graph, so that nothing shows who reads it."""
    if isinstance(start, Struct):
        return end is None or _pairs(start, end) is None
    return isinstance(start, FUNCTIONS) and isinstance(end, Stale)


def _after(low: Lowering, body: Body, kept: Sequence[str]) -> None:
    """What the names hold after the loop; those `kept` hold what they held before."""
    for name, start in body.starts.items():
        end = body.ends.get(name, NOTHING)
        if isinstance(end, Stale) and name not in body.views:
            _carry(low, name, end)
        elif name in kept:
            continue
        elif name in body.params:
            rest = list(body.params[name])
            _carry(low, name, _rebuilt(start, rest))
        elif name in body.views:
            continue
        elif isinstance(start, Stale):
            _carry(low, name, start)
        elif isinstance(end, Callee | Path | Choice) and _is_the_same(start, end):
            _carry(low, name, _function_after(low, body, name, end))
        elif not isinstance(start, Struct) and end is not start:
            what = f"{name} changes its kind from one iteration to the next"
            raise Refusal("FG121", what, "keep it of one kind", low.here())
    for name, made in body.params.items():
        for out in made:
            if out.name and name not in kept:
                low.merged(out)
    low.note()
    carried.show(low, body.views)
    low.note()


def _is_the_same(start: Value, end: Callee | Path | Choice) -> bool:
    """Each iteration defines one function, or reads one definition again."""
    match start, end:
        case Callee(node=one), Callee(node=other):
            return one is other
        case _:
            return start in (NOTHING, end)


def _function_after(
    low: Lowering, body: Body, name: str, end: Callee | Path | Choice
) -> Value:
    """The function that the last iteration defined, unless it holds what only an iteration knows."""
    if isinstance(end, Path):
        return end
    values = end.defaults.values() if isinstance(end, Callee) else [end]
    held = [v for value in values for v in vars_in(value)]
    params = [p for made in body.params.values() for p in made]
    inside = {body.index, *params, *(o for e in body.eqns for o in e.outs)}
    frame = end.frame if isinstance(end, Callee) else None
    known = frame is None or frame in low._all_frames()
    if known and inside.isdisjoint(held):
        return end
    statement = low.build.statement
    assert statement is not None
    why = f"{name} is a function that holds a value of the last iteration"
    return Stale(name, why, statement, "FG121", "give it the value as an argument")


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


@functools.lru_cache(maxsize=2**14)
def growing(node: Any) -> tuple[str, ...]:
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
    return tuple(dict.fromkeys(found))


__all__ = ["for_loop", "growing", "while_loop"]
