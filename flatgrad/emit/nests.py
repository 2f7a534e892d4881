"""An equation with blocks of the backward part -> a branch or a reversed loop, with the lines of its suites.

What the equation carries has one name all through: before it, at the start and the end of each suite, and after it.
It may be updated in place where the array belongs to that name alone at the start and at the end of every suite.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.emit.containers import MAY_HOLD, copied, is_update
from flatgrad.emit.expressions import print_statement
from flatgrad.graph import Atom, Block, Eqn, Lit, Var
from flatgrad.loops import is_overwritten, renewed_items
from flatgrad.versions import VIEWS

if TYPE_CHECKING:
    from flatgrad.emit.lines import Lines, Printed

COMPLEX = ("complex", "mixed")
IN_PLACE = ("add", "sub", "mul", "truediv")
STORES = ("setitem", "index_add")


def print_nest(lines: Lines, number: int, eqn: Eqn) -> list[Any]:
    """The statements of an equation with blocks."""
    return _branch(lines, number, eqn) if eqn.op == "if" else _loop(lines, number, eqn)


# --- branches ------------------------------------------------------------------------------------------------------


def _branch(lines: Lines, number: int, eqn: Eqn) -> list[Any]:
    from flatgrad.emit.lines import Nest

    names = _names(lines, number, eqn.outs, (), [None for _ in eqn.outs])
    before = lines.arrays
    suites, owned = [], []
    for block in eqn.blocks:
        lines.arrays = before.copy()
        inner = _inner(lines, number, block, ())
        suites.append(_suite(inner, block, names))
        owned.append([_is_own(inner, end, block.outs) for end in block.outs])
    lines.arrays = before
    for i, (out, name) in enumerate(zip(eqn.outs, names, strict=True)):
        _hold(lines, out, name, owned=all(o[i] for o in owned))
    then, other = suites
    if not then and not other:
        return []
    if (beside := eqn.attrs.get("along")) is not None:
        return [Nest([("", then), ("", other)], beside)]
    test = lines.read(eqn.args[0])
    if not then:
        return [Nest([(f"if {_text(_negated(test))}:", other)])]
    found = [(f"if {_text(test)}:", then)]
    return [Nest([*found, ("else:", other)] if other else found)]


def _negated(test: ast.expr) -> ast.expr:
    opposite: dict[type[ast.cmpop], type[ast.cmpop]] = {
        ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
    }  # fmt: skip
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(ops=[op]) if type(op) in opposite:
            return ast.Compare(test.left, [opposite[type(op)]()], test.comparators)
        case _:
            return ast.UnaryOp(ast.Not(), test)


# --- loops ---------------------------------------------------------------------------------------------------------


def _loop(lines: Lines, number: int, eqn: Eqn) -> list[Any]:
    """Printed again with less taken for owned, until what is taken for owned is."""
    from flatgrad.emit.lines import Nest

    (body,), beside = eqn.blocks, eqn.attrs.get("along")
    starts, outs, params = eqn.args[1:], eqn.outs[1:], body.params[1:]
    free = _read_within(lines, body)
    owned = {
        p
        for p in params
        if _is_stored(body, p) or not _is_seed(lines, starts[params.index(p)])
    }
    start_again = _fresh_start(lines)
    while True:
        start_again()
        names = _names(lines, number, outs, free, starts)
        opening = _starts(lines, number, names, starts, params, owned)
        header = "" if beside is not None else _header(lines, eqn, body)
        inner = _inner(lines, number, body, params)
        for param, name in zip(params, names, strict=True):
            _hold(inner, param, name, owned=param in owned)
        with lines.available.within(_bound_by(header)):
            suite = _suite(inner, body, names)
        ends = zip(params, body.outs[1:], strict=True)
        kept = {p for p, end in ends if p in owned and _is_own(inner, end, body.outs)}
        if kept == owned:
            break
        owned = kept
    lines.arrays = inner.arrays
    for out, name, param in zip(outs, names, params, strict=True):
        _hold(lines, out, name, owned=param in owned)
    return [*opening, Nest([(header, suite)], beside)] if suite else opening


def _read_within(lines: Lines, body: Block) -> list[Var]:
    """What the lines of a body read from outside of it; what is folded into them, too."""
    found, pending = [], list(body.free())
    while pending:
        value = pending.pop()
        found.append(value)
        if value in lines.folded:
            reads = lines.defs[value].reads()
            pending.extend(a for a in reads if isinstance(a, Var))
    return found


def _fresh_start(lines: Lines) -> Callable[[], None]:
    """Takes back every name that was given since."""
    arrays, taken = lines.arrays, set(lines.names.taken)
    names, own = dict(lines._names), dict(lines._own)

    def start_again() -> None:
        lines.arrays = arrays.copy()
        lines.names.taken = taken | lines.available.edits.given
        for now, then in ((lines._names, names), (lines._own, own)):
            now.clear()
            now.update(then)  # type: ignore[arg-type]

    return start_again


def _starts(
    lines: Lines, number: int, names: Sequence[str], starts: Sequence[Atom], params: Sequence[Var], owned: set[Var]
) -> list[Any]:  # fmt: skip
    """What is carried has its name, and an array of its own where it is updated in place."""
    found: list[Any] = []
    targets: list[tuple[str, ast.expr]] = []
    for name, start, param in zip(names, starts, params, strict=True):
        mine = (
            isinstance(start, Var)
            and start in lines.folded
            and lines._base(lines.defs[start]) is start
        )
        mine = mine or (isinstance(start, Var) and _is_own_before(lines, number, start))
        nothing = start == Lit(None)
        if param in owned and not (mine or nothing or param.type.shape.is_scalar):
            held = param.type.kind in MAY_HOLD
            targets.append(
                (
                    name,
                    (
                        copied(lines.read(start), param, lines.dialect)
                        if held
                        else lines._copy(start, param.type.kind in COMPLEX)
                    ),
                )
            )
        elif lines.printed.get(start) != name:
            targets.append((name, lines.read(start)))
    reads = {
        n.id for _, value in targets for n in ast.walk(value) if isinstance(n, ast.Name)
    }
    if len(targets) > 1 and reads & {name for name, _ in targets}:
        left = ast.Tuple([ast.Name(n) for n, _ in targets])
        return [ast.Assign([left], ast.Tuple([v for _, v in targets]))]
    found += [ast.Assign([ast.Name(n)], v) for n, v in targets]
    return found


def _is_seed(lines: Lines, start: Atom) -> bool:
    """The start is an array that others have, and that need not be written into."""
    if not isinstance(start, Var):
        return False
    if start in lines.folded:
        return lines._base(lines.defs[start]) is not start
    root = lines.root.get(start, start)
    return root not in lines.owned


def _is_own_before(lines: Lines, number: int, start: Var) -> bool:
    root = lines.root.get(start)
    if root is None or root not in lines.owned:
        return False
    return not lines._is_alive(start, number) and not any(
        v is not start and lines._is_alive(v, number) for v in lines.sharing[root]
    )


def _is_stored(block: Block, param: Var) -> bool:
    """Something is stored into the array that `param` is carried in."""
    reached: set[Atom] = {param}
    found = False
    for eqn in block.eqns:
        if is_update(eqn) and eqn.args[0] in reached:
            return True
        if eqn.op in (*STORES, *IN_PLACE, "alias") and any(
            a in reached for a in eqn.args[:2]
        ):
            found = found or (eqn.op in STORES and eqn.args[0] in reached)
            if eqn.op in STORES and eqn.args[0] not in reached:
                continue
            reached.update(eqn.outs)
        for inner in eqn.blocks:
            for start, inside in zip(eqn.args[1:], inner.params[1:], strict=False):
                if start in reached and _is_stored(inner, inside):
                    return True
            if any(_is_stored(inner, v) for v in inner.free() if v in reached):
                return True
            reached.update(
                o for o, e in zip(eqn.outs, inner.outs, strict=False) if e in reached
            )
    return found


# --- suites --------------------------------------------------------------------------------------------------------


def _inner(lines: Lines, number: int, block: Block, params: tuple[Var, ...]) -> Lines:
    outs = block.outs[1:] if params or len(block.params) else block.outs
    return type(lines)(block.eqns, outs, lines.available, lines.names, lines.dialect, lines.prefix, {}, lines, number,
                  params, bool(block.params))  # fmt: skip


def _suite(inner: Lines, block: Block, names: Sequence[str]) -> list[Printed]:
    """The lines of a block; at its end each result has its name."""
    from flatgrad.emit.lines import Printed

    found = inner.print()
    ends = block.outs[1:] if block.params else block.outs
    last = _ends(inner, names, ends)
    if last:
        if found and found[-1].statement is None:
            found[-1].nodes.extend(last)
        else:
            found.append(Printed(None, last))
    taken = (
        inner.available.taken.get(block.undoes, []) if block.undoes is not None else []
    )
    if taken:
        nodes = [
            ast.Assign([ast.Name(name)], value)
            for _, name, value in sorted(taken, key=lambda t: t[0])
        ]
        found.insert(0, Printed(None, list(nodes)))
    return found


def _ends(inner: Lines, names: Sequence[str], ends: Sequence[Atom]) -> list[Any]:
    targets = [
        (name, end) for name, end in zip(names, ends, strict=True) if inner.printed.get(end) != name
    ]  # fmt: skip
    values = [inner.read(end) for _, end in targets]
    reads = {
        n.id for value in values for n in ast.walk(value) if isinstance(n, ast.Name)
    }
    if len(targets) > 1 and reads & {name for name, _ in targets}:
        left = ast.Tuple([ast.Name(n) for n, _ in targets])
        return [ast.Assign([left], ast.Tuple(values))]
    return [
        ast.Assign([ast.Name(n)], v) for (n, _), v in zip(targets, values, strict=True)
    ]


def _is_own(inner: Lines, end: Atom, ends: Sequence[Atom]) -> bool:
    """At the end of a suite the array of `end` is nobody else's."""
    if not isinstance(end, Var):
        return True
    if end.type.shape.is_scalar:
        return True
    root = inner.root.get(end)
    if root is None or root not in inner.owned:
        return False
    if inner.outlives(end):
        return False
    others = [v for v in inner.sharing[root] if v is not end]
    return (
        not any(v in ends or inner._is_alive(v, 1 << 59) for v in others)
        and list(ends).count(end) == 1
    )


def _names(
    lines: Lines, number: int, outs: Sequence[Var], free: Sequence[Var], starts: Sequence[Atom | None]
) -> list[str]:  # fmt: skip
    """Two versions of a variable may both be carried, or come out of a branch: each has a name of its own."""
    found: list[str] = []
    for out, start in zip(outs, starts, strict=True):
        name = _name(lines, number, out, free, start)
        if name in found:
            assert out.primal is not None
            name = lines._names[out.primal] = lines.names.underscored(name)
        found.append(name)
    return found


def _name(
    lines: Lines, number: int, out: Var, free: Sequence[Var], start: Atom | None = None
) -> str:
    """The one name of what is carried: that of its derivative, unless what has that name is still read."""
    primal = out.primal
    assert primal is not None
    wanted = lines._derivative(primal)
    held = lines._holds.get(wanted, ())
    if any(lines._is_alive(v, number) or v in free for v in held):
        wanted = lines._names[primal] = lines.names.underscored(wanted)
    return wanted


def _hold(lines: Lines, value: Var, name: str, owned: bool) -> None:
    """`value` is in `name` from now on, in an array of its own or in one that others may have."""
    lines.printed[value] = name
    lines._holds[name] = {value}
    lines.root[value] = value
    lines.sharing[value] = {value}
    if owned:
        lines.owned.add(value)
    else:
        lines.owned.discard(value)


# --- the line that opens a loop ------------------------------------------------------------------------------------


def _header(lines: Lines, eqn: Eqn, body: Block) -> str:
    """for t in reversed(range(T)):"""
    forward: Eqn = eqn.attrs["undoes"]
    assert forward.statement is not None
    source = forward.attrs.get("source") or lines.available.function.loops.get(
        forward.statement
    )
    count = lines.read(eqn.args[0]) if eqn.args[0] is forward.outs[0] else None
    if source is None:
        return f"for _ in range({_text(lines.read(eqn.args[0]))}):"
    if source.kind == "range":
        return _over_range(lines, forward, body, count)
    return _over_items(lines, forward, source, body, count)


def _bound_by(header: str) -> set[str]:
    """The names that the line that opens a loop gives values."""
    if not header:
        return set()
    (loop,) = ast.parse(f"{header}\n    pass").body
    assert isinstance(loop, ast.For)
    return {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}


def loop_text(forward: Eqn) -> Any:
    """The part of the text that says what a loop runs over."""
    return forward.attrs.get("part") or forward.node


def _over_range(lines: Lines, forward: Eqn, body: Block, count: ast.expr | None) -> str:
    index, target = body.params[0], loop_text(forward).target
    named = isinstance(target, cst.Name)
    name = (
        lines.available.loop_name(str(target.value))
        if named
        else _fresh_index(lines, index)
    )
    lines.available.local[index] = ast.Name(name)
    span = lines.available.span(forward.args[0])
    return f"for {name} in {_reversed(span, count)}:"


def _fresh_index(lines: Lines, index: Var) -> str:
    known = lines.available.local.get(index)
    if isinstance(known, ast.Name):
        return known.id
    name = lines.names.fresh("key" if index.type.kind == "str" else "i")
    lines.available.edits.given.add(name)
    return name


def _reversed(span: ast.expr, count: ast.expr | None) -> str:
    match span:
        case ast.Call(func=ast.Name(id="range"), args=[_]) if count is not None:
            return f"reversed(range({_text(count)}))"
        case ast.Call(func=ast.Name(id="reversed"), args=[inner]) if count is None:
            return _text(inner)
        case _ if count is not None:
            return f"reversed(list({_text(span)})[:{_text(count)}])"
        case _:
            return f"reversed({_text(span)})"


def _over_items(
    lines: Lines, forward: Eqn, source: Any, body: Block, count: ast.expr | None
) -> str:
    """for i, x in reversed(list(enumerate(xs))): with what the forward loop runs over."""
    available, index, target = (
        lines.available,
        body.params[0],
        loop_text(forward).target,
    )
    if source.length is not None and is_overwritten(forward):
        name = _fresh_index(lines, index)
        available.local[index] = ast.Name(name)
        length = count if count is not None else lines.read(source.length)
        return f"for {name} in reversed(range({_text(length)})):"
    shown = _renamed(lines, target)
    bare = shown[1:-1] if isinstance(target, cst.Tuple) and target.lpar else shown
    over = available.iterable(forward)
    text = f"({_text(over)})" if isinstance(over, ast.Tuple) else _text(over)
    cut = f"[:{_text(count)}]" if count is not None else ""
    if source.kind == "keys" and source.counted:
        available.local[index] = _counted(lines, source, target)
        header = f"for {bare} in reversed(list({text}){cut}):"
    elif source.kind == "keys":
        key = _fresh_index(lines, index)
        available.local[index] = ast.Name(key)
        items = text.removesuffix(".values()")
        header = f"for {key}, {shown} in reversed(list({items}.items()){cut}):"
    elif source.counted:
        available.local[index] = _counted(lines, source, target)
        header = f"for {bare} in reversed(list({text}){cut}):"
    elif _reads(forward, body, index):
        name = _fresh_index(lines, index)
        available.local[index] = ast.Name(name)
        inner = f"({bare})" if isinstance(target, cst.Tuple) else bare
        header = f"for {name}, {inner} in reversed(list(enumerate({text})){cut}):"
    else:
        named = (
            isinstance(
                loop_text(forward).iter, cst.Name | cst.Attribute | cst.Subscript
            )
            and not cut
            and not _may_be_a_set(lines, forward)
        )
        header = f"for {bare} in reversed({text if named else f'list({text}){cut}'}):"
    _refuse_written_items(lines, forward, body)
    _bind_targets(lines, forward, target)
    return header


def _may_be_a_set(lines: Lines, forward: Eqn) -> bool:
    """What the loop runs over is made by something that is not read, or a variable of the module: it has no end to begin at."""
    body = forward.blocks[-1]
    pending = [e.args[0] for e in body.eqns if e.op == "getitem" and e.args[1] is body.params[0]]  # fmt: skip
    seen: set[Any] = set()
    while pending:
        value = pending.pop()
        made = lines.available.defs.get(value)
        if made is None or value in seen:
            continue
        seen.add(value)
        if made.op in ("opaque", "external"):
            return True
        if made.op in ("alias", "bitand", "bitor", "bitxor", "sub"):
            pending += made.args
        # The condition of a while gives nothing but itself.
        bodies = (b for b in made.blocks if len(b.outs) == len(made.outs))
        pending += [body.outs[made.outs.index(value)] for body in bodies]
    return False


def _counted(lines: Lines, source: Any, target: Any) -> ast.expr:
    """What the target calls the index: k of k, v; k itself of keys; r[0] where r is the pair."""
    match target:
        case cst.Tuple(elements=[first, *_]) | cst.List(elements=[first, *_]):
            return ast.Name(_renamed(lines, first.value))
        case _ if source.paired:
            return ast.Subscript(ast.Name(_renamed(lines, target)), ast.Constant(0))
        case _:
            return ast.Name(_renamed(lines, target))


def _reads(forward: Eqn, body: Block, index: Var) -> bool:
    """The reversed body needs the index itself, not only the item that it stands for."""
    assert forward.statement is not None
    assert body.undoes is not None
    bindings = forward.statement.frame.bindings
    bound = {bindings.get(node) for node in _names_in(loop_text(forward).target)}
    made = {out: eqn for eqn in body.undoes.eqns for out in eqn.outs}

    def needs(value: Atom) -> bool:
        if value is index or value in bound or not isinstance(value, Var):
            return value is index
        eqn = made.get(value)
        return eqn is not None and eqn.node is None and any(map(needs, eqn.reads()))

    return any(map(needs, body.free_or_params()))


def _refuse_written_items(lines: Lines, forward: Eqn, body: Block) -> None:
    """The items that a loop took from a list are others by now, where an array in the list was written into since."""
    assert forward.statement is not None
    destroyed = lines.available.function.storages.destroyed
    read, shown = body.free_or_params(), set[Atom]()
    for eqn in forward.blocks[-1].eqns:
        taken = eqn.op == "getitem" and eqn.args[0].type.kind in MAY_HOLD
        if taken or (eqn.op in VIEWS and eqn.args[0] in shown):
            shown.update(eqn.outs[-1:])
    for value in shown.intersection(read, destroyed):
        if forward.statement not in destroyed[value].around():
            what = "an array in the list that this loop runs over is written into afterwards"
            raise lines.available.editor.refusal("FG401", what, "write into a copy", loop_text(forward).iter)  # fmt: skip


def _bind_targets(lines: Lines, forward: Eqn, target: Any) -> None:
    """The names that the loop binds hold, in the reversed loop too, the items of the iteration."""
    assert forward.statement is not None
    renewed = renewed_items(forward)
    for node in _names_in(target):
        value = forward.statement.frame.bindings.get(node)
        if isinstance(value, Var) and value not in renewed:
            lines.available.local[value] = ast.Name(
                lines.available.loop_name(node.value)
            )


def _renamed(lines: Lines, target: Any) -> str:
    """The target of a loop in the reversed loop."""
    available = lines.available
    places = {
        n.value: ast.Name(available.loop_name(n.value)) for n in _names_in(target)
    }
    text = available.function.module.code(target).strip()
    return re.sub(
        r"[^\W\d]\w*", lambda m: places[m[0]].id if m[0] in places else m[0], text
    )


def _names_in(target: Any) -> list[cst.Name]:
    match target:
        case cst.Name():
            return [target]
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            return [n for e in elements for n in _names_in(e.value)]
        case cst.StarredElement(value=value):
            return _names_in(value)
        case _:
            return []


def _text(node: ast.expr) -> str:
    return print_statement(ast.Expr(node)).strip()
