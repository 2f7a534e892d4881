"""Module, function name -> Function: every statement of the function read into equations.

What cannot be read does not stop the reading: it becomes an `opaque` equation, which is harmless where no
gradient flows through it and is refused, with its place, where one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from flatgrad.builder import Builder
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend import (
    assignments,
    conditions,
    expressions,
    hints,
    iterators,
    module_values,
    results,
    statements,
    trees,
    windows,
)
from flatgrad.frontend.assumptions import (
    assume,
    is_loss,
    labels,
    matrices_or_stacks,
    numbers_of_stacks,
)
from flatgrad.frontend.declarations import Declared
from flatgrad.frontend.exits import TooManyExits, single_exit
from flatgrad.frontend.initial import Initial
from flatgrad.frontend.iterators import Pending
from flatgrad.frontend.module import (
    Module,
    bound_names,
    names_in,
    names_in_text,
    parameters_of,
)
from flatgrad.frontend.pairs import Pair
from flatgrad.frontend.plainer import plainer
from flatgrad.frontend.scope import (
    Callee,
    Choice,
    Frame,
    Function,
    Path,
    Refusal,
    Stale,
    Struct,
    Value,
    atoms_in,
    stale,
    values_seen,
    word_for,
)
from flatgrad.frontend.storages import Storages
from flatgrad.graph import (
    Atom,
    Block,
    Eqn,
    Lit,
    Statement,
    Var,
    all_equations,
    check,
    prune,
)
from flatgrad.registry import infer
from flatgrad.shapes.items import each_of
from flatgrad.types import Contradiction, Dim, Shape, Type, join, same_shape, scalar

__all__ = ["Lowering", "lower", "parameters_of"]

KEPT = (
    "problems",
    "calls",
    "walrus",
    "function_texts",
    "declared",
    "results",
    "loops",
    "scanned",
    "lazy",
    "pending",
)
KEPT_OF_FRAME = (
    "env", "values", "bindings", "statements", "inner", "lines", "reads", "writes", "arguments", "result", "returned",
)  # fmt: skip
ROUNDS = 3  # how often facts about shapes are carried through the whole function
FLOATS = {
    f"{library}.{name}" for library in ("math", "numpy", "torch") for name in ("pi", "e", "inf", "nan", "tau", "euler_gamma")
}  # fmt: skip


def lower(
    module: Module,
    name: str,
    shapes: Mapping[str, tuple[str | int, ...]],
    flat: bool = False,
    node: cst.FunctionDef | None = None,
    aside: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    stacks: bool = False,
) -> Function:
    """Read the function `name`, or `node` in its place; every problem of its text is reported at once.

    The results whose names are in `aside` come back without a cotangent of their own.
    """
    node = module.functions[name] if node is None else node
    try:
        node = single_exit(plainer(node))
    except TooManyExits as found:
        step = "let the function return in one place"
        raise FlatgradError(
            Diagnostic(
                "FG105", f"{found.what} is not read", step, module.place(found.node)
            )
        ) from None
    known = kinds or {}
    return Lowering(
        module,
        shapes,
        node,
        Frame(node),
        flat=flat,
        aside=aside,
        kinds=known,
        stacks=stacks,
    ).function()


@dataclass(eq=False)
class Lowering:
    """What is known while one function is read."""

    module: Module
    shapes: Mapping[str, tuple[str | int, ...]]
    node: cst.FunctionDef
    frame: Frame  # the activation that is being read
    build: Builder = field(default_factory=Builder)
    problems: list[Refusal] = field(default_factory=list)
    dims: dict[str, Dim] = field(default_factory=dict)
    externals: dict[str, Var] = field(default_factory=dict)
    calls: dict[Statement, list[Frame]] = field(default_factory=dict)
    storages: Storages = field(default_factory=Storages)
    params: dict[str, Var] = field(default_factory=dict)
    # Parameters whose default is an integer.
    counts: set[Var] = field(default_factory=set)
    walrus: dict[Statement, list[tuple[cst.NamedExpr, Var]]] = field(
        default_factory=dict
    )
    # Nested functions, whose text stays as it is.
    function_texts: list[tuple[cst.CSTNode, Frame]] = field(default_factory=list)
    # Where the text says of a value what shape it has.
    declared: dict[Atom, str] = field(default_factory=dict)
    # What the docstring declares of the results.
    results: list[Declared] = field(default_factory=list)
    count: int = 0  # of the statements begun
    scanned: int = 0  # how many equations have their storages
    outside: Builder = field(
        default_factory=Builder
    )  # what comes from outside of the function
    # The branch or loop that is being read, and which of its bodies.
    parent: tuple[Statement | None, int] = (None, 0)
    stopping: bool = False  # what the line assigns carries no gradient
    tested: set[Atom] = field(default_factory=set)  # what conditions compare: numbers
    shown: list[tuple[Var, Var]] = field(default_factory=list)  # d.values(), and d
    loop_depth: int = 0  # how many loops are around what is being read
    stop: Atom = field(
        default_factory=lambda: Lit(False)
    )  # whether the loop has been left
    loops: dict[Statement, Any] = field(default_factory=dict)
    # The generators that map, filter, zip and others are read as; of what is gone through once, whether it has to
    # be a list in the text, and what may change before it is.
    generators: dict[cst.CSTNode, cst.GeneratorExp | None] = field(default_factory=dict)
    spelled: dict[cst.CSTNode, cst.Tuple | None] = field(default_factory=dict)
    lazy: dict[cst.CSTNode, bool] = field(default_factory=dict)
    pending: dict[Var, Pending] = field(default_factory=dict)
    # Where an iteration begins: what has taken the place of what was there before, and what it runs over unfollowed.
    entering: dict[Var, Var] = field(default_factory=dict)
    running: list[Var] = field(default_factory=list)
    pairs: dict[Any, Pair] = field(
        default_factory=dict
    )  # of helpers with branches or loops
    solutions: dict[Var, Any] = field(
        default_factory=dict
    )  # results of solvers, by the calls that find them
    given: Pair | None = None  # what this function is read as, where it is a helper
    plain: dict[int, cst.FunctionDef] = field(
        default_factory=dict
    )  # helpers with one exit
    flat: bool = False  # helpers are read in place, whatever is in them
    aside: Sequence[str] = ()  # names of results that have no seed
    # What __init__ has told of parameters that are attributes, and the lengths that it has names for.
    initial: dict[Var, Initial] = field(default_factory=dict)
    initial_lengths: dict[Any, Dim] = field(default_factory=dict)
    # What has been stored into dicts of settings, with the keys.
    kept: dict[Var, list[tuple[Any, Var]]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)  # of parameters
    stacks: bool = False  # what may be a stack of matrices is not taken to be one
    collections: list[Var] = field(
        default_factory=list
    )  # a defaultdict, a Counter: what is in them is not followed

    # --- one function --------------------------------------------------------------------------------------

    def function(self) -> Function:
        """Read all of the function."""
        self._read()
        written = results.written(self)
        outs, names = self._outputs(bool(written))
        outs, names = [*outs, *written.values()], [*names, *written]
        if self.problems:
            outs, names = self._readable(outs, names)
        eqns = (*self.outside.eqns, *self.build.eqns)
        block = check(prune(Block(tuple(self.params.values()), eqns, tuple(outs))))
        of_module = module_values.written(self)
        module_values.refuse_others(self, block, of_module)
        return Function(
            name=self.node.name.value,
            module=self.module,
            node=self.node,
            block=block,
            frame=self.frame,
            params=self.params,
            seeds=results.seeds(self, outs, names),
            outputs=names,
            written=[*written],
            written_of_module=of_module,
            returns_tuple=results.is_several(self.frame.result),
            calls=self.calls,
            storages=self.storages,
            walrus=self.walrus,
            captured=self._captured() | _carried_into(eqns),
            labels=labels(block) | self.counts,
            stacks=bool(matrices_or_stacks(all_equations(self.build.eqns))),
            numbers_of_stacks=numbers_of_stacks(all_equations(self.build.eqns)),
            problems=[self._diagnostic(problem) for problem in self.problems],
            loops=self.loops,
            lazy=self.lazy,
            spelled=self.spelled,
            invented=iterators.names(self) | self._names_of_functions(),
        )

    def _names_of_functions(self) -> set[str]:
        """The names in functions that are read in another form than the text has, new ones among them."""
        frames = [frame for found in self.calls.values() for frame in found]
        read = {self.node, *(frame.function for frame in frames)}
        changed = read.difference(self.module.functions.values())
        return {n for f in changed for n in names_in_text(self.module.code(f))}

    def _readable(
        self, outs: list[Atom], names: list[str]
    ) -> tuple[list[Atom], list[str]]:
        """Of a function with problems, the results that could be read nevertheless."""
        made: set[Atom] = {*self.params.values()}
        made.update(out for eqn in self.outside.eqns for out in eqn.outs)
        whole: list[Eqn] = []
        for (
            eqn
        ) in (
            self.build.eqns
        ):  # what a refused branch or loop would have made is not there
            if all(a in made for a in eqn.reads() if isinstance(a, Var)):
                whole.append(eqn)
                made.update(eqn.outs)
        self.build.eqns[:] = whole
        kept = [
            (o, n)
            for o, n in zip(outs, names, strict=True)
            if isinstance(o, Var) and o in made
        ]
        return [o for o, _ in kept], [n for _, n in kept]

    def _read(self) -> None:
        node = self.node
        if node.asynchronous is not None:
            what = f"{node.name.value} is a coroutine, which is not read"
            self.refuse("FG104", what, "write def instead of async def", node.name)
        self._parameters()
        self.attempt(node, lambda: hints.declare(self, node, self.params))
        self._unread_parameters()
        self.suite(node.body)
        self.attempt(node, lambda: hints.results(self))
        self.attempt(node, self._infer_all)

    def _parameters(self) -> None:
        for parameter in parameters_of(self.node):
            name = parameter.name.value
            if self.given is not None and name in self.given.fixed:
                self.frame.env[name] = self.given.fixed[name]
                continue
            var = Var(name) if self.given is None else Var(name, self.given.types[name])
            if isinstance(parameter.star, str) and parameter.star:
                var.type.kind = "tree" if parameter.star == "*" else "dict"
            self.params[name] = self.frame.bindings[parameter.name] = var
            self.hold(name, var)

    def _unread_parameters(self) -> None:
        """Of a parameter that nothing reads it is not known what it is: it may be a tree of arrays, too."""
        read = {name.value for name in names_in(self.node.body)}
        for name, var in self.params.items():
            if name not in read and var.type.kind == "any" and var.type.rank is None:
                var.type.kind = "tree"

    def of_helper(self, pair: Pair, node: cst.FunctionDef) -> Lowering:
        """The reading of a helper that stands by itself."""
        return Lowering(
            self.module,
            {},
            node,
            Frame(node),
            pairs=self.pairs,
            given=pair,
            stacks=self.stacks,
        )

    @property
    def main(self) -> Frame:
        """The activation of the function itself."""
        frame = self.frame
        while frame.statement is not None:
            frame = frame.statement.frame
        return frame

    def _captured(self) -> set[Var]:
        """Values that nested functions read by name."""
        found: set[Var] = set()
        for node, frame in self.function_texts:
            names = {n.value for n in names_in(node)}
            found |= {v for v in frame.writes if v.name in names}
        return found

    def _infer_all(self) -> None:
        trees.settle(self)
        self._infer()
        named = f"{self.node.name.value} {self.node.get_docstring() or ''}"
        loss = is_loss(named) and not (self.given is not None and self.given.again)
        params = list(self.params.values())
        if assume(self.build.eqns, params, loss=loss, stacks=self.stacks):
            self._infer()

    def _infer(self) -> None:
        """Carry facts about shapes backward and forward."""
        eqns = [*all_equations(self.outside.eqns), *all_equations(self.build.eqns)]
        for number in range(ROUNDS):
            for eqn in reversed(eqns) if number % 2 == 0 else eqns:
                try:
                    infer(eqn)
                    _infer_branch(eqn)
                except Contradiction as found:
                    line = eqn.statement.node if eqn.statement is not None else None
                    self.problems.append(
                        self._contradicted(found, eqn.node or line, eqn.args)
                    )
                    return

    def _outputs(self, may_be_none: bool = False) -> tuple[list[Atom], list[str]]:
        """The results and their names; none where there is a problem."""
        result = self.frame.result
        if result is None:
            if not self.problems and not may_be_none:
                what = f"{self.node.name.value} returns nothing"
                step = "return the value to differentiate"
                self.refuse("FG102", what, step, self.node.name)
            return [], []
        outs = results.atoms(self, result)
        if outs is None:
            what = f"the result is a {word_for(results.unfit(self, result) or result)}"
            self.refuse(
                "FG103", what, "return arrays or a tuple of arrays", self.frame.returned
            )
            return [], []
        return outs, _output_names(outs)

    def dim(self, text: str | int, source: str) -> Dim:
        """The dimension that is written `text`: one and the same wherever it is written so."""
        if isinstance(text, int):
            return Dim(text, source=source)
        if text not in self.dims:
            self.dims[text] = hints.parse_dim(self, text, source)
        return self.dims[text]

    # --- problems ------------------------------------------------------------------------------------------

    def refuse(
        self, code: str, what: str, next_step: str, node: cst.CSTNode | None
    ) -> None:
        """Note a problem and go on."""
        self.problems.append(Refusal(code, what, next_step, node))

    def _contradicted(
        self,
        found: Contradiction,
        node: cst.CSTNode | None,
        args: Sequence[Atom] = (),
    ) -> Refusal:
        """One name of a length may stand in several places: then those of the operands are told."""
        told = dict.fromkeys(str(s) for s in found.sources if s)
        if len(told) < 2:
            told |= dict.fromkeys(self.declared[a] for a in args if a in self.declared)
        step = "\n".join(told) or "state the shapes with --shape or in the docstring"
        what = f"the shapes contradict each other: {found.left} is not {found.right}"
        if node is None and self.build.statement is not None:
            node = self.build.statement.node
        return Refusal("FG301", what, step, node)

    def attempt(self, node: cst.CSTNode, action: Callable[[], None]) -> None:
        """Run `action`; a refusal is noted and the reading goes on."""
        try:
            action()
        except Refusal as refusal:
            self.problems.append(refusal)
        except Contradiction as found:
            self.problems.append(self._contradicted(found, node))
        else:
            return
        if node is not self.node:
            self._define_targets(node)

    def _define_targets(self, node: cst.CSTNode) -> None:
        """What a refused statement would have bound is at least defined: one problem, one message."""
        for name in bound_names(node):
            if name not in self.frame.env:
                made = self.opaque("a refused value", [], node, code="FG105")
                self.hold(name, made[0])

    def _diagnostic(self, problem: Refusal) -> Diagnostic:
        place = self.module.place(problem.node) if problem.node is not None else None
        place = place or self.module.place(self.node.name)
        return Diagnostic(problem.code, problem.what, problem.next_step, place)

    # --- statements ----------------------------------------------------------------------------------------

    def suite(self, body: cst.BaseSuite) -> None:
        """Read the statements of a body."""
        statements.suite(self, body)

    def lines(self, lines: Sequence[Any]) -> None:
        """Read some lines of a body."""
        statements.lines(self, lines)

    def begin(self, node: Any) -> Statement:
        """What is read from now on belongs to the statement `node`."""
        parent, branch = self.parent
        statement = Statement(self.count, node, self.frame, parent, branch)
        self.count += 1
        within = self.frame.statements if parent is None else self.frame.inner
        within.append(statement)
        self.frame.lines[node] = [statement]
        self.build.statement, self.build.dialect = statement, ""
        return statement

    @contextmanager
    def inside(self, statement: Statement | None, branch: int = 0) -> Iterator[None]:
        """What is read is the body of `statement`, or one of its bodies."""
        parent, self.parent = self.parent, (statement, branch)
        try:
            yield
        finally:
            self.parent = parent

    def here(self) -> cst.CSTNode | None:
        """The text of the statement that is being read."""
        return self.build.statement.node if self.build.statement is not None else None

    def merged(self, value: Var) -> None:
        """The statement gives the name of `value`, by whatever line of its body, this value."""
        assert self.build.statement is not None
        self.frame.writes[value] = (None, self.build.statement)

    def dynamic(self, name: str, value: Struct) -> Var:
        """A list whose items are known one by one, as a list of which that is not known."""
        made = self.atom(value, self.here() or self.node)
        assert isinstance(made, Var)
        made.name = made.name or name
        made.type = Type(Shape(), value.kind, each=each_of(made.type))
        return made

    def snapshot(self) -> Any:
        """All that reading changes, to go back to."""
        frames = list(self._all_frames())
        kept = {f: {k: _copied(getattr(f, k)) for k in KEPT_OF_FRAME} for f in frames}
        return (
            kept,
            {k: _copied(getattr(self, k)) for k in KEPT},
            self.storages.copy(),
            len(self.build.eqns),
        )

    def restore(self, saved: Any) -> None:
        """Forget what was read since the snapshot."""
        frames, own, self.storages, count = saved
        for frame, values in frames.items():
            for key, value in values.items():
                setattr(frame, key, value)
        for key, value in own.items():
            setattr(self, key, value)
        del self.build.eqns[count:]

    def _all_frames(self) -> Iterator[Frame]:
        """The activation that is being read, those around it and those that called it."""
        pending: list[Frame | None] = [self.frame]
        seen: set[int] = set()
        while pending:
            frame = pending.pop()
            if frame is None or id(frame) in seen:
                continue
            seen.add(id(frame))
            yield frame
            pending += [
                frame.enclosing,
                frame.statement.frame if frame.statement else None,
            ]

    def assign(
        self, target: cst.BaseExpression, value: Value, source: cst.CSTNode
    ) -> None:
        """Give `target` a value."""
        assignments.assign(self, target, value, source)

    def mention(self, node: cst.CSTNode) -> list[Atom]:
        """Note which value each name in `node` stands for; used for text that is only passed through."""
        found: list[Atom] = []
        for name in names_in(node):
            value = self.frame.env.get(name.value)
            if isinstance(value, Stale):
                raise stale(value, name)
            if value is not None:
                self.frame.values[name] = value
                found += atoms_in(value)
                if isinstance(value, Var):
                    self.frame.reads.append((name, value, self.build.statement))
        return found

    # --- names and arrays ----------------------------------------------------------------------------------

    def hold(self, name: str, value: Value) -> None:
        """`name` is `value` from now on."""
        self.note()
        self.storages.hold(self.frame, name, value)

    def note(self) -> None:
        """Every equation written since the last call gets its storages."""
        for eqn in self.build.eqns[self.scanned :]:
            self.storages.note(eqn)
        self.scanned = len(self.build.eqns)

    def overwrite(self, old: Var, new: Var, *, unsure: bool) -> None:
        """The array of `old` holds `new` from now on."""
        windows.write(self, old, new, unsure=unsure)

    def spoil(self, value: Var) -> None:
        """Something unknown may have been written into the array of `value`."""
        assert self.build.statement is not None
        self.note()
        self.storages.spoil(value, self.build.statement)

    def called(self) -> set[Frame]:
        """The activations of functions that have been read in place."""
        return {frame for found in self.calls.values() for frame in found}

    def forget_calls(self, before: set[Frame]) -> None:
        """The variables of functions called since then are of one way of a branch, or of an iteration."""
        for frame in self.called() - before:
            self.storages.forget(frame)

    def wrote(self, target: cst.Name, value: Var) -> None:
        """The statement gives `target` the value."""
        assert self.build.statement is not None
        self.frame.bindings[target] = value
        self.frame.writes[value] = (target, self.build.statement)

    def rebound(self, target: cst.Name) -> None:
        """The statement gives `target` something that is no value of the graph: what it was is not there any more."""
        assert self.build.statement is not None
        self.frame.writes[Var(target.value)] = (target, self.build.statement)

    def write(self, name: cst.BaseExpression, old: Var, new: Var) -> None:
        """`new` is what the array `old` holds after a write into it through `name`."""
        if not isinstance(name, cst.Name):
            self.overwrite(old, new, unsure=False)
            return
        new.name = name.value
        self.overwrite(old, new, unsure=False)
        self.wrote(name, new)
        self.hold(name.value, new)

    # --- values --------------------------------------------------------------------------------------------

    def callee(self, name: str, node: cst.FunctionDef | cst.Lambda) -> Callee:
        """A function defined here: its defaults are evaluated now."""
        defaults = {
            p.name.value: self.expression(p.default)
            for p in parameters_of(node)
            if p.default is not None
        }
        self.function_texts.append((node, self.frame))
        return Callee(name, node, self.frame, defaults)

    def in_module(self, node: cst.BaseExpression) -> Value:
        """An expression of the module's own scope."""
        frame = self.frame
        self.frame = Frame(frame.function)
        try:
            return self.expression(node)
        finally:
            self.frame = frame

    def expression(self, node: cst.BaseExpression) -> Value:
        """The value of an expression, remembered for whoever prints its text."""
        value = expressions.expression(self, node)
        self.frame.values[node] = value
        return value

    def condition(self, node: cst.BaseExpression) -> Atom:
        """The value of an expression that decides the way."""
        return conditions.tested(self, node)

    def emit(self, op: str, *args: Atom, node: Any = None, **attrs: Any) -> Var:
        """The result of a new equation; a contradiction is told at `node`."""
        try:
            made = self.build.emit(op, *args, node=node, **attrs).atom
        except Contradiction as found:
            raise self._contradicted(found, node, args) from None
        assert isinstance(made, Var)
        return made

    def opaque(self, what: str, args: Sequence[Atom], node: cst.CSTNode, *, code: str, count: int = 1,
               next_step: str = "") -> list[Var]:  # fmt: skip
        """Equations that flatgrad cannot look into."""
        attrs = {"what": what, "code": code, "next_step": next_step}
        made = self.build.emit_all("opaque", args, count, node=node, attrs=attrs)
        return [v.atom for v in made if isinstance(v.atom, Var)]

    def atom(self, value: Value, node: cst.CSTNode | None) -> Atom:
        """`value` as one value of the graph; `node` is the text that says it, if there is one."""
        match value:
            case Var() | Lit():
                return value
            case Struct(items=items):
                atoms = [self.atom(i, node) for i in items]
                if value.kind == "dict":
                    return self.emit("dict", *atoms, node=node, keys=value.keys)
                is_list = value.kind == "list"
                return self.emit("tuple", *atoms, node=node, list=is_list)
            case Path(path=path):
                if isinstance(node, cst.Name | cst.Attribute):
                    return self.external(self.module.code(node), path)
                return self.external(path, path)
            case Callee(name=name):
                if seen := values_seen(value, node):
                    what = f"what {name} does where it is called as a value is not read"
                    return self.opaque(what, seen, node or value.node, code="FG108")[0]
                return self.external(name)
            case Choice():
                what = (
                    "what a branch has chosen among names of a library is not read here"
                )
                step = "use each name in its branch; a function may be called"
                raise Refusal("FG120", what, step, node)
            case Stale():
                raise stale(value, node)

    def constant(self, value: Value, node: cst.CSTNode) -> Value:
        """np.pi as a value of the graph; what is no number of a library stays what it is."""
        known = isinstance(value, Path) and value.path in FLOATS
        return self.atom(value, node) if known else value

    def external(self, text: str, path: str = "") -> Var:
        """A value that comes from outside of the function and never changes while it runs."""
        if text not in self.externals:
            made = self.outside.emit("external", text=text, path=path).atom
            assert isinstance(made, Var)
            var = made
            self.storages.note(self.outside.eqns[-1])
            var.name = text if text.isidentifier() else ""
            if path in FLOATS:
                join(var.type.shape, scalar())
                var.type.kind = "float"
            self.externals[text] = var
        return self.externals[text]


def _copied(held: Any) -> Any:
    """A collection of its own; what else there is stays what it is."""
    return copy(held) if isinstance(held, list | dict | set) else held


def _name(value: Atom) -> str:
    return value.name if isinstance(value, Var) else ""


def _output_names(outs: Sequence[Atom]) -> list[str]:
    """The name of each result; out, or out1, out2 where several have none."""
    several = sum(not _name(o) for o in outs) > 1
    names: list[str] = []
    for out in outs:
        number = 1 + sum(n.startswith("out") for n in names)
        names.append(_name(out) or (f"out{number}" if several else "out"))
    return names


def _infer_branch(eqn: Eqn) -> None:
    """What both branches give one shape has that shape; None has none."""
    if eqn.op != "if":
        return
    for position, out in enumerate(eqn.outs):
        types = [b.outs[position].type for b in eqn.blocks]
        shapes = [t.shape for t in types if t.kind != "none"]
        if shapes and all(same_shape(s, shapes[0]) for s in shapes):
            join(out.type.shape, shapes[0])


def _carried_into(eqns: Iterable[Eqn]) -> set[Var]:
    """Values that branches and loops know by their names, those of which nothing is read later among them."""
    found: set[Atom] = set()
    for eqn in all_equations(eqns):
        for block in eqn.blocks:
            if not eqn.attrs.get("inline"):
                found.update(block.outs, eqn.args)
    return {value for value in found if isinstance(value, Var)}
