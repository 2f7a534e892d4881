"""The state of reading one function: activations, names, storages, and what the graph is made into.

In: values as they are lowered. Out: `Function`, the graph with what must be printed around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from flatgrad.errors import Diagnostic
from flatgrad.frontend.module import Module, bound_names, names_in
from flatgrad.graph import Atom, Block, Eqn, Lit, Statement, Var
from flatgrad.namespaces import as_numpy


@dataclass(frozen=True, eq=False)
class Struct:
    """A tuple or list whose items are known one by one, or a dict whose `keys` are."""

    items: tuple[Value, ...]
    kind: str = "tuple"
    keys: tuple[Any, ...] = ()

    def of(self, items: Sequence[Value]) -> Struct:
        """The same with other items."""
        return replace(self, items=tuple(items))


@dataclass(frozen=True, eq=False)
class Callee:
    """A function of the same file, or a lambda or nested function with the activation it closes over."""

    name: str
    node: cst.FunctionDef | cst.Lambda
    frame: Frame | None = None
    defaults: dict[str, Value] = field(
        default_factory=dict
    )  # as they were when it was defined


@dataclass(frozen=True)
class Path:
    """A name that stands for something importable: numpy.linalg."""

    path: str

    def __post_init__(self) -> None:
        """Libraries that are called like NumPy are read like NumPy."""
        object.__setattr__(self, "path", as_numpy(self.path))


@dataclass(frozen=True, eq=False)
class Stale:
    """A name of which it is not known what it holds: its array was written through another, or a branch decides."""

    name: str
    why: str
    statement: Statement
    code: str = "FG401"
    next_step: str = "take a copy before the write, or state the shapes"


@dataclass(frozen=True, eq=False)
class Choice:
    """One importable function where the test holds, and another where not."""

    test: Atom
    then: Path
    other: Path


Value = Atom | Struct | Callee | Path | Choice | Stale


def atoms_in(value: Value) -> list[Atom]:
    """The values of the graph that `value` is made of."""
    match value:
        case Var() | Lit():
            return [value]
        case Struct(items=items):
            return [atom for item in items for atom in atoms_in(item)]
        case Choice(test=test):
            return [test]
        case Callee() | Path() | Stale():
            return []


def values_seen(callee: Callee, node: cst.CSTNode | None) -> list[Atom]:
    """The values that a nested function sees around it, and that its parameters have where they are not given."""
    found: dict[Atom, None] = {}
    reached: set[tuple[cst.CSTNode, Frame | None]] = set()
    pending = [callee]
    while pending:
        current = pending.pop()
        if (current.node, current.frame) in reached:
            continue
        reached.add((current.node, current.frame))
        for value in _seen_around(current):
            if isinstance(value, Stale):
                raise stale(value, node)
            found |= dict.fromkeys(atoms_in(value))
            pending += callees_in(value)
    return list(found)


def _seen_around(callee: Callee) -> Iterator[Value]:
    yield from callee.defaults.values()
    names = {n.value for n in names_in(callee.node.body)}
    frame = callee.frame
    while frame is not None:
        yield from (frame.env[name] for name in sorted(names & frame.env.keys()))
        frame = frame.enclosing


def callees_in(value: Value) -> list[Callee]:
    """The functions that `value` is or holds."""
    match value:
        case Callee():
            return [value]
        case Struct(items=items):
            return [callee for item in items for callee in callees_in(item)]
        case _:
            return []


def word_for(value: Value) -> str:
    """What a message calls `value`."""
    match value:
        case Struct(kind=kind):
            return kind
        case Callee() | Choice():
            return "function"
        case Path(path=path):
            return path
        case Var() | Lit() | Stale():
            return "constant"


class Refusal(Exception):
    """The code at `node` cannot be read; becomes one located diagnostic."""

    def __init__(self, code: str, what: str, next_step: str, node: cst.CSTNode | None):
        super().__init__(what)
        self.code, self.what, self.next_step, self.node = code, what, next_step, node


@dataclass
class Arguments:
    """The values that a call gives: in their order, and by keyword."""

    positional: list[Value]
    keywords: dict[str, Value]
    texts: list[Any] = field(default_factory=list)  # of the positional ones
    keyword_texts: dict[str, Any] = field(default_factory=dict)
    # What a star unpacks into a number of arguments that is not known, and two stars into keywords.
    rest: tuple[cst.Arg, Var] | None = None
    named: tuple[cst.Arg, Var] | None = None

    @property
    def atoms(self) -> list[Atom]:
        """Every value of the graph that the call reads by them, also through a function that it is given."""
        unpacked = [held[1] for held in (self.rest, self.named) if held is not None]
        values = (*self.positional, *self.keywords.values(), *unpacked)
        given = [atom for value in values for atom in atoms_in(value)]
        called = (callee for value in values for callee in callees_in(value))
        return [*given, *(a for c in called for a in values_seen(c, c.node))]


def stale(value: Stale, node: cst.CSTNode | None) -> Refusal:
    """A name is read whose array was written through another."""
    return Refusal(value.code, value.why, value.next_step, node)


@dataclass(eq=False)
class Frame:
    """One activation of a function: the main one, or one call of a helper that is read in place."""

    function: cst.FunctionDef | cst.Lambda
    enclosing: Frame | None = None  # whose names a closure sees
    call: cst.Call | None = None  # the call in the caller's text
    statement: Statement | None = None  # the caller's statement
    env: dict[str, Value] = field(default_factory=dict)
    values: dict[cst.CSTNode, Value] = field(
        default_factory=dict
    )  # of each expression read
    bindings: dict[cst.CSTNode, Var] = field(
        default_factory=dict
    )  # of each name assigned
    statements: list[Statement] = field(default_factory=list)
    reads: list[tuple[cst.Name, Value, Statement | None]] = field(
        default_factory=list
    )  # of names, in order
    # Values given to names: by which node, if by one, and in which statement.
    writes: dict[Var, tuple[cst.Name | None, Statement]] = field(default_factory=dict)
    # Statements within the bodies of others, and which statement each line is read as.
    inner: list[Statement] = field(default_factory=list)
    lines: dict[cst.CSTNode, list[Statement]] = field(default_factory=dict)
    arguments: dict[str, tuple[cst.CSTNode | None, Value]] = field(default_factory=dict)
    result: Value | None = None
    returned: cst.Return | None = None

    @property
    def body(self) -> Any:
        return self.function.body

    def depth(self) -> int:
        """How many calls lie between this activation and the main one."""
        return 0 if self.statement is None else 1 + self.statement.frame.depth()


@dataclass(eq=False)
class Function:
    """A function as a graph, and what is needed to print it again."""

    name: str
    module: Module
    node: cst.FunctionDef
    block: Block
    frame: Frame
    params: dict[str, Var]
    seeds: list[Var | None] = field(
        default_factory=list
    )  # None: the result has no cotangent
    outputs: list[str] = field(default_factory=list)
    returns_tuple: bool = False
    copies: bool = False  # a caller writes into arrays that its cache would show
    written: list[str] = field(
        default_factory=list
    )  # parameters whose last content is a result, too
    # Variables of the module that it, or what it calls, writes into.
    written_of_module: set[str] = field(default_factory=set)
    calls: dict[Statement, list[Frame]] = field(
        default_factory=dict
    )  # helpers read in place, by statement
    storages: Any = (
        None  # Storages: which values lie in one array, and which were destroyed
    )
    # Names that a statement assigns in the middle.
    walrus: dict[Statement, list[tuple[cst.NamedExpr, Var]]] = field(
        default_factory=dict
    )
    captured: set[Var] = field(
        default_factory=set
    )  # read by a nested function, whose text stays as it is
    problems: list[Diagnostic] = field(
        default_factory=list
    )  # why it cannot be transformed
    labels: set[Var] = field(default_factory=set)  # parameters that carry no gradient
    stacks: bool = False  # something may be one matrix or a stack of them
    numbers_of_stacks: bool = False  # and something one number for each
    loops: dict[Statement, Any] = field(
        default_factory=dict
    )  # what each for loop runs over

    # What is gone through once, and whether it has to be a list in the text; what is read one by one of it; names
    # that the text does not have.
    lazy: dict[cst.CSTNode, bool] = field(default_factory=dict)
    spelled: dict[cst.CSTNode, cst.Tuple | None] = field(default_factory=dict)
    invented: set[str] = field(default_factory=set)

    @property
    def of_module(self) -> set[str]:
        """Constants of the module, which the function may write into, but gives no other value."""
        own = {*bound_names(self.node.body), *self.params}
        return {*self.module.constants} - own

    def has_tuples(self, param: Var) -> bool:
        """The parameter, or an item of it, is unpacked, so that it may be a tuple; *args is one."""
        star = self.node.params.star_arg
        if isinstance(star, cst.Param) and star.name.value == param.name:
            return True
        within = {param}
        for eqn in in_program_order(self.block):
            if eqn.op in ("getitem", "alias") and eqn.args[0] in within:
                within.update(eqn.outs)
                if eqn.attrs.get("unpacked"):
                    return True
        return False


def in_program_order(block: Block) -> Iterator[Eqn]:
    """Every equation after those that it reads, inner ones after those around them."""
    for eqn in block.eqns:
        yield eqn
        for inner in eqn.blocks:
            yield from in_program_order(inner)
