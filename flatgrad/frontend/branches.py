"""Two ways through the text -> one `if` equation, and names that hold what either way gave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.builder import Builder
from flatgrad.frontend import carried, containers, effects, windows
from flatgrad.frontend.exits import falls_through, lines_of, may_leave, otherwise
from flatgrad.frontend.scope import Callee, Choice, Frame, Path, Stale, Struct, Value
from flatgrad.graph import Atom, Block, Eqn, Lit, Var, check
from flatgrad.shapes.items import both, each_of
from flatgrad.types import Dim, Shape, Type, same_dim, same_shape

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

NUMBERS = ("bool", "int", "float", "complex")
HELD = ("list", "dict")
NOTHING = Lit(None)  # what a name holds on the way where it is not assigned


@dataclass
class Way:
    """One way through: its equations, what the names hold at its end, whether it leaves the loop around it."""

    eqns: tuple[Eqn, ...]
    envs: dict[Frame, dict[str, Value]]
    stop: Atom
    value: Value | None = None


def conditional(low: Lowering, node: cst.If, rest: Sequence[Any]) -> None:
    """An if statement; `rest` follows it where one of its ways leaves or restarts the loop around it."""
    statement = low.begin(node)
    test = low.condition(node.test)
    containers.changes(low, growing([node, *rest]))
    here, there = lines_of(node.body), otherwise(node)
    if _raises(here):
        _pass_through(low, here)
        low.lines([*there, *rest])
        return
    then = [*here, *rest] if falls_through(here) else here
    other = [*there, *rest] if falls_through(there) else there
    with low.inside(statement, 0):
        first = way(low, lambda: low.lines(then))
    with low.inside(statement, 1):
        second = way(low, lambda: low.lines(other))
    ways = [first, second]
    low.build.statement = statement
    joined(low, test, ways)


def growing(lines: Sequence[Any]) -> list[str]:
    from flatgrad.frontend import loops

    return [name for line in lines for name in loops.growing(line)]


def splits(node: cst.If) -> bool:
    """What follows the statement has to stand in its branches."""
    return may_leave(node)


def _raises(lines: Sequence[Any]) -> bool:
    match lines[-1:]:
        case [cst.SimpleStatementLine(body=[*_, cst.Raise()])]:
            return not any(may_leave(line) for line in lines)
        case _:
            return False


def _pass_through(low: Lowering, lines: Sequence[Any]) -> None:
    for line in lines:
        low.mention(line)


def way(low: Lowering, action: Callable[[], Any]) -> Way:
    """What `action` reads, in equations and names of its own."""
    low.note()
    frames = list(_frames(low.frame))
    before = {frame: dict(frame.env) for frame in frames}
    called = low.called()
    build, scanned, stop = low.build, low.scanned, low.stop
    low.build = Builder(statement=build.statement)
    low.scanned, low.stop = 0, Lit(False)
    try:
        value = action()
        low.note()
        envs = {frame: frame.env for frame in frames}
        return Way(tuple(low.build.eqns), envs, low.stop, value)
    finally:
        low.build, low.scanned, low.stop = build, scanned, stop
        for frame in frames:
            frame.env = before[frame]
        low.forget_calls(called)


def _frames(frame: Frame | None) -> Any:
    while frame is not None:
        yield frame
        frame = frame.enclosing


def joined(
    low: Lowering, test: Atom, ways: Sequence[Way], inline: bool = False
) -> Value | None:
    """The `if` equation of two ways; every name holds what either way gave it. Returns the ways' own values, joined."""
    join = _Join(low, test)
    views: dict[str, Any] = {}
    for frame in ways[0].envs:
        envs = [w.envs[frame] for w in ways]
        shown = _views(low, envs) if frame is low.frame and not inline else {}
        _join_names(join, frame, envs, shown)
        views |= shown
    low.stop = join.atom("", ways[0].stop, ways[1].stop)
    value = None
    if ways[0].value is not None and ways[1].value is not None:
        value = join.value("", ways[0].value, ways[1].value)
    if not join.outs:
        carried.show(low, views)
        return value
    blocks = tuple(
        check_later(Block((), (*w.eqns, *more), tuple(outs)))
        for w, more, outs in zip(
            ways, join.more, (join.first, join.second), strict=True
        )
    )
    _touch(low, join)
    attrs = {"inline": True} if inline else {}
    eqn = Eqn(
        tuple(join.outs), "if", (test,), attrs, low.build.statement, blocks=blocks
    )
    low.build.eqns.append(eqn)
    for out in join.outs:
        if out.name and not inline:
            low.merged(out)
    low.note()
    carried.show(low, views)
    low.note()
    return value


def _views(low: Lowering, envs: Sequence[Mapping[str, Value]]) -> dict[str, Any]:
    """Names that show the array of another after either way, by the same steps."""
    first, second = (carried.derived(low, dict(env), carried.Shared()) for env in envs)
    changed = [n for n in first if n in second and envs[0][n] is not envs[1][n]]
    same = [n for n in changed if first[n][0] == second[n][0]]
    return {n: first[n] for n in same if windows.same_steps(first[n][1], second[n][1])}


def _touch(low: Lowering, join: _Join) -> None:
    """What may share an array after one way or the other may do so from now on."""
    outside = [*carried.visible(low, ()), *carried.in_containers(low)]
    pairs = carried.touching(low, dict(enumerate(join.first)), outside)
    pairs |= carried.touching(low, dict(enumerate(join.second)), outside)
    carried.touch(low, dict(enumerate(join.outs)), pairs)


def check_later(block: Block) -> Block:
    """A block that reads what is not known here: it is checked with the function."""
    return block


def _join_names(
    join: _Join,
    frame: Frame,
    envs: Sequence[Mapping[str, Value]],
    views: Mapping[str, Any],
) -> None:
    first, second = envs
    for name in dict.fromkeys((*first, *second)):
        a, b = first.get(name, NOTHING), second.get(name, NOTHING)
        if a is not b and name not in views:
            join.low.storages.hold(frame, name, join.value(name, a, b))


@dataclass
class _Join:
    low: Lowering
    test: Atom
    outs: list[Var] = field(default_factory=list)
    first: list[Atom] = field(default_factory=list)
    second: list[Atom] = field(default_factory=list)
    made: dict[tuple[Atom, Atom], Var] = field(default_factory=dict)
    structs: dict[tuple[int, int], Struct] = field(default_factory=dict)
    # Equations at the end of either way, that put a tuple together which the other way has not.
    more: tuple[list[Eqn], list[Eqn]] = field(default_factory=lambda: ([], []))
    wholes: dict[int, Atom] = field(default_factory=dict)

    def value(self, name: str, a: Value, b: Value) -> Value:
        match a, b:
            case (Stale(), _) | (_, Stale()):
                return a if isinstance(a, Stale) else b
            case Struct(items=left, kind=kind), Struct(items=right, kind=other) if (
                len(left) == len(right) and kind == other and a.keys == b.keys
            ):
                return self._items(a, b)
            case (Struct(items=items), _) if b == NOTHING:
                return a.of([self.value("", item, NOTHING) for item in items])
            case (_, Struct(items=items)) if a == NOTHING:
                return b.of([self.value("", NOTHING, item) for item in items])
            case Struct(kind="tuple"), Var(type=Type(kind="none")):
                return self.atom(name, self._whole(name, 0, a), b)
            case Var(type=Type(kind="none")), Struct(kind="tuple"):
                return self.atom(name, a, self._whole(name, 1, b))
            case (Var() | Lit(), Var() | Lit()) if are_apart(a.type, b.type):
                return self._undecided(
                    name, "thing", "give both branches values of one kind"
                )
            case (Var() | Lit(), Var() | Lit()):
                return self.atom(name, a, b)
            case (Path(), _) | (_, Path()) if NOTHING in (a, b):
                return a if isinstance(a, Path) else b
            case (Path(), Path()):
                return a if a == b else Choice(self.test, a, b)
            case (Callee(), _) | (_, Callee()):
                return self._one_function(name, a, b)
            case _:
                return self._undecided(
                    name, "thing", "give both branches values of one kind"
                )

    def _whole(self, name: str, way: int, value: Struct) -> Atom:
        """cache = (x, w) on one way and None on the other: one value of the graph, the same for every name of it."""
        if id(value) not in self.wholes:
            low, outer = self.low, self.low.build
            within = [
                s
                for s in low.frame.inner
                if s.parent is outer.statement and s.branch == way
            ]
            low.build = Builder(statement=within[-1] if within else outer.statement)
            try:
                made = self.wholes[id(value)] = low.atom(value, None)
                if isinstance(made, Var):
                    made.name = name
                for eqn in low.build.eqns:
                    low.storages.note(eqn)
                self.more[way].extend(low.build.eqns)
            finally:
                low.build = outer
        return self.wholes[id(value)]

    def _one_function(self, name: str, a: Value, b: Value) -> Value:
        """A function that is defined on one way only may be called there only."""
        if NOTHING in (a, b):
            return b if a == NOTHING else a
        if isinstance(a, Callee) and isinstance(b, Callee) and a.node is b.node:
            return a
        return self._undecided(name, "function", "call each function in its branch")

    def _undecided(self, name: str, what: str, step: str) -> Stale:
        """Refused where it is read, and only there."""
        statement = self.low.build.statement
        assert statement is not None
        why = f"{name or 'a value'} is one {what} or another, depending on a branch"
        return Stale(name, why, statement, "FG120", step)

    def _items(self, a: Struct, b: Struct) -> Struct:
        """Two names of one list are two names of one list afterwards."""
        if (id(a), id(b)) not in self.structs:
            pairs = zip(a.items, b.items, strict=True)
            self.structs[id(a), id(b)] = a.of([self.value("", x, y) for x, y in pairs])
        return self.structs[id(a), id(b)]

    def atom(self, name: str, a: Atom, b: Atom) -> Atom:
        if a is b or a == b:
            return a
        if (a, b) not in self.made:
            out = Var(name, either(a.type, b.type))
            self.made[a, b] = out
            self.outs.append(out)
            self.first.append(a)
            self.second.append(b)
            self.low.storages.meet(out, [v for v in (a, b) if isinstance(v, Var)])
        return self.made[a, b]


def are_apart(a: Type, b: Type) -> bool:
    """The one is a list or a dict, and the other is known to be something else."""
    kinds = {a.kind, b.kind} - {"any", "none", "tree", "tuple"}
    known = [t for t in (a, b) if t.kind not in HELD]
    return bool(kinds & {*HELD}) and (
        len(kinds) > 1 or any(t.rank is not None for t in known)
    )


def either(a: Type, b: Type) -> Type:
    """What is known of a value that has one type or the other."""
    if a.kind == "none" or b.kind == "none":
        return _copied(b if a.kind == "none" else a)
    same = a.dim is not None and b.dim is not None and same_dim(a.dim, b.dim)
    return Type(_either_shape(a.shape, b.shape), _either_kind(a.kind, b.kind), a.dim if same else None,
                _either_items(a, b), both(each_of(a), each_of(b)))  # fmt: skip


def _copied(type: Type) -> Type:
    return Type(type.shape, type.kind, type.dim, type.items, type.each)


def _either_kind(a: str, b: str) -> str:
    if a == b:
        return a
    if a in NUMBERS and b in NUMBERS:
        return max(a, b, key=NUMBERS.index)
    if {a, b} <= {"int", "arange"}:
        return "int"
    return "any"


def _either_shape(a: Shape, b: Shape) -> Shape:
    if same_shape(a, b):
        return a
    if a.dims is None or b.dims is None or len(a.dims) != len(b.dims):
        return Shape()
    pairs = zip(a.dims, b.dims, strict=True)
    return Shape(d if same_dim(d, e) else Dim() for d, e in pairs)


def _either_items(a: Type, b: Type) -> tuple[Type, ...] | None:
    if a.items is None or b.items is None or len(a.items) != len(b.items):
        return None
    return tuple(either(x, y) for x, y in zip(a.items, b.items, strict=True))


__all__ = [
    "Way",
    "are_apart",
    "check",
    "conditional",
    "either",
    "joined",
    "splits",
    "way",
]


def spoils(low: Lowering, node: cst.CSTNode) -> None:
    """Calls in text that is passed through may write into what they are given."""
    effects.effects_within(low, node)
