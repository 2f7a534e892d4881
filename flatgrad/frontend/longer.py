"""Module, place -> the module with what stands there written as more lines, that can keep what the backward needs.

A comprehension, map or reduce becomes a loop; items of a loop get a name of their own before their variable has them.

ys = [f(x) for x in xs if x > 0]        ys = []
                                  ->    for x in xs:
                                            if x > 0:
                                                ys.append(f(x))

Inside of an expression there is no place to keep what the backward needs of each item; a loop has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from flatgrad.errors import Place
from flatgrad.frontend import iterators
from flatgrad.frontend.matches import Fresh
from flatgrad.frontend.module import (
    Module,
    children_of,
    names_in,
    names_in_text,
    names_of_target,
    read_module,
)

COMPREHENSIONS = (cst.ListComp, cst.GeneratorExp, cst.DictComp)
# What takes the items one by one -> the name of what it makes of them, what it starts with, and how an item is added.
ADDED = {"builtins.sum": ("total", "0", cst.AddAssign), "math.fsum": ("total", "0", cst.AddAssign),
         "math.prod": ("product", "1", cst.MultiplyAssign)}  # fmt: skip


def written_longer(module: Module, place: Place) -> Module | None:
    """The module with a loop in place of the expression at `place`; None where none can be written."""
    if module.segments:
        return None  # their nodes are known one by one
    rewrite = _Rewrite(module, place)
    tree = module.tree.visit(rewrite)
    return read_module(tree.code) if rewrite.done else None


class _Rewrite(cst.CSTTransformer):
    """Looks for the line whose expression has the place, and writes it as several."""

    def __init__(self, module: Module, place: Place):
        super().__init__()
        self.module, self.place = module, place
        self.done = False
        self.functions: list[cst.FunctionDef] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.functions.append(node)

    def leave_FunctionDef(self, original_node: Any, updated_node: Any) -> Any:
        self.functions.pop()
        return updated_node

    def leave_IndentedBlock(self, original_node: Any, updated_node: Any) -> Any:
        lines: list[Any] = []
        for line, updated in zip(original_node.body, updated_node.body, strict=True):
            lines += self._lines(line) or [updated]
        return updated_node.with_changes(body=lines) if self.done else updated_node

    def _lines(self, line: Any) -> list[Any]:
        if self.done or not self.functions or not self._has_place(line):
            return []
        for part in evaluated_first(line):
            whole = self._is_all(line)
            found = next(
                (
                    n
                    for n in always_in(part)
                    if self._is_read(n) and (whole or self._has_place(n))
                ),
                None,
            )
            if found is not None and (lines := self._written(line, found)):
                self.done = True
                return lines
        if isinstance(line, cst.For) and self._is_all(line):
            return self._with_items_named(line)
        return []

    def _with_items_named(self, loop: cst.For) -> list[Any]:
        """for x in xs: ...  ->  for next_x in xs: x = next_x; ...  where x is also something else."""
        others = _names_outside(self.functions[-1], loop)
        shared = [n for n in names_of_target(loop.target) if n in others]
        if not shared or not isinstance(loop.body, cst.IndentedBlock):
            return []
        fresh = Fresh(names_in_text(self.module.text))
        items = {name: cst.Name(fresh.name(f"next_{name}")) for name in shared}
        lines = [assigned(name, item) for name, item in items.items()]
        body = loop.body.with_changes(body=[*lines, *loop.body.body])
        self.done = True
        return [
            loop.with_changes(target=loop.target.visit(_Renaming(items)), body=body)
        ]

    def _has_place(self, node: cst.CSTNode) -> bool:
        own = self.module.place(node)
        return own is not None and (own.line, own.column) <= (
            self.place.line,
            self.place.column,
        ) < (own.end_line, own.end_column)

    def _is_all(self, line: cst.CSTNode) -> bool:
        """The place is all of the statement: any of its expressions may be meant."""
        own = self.module.place(line)
        return own is not None and (own.line, own.column) == (
            self.place.line,
            self.place.column,
        )

    def _is_read(self, node: cst.CSTNode) -> bool:
        return isinstance(node, COMPREHENSIONS) or (
            isinstance(node, cst.Call)
            and path_of(self.module, node.func) in (*ADDED, *LOOPS)
        )

    def _written(self, line: Any, node: Any) -> list[Any]:
        taken = names_in_text(self.module.text)
        writer = _Writer(self.module, self.functions[-1], Fresh(taken), line, node)
        return writer.lines()


def _names_outside(function: cst.FunctionDef, loop: cst.For) -> set[str]:
    """The names of the function that occur elsewhere than in the loop."""
    found, stack = set[str](), [function.params, function.body]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Name):
            found.add(current.value)
        stack += [child for child in children_of(current) if child is not loop]
    return found


def evaluated_first(line: Any) -> list[cst.CSTNode]:
    """The expressions of a statement that are evaluated once, before anything else of it."""
    match line:
        case cst.SimpleStatementLine(body=[part]):
            return [part]
        case cst.If(test=test):
            return [test]
        case cst.For(iter=over):
            return [over]
        case _:
            return []


def always_in(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of an expression that are evaluated whatever the others give, outer ones first."""
    yield node
    match node:
        case cst.IfExp(test=test):
            yield from always_in(test)
        case cst.BooleanOperation(left=left) | cst.Comparison(
            left=left, comparisons=[_, _, *_]
        ):
            yield from always_in(left)
        case cst.Lambda() | cst.ListComp() | cst.GeneratorExp() | cst.DictComp():
            pass
        case cst.SetComp() | cst.NamedExpr():
            pass
        case _:
            for child in children_of(node):
                yield from always_in(child)


def path_of(module: Module, func: cst.BaseExpression) -> str:
    """What a function of a call is, where its name is an imported one or one of Python's own."""
    match func:
        case cst.Name(value=name) if name in module.imports:
            return module.imports[name].path
        case cst.Name(value=name) if name not in {*module.functions, *module.others}:
            return f"builtins.{name}"
        case cst.Attribute(value=base, attr=cst.Name(value=name)):
            return f"{path_of(module, base)}.{name}"
        case _:
            return ""


LOOPS = ("builtins.map", "builtins.filter", "functools.reduce")


@dataclass
class _Writer:
    """One statement, and the expression in it that becomes a loop before it."""

    module: Module
    function: cst.FunctionDef
    fresh: Fresh
    line: Any
    node: Any
    first: list[Any] = field(default_factory=list)  # what stands before the loop

    def lines(self) -> list[Any]:
        args = [] if isinstance(self.node, COMPREHENSIONS) else self.node.args
        if any(a.star or a.keyword is not None for a in args):
            return []
        if isinstance(self.line, cst.For) and not isinstance(self.node, cst.DictComp):
            return self._named_before()
        if isinstance(self.node, cst.DictComp):
            return self._keyed(self.node)
        match path_of(self.module, getattr(self.node, "func", self.node)), args:
            case "functools.reduce", [function, over, *start]:
                return self._reduced(
                    function.value, over.value, [s.value for s in start]
                )
            case path, [inner, *start] if path in ADDED:
                generator = self._generator(inner.value)
                return [] if generator is None else self._added(path, generator, start)
            case _:
                generator = self._generator(self.node)
                return [] if generator is None else self._listed(generator)

    def _named_before(self) -> list[Any]:
        """for v in map(f, xs)  ->  items = list(map(f, xs)), and a loop over items"""
        if self.node is not self.line.iter:
            return []
        name = self.fresh.name("items")
        return self._before([assigned(name, _listed(self.node))], cst.Name(name))

    def _generator(self, node: Any) -> Any:
        if isinstance(node, cst.ListComp | cst.GeneratorExp):
            return node
        if not isinstance(node, cst.Call):
            return None
        match path_of(self.module, node.func), [a.value for a in node.args]:
            case "builtins.map", [function, *over] if over:
                return iterators.mapped(function, over, self._called)
            case "builtins.filter", [function, over]:
                return iterators.filtered(function, over, self._called)
            case _:
                return None

    def _called(
        self, function: cst.BaseExpression, over: Sequence[cst.BaseExpression]
    ) -> list[str]:
        known = getattr(function, "value", "")
        node = self.module.functions.get(known) if isinstance(known, str) else None
        return [self.fresh.name(name) for name in iterators.items_of(node, over)]

    # --- a list, a sum, a reduction -------------------------------------------------------------------------

    def _listed(self, generator: Any) -> list[Any]:
        name = self._result("items")
        add = cst.Call(
            cst.Attribute(cst.Name(name), cst.Name("append")), [cst.Arg(generator.elt)]
        )
        loop = self._loop(generator, _line(cst.Expr(add)))
        return self._before([assigned(name, cst.List([])), loop], cst.Name(name))

    def _keyed(self, node: cst.DictComp) -> list[Any]:
        """d = {}, and a loop of d[key] = value"""
        name = self._result("entries")
        target = _item(cst.Name(name), node.key)
        step = _line(cst.Assign([cst.AssignTarget(target)], _bare(node.value)))
        loop = self._loop(node, step)
        return self._before([assigned(name, cst.Dict([])), loop], cst.Name(name))

    def _added(self, path: str, generator: Any, start: Sequence[cst.Arg]) -> list[Any]:
        wanted, zero, operator = ADDED[path]
        name = self._result(wanted)
        first: Any = start[0].value if start else cst.Integer(zero)
        step = _line(cst.AugAssign(cst.Name(name), operator(), _bare(generator.elt)))
        if start:
            sum_ = cst.BinaryOperation(
                cst.Name(name), cst.Add(), grouped(generator.elt)
            )
            step = assigned(name, sum_)
        loop = self._loop(generator, step)
        return self._before([assigned(name, first), loop], cst.Name(name))

    def _reduced(
        self,
        function: cst.BaseExpression,
        over: cst.BaseExpression,
        start: Sequence[cst.BaseExpression],
    ) -> list[Any]:
        name = self._result("total")
        named = getattr(function, "value", "")
        known = self.module.functions.get(named) if isinstance(named, str) else None
        lines: list[Any] = []
        if start:
            names = ["", *iterators.items_of(None, [over])]
            if (own := _pair_of(known) or _pair_of(function)) is not None:
                names = own
            item: Any = cst.Name(self._free(names[1]))
            loop = cst.For(item, over, cst.IndentedBlock([]))
            first = start[0]
        else:
            over, lines = self._first_of(over)
            index = cst.Name(self._free("i"))
            first, item = _item(over, cst.Integer("0")), _item(over, index)
            length = cst.Call(cst.Name("len"), [cst.Arg(over)])
            rest = [cst.Arg(cst.Integer("1")), cst.Arg(length)]
            span = cst.Call(cst.Name("range"), rest)
            loop = cst.For(index, span, cst.IndentedBlock([]))
        step = _applied(function, cst.Name(name), item)
        body = cst.IndentedBlock([assigned(name, step)])
        lines += [assigned(name, first), loop.with_changes(body=body)]
        return self._before(lines, cst.Name(name))

    def _first_of(self, over: Any) -> tuple[Any, list[Any]]:
        """What has a first item and others: a list with a name."""
        if isinstance(over, cst.Name | cst.Subscript | cst.Attribute):
            return over, []
        name = self.fresh.name("items")
        listed = over
        if not isinstance(over, cst.List | cst.Tuple | cst.ListComp):
            listed = cst.Call(cst.Name("list"), [cst.Arg(over)])
        return cst.Name(name), [assigned(name, listed)]

    # --- the loop ---------------------------------------------------------------------------------------------

    def _over(self, part: cst.CompFor) -> cst.BaseExpression:
        """What the loop runs over: by a name, where that is made as it goes."""
        if self._generator(part.iter) is None or isinstance(part.iter, cst.ListComp):
            return part.iter
        name = self.fresh.name("values")
        self.first.append(assigned(name, _listed(part.iter)))
        return cst.Name(name)

    def _loop(self, generator: Any, step: Any) -> Any:
        """The loop of a comprehension around `step`, with names that nothing else has."""
        bound = [
            n for part in _parts(generator.for_in) for n in names_of_target(part.target)
        ]
        new = {n: self._free(n) for n in bound}
        renaming = _Renaming({n: cst.Name(m) for n, m in new.items() if n != m})
        body: Any = step.visit(renaming)
        for at, part in reversed([*enumerate(_parts(generator.for_in))]):
            for test in reversed(part.ifs):
                inner = cst.IndentedBlock([body])
                body = cst.If(_bare(test.test.visit(renaming)), inner)
            target: Any = part.target.visit(renaming)
            if isinstance(target, cst.Tuple):
                target = target.with_changes(lpar=[], rpar=[])
            over: Any = self._over(part) if at == 0 else part.iter.visit(renaming)
            body = cst.For(target, over, cst.IndentedBlock([body]))
        return body

    def _free(self, name: str) -> str:
        """`name`, or another where the function has it for something else."""
        used = {*_free_names(self.function, self.node)}
        return name if name not in used else self.fresh.name(f"{name}_")

    def _result(self, wanted: str) -> str:
        """The name that the statement gives to all of the expression; else a new one."""
        within = {n.value for n in names_in(self.node)}
        match self.line:
            case cst.SimpleStatementLine(
                body=[
                    cst.Assign(
                        targets=[cst.AssignTarget(target=cst.Name(value=name))],
                        value=value,
                    )
                ]
            ) if (value is self.node or _is_list_of(value, self.node)) and (
                name not in within
            ):
                return name
            case _:
                return self.fresh.name(wanted)

    def _before(self, lines: list[Any], name: cst.Name) -> list[Any]:
        """The lines, then the statement with a name in place of the expression."""
        lines = [*self.first, *lines]
        first = lines[0].with_changes(leading_lines=self.line.leading_lines)
        line = self.line.with_changes(leading_lines=()).visit(
            Replacing(self.node, name)
        )
        return [first, *lines[1:], *([] if _is_itself(line, name.value) else [line])]


def _is_list_of(value: Any, node: cst.CSTNode) -> bool:
    """list(node), where a list is made of it anyway"""
    match value:
        case cst.Call(func=cst.Name(value="list"), args=[cst.Arg(value=inner)]):
            return inner is node and not isinstance(node, cst.ListComp)
        case _:
            return False


def _is_itself(line: Any, name: str) -> bool:
    """ys = ys"""
    match line:
        case cst.SimpleStatementLine(
            body=[
                cst.Assign(
                    targets=[cst.AssignTarget(target=cst.Name(value=target))],
                    value=cst.Name(value=value)
                    | cst.Call(
                        func=cst.Name(value="list"),
                        args=[cst.Arg(value=cst.Name(value=value))],
                    ),
                )
            ]
        ):
            return bool(target == value == name)
        case _:
            return False


def _parts(part: cst.CompFor) -> list[cst.CompFor]:
    inner = part.inner_for_in
    return [part, *(_parts(inner) if inner is not None else ())]


def _free_names(node: cst.CSTNode, without: cst.CSTNode) -> Iterator[str]:
    """The names in `node` that no comprehension binds, apart from those in `without`."""
    stack: list[tuple[cst.CSTNode, frozenset[str]]] = [(node, frozenset())]
    while stack:
        current, bound = stack.pop()
        match current:
            case _ if current is without:
                yield from _outside(current)
            case cst.Name(value=name):
                if name not in bound:
                    yield name
            case cst.Attribute(value=value):
                stack.append((value, bound))
            case cst.ListComp() | cst.GeneratorExp() | cst.SetComp() | cst.DictComp():
                own = [
                    n for p in _parts(current.for_in) for n in names_of_target(p.target)
                ]
                stack += [(c, bound | {*own}) for c in children_of(current)]
            case _:
                stack += [(c, bound) for c in children_of(current)]


def _outside(node: Any) -> Iterator[str]:
    """The names that a comprehension reads where it stands: in what it runs over."""
    if isinstance(node, COMPREHENSIONS):
        yield from (n.value for n in names_in(node.for_in.iter))


class _Renaming(cst.CSTTransformer):
    """Other names or values for names, but not for attributes and keywords."""

    def __init__(self, names: dict[str, Any]):
        super().__init__()
        self.names = names

    def leave_Name(self, original_node: Any, updated_node: Any) -> Any:
        return self.names.get(original_node.value, updated_node)

    def leave_Attribute(self, original_node: Any, updated_node: Any) -> Any:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: Any, updated_node: Any) -> Any:
        return updated_node.with_changes(keyword=original_node.keyword)


class Replacing(cst.CSTTransformer):
    """One node in place of another."""

    def __init__(self, old: cst.CSTNode, new: cst.CSTNode):
        super().__init__()
        self.old, self.new = old, new

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        return self.new if original_node is self.old else updated_node


def assigned(name: str, value: cst.BaseExpression) -> cst.SimpleStatementLine:
    return _line(cst.Assign([cst.AssignTarget(cst.Name(name))], _bare(value)))


def _line(part: cst.BaseSmallStatement) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine([part])


def _listed(node: Any) -> cst.BaseExpression:
    """What is gone through once, as a list."""
    if isinstance(node, cst.ListComp | cst.GeneratorExp):
        return cst.ListComp(node.elt, node.for_in)
    return cst.Call(cst.Name("list"), [cst.Arg(node)])


def _item(held: Any, index: Any) -> cst.Subscript:
    return cst.Subscript(held, [cst.SubscriptElement(cst.Index(index))])


def _pair_of(function: Any) -> list[str] | None:
    """What a function of two arguments calls them."""
    if not isinstance(function, cst.FunctionDef | cst.Lambda):
        return None
    names = [p.name.value for p in function.params.params]
    return names if len(names) == 2 else None


def _applied(function: Any, first: Any, second: Any) -> Any:
    """f(first, second), written out where f is a lambda."""
    if isinstance(function, cst.Lambda) and iterators.takes(function, 2):
        names = _pair_of(function) or []
        given = dict(zip(names, (first, second), strict=True))
        return function.body.visit(_Renaming(given))
    return cst.Call(function, [cst.Arg(first), cst.Arg(second)])


def _bare(node: Any) -> Any:
    """Without parentheses, where all of it stands on one line."""
    if not node.lpar or "\n" in cst.Module([]).code_for_node(node):
        return node
    return node.with_changes(lpar=[], rpar=[])


def grouped(node: Any) -> Any:
    simple = cst.Name | cst.Call | cst.Subscript | cst.Attribute
    if node.lpar or isinstance(node, simple):
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


__all__ = [
    "Replacing",
    "always_in",
    "assigned",
    "evaluated_first",
    "grouped",
    "path_of",
    "written_longer",
]
