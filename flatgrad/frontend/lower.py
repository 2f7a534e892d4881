"""Module, function name -> Function: every statement of the function read into equations.

What cannot be read does not stop the reading: it becomes an `opaque` equation, which is harmless where no
gradient flows through it and is refused, with its place, where one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from flatgrad.builder import Builder, atom
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend import calls, expressions, hints
from flatgrad.frontend.module import (
    Module,
    assigned_names,
    collect_import,
    names_in,
    nodes_in,
)
from flatgrad.frontend.scope import (
    Callee,
    Frame,
    Function,
    Path,
    Refusal,
    Stale,
    Struct,
    Value,
)
from flatgrad.frontend.storages import Storages
from flatgrad.graph import Atom, Lit, Statement, Var
from flatgrad.registry import infer
from flatgrad.shapes import may_repeat
from flatgrad.types import Contradiction, Dim, Shape, join, scalar

ROUNDS = 3  # how often facts about shapes are carried through the whole function
AUGMENTED = {
    cst.AddAssign: "add", cst.SubtractAssign: "sub", cst.MultiplyAssign: "mul", cst.DivideAssign: "truediv",
    cst.PowerAssign: "pow", cst.MatrixMultiplyAssign: "matmul", cst.FloorDivideAssign: "floordiv",
    cst.ModuloAssign: "mod", cst.BitAndAssign: "bitand", cst.BitOrAssign: "bitor", cst.BitXorAssign: "bitxor",
    cst.LeftShiftAssign: "lshift", cst.RightShiftAssign: "rshift",
}  # fmt: skip

COMPOUND = {
    cst.If: "an if statement", cst.For: "a for loop", cst.While: "a while loop", cst.With: "a with block",
    cst.Try: "a try statement", cst.TryStar: "a try statement", cst.Match: "a match statement",
    cst.ClassDef: "a class",
}  # fmt: skip


def lower(
    module: Module, name: str, shapes: Mapping[str, tuple[str | int, ...]]
) -> Function:
    """Read the function `name`; every problem of its text is reported at once."""
    return Lowering(module, shapes).function(name)


@dataclass(eq=False)
class Lowering:
    module: Module
    shapes: Mapping[str, tuple[str | int, ...]]
    build: Builder = field(default_factory=Builder)
    problems: list[Refusal] = field(default_factory=list)
    dims: dict[str, Dim] = field(default_factory=dict)
    externals: dict[str, Var] = field(default_factory=dict)
    calls: dict[Statement, list[Frame]] = field(default_factory=dict)
    storages: Storages = field(default_factory=Storages)
    frame: Frame = None  # type: ignore[assignment]
    counts: set[Var] = field(
        default_factory=set
    )  # parameters whose default is an integer
    walrus: dict[Statement, list[tuple[Any, Var]]] = field(default_factory=dict)
    function_texts: list[Any] = field(
        default_factory=list
    )  # nested functions, whose text stays as it is
    results: list[Any] = field(
        default_factory=list
    )  # what the docstring declares of the results
    _parameter_vars: list[Var] = field(default_factory=list)
    count: int = 0
    scanned: int = 0

    # --- one function --------------------------------------------------------------------------------------

    def function(self, name: str) -> Function:
        node = self.module.functions[name]
        self.frame = Frame(node)
        params = self._parameters(node)
        self.attempt(node, lambda: hints.declare(self, node, params))
        self.suite(node.body)
        self.attempt(node, lambda: hints.results(self))
        self.attempt(node, self._infer_all)
        outs, names = self._outputs(node)
        if self.problems:
            raise FlatgradError(*map(self._diagnostic, self.problems))
        block = self.build.block(tuple(params.values()), list(outs))
        returns_tuple = isinstance(self.frame.result, Struct)
        seeds = [
            Var(n, primal=o if isinstance(o, Var) else None)
            for n, o in zip(names, outs, strict=True)
        ]
        return Function(
            name, self.module, node, block, self.frame, params, seeds, names, returns_tuple,
            self.calls, self.storages, self.walrus, self._captured(), labels(block) | self.counts,
        )  # fmt: skip

    def _parameters(self, node: cst.FunctionDef) -> dict[str, Var]:
        found: dict[str, Var] = {}
        for parameter in parameters_of(node):
            if parameter.star:
                kind = "arguments" if parameter.star == "*" else "keyword arguments"
                self.refuse("FG101", f"{kind} of any number are not read: {parameter.star}"
                            f"{parameter.name.value}", "name each parameter", parameter)  # fmt: skip
            var = Var(parameter.name.value)
            self._parameter_vars.append(var)
            found[var.name] = self.frame.bindings[parameter.name] = var
            self.hold(var.name, var)
        return found

    def _captured(self) -> set[Var]:
        """Values that nested functions read by name."""
        found: set[Var] = set()
        for node, frame in self.function_texts:
            names = {n.value for n in names_in(node)}
            found |= {v for v in frame.writes if v.name in names}
        return found

    def _infer_all(self) -> None:
        self._infer()
        if assume(self.build.eqns, self._parameter_vars, loss=self._is_loss()):
            self._infer()

    def _is_loss(self) -> bool:
        """The function says of itself that its result is a loss: one number."""
        node = self.frame.function
        assert isinstance(node, cst.FunctionDef)
        text = f"{node.name.value} {node.get_docstring() or ''}"
        return LOSS.search(text) is not None

    def _infer(self) -> None:
        for number in range(ROUNDS):
            for eqn in (
                reversed(self.build.eqns) if number % 2 == 0 else self.build.eqns
            ):
                try:
                    infer(eqn)
                except Contradiction as found:
                    self.contradiction(
                        found, eqn.node or (eqn.statement and eqn.statement.node)
                    )
                    return

    def _outputs(self, node: cst.FunctionDef) -> tuple[list[Atom], list[str]]:
        result = self.frame.result
        if result is None:
            if not self.problems:
                self.refuse("FG102", f"{node.name.value} returns nothing", "return the value to differentiate",
                            node.name)  # fmt: skip
            return [], []
        items = (
            result.items
            if isinstance(result, Struct) and result.kind == "tuple"
            else (result,)
        )
        outs: list[Atom] = []
        unnamed = sum(not (isinstance(i, Var) and i.name) for i in items)
        names: list[str] = []
        for item in items:
            if not isinstance(item, Var) and not (
                isinstance(item, Lit) and type(item.value) in (int, float)
            ):
                self.refuse("FG103", f"the result is a {_what(item)}", "return arrays or a tuple of arrays",
                            self.frame.returned)  # fmt: skip
                return [], []
            number = (
                f"{1 + sum(n.startswith('out') for n in names)}" if unnamed > 1 else ""
            )
            names.append(
                item.name if isinstance(item, Var) and item.name else f"out{number}"
            )
            outs.append(item)
        return outs, names

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
        self.problems.append(Refusal(code, what, next_step, node))

    def _contradicted(self, found: Contradiction, node: cst.CSTNode | None) -> Refusal:
        told = "\n".join(dict.fromkeys(str(s) for s in found.sources if s))
        what = f"the shapes contradict each other: {found.left} is not {found.right}"
        at = (
            node
            if node is not None or self.build.statement is None
            else self.build.statement.node
        )
        return Refusal(
            "FG301",
            what,
            told or "state the shapes with --shape or in the docstring",
            at,
        )

    def contradiction(self, found: Contradiction, node: cst.CSTNode | None) -> None:
        self.problems.append(self._contradicted(found, node))

    def attempt(self, node: cst.CSTNode, action: Any) -> None:
        """Run `action`; a refusal is noted and the reading goes on."""
        try:
            action()
        except Refusal as refusal:
            self.problems.append(refusal)
            self._define_targets(node)
        except Contradiction as found:
            self.contradiction(found, node)
            self._define_targets(node)

    def _define_targets(self, node: cst.CSTNode) -> None:
        """What a refused statement would have assigned is at least defined: one problem, one message."""
        for name in assigned_names(node):
            if name not in self.frame.env:
                self.hold(
                    name, self.opaque("a refused value", [], node, code="FG105")[0]
                )

    def _diagnostic(self, problem: Refusal) -> Diagnostic:
        place = self.module.place(problem.node) if problem.node is not None else None
        return Diagnostic(problem.code, problem.what, problem.next_step, place)

    # --- statements ----------------------------------------------------------------------------------------

    def suite(self, body: cst.BaseSuite) -> None:
        if self.frame.enclosing is None and self.frame.statement is None:
            hints.comments(
                self, getattr(getattr(body, "header", None), "comment", None), ()
            )
        lines: Sequence[Any] = (
            [body] if isinstance(body, cst.SimpleStatementSuite) else body.body
        )
        for line in lines:
            for part in one_by_one(line):
                if self.frame.returned is not None:
                    return
                self.line(part)

    def line(self, line: Any) -> None:
        statement = self.begin(line)
        self.attempt(line, lambda: self._line(line))
        self.build.statement = statement
        self.attempt(line, lambda: hints.after(self, line))

    def begin(self, node: Any) -> Statement:
        """What is read from now on belongs to the statement `node`."""
        statement = Statement(self.count, node, self.frame)
        self.count += 1
        self.frame.statements.append(statement)
        self.build.statement, self.build.dialect = statement, ""
        return statement

    def _line(self, line: Any) -> None:
        match line:
            case cst.SimpleStatementLine(body=parts) | cst.SimpleStatementSuite(
                body=parts
            ):
                for part in parts:
                    self.attempt(part, lambda part=part: self.simple(part))  # type: ignore[misc]
            case cst.FunctionDef(name=cst.Name(value=name)):
                self.hold(name, self.callee(name, line))
            case _:
                self.compound(line)

    def simple(self, node: cst.CSTNode) -> None:
        match node:
            case cst.Assign(targets=targets, value=value):
                result = self.expression(value)
                for target in targets:  # the first target names the value
                    self.assign(target.target, result, value)
            case cst.AnnAssign(target=target, value=None):
                pass
            case cst.AnnAssign(target=target, value=cst.BaseExpression() as value):
                self.assign(target, self.expression(value), value)
            case cst.AugAssign(target=target, operator=operator, value=value):
                self.augment(target, AUGMENTED[type(operator)], value, node)
            case cst.Return(value=value):
                self.frame.returned = node
                self.frame.result = self.result(value)
            case (
                cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())
                | cst.Pass()
            ):
                pass
            case cst.Import() | cst.ImportFrom():
                collect_import(self.module, node)
            case cst.Global() | cst.Nonlocal():
                what = f"{type(node).__name__.lower()} names are not read"
                self.refuse("FG105", what, "pass the value in and return it", node)
            case cst.Expr(value=cst.Call() as call):
                self.effect(call)
            case cst.Expr(value=value):
                self.expression(value)
            case cst.Assert() | cst.Raise():
                self.mention(node)
                calls.effects_within(self, node)
            case cst.Del(target=target):
                self.refuse("FG104", "del is not read", "leave the name alone", node)
            case _:
                what = f"{type(node).__name__.lower()} is not read here"
                self.refuse("FG104", what, "write it as straight-line code", node)

    def compound(self, node: Any) -> None:
        """A statement with a body: opaque, so harmless unless a gradient would have to flow through it."""
        what = COMPOUND.get(type(node), "a compound statement")
        inside = list(nodes_in(node))
        for inner in inside:
            if isinstance(inner, cst.Return | cst.Yield | cst.Global | cst.Nonlocal):
                raise Refusal("FG105", f"{what} that returns from within is not read yet",
                              "write the function as straight-line code", node)  # fmt: skip
        reads = self.mention(node)
        names = sorted(set(_changed_names(inside)))
        changed = [n for n in names if n in self.frame.env or _binds(inside, n)]
        old = [v for n in changed if isinstance(v := self.frame.env.get(n), Var)]
        outs = self.opaque(
            f"{what} is not read yet",
            [*reads, *old],
            node,
            code="FG105",
            count=max(1, len(changed)),
        )
        calls.effects_within(self, node)
        for name, out in zip(changed, outs, strict=False):
            out.name = name
            before = self.frame.env.get(name)
            if isinstance(before, Var):
                self.overwrite(before, out, unsure=True)
            self.hold(name, out)

    def mention(self, node: cst.CSTNode) -> list[Atom]:
        """Note which value each name in `node` stands for; used for text that is only passed through."""
        found: list[Atom] = []
        for name in names_in(node):
            value = self.frame.env.get(name.value)
            if value is not None:
                self.frame.values[name] = value
                found += atoms_in(value)
                if isinstance(value, Var):
                    self.frame.reads.append((name, value, self.build.statement))
        return found

    def result(self, value: cst.BaseExpression | None) -> Value | None:
        if value is None:
            return None
        found = self.expression(value)
        return None if found == Lit(None) else found

    # --- assignment ----------------------------------------------------------------------------------------

    def assign(
        self, target: cst.BaseExpression, value: Value, source: cst.CSTNode
    ) -> None:
        match target:
            case cst.Name(value=name):
                self.bind(target, name, value, source)
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                self._unpack(target, elements, value, source)
            case cst.Subscript(value=cst.Name()):
                index = expressions.index(self, target)
                self._store(target, "setitem", index, value)
            case _:
                raise Refusal("FG106", "an assignment to this target is not read",
                              "assign to a name or to elements of a named array", target)  # fmt: skip

    def bind(
        self, target: cst.Name, name: str, value: Value, source: cst.CSTNode
    ) -> None:
        if isinstance(value, Lit | Var):
            fresh = (
                isinstance(value, Var)
                and not value.name
                and value not in self.externals.values()
            )
            if fresh and isinstance(value, Var):
                value.name = name
            else:
                self.build.dialect = ""
                value = self.emit("alias", value, node=source)
                value.name = name
            self.wrote(target, value)
        self.hold(name, value)

    def hold(self, name: str, value: Value) -> None:
        self.note()
        self.storages.hold(self.frame, name, value)

    def note(self) -> None:
        """Every equation written since the last call gets its storages."""
        for eqn in self.build.eqns[self.scanned :]:
            self.storages.note(eqn)
        self.scanned = len(self.build.eqns)

    def overwrite(self, old: Var, new: Var, *, unsure: bool) -> None:
        """The array of `old` holds `new` from now on."""
        assert self.build.statement is not None
        self.note()
        self.storages.write(old, new, self.build.statement, unsure=unsure)

    def wrote(self, target: cst.Name, value: Var) -> None:
        assert self.build.statement is not None
        self.frame.bindings[target] = value
        self.frame.writes[value] = (target, self.build.statement)

    def _unpack(
        self,
        target: cst.CSTNode,
        elements: Sequence[Any],
        value: Value,
        source: cst.CSTNode,
    ) -> None:
        stars = [i for i, e in enumerate(elements) if isinstance(e, cst.StarredElement)]
        parts = self._parts(
            value, len(elements), stars[0] if stars else None, target, source
        )
        for element, part in zip(elements, parts, strict=True):
            self.assign(element.value, part, source)

    def _parts(self, value: Value, count: int, star: int | None, target: cst.CSTNode, source: cst.CSTNode
               ) -> list[Value]:  # fmt: skip
        if isinstance(value, Struct):
            items = list(value.items)
            if star is not None and len(items) >= count - 1:
                end = len(items) - (count - 1 - star)
                return [
                    *items[:star],
                    Struct(tuple(items[star:end]), "list"),
                    *items[end:],
                ]
            if star is None and len(items) == count:
                return items
            raise Refusal("FG107", f"{len(items)} values are unpacked into {count} names",
                          "unpack as many names as there are values", target)  # fmt: skip
        whole = self.atom(value, source)
        if whole.type.items is None and star is None and whole.type.shape.dims:
            self._known_length(whole, count)
        self.build.dialect = ""
        if star is None:
            return [self.emit("getitem", whole, Lit(i)) for i in range(count)]
        after = count - 1 - star
        indices: list[Any] = [
            *range(star),
            slice(star, -after or None),
            *range(-after, 0),
        ]
        return [self.emit("getitem", whole, Lit(i)) for i in indices]

    def _known_length(self, whole: Atom, count: int) -> None:
        from flatgrad.types import join_dims

        dims = whole.type.shape.dims
        if dims:
            join_dims(dims[0], Dim(count, source=f"{count} names take its elements"))

    def augment(
        self,
        target: cst.BaseExpression,
        op: str,
        value: cst.BaseExpression,
        node: cst.AugAssign,
    ) -> None:
        match target:
            case cst.Name(value=name):
                old = self.atom(self.expression(target), target)
                right = self.atom(self.expression(value), value)
                self.build.dialect = ""
                new = self.emit(op, old, right, node=node)
                new.name = name
                self.note()
                array = old in self.storages.arrays
                if isinstance(old, Var) and (array or not old.type.shape.is_scalar):
                    self.overwrite(old, new, unsure=old.type.rank is None and not array)
                self.wrote(target, new)
                self.hold(name, new)
            case cst.Subscript(value=cst.Name()):
                self._augment_part(target, op, value)
            case _:
                raise Refusal("FG106", "an assignment to this target is not read",
                              "assign to a name or to elements of a named array", target)  # fmt: skip

    def _augment_part(
        self, target: cst.Subscript, op: str, value: cst.BaseExpression
    ) -> None:
        """a[i] += v adds to a part; any other operator takes the part out and puts the result back."""
        index = expressions.index(self, target)
        amount = self.atom(self.expression(value), value)
        if op in ("add", "sub") and (isinstance(amount, Lit) or not may_repeat(index)):
            self.build.dialect = ""
            amount = self.emit("neg", amount) if op == "sub" else amount
            self._store(target, "index_add", index, amount, repeats=False)
            return
        base = self.atom(self.expression(target.value), target.value)
        old = self.emit("getitem", base, index)
        self.build.dialect = ""
        self._store(target, "setitem", index, self.emit(op, old, amount))

    def _store(
        self, target: cst.Subscript, op: str, index: Atom, value: Value, **attrs: Any
    ) -> None:
        base = self.expression(target.value)
        if not isinstance(base, Var):
            raise Refusal(
                "FG106",
                f"an element of a {_what(base)} is assigned",
                "assign to elements of a named array",
                target,
            )
        amount = self.atom(value, target)
        self.build.dialect = ""
        if base.type.kind in ("int", "bool", "arange") and amount.type.kind not in (
            "int",
            "bool",
        ):
            what = "a store into an integer array drops the fraction, so no gradient flows through it"
            step = "make the array one of floats: np.zeros(n) rather than np.zeros(n, dtype=int)"
            new = self.opaque(
                what, [base, index, amount], target, code="FG403", next_step=step
            )[0]
        else:
            new = self.emit(op, base, index, amount, node=None, **attrs)
        self.write(target.value, base, new)

    def write(self, name: cst.BaseExpression, old: Var, new: Var) -> None:
        """`new` is what the array `old` holds after a write into it through `name`."""
        assert isinstance(name, cst.Name)
        new.name = name.value
        self.overwrite(old, new, unsure=False)
        self.wrote(name, new)
        self.hold(name.value, new)

    def effect(self, call: cst.Call) -> None:
        """A call whose result nobody takes is made for what it changes."""
        if not calls.in_place(self, call):
            self.expression(call)

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
        value = expressions.expression(self, node)
        self.frame.values[node] = value
        return value

    def emit(self, op: str, *args: Atom, node: Any = None, **attrs: Any) -> Var:
        try:
            made = self.build.emit(op, *args, node=node, **attrs).atom
        except Contradiction as found:
            raise self._contradicted(found, node) from None
        assert isinstance(made, Var)
        return made

    def opaque(self, what: str, args: Sequence[Atom], node: cst.CSTNode, *, code: str, count: int = 1,
               next_step: str = "") -> list[Var]:  # fmt: skip
        """Equations that flatgrad cannot look into."""
        attrs = {"what": what, "code": code, "next_step": next_step}
        made = self.build.emit_all("opaque", args, count, node=node, attrs=attrs)
        return [v.atom for v in made if isinstance(v.atom, Var)]

    def atom(self, value: Value, node: cst.CSTNode) -> Atom:
        """`value` as one value of the graph."""
        match value:
            case Var() | Lit():
                return value
            case Struct(items=items):
                return self.emit(
                    "tuple",
                    *(self.atom(i, node) for i in items),
                    node=node,
                    list=value.kind == "list",
                )
            case Path(path=path):
                return self.external(self.module.code(node), path)
            case Callee(name=name):
                return self.external(name, name)
            case Stale():
                raise stale(value, node)

    def external(self, text: str, path: str = "") -> Var:
        """A value that comes from outside of the function and never changes while it runs."""
        if text not in self.externals:
            here = self.build.statement
            self.build.statement = None
            var = self.emit("external", text=text, path=path)
            self.build.statement = here
            var.name = text if text.isidentifier() else ""
            if path in FLOATS:
                join(var.type.shape, scalar())
                var.type.kind = "float"
            self.externals[text] = var
        return self.externals[text]


FLOATS = {
    f"{library}.{name}" for library in ("math", "numpy") for name in ("pi", "e", "inf", "nan", "tau", "euler_gamma")
}  # fmt: skip


def one_by_one(line: Any) -> list[Any]:
    """`a = 1; b = 2` as two lines."""
    match line:
        case cst.SimpleStatementLine(body=[_, _, *_] as parts):
            first = line.with_changes(
                body=[_alone(parts[0])], trailing_whitespace=cst.TrailingWhitespace()
            )
            middle = [cst.SimpleStatementLine([_alone(part)]) for part in parts[1:-1]]
            last = cst.SimpleStatementLine(
                [_alone(parts[-1])], trailing_whitespace=line.trailing_whitespace
            )
            return [first, *middle, last]
        case cst.SimpleStatementSuite(body=parts):
            return [cst.SimpleStatementLine([_alone(part)]) for part in parts]
        case _:
            return [line]


def _alone(part: Any) -> Any:
    """A statement without the semicolon that followed it."""
    return part.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)


def parameters_of(node: cst.FunctionDef | cst.Lambda) -> Iterator[cst.Param]:
    found = node.params
    yield from found.posonly_params
    yield from found.params
    if isinstance(found.star_arg, cst.Param):
        yield found.star_arg
    yield from found.kwonly_params
    if found.star_kwarg is not None:
        yield found.star_kwarg


def stale(value: Stale, node: cst.CSTNode) -> Refusal:
    step = (
        "work on a copy there, or state the shapes, so that it can be told what changes"
    )
    return Refusal("FG401", value.why, step, node)


def atoms_in(value: Value) -> list[Atom]:
    match value:
        case Var() | Lit():
            return [value]
        case Struct(items=items):
            return [a for i in items for a in atoms_in(i)]
        case _:
            return []


def _what(value: Value) -> str:
    match value:
        case Struct(kind=kind):
            return kind
        case Callee():
            return "function"
        case Path(path=path):
            return path
        case _:
            return "constant"


def _changed_names(inside: Sequence[cst.CSTNode]) -> Iterator[str]:
    """Names that a compound statement may bind or whose arrays it may write."""
    for node in inside:
        match node:
            case (
                cst.AssignTarget(target=target)
                | cst.AnnAssign(target=target)
                | cst.AugAssign(target=target)
            ):
                yield from _base_names(target)
            case (
                cst.For(target=target)
                | cst.NamedExpr(target=target)
                | cst.Del(target=target)
            ):
                yield from _base_names(target)
            case cst.AsName(name=name):
                yield from _base_names(name)
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


def _binds(inside: Sequence[cst.CSTNode], name: str) -> bool:
    return any(
        isinstance(
            n, cst.AssignTarget | cst.For | cst.NamedExpr | cst.AnnAssign | cst.AsName
        )
        for n in inside
        if name in set(_changed_names([n]))
    )


ONE_MATRIX = {
    "cholesky",
    "eigh",
    "eigvalsh",
    "inv",
    "det",
    "slogdet",
    "solve",
    "svd",
    "qr",
    "pinv",
    "matrix_power",
}
BROADCASTING = {"add", "sub", "mul", "truediv", "pow"}


REDUCING = {
    "sum",
    "mean",
    "max",
    "min",
    "prod",
    "norm",
    "dot",
    "matmul",
    "inner",
    "trace",
    "det",
    "logsumexp",
    "var",
    "std",
}


def reduced_scalars(eqns: Sequence[Any]) -> set[Atom]:
    """Scalars that sum up arrays, and what is computed of such alone: losses and penalties."""
    found: set[Atom] = set()
    for eqn in eqns:
        if len(eqn.outs) == 1 and eqn.out.type.shape.is_scalar:
            if eqn.op in REDUCING or any(a in found for a in eqn.args):
                found.add(eqn.out)
    return found


LOSS = re.compile(r"(?i)(?:\b|_)(?:loss|cost|objective|penalty|likelihood)(?:\b|_)")


def assume(eqns: Sequence[Any], params: Sequence[Var], *, loss: bool) -> bool:
    """What is taken for granted where nothing is said (docs/decisions/shapes.md); True if anything was.

    A matrix given to numpy.linalg is one matrix, no stack. In a function that computes a loss, a parameter
    that only scales sums over arrays which are then added up is a number.
    """
    assumed = False
    for eqn in eqns:
        if eqn.op in ONE_MATRIX and eqn.args and eqn.args[0].type.rank is None:
            join(eqn.args[0].type.shape, Shape((Dim(), Dim())))
            assumed = True
    reduced = reduced_scalars(eqns)
    added = {
        a
        for e in eqns
        if e.op in ("add", "sub") and any(o in reduced for o in e.args)
        for a in e.args
    }
    met: dict[Atom, list[bool]] = {p: [] for p in params if p.type.rank is None}
    for eqn in eqns:
        for position, arg in enumerate(eqn.args):
            if arg in met:
                others = [a for i, a in enumerate(eqn.args) if i != position]
                met[arg].append(
                    not added.isdisjoint(eqn.outs)
                    and eqn.op in BROADCASTING
                    and bool(others)
                    and all(a in reduced for a in others)
                )
    for param, only in met.items():
        if loss and only and all(only):
            join(param.type.shape, scalar())
            assumed = True
    return assumed


def labels(block: Any) -> set[Var]:
    """Parameters that carry no gradient: they index, count or name."""
    params = set(block.params)
    integer = {
        p
        for p in params
        if p.type.kind in ("int", "bool", "str", "dict", "other", "none")
    }
    made = {out: eqn for eqn in block.eqns for out in eqn.outs}
    for eqn in block.eqns:
        for used in _used_as_integers(eqn):
            integer |= _sources(used, made) & params
    return integer


def _used_as_integers(eqn: Any) -> Iterator[Atom]:
    match eqn.op:
        case "getitem" | "setitem" | "index_add" | "take":
            yield eqn.args[1]
        case "arange" | "zeros" | "ones" | "eye" | "empty" | "full":
            yield from eqn.args[:1] if eqn.args else ()
        case "reshape" | "broadcast_to" | "tile" | "repeat":
            yield from eqn.args[1:2]
        case _:
            pass


PLUMBING = {
    "tuple",
    "slice",
    "reshape",
    "ravel",
    "copy",
    "alias",
    "astype",
    "getitem",
    "invert",
    "asarray",
    "transpose",
}


def _sources(value: Atom, made: Mapping[Var, Any]) -> set[Var]:
    """The values that `value` is made of without arithmetic."""
    found: set[Var] = set()
    stack = [value]
    while stack:
        current = stack.pop()
        if not isinstance(current, Var) or current in found:
            continue
        found.add(current)
        eqn = made.get(current)
        if eqn is not None and eqn.op in PLUMBING:
            stack.extend(eqn.args if eqn.op in ("tuple", "slice") else eqn.args[:1])
    return found


__all__ = ["Lowering", "atom", "lower", "parameters_of", "stale"]
