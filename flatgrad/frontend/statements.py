"""A statement of the source -> equations, or one opaque equation where it is not read.

An opaque equation is harmless where no gradient flows through it and is refused, with its place, where one does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import (
    assignments,
    blocks,
    branches,
    calls,
    effects,
    expressions,
    hints,
    item_stores,
    iterators,
    loops,
    pragmas,
)
from flatgrad.frontend.exits import may_leave
from flatgrad.frontend.module import bound_names, collect_import, names_in, nodes_in
from flatgrad.frontend.scope import Refusal, Value
from flatgrad.graph import Lit, Var

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

COMPOUND: dict[type[cst.CSTNode], str] = {
    cst.If: "an if statement", cst.For: "a for loop", cst.While: "a while loop", cst.With: "a with block",
    cst.Try: "a try statement", cst.TryStar: "a try statement", cst.Match: "a match statement",
}  # fmt: skip
STRAIGHT = "write the function as straight-line code"


def suite(low: Lowering, body: cst.BaseSuite) -> None:
    """Read the statements of a body, up to the one that returns."""
    pragmas.refuse_unheeded(low, body)
    if low.frame.enclosing is None and low.frame.statement is None:
        header = getattr(body, "header", None)
        hints.comments(low, getattr(header, "comment", None), ())
    lines(low, [body] if isinstance(body, cst.SimpleStatementSuite) else body.body)


def lines(low: Lowering, body: Sequence[Any]) -> None:
    """Read these lines, up to one that leaves them."""
    for position, line in enumerate(body):
        if _with_rest(low, line, body[position + 1 :]):
            return
        for part in _one_by_one(line):
            if low.frame.returned is not None or _leaves(low, part):
                return
            _line(low, part, line)


def _with_rest(low: Lowering, line: Any, rest: Sequence[Any]) -> bool:
    """A statement that may leave the loop around it is read together with what follows it."""
    if isinstance(line, cst.If) and branches.splits(line):
        low.attempt(line, lambda: branches.conditional(low, line, rest))
    elif blocks.is_transparent(line) and may_leave(line):
        low.attempt(line, lambda: blocks.block(low, line, rest))
    else:
        return False
    return True


def _leaves(low: Lowering, line: Any) -> bool:
    """A break or continue: nothing after it is read."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Break()]):
            low.stop = Lit(True)
            return True
        case cst.SimpleStatementLine(body=[cst.Continue()]):
            return True
        case _:
            return False


def _line(low: Lowering, part: Any, line: Any) -> None:
    """One statement; `line` is all that stands on its line."""
    match part:
        case cst.If():
            low.attempt(part, lambda: branches.conditional(low, part, []))
        case cst.For():
            low.attempt(part, lambda: loops.for_loop(low, part))
        case cst.While():
            low.attempt(part, lambda: loops.while_loop(low, part))
        case cst.With() | cst.Try() if blocks.is_transparent(part):
            low.attempt(part, lambda: blocks.block(low, part))
        case _:
            statement = low.begin(part)
            if part is not line:
                low.frame.lines[line] = [*low.frame.lines.get(line, ()), statement]
            low.stopping = pragmas.stops(line)
            low.attempt(part, lambda: _statement(low, part))
            low.stopping = False
            low.build.statement = statement
            low.attempt(part, lambda: hints.after(low, part))


def _statement(low: Lowering, line: Any) -> None:
    match line:
        case cst.SimpleStatementLine(body=[part]):
            _simple(low, part)
        case cst.FunctionDef(name=cst.Name(value=name)):
            low.hold(name, low.callee(name, line))
        case cst.ClassDef():
            what = "a class inside of a function is not read"
            step = "define the class at top level, or keep its values in variables"
            raise Refusal("FG104", what, step, line)
        case _:
            _compound(low, line)


def _simple(low: Lowering, node: cst.BaseSmallStatement) -> None:
    match node:
        case cst.Assign() | cst.AnnAssign() | cst.AugAssign():
            _assignment(low, node)
        case cst.Return(value=value):
            low.frame.returned = node
            low.frame.result = _result(low, value)
        case cst.Expr(value=value):
            _effect(low, value)
        case cst.Import() | cst.ImportFrom():
            collect_import(low.module, node)
        case cst.Assert() | cst.Raise():
            low.mention(node)
            effects.effects_within(low, node)
        case cst.Pass():
            pass
        case cst.Del() if deletes_names(node):
            pass  # the backward may need what they hold: the line is left out
        case cst.Del() if item_stores.delete(low, node):
            pass
        case cst.Global(names=names) if not _rebinds(
            low, [n.name.value for n in names]
        ):
            pass
        case _:
            raise _unread(node)


def deletes_names(node: cst.Del) -> bool:
    """del a, b"""
    target = node.target
    parts = (
        [e.value for e in target.elements]
        if isinstance(target, cst.Tuple)
        else [target]
    )
    return all(isinstance(p, cst.Name) for p in parts)


def _rebinds(low: Lowering, names: Sequence[str]) -> bool:
    """The function gives one of these names another value."""
    return not set(names).isdisjoint(bound_names(low.frame.function.body))


def _assignment(
    low: Lowering, node: cst.Assign | cst.AnnAssign | cst.AugAssign
) -> None:
    match node:
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Tuple() | cst.List() as names)],
            value=value,
        ):
            one_by_one = iterators.spelled_out(low, value)
            result = pragmas.stopped(low, low.expression(one_by_one or value))
            iterators.taken(low, value)
            assignments.assign(low, names, result, value)
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Name(value=name))],
            value=cst.Name(value=same),
        ) if (
            name == same
        ):
            low.expression(node.value)  # x = x
        case cst.Assign(targets=targets, value=value):
            result = pragmas.stopped(low, low.expression(value))
            for target in targets:  # the first target names the value
                assignments.assign(low, target.target, result, value)
        case cst.AnnAssign(target=annotated, value=cst.BaseExpression() as value):
            assignments.assign(
                low, annotated, pragmas.stopped(low, low.expression(value)), value
            )
        case cst.AugAssign():
            assignments.augment(low, node)
        case cst.AnnAssign():
            pass


def _result(low: Lowering, value: cst.BaseExpression | None) -> Value | None:
    if value is None:
        return None
    found = pragmas.stopped(low, low.expression(value))
    return None if found == Lit(None) else found


def _effect(low: Lowering, value: cst.BaseExpression) -> None:
    """An expression whose value nobody takes is there for what it changes, or is a remark."""
    match value:
        case cst.SimpleString() | cst.ConcatenatedString():
            pass
        case cst.Call() if calls.in_place(low, value):
            pass
        case _:
            low.expression(value)


def _unread(node: cst.BaseSmallStatement) -> Refusal:
    word = type(node).__name__.lower()
    match node:
        case cst.Global() | cst.Nonlocal():
            step = "pass the value in and return it"
            return Refusal("FG105", f"{word} names are not read", step, node)
        case cst.Del():
            return Refusal("FG104", "del is not read", "leave the name alone", node)
        case _:
            step = "write it as straight-line code"
            return Refusal("FG104", f"{word} is not read here", step, node)


# --- statements with a body --------------------------------------------------------------------------------------


def _compound(low: Lowering, node: cst.BaseCompoundStatement) -> None:
    """Opaque: what it may bind or write holds something unknown afterwards."""
    what = COMPOUND.get(type(node), "a compound statement")
    inside = list(nodes_in(node))
    _refuse_exits(inside, what, node)
    if may_leave(node):
        what = f"{what} that leaves the loop around it is not read yet"
        raise Refusal("FG105", what, STRAIGHT, node)
    reads = low.mention(node)
    changed = _changed(low, inside)
    old = [v for n in changed if isinstance(v := low.frame.env.get(n), Var)]
    count = max(1, len(changed))
    what = f"{what} is not read yet"
    step = ""
    if isinstance(node, cst.Try) and changed:
        what = f"what {changed[0]} is depends on what this try statement catches"
        step = f"compute {changed[0]} outside of the try statement, or raise where something is caught"
    outs = low.opaque(
        what, [*reads, *old], node, code="FG105", count=count, next_step=step
    )
    effects.effects_within(low, node)
    if _writes_through_new_names(inside):
        effects.spoil_all(low, reads)
    for name, out in zip(changed, outs, strict=False):
        out.name = name
        before = low.frame.env.get(name)
        if isinstance(before, Var):
            low.overwrite(before, out, unsure=True)
        low.hold(name, out)


def _refuse_exits(inside: Sequence[cst.CSTNode], what: str, node: cst.CSTNode) -> None:
    for inner in inside:
        match inner:
            case cst.Yield():
                raise expressions.generator(inner)
            case cst.Global() | cst.Nonlocal():
                raise _unread(inner)
            case cst.Return():
                what = f"{what} that returns from within is not read yet"
                raise Refusal("FG105", what, STRAIGHT, node)
            case _:
                pass


def _writes_through_new_names(inside: Sequence[cst.CSTNode]) -> bool:
    """`v = x; v[0] = 1`: a name that is bound inside may show any array that is read inside."""
    bound: set[str] = set()
    written: set[str] = set()
    for node in inside:
        match node:
            case cst.AssignTarget(target=cst.Name(value=name)) | cst.For(
                target=cst.Name(value=name)
            ):
                bound.add(name)
            case cst.AugAssign(target=target) | cst.AssignTarget(
                target=cst.Subscript() as target
            ):
                written.update(_base_names(target))
            case _:
                pass
    return not bound.isdisjoint(written)


def _changed(low: Lowering, inside: Sequence[cst.CSTNode]) -> list[str]:
    """Names that hold something else after a compound statement, in the order of the alphabet."""
    known = low.frame.env
    names = sorted(set(_changed_names(inside)))
    return [n for n in names if n in known or _binds(inside, n)]


def _binds(inside: Sequence[cst.CSTNode], name: str) -> bool:
    binding = cst.AssignTarget | cst.For | cst.NamedExpr | cst.AnnAssign | cst.AsName
    found = (n for n in inside if name in set(_changed_names([n])))
    return any(isinstance(n, binding) for n in found)


def _changed_names(inside: Sequence[cst.CSTNode]) -> Iterator[str]:
    """Names that a compound statement may bind or whose arrays it may write."""
    for node in inside:
        match node:
            case (
                cst.AssignTarget(target=target)
                | cst.AnnAssign(target=target)
                | cst.AugAssign(target=target)
                | cst.For(target=target)
                | cst.NamedExpr(target=target)
                | cst.Del(target=target)
                | cst.AsName(name=target)
            ):
                yield from _base_names(target)
            case cst.Expr(value=cst.Call() as call):
                yield from (n.value for n in names_in(call))
            case cst.FunctionDef(name=name) | cst.ClassDef(name=name):
                yield name.value
            case _:
                pass


def _base_names(target: cst.CSTNode) -> Iterator[str]:
    match target:
        case cst.Name(value=name):
            yield name
        case (
            cst.Subscript(value=value)
            | cst.Attribute(value=value)
            | cst.StarredElement(value=value)
        ):
            yield from _base_names(value)
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                yield from _base_names(element.value)
        case _:
            pass


# --- several statements on one line ------------------------------------------------------------------------------


def _one_by_one(line: Any) -> list[Any]:
    """`a = 1; b = 2` as two lines."""
    match line:
        case cst.SimpleStatementLine(body=[first, *middle, last]):
            space = cst.TrailingWhitespace()
            begin = line.with_changes(body=[_alone(first)], trailing_whitespace=space)
            space = line.trailing_whitespace
            end = cst.SimpleStatementLine([_alone(last)], trailing_whitespace=space)
            return [begin, *map(_line_of, middle), end]
        case cst.SimpleStatementSuite(body=parts):
            return list(map(_line_of, parts))
        case _:
            return [line]


def _line_of(part: Any) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine([_alone(part)])


def _alone(part: Any) -> Any:
    """A statement without the semicolon that followed it."""
    return part.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
