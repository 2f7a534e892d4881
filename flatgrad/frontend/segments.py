"""Module -> the same module, in which a loop that is marked `# flatgrad: checkpoint` is run segment by segment.

    for t in range(T):  # flatgrad: checkpoint           ts = range(T)
        x = np.tanh(w * x)                               step = int(len(ts) ** 0.5) + 1
                                                  ->     for start in range(0, len(ts), step):
                                                             x = f_segment(x, w, ts[start : start + step])

`f_segment` holds the loop, over its part of the iterations. It is emitted as a forward and a backward like other
helpers with loops, but its cache is not kept: the backward of `f` runs the segment again from the state that it
began with.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from flatgrad.frontend.containers import CHANGING
from flatgrad.frontend.exits import falls_through, lines_of, may_break, may_return
from flatgrad.frontend.liveness import Liveness, names_closed_over
from flatgrad.frontend.matches import Fresh
from flatgrad.frontend.module import (
    Module,
    assigned_names,
    bound_names,
    module_of,
    names_in,
    names_in_text,
    names_of_target,
    nodes_in,
    parameters_of,
)
from flatgrad.frontend.plainer import rewritten_suite
from flatgrad.frontend.pragmas import checkpoint_of, checkpoints_in

TAKE_AWAY = "or take the comment away"
UNCOUNTED = {"map", "filter", "iter", "reversed", "items", "keys", "values", "ndenumerate", "ndindex", "nditer"}  # fmt: skip


BUILTINS = {"enumerate", "int", "len", "min", "range", "zip"}


class Unheeded(Exception):
    """Why the states of a loop cannot be computed again, and what to do."""

    def __init__(self, what: str, step: str):
        super().__init__(what)
        self.what, self.step = what, f"{step}, {TAKE_AWAY}"


@dataclass
class Outlined:
    """What has been made of one top-level function."""

    names: set[str]  # of the module
    fresh: Fresh
    helpers: list[tuple[cst.FunctionDef, cst.For]] = field(default_factory=list)
    unheeded: dict[cst.CSTNode, tuple[str, str]] = field(default_factory=dict)
    stand_ins: dict[cst.CSTNode, cst.CSTNode] = field(default_factory=dict)


def segmented(module: Module) -> Module:
    """The module itself where no loop is marked."""
    if "checkpoint" not in module.text or not any(checkpoints_in(module.tree)):
        return module
    names = {*module.imports, *module.functions, *module.constants, *module.others}
    outlined = Outlined(names, Fresh(names_in_text(module.text)))
    body: list[Any] = []
    for statement in module.tree.body:
        if isinstance(statement, cst.FunctionDef):
            before = len(outlined.helpers)
            statement = _function(outlined, statement)
            body += [helper for helper, _ in outlined.helpers[before:]]
        body.append(statement)
    tree = module.tree.with_changes(body=body)
    found = module_of(tree.code, tree, parsed=module.parsed or module.tree)
    found.segments, found.objects = dict(outlined.helpers), module.objects
    found.unheeded = outlined.unheeded
    found.stand_ins = {**module.stand_ins, **outlined.stand_ins}
    return found


def _function(outlined: Outlined, function: cst.FunctionDef) -> cst.FunctionDef:
    """One marked loop after the other, the inner ones first."""
    while True:
        changed = _Once(outlined, function).rewritten()
        if changed is function:
            return function
        function = changed


class _Once:
    """Takes the first marked loop out of a function, or out of a function within it."""

    def __init__(self, outlined: Outlined, function: cst.FunctionDef):
        self.outlined, self.function = outlined, function
        self.done = False

    def rewritten(self) -> cst.FunctionDef:
        body = rewritten_suite(self.function.body, self._lines)
        if body is self.function.body:
            return self.function
        return self.function.with_changes(body=body)

    def _lines(self, lines: list[Any]) -> list[Any]:
        for position, line in enumerate(lines):
            if self.done or not isinstance(line, cst.For | cst.While):
                continue
            mark = checkpoint_of(line)
            if mark is None or mark in self.outlined.unheeded:
                continue
            try:
                found = _Loop(self.outlined, self.function, line, mark).lines()
            except Unheeded as why:
                self.outlined.unheeded[mark] = why.what, why.step
                continue
            self.done = True
            return [*lines[:position], *found, *lines[position + 1 :]]
        return lines


@dataclass(frozen=True)
class Part:
    """An iterable of the loop: what it is called, and what its part is called in the segment."""

    name: str
    inner: str

    def sliced(self, start: str, step: str) -> str:
        return f"{self.name}[{start} : {start} + {step}]"


class _Loop:
    """One marked loop on its way into a function of its own."""

    def __init__(
        self,
        outlined: Outlined,
        function: cst.FunctionDef,
        node: Any,
        mark: cst.Comment,
    ):
        self.outlined, self.fresh = outlined, outlined.fresh
        self.function, self.mark = function, mark
        self.node: cst.For = self._readable(node)
        self.bound = {*bound_names(node)}
        self.results, self.reads = self._state()
        self.before: list[str] = []  # lines that give the iterables names
        self.parts: list[Part] = []
        self.numbered = False  # the segment is told the number of its first iteration

    def _readable(self, node: Any) -> cst.For:
        """A loop that runs to its end, over what can be taken part by part."""
        if not isinstance(node, cst.For):
            what = "how often a while loop runs is not known before it has run"
            raise Unheeded(what, "write it as a for loop with a range")
        if may_return(node.body) or may_break(node.body):
            what = "a loop that is left before its end cannot be run again in parts"
            raise Unheeded(what, "let it run to its end")
        if node.orelse is not None:
            what = "the else of a loop cannot be run with a part of it"
            raise Unheeded(what, "write what follows after the loop")
        if any(isinstance(n, cst.Yield | cst.Await) for n in nodes_in(node)):
            what = "this loop hands values out while it runs"
            raise Unheeded(what, "collect what it makes in a variable")
        return node

    # --- what goes in and what comes out -----------------------------------------------------------------------

    def _state(self) -> tuple[list[str], list[str]]:
        """The names that a segment hands on, and those that it begins with."""
        around = _enclosing(self.function, self.node)
        innermost = around[-1]
        walk = Liveness()
        walk.before(lines_of(innermost.body), frozenset())
        others = _lines_beside(innermost, self.node)
        if self.node not in walk.after:
            what = "this loop stands in a statement that is not read"
            raise Unheeded(what, "write it where it is read")
        after = walk.after[self.node] | names_closed_over(others)
        inside = Liveness()
        given = frozenset(names_of_target(self.node.target))
        again: frozenset[str] = frozenset()
        while True:  # what an iteration begins with, the one before has to leave
            left = frozenset(self.bound) & (after | again)
            inside.target = left | again
            found = inside.before(lines_of(self.node.body), inside.target) - given
            if found <= again:
                break
            again |= found
        shared = {
            n.name.value
            for inner in nodes_in(innermost)
            if isinstance(inner, cst.Nonlocal | cst.Global)
            for n in inner.names
        }
        if shared & self.bound:
            what = "this loop rebinds names that its function shares with others"
            raise Unheeded(what, "pass the value in and return it")
        if changed := [
            n for n in _changed_by_methods(self.node) if n not in self.bound
        ]:
            what = f"this loop changes {changed[0]} in place, and what it begins with has to stay"
            step = f"give {changed[0]} a new value, {changed[0]} = ..."
            raise Unheeded(what, step)
        known = {name for f in around for name in _local_names(f)}
        results = [n for n in dict.fromkeys(bound_names(self.node)) if n in left]
        if not results:
            what = "nothing that this loop assigns is read later"
            raise Unheeded(what, "return what it computes")
        order = dict.fromkeys(
            n.value for n in nodes_in(self.node.body) if isinstance(n, cst.Name)
        )
        carried = [n for n in results if n in again]
        unsure = sorted(again & known - _surely_bound(around, self.node))
        if unsure:
            what = f"{unsure[0]} may have no value where this loop begins"
            raise Unheeded(what, f"give {unsure[0]} a value before it")
        return results, [
            *carried,
            *(n for n in order if n in again & known and n not in carried),
        ]

    # --- the iterables -----------------------------------------------------------------------------------------

    def lines(self) -> list[Any]:
        """The lines in the place of the loop."""
        self._refuse_hidden()
        start, step = self.fresh.name("start"), self.fresh.name("step")
        iterable = self._iterable(self.node.iter, self.node.target, start)
        length = self._length()
        name = self.fresh.name(f"{self.function.name.value}_segment")
        self.outlined.helpers.append((self._segment(name, iterable, start), self.node))
        given = [p.sliced(start, step) for p in self.parts]
        given += [start] if self.numbered else []
        call = f"{name}({', '.join([*self.reads, *given])})"
        text = [
            *self.before,
            f"{step} = int({length} ** 0.5) + 1",
            f"for {start} in range(0, {length}, {step}):\n    {', '.join(self.results)} = {call}",
        ]
        first, *rest = (self._written(cst.parse_statement(line)) for line in text)
        leading = [n for n in self.node.leading_lines if n.comment is not self.mark]
        return [first.with_changes(leading_lines=leading), *rest]

    def _written(self, node: Any) -> Any:
        """Text that is written here: whatever is wrong with it is wrong with the loop."""
        self.outlined.stand_ins |= dict.fromkeys(nodes_in(node), self.node.target)
        return node

    def _refuse_hidden(self) -> None:
        """The lines that are written here call functions of Python itself."""
        around = _enclosing(self.function, self.node)
        hidden = BUILTINS & {
            *self.outlined.names,
            *(n for f in around for n in _local_names(f)),
        }
        if hidden:
            what = f"{min(hidden)} is no function of Python itself here"
            raise Unheeded(what, f"give the variable {min(hidden)} another name")

    def _iterable(self, node: Any, target: Any, start: str) -> str:
        """The text of the iterable within the segment."""
        match node:
            case cst.Call(func=cst.Name(value="enumerate"), args=[inner, *first]) if (
                len(first) < 2
            ):
                self.numbered, item = True, _element(target, 1)
                number = start
                if first:
                    offset = self._named(first[0].value, "first")
                    self.reads += [offset] if offset not in self.reads else []
                    number = f"{offset} + {start}"
                return (
                    f"enumerate({self._iterable(inner.value, item, start)}, {number})"
                )
            case cst.Call(func=cst.Name(value="zip"), args=args) if args and all(
                a.keyword is None and not a.star for a in args
            ):
                parts = [
                    self._iterable(a.value, _element(target, i), start)
                    for i, a in enumerate(args)
                ]
                return f"zip({', '.join(parts)})"
            case cst.Call(
                func=cst.Name(value="reversed"),
                args=[cst.Arg(value=cst.Call(func=cst.Name(value="range")) as inner)],
            ):
                return self._part(cst.parse_expression(f"{_code(inner)}[::-1]"), target)
            case cst.Call(
                func=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name))
            ) if name in {*UNCOUNTED, "enumerate", "zip"}:
                what = f"a loop over {name} cannot be run in parts"
                raise Unheeded(what, "loop over a range, an array or a list")
            case (
                cst.GeneratorExp()
                | cst.DictComp()
                | cst.SetComp()
                | cst.Set()
                | cst.Dict()
            ):
                what = "what this loop runs over cannot be taken part by part"
                raise Unheeded(what, "loop over a range, an array or a list")
            case _:
                return self._part(node, target)

    def _part(self, node: Any, target: Any) -> str:
        wanted = _several(target, node)
        name = self._named(node, wanted)
        taken = {*self.reads, *(p.inner for p in self.parts), *self.bound}
        inner = self.fresh.name(f"{name}_part") if name in taken else name
        self.parts.append(Part(name, inner))
        return inner

    def _named(self, node: Any, wanted: str) -> str:
        """The name of a value that the loop does not give another one."""
        if isinstance(node, cst.Name) and node.value not in self.bound:
            return node.value
        name = self.fresh.name(wanted)
        self.before.append(f"{name} = {_code(node)}")
        return name

    def _length(self) -> str:
        lengths = [f"len({p.name})" for p in dict.fromkeys(self.parts)]
        if len(lengths) == 1:
            return lengths[0]
        name = self.fresh.name("count")
        self.before.append(f"{name} = min({', '.join(lengths)})")
        return name

    def _segment(self, name: str, iterable: str, start: str) -> cst.FunctionDef:
        """The function that holds the loop."""
        names = [*self.reads, *(p.inner for p in self.parts)]
        names += [start] if self.numbered else []
        what = f"Some iterations of the loop in {self.function.name.value}, from the state before them on."
        text = f'def {name}({", ".join(names)}):\n    """{what}"""\n    return {", ".join(self.results)}'
        made = self._written(cst.parse_statement(text))
        assert isinstance(made, cst.FunctionDef)
        body = _plainly_summed(_unmarked(self.node.body), self._sums())
        loop = cst.For(
            self.node.target, self._written(cst.parse_expression(iterable)), body
        )
        docstring, end = lines_of(made.body)
        lines = [docstring, loop, end]
        return made.with_changes(
            body=cst.IndentedBlock(lines),
            leading_lines=[cst.EmptyLine(), cst.EmptyLine()],
        )

    def _sums(self) -> set[str]:
        """Names that the loop only adds to, whose first value nobody else has: s = 0.0 or s = np.zeros(3)."""
        around = _enclosing(self.function, self.node)[-1]
        found = set()
        for name in self.results:
            uses = _uses_until(around, self.node, name)
            augmented = all(isinstance(use, cst.AugAssign) for use in uses[1:])
            if uses and augmented and _is_new(uses[0], self.node, around):
                found.add(name)
        return found


def _uses_until(function: cst.FunctionDef, node: cst.CSTNode, name: str) -> list[Any]:
    """The statements that name `name`, once for each time, up to the end of the outermost loop around `node`."""
    found: list[Any] = []
    for line in lines_of(function.body):
        for part in nodes_in(line):
            if isinstance(part, cst.BaseSmallStatement):
                found += [part for n in names_in(part) if n.value == name]
            elif isinstance(part, cst.If | cst.For | cst.While):
                head = (c for c in part.children if isinstance(c, cst.BaseExpression))
                found += [part for c in head for n in names_in(c) if n.value == name]
            elif isinstance(part, cst.BaseCompoundStatement):
                found += [part for n in names_in(part) if n.value == name]
        if any(n is node for n in nodes_in(line)):
            break
    return found


NEW = {"zeros", "zeros_like", "ones", "ones_like", "full", "full_like"}


def _is_new(part: Any, node: cst.CSTNode, function: cst.FunctionDef) -> bool:
    """The statement gives its one name a number or a new array, before the loop and in the lines around it."""
    match part:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name())], value=value):
            new = _is_unshared(value)
        case _:
            new = False
    return new and _leads_to(part, node, function)


def _is_unshared(value: Any) -> bool:
    match value:
        case cst.Integer() | cst.Float():
            return True
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))):
            return name in NEW
        case _:
            return False


def _leads_to(part: Any, node: cst.CSTNode, function: cst.FunctionDef) -> bool:
    """Control comes to `node` only through the statement `part`."""
    for suite in nodes_in(function.body):
        lines = lines_of(suite) if isinstance(suite, cst.BaseSuite) else []
        for position, line in enumerate(lines):
            if isinstance(line, cst.SimpleStatementLine) and part in line.body:
                later = (n for follows in lines[position:] for n in nodes_in(follows))
                return any(n is node for n in later)
    return False


def _plainly_summed(suite: Any, names: set[str]) -> Any:
    """s += v  ->  s = s + v, which leaves the array alone that s was before"""

    def rewrite(lines: list[Any]) -> list[Any]:
        return [_summed(line, names) for line in lines]

    return rewritten_suite(suite, rewrite) if names else suite


def _summed(line: Any, names: set[str]) -> Any:
    match line:
        case cst.SimpleStatementLine(
            body=[cst.AugAssign(target=cst.Name(value=name) as target) as part]
        ) if (name in names):
            text = f"a {_code(part.operator).removesuffix('=')} b"
            value = cst.ensure_type(cst.parse_expression(text), cst.BinaryOperation)
            value = value.with_changes(left=target, right=_operand(part))
            return line.with_changes(
                body=[cst.Assign([cst.AssignTarget(cst.Name(name))], value)]
            )
        case _:
            return line


def _operand(part: cst.AugAssign) -> Any:
    """The right side, in parentheses where they may be needed."""
    match part.value:
        case cst.Name() | cst.Call() | cst.Attribute() | cst.Subscript():
            return part.value
        case cst.BinaryOperation(
            operator=cst.Multiply() | cst.Power() | cst.MatrixMultiply()
        ) if isinstance(part.operator, cst.AddAssign | cst.SubtractAssign):
            return part.value
        case value:
            return value.with_changes(
                lpar=[cst.LeftParen(), *value.lpar],
                rpar=[*value.rpar, cst.RightParen()],
            )


def _several(target: Any, node: Any) -> str:
    """What to call the values that a target takes one after the other: ts for t."""
    name = f"{target.value}s" if isinstance(target, cst.Name) else "_"
    if not name.startswith("_") and name not in {*keyword.kwlist, *dir(builtins)}:
        return name
    return "indices" if _code(node).startswith("range") else "items"


def _element(target: Any, position: int) -> Any:
    """The part of a target that takes the item at a position."""
    match target:
        case cst.Tuple(elements=elements) | cst.List(
            elements=elements
        ) if position < len(elements):
            return elements[position].value
        case _:
            return None


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node).strip()


def _unmarked(suite: Any) -> Any:
    """The body of the loop without the comment."""
    if isinstance(suite, cst.SimpleStatementSuite):
        return suite.with_changes(trailing_whitespace=cst.TrailingWhitespace())
    header = suite.header
    if header.comment is None or next(checkpoints_in(header), None) is None:
        return suite
    return suite.with_changes(header=cst.TrailingWhitespace())


def _enclosing(function: cst.FunctionDef, node: cst.CSTNode) -> list[cst.FunctionDef]:
    """The functions around a node, outermost first."""
    for inner in nodes_in(function.body):
        if isinstance(inner, cst.FunctionDef) and any(
            n is node for n in nodes_in(inner.body)
        ):
            return [function, *_enclosing(inner, node)]
    return [function]


def _surely_bound(around: Sequence[cst.FunctionDef], node: cst.CSTNode) -> set[str]:
    """Names that have a value whenever control comes to `node`, and those of the functions around its own."""
    *outer, own = around
    found = {name for f in outer for name in _local_names(f)}
    found |= {p.name.value for p in parameters_of(own)}
    suite: Any = own.body
    while suite is not None:
        for line in lines_of(suite):
            if any(n is node for n in nodes_in(line)):
                break
            found |= _binds(line)
        else:
            return found
        if line is node:
            return found
        if isinstance(line, cst.For):
            found |= {*names_of_target(line.target)}
        inside = (s for s in nodes_in(line) if isinstance(s, cst.BaseSuite))
        suite = next((s for s in inside if any(n is node for n in nodes_in(s))), None)
    return found


def _binds(line: Any) -> set[str]:
    """Names that a statement surely gives a value."""
    match line:
        case cst.SimpleStatementLine(body=parts):
            given = (p for p in parts if isinstance(p, cst.Assign | cst.AnnAssign))
            return {n for p in given if p.value is not None for n in assigned_names(p)}
        case cst.FunctionDef(name=cst.Name(value=name)):
            return {name}
        case cst.If(body=body, orelse=orelse) if orelse is not None:
            other = [orelse] if isinstance(orelse, cst.If) else lines_of(orelse.body)
            ways = [lines_of(body), other]
            left = [_bound_by(w) for w in ways if falls_through(w)]
            return set.intersection(*left) if left else set()
        case cst.With(body=body):
            return _bound_by(lines_of(body))
        case _:
            return set()


def _bound_by(lines: Sequence[Any]) -> set[str]:
    return set[str]().union(*map(_binds, lines))


def _local_names(function: cst.FunctionDef) -> set[str]:
    own = {p.name.value for p in parameters_of(function)}
    return own | {*bound_names(function.body)}


def _lines_beside(
    function: cst.FunctionDef, node: cst.CSTNode
) -> Sequence[cst.CSTNode]:
    """What stands in the function and not in the loop: statements, or the parts of those that hold the loop."""
    found: list[cst.CSTNode] = []
    stack: list[cst.CSTNode] = [function.body]
    while stack:
        current = stack.pop()
        if current is node:
            continue
        if any(n is node for n in nodes_in(current)):
            stack.extend(current.children)
        else:
            found.append(current)
    return found


__all__ = ["segmented"]


def _changed_by_methods(node: cst.CSTNode) -> Iterator[str]:
    """Names of lists and dicts that a method changes, as `xs.append(x)` does."""
    for inner in nodes_in(node):
        match inner:
            case cst.Call(
                func=cst.Attribute(
                    value=cst.Name(value=name), attr=cst.Name(value=method)
                )
            ) if (method in CHANGING):
                yield name
            case _:
                pass
