"""Function, gradient block -> the source text of its definitions, as `--emit` asks."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import libcst as cst

from flatgrad.emit import containers, leftovers
from flatgrad.emit.assigned import may_be_missing
from flatgrad.emit.availability import Availability
from flatgrad.emit.cache import Cached, cached_values, packed, unpacked
from flatgrad.emit.comments import Comments
from flatgrad.emit.edits import is_docstring
from flatgrad.emit.expressions import Dialect, print_statement
from flatgrad.emit.forward import Forward, assignment, bare
from flatgrad.emit.held import held
from flatgrad.emit.lines import Lines, Nest, Printed
from flatgrad.emit.names import Names
from flatgrad.emit.parts import INDENT, Parts, indented, shown
from flatgrad.emit.signature import ONES, parameters, seed_defaults
from flatgrad.frontend.scope import Frame, Function, Struct
from flatgrad.graph import Atom, Block, Eqn, Statement, Var, all_equations

PRINTINGS = 6  # until what is kept in lists is settled


@dataclass(frozen=True)
class Gradient:
    """A function with its gradient block: the first `keep` equations are the forward part."""

    function: Function
    block: Block
    keep: int
    wrt: tuple[Var, ...]
    tangents: tuple[Var, ...] = ()  # of `wrt`, where the block holds tangents


@dataclass(frozen=True)
class Style:
    """How the text is to look."""

    emit: str = "grad"
    prefix: str = "grad_"
    comments: bool = True
    pair: tuple[str, str] | None = None  # the names of a helper's forward and backward
    recomputed: frozenset[str] = (
        frozenset()
    )  # operations that the backward may do again


class Layout:
    """Prints one function; `texts` gives the definitions, `dialect` what they import."""

    def __init__(
        self,
        gradient: Gradient,
        names: Names,
        module_names: Names,
        dialect: Dialect,
        style: Style,
    ):
        self.gradient, self.names, self.dialect, self.style = (
            gradient,
            names,
            dialect,
            style,
        )
        self.function, self.module_names = gradient.function, module_names
        self.dialect.methods = not _prefers_functions(self.function)
        self.dialect.products = _product_methods(self.function)
        count = len(self.function.seeds)
        self.outs, self.gradients = (
            gradient.block.outs[:count],
            gradient.block.outs[count:],
        )
        self.unnamed: dict[int, str] = {}
        self.seeds = self._name_seeds()
        self._settle(names)
        order = _first_equations(gradient.block.eqns[: gradient.keep])
        when = {out: self.available.editor.when(out) for out in self.available.defs}
        self.forward = Forward(self.function, self.available.edits, order, when)

    def _settle(self, names: Names) -> None:
        """Print the lines; the text of the function is made of them afterwards."""
        gradient = self.gradient
        trial = names.copy()
        edited = self._print(trial, [], None, set(), set())
        nested = any(eqn.blocks for eqn in gradient.block.eqns[gradient.keep :])
        if (
            nested
            or trial.numbered
            or self.available.edits.renamed
            or self.available.edits.saved
        ):
            self._print_again(names, edited)
        else:
            names.taken = trial.taken

    def _print_again(self, names: Names, edited: list[Var]) -> None:
        """With what the printing before has shown: which names are free, and what is kept in lists."""
        start = set(names.taken)
        for _ in range(PRINTINGS):
            shown = {
                n.id
                for o in self.outputs
                for n in ast.walk(o)
                if isinstance(n, ast.Name)
            }
            blocked, wanted = self.available.plain | shown, self.available.asked
            protected = self.available.outer | shown
            names.taken = set(start)
            edited = self._print(names, edited, blocked, wanted, protected)
            settled = (
                self.available.plain | shown <= blocked
                and self.available.outer | shown <= protected
            )
            if settled and self.available.asked == wanted:
                return
        names.taken = set(start)
        everything = (
            self.available.outer
            | shown
            | {v.name for v in self.available.defs if isinstance(v, Var)}
        )
        self._print(names, edited, None, set(), everything | set(self.function.params))

    def _print(self, names: Names, edited: list[Var], blocked: set[str] | None, wanted: set[Var],
               protected: set[str]) -> list[Var]:  # fmt: skip
        """Print the backward part; twice, so that the second time names are given in the order of the text."""
        forward = self.gradient.block.eqns[: self.gradient.keep]
        backward = self.gradient.block.eqns[self.gradient.keep :]
        self.available = Availability(
            self.function, forward, names, self.dialect, blocked, wanted, protected, self.style.recomputed
        )  # fmt: skip
        self.available.prepare(edited)
        self.unnamed = {}
        self.outputs = [self._output(i, out) for i, out in enumerate(self.outs)]
        self.lines = Lines(
            backward,
            self.gradients,
            self.available,
            names,
            self.dialect,
            self.style.prefix,
            self.seeds,
        )
        self.printed = self.lines.print()
        self.results = [self._in_structure(p, self.lines.read(g))
                        for p, g in zip(self.gradient.wrt, self.gradients, strict=True)]  # fmt: skip
        return self.available.editor.in_order()

    def _in_structure(self, param: Var, text: ast.expr) -> ast.expr:
        """The gradient of a tuple is a tuple."""
        if param.type.kind not in containers.MAY_HOLD or not self.function.has_tuples(
            param
        ):
            return text
        return ast.Call(
            self.dialect.helper("with_tuples"), [text, self.available.read(param)], []
        )

    def _name_seeds(self) -> dict[Var, str]:
        """grad_loss for the output loss; an output without a name is called out."""
        found: dict[Var, str] = {}
        outputs = self.function.outputs
        for position, (seed, out) in enumerate(
            zip(self.function.seeds, self.outs, strict=True)
        ):
            if not (isinstance(out, Var) and out.name):
                outputs[position] = self.names.underscored(outputs[position])
            if seed is None or self.style.emit == "gradient":
                continue
            wanted = f"{self.style.prefix}{outputs[position]}"
            again = wanted in found.values()
            found[seed] = (
                self.names.fresh(wanted) if again else self.names.underscored(wanted)
            )
        return found

    def _output(self, position: int, out: Atom) -> ast.expr:
        """The name of a result; one that has none gets a line of its own."""
        if (
            isinstance(out, Var)
            and (known := self.available.names_of.get(out)) is not None
        ):
            return ast.Name(known)
        name = self.unnamed[position] = self.function.outputs[position]
        if isinstance(out, Var):
            self.available.names_of[out] = name
        return ast.Name(name)

    # --- definitions -----------------------------------------------------------------

    def texts(self) -> list[str]:
        found = self._pair() if self.style.emit == "pair" else [self._flat()]
        self._refuse_unfilled(found[0])
        return found

    def styled(self, write: Callable[[Parts], list[str]]) -> list[str]:
        """The definitions as a style puts them together."""
        parts = self.parts()
        self._refuse_unfilled("\n".join(parts.forward))
        return write(parts)

    def _refuse_unfilled(self, text: str) -> None:
        """Lines that two ways through a loop share are printed once, and may be kept for one of them only."""
        for listed, loop in self.available.edits.lists.items():
            if f"{listed}.append(" not in text:
                what = "the backward needs a value of lines that follow a branch that may leave this loop"
                step = "write these lines into the else of the branch"
                raise self.available.editor.refusal("FG123", what, step, loop.node)

    def _flat(self) -> str:
        """def NAME_grad(x, w, grad_out): forward, backward, return out, (grad_x, grad_w)"""
        if self.style.emit == "gradient":
            return self._alone()
        value = tuple_of(self.outputs, self.function.returns_tuple)
        result = ast.Return(ast.Tuple([value, self._result()]))
        defaults = self._defaults()
        lines = [
            *self._missing_seeds(defaults),
            "",
            *self._backward(),
            "",
            print_statement(result),
        ]
        params = parameters(self.function, list(self.seeds.values()), defaults)
        return self._definition("grad", params, lines, self._forward_lines())

    def _defaults(self) -> dict[str, str]:
        seeded = [
            out
            for seed, out in zip(self.function.seeds, self.outs, strict=True)
            if seed is not None
        ]
        return seed_defaults(self.function, list(self.seeds.values()), seeded)

    def _alone(self) -> str:
        """def NAME_gradient(x, w): forward, backward, return (grad_x, grad_w)"""
        result = print_statement(ast.Return(self._result()))
        lines = ["", *self._backward(), "", result]
        params = parameters(self.function, [], {})
        return self._definition("gradient", params, lines, self._forward_lines())

    def _pair(self) -> list[str]:
        """def NAME_forward(x, w): ..., return out, cache  and  def NAME_backward(grad_out, cache)"""
        body, cached, backward, gradients = self._halves()
        cache = self.names.underscored("cache")
        tail = [
            "",
            packed(cached, cache),
            f"return {', '.join(filter(None, (self._shown_outputs(), cache)))}",
        ]
        params = parameters(self.function, [], {})
        first = self._definition("forward", params, tail, body)
        head = f"def {self._function_name('backward')}({', '.join([*self.seeds.values(), cache])}):"
        result = f"return {', '.join(gradients)}"
        lines = [*unpacked(cached, cache), *self._emptied(), "", *backward, result]
        return [first, "\n".join([head, *indented(lines), ""])]

    def parts(self) -> Parts:
        """The pieces of the two, for a style that puts them together in its own way."""
        body, cached, backward, gradients = self._halves()
        described = list(takewhile(is_docstring, body))
        running = self._forward_lines()
        return Parts(
            function=self.function,
            docstring=self._code(described) if described else [],
            forward=self._code(body[len(described) :]),
            outputs=[*map(shown, self.outputs)],
            cached=cached,
            cache=self.names.underscored("cache"),
            seeds=[*self.seeds.values()],
            seeded=[shown(o) for s, o in zip(self.function.seeds, self.outputs, strict=True) if s is not None],
            defaults=self._defaults(),
            backward=[*self._emptied(), *backward],
            wrt=[p.name for p in self.gradient.wrt],
            gradients=gradients,
            names=self.names,
            module_names=self.module_names,
            dialect=self.dialect,
            running=self._code(running[len(described) :]),
            prefix=self.style.prefix,
            signature=self._signature(),
            scalar=self._is_scalar(),
            reading=[*self._emptied(), *self._backward()],
            read_gradients=[*map(shown, self.results)],
            bound=frozenset(self._forward_names() - self.available.bound()),
            values=self._values(),
            arrays=self._arrays(),
            held=held(self.function, self.available, self._asides()),
        )  # fmt: skip

    def _signature(self) -> str:
        params = parameters(self.function, [], {})
        return cst.Module([]).code_for_node(params).rstrip(", ")

    def _is_scalar(self) -> bool:
        seeds = zip(self.function.seeds, self.outs, strict=True)
        seeded = [out for seed, out in seeds if seed is not None]
        return len(seeded) == 1 and seeded[0].type.shape.is_scalar

    def _values(self) -> dict[str, list[Var]]:
        """What each name of the forward stands for."""
        found: dict[str, list[Var]] = {}
        for value, name in self.available.names_of.items():
            if isinstance(value, Var):
                found.setdefault(name, []).append(value)
        return found

    def _arrays(self) -> frozenset[str]:
        """The names that surely stand for arrays, whatever part of the text they are read in."""
        defs, found = self.available.defs, self._values().items()
        return frozenset(n for n, vs in found if all(self.dialect.is_array(v, defs) for v in vs))  # fmt: skip

    def _asides(self) -> list[str]:
        """The results that come back whole, without a cotangent."""
        pairs = zip(self.function.seeds, self.outputs, strict=True)
        return [shown(output) for seed, output in pairs if seed is None]

    def _halves(self) -> tuple[list[Any], list[Cached], list[str], list[str]]:
        """The forward statements, what is cached of their values, the backward lines and the gradients."""
        lines = [*self._backward(), *map(shown, self.results)]
        body = self._forward_lines()
        unsure = may_be_missing(ast.parse(cst.Module(body).code).body) - {
            *self.function.params
        }
        cached, lines = cached_values(
            lines,
            self._forward_names() - self.available.bound(),
            self.names,
            unsure,
        )
        views = self._names_of_views() - unsure
        cached = [(n, f"list({v})" if v in views else v) for n, v in cached]
        missing = unsure & {
            name for name, value in cached if value.partition(".")[0] == name
        }
        shared = self.function.of_module  # which the next call may write into
        cached = [
            (
                (name, self._kept(value, value in missing))
                if name == value and (self.function.copies or name in shared)
                else (name, value)
            )
            for name, value in cached
        ]
        body = _beginning_with_nothing(body, missing, {*self.available.emptied})
        count = len(self.results)
        return body, cached, lines[:-count], lines[-count:]

    def _emptied(self) -> list[str]:
        """Lists that the backward empties are its own."""
        return [f"{x} = list({x})" for x in self.available.emptied]

    def _code(self, body: list[Any]) -> list[str]:
        tree = self.function.module.tree
        whole = tree.with_changes(body=body, header=[], footer=[])
        return whole.with_changes(default_indent=INDENT).code.strip("\n").split("\n")

    def _kept(self, name: str, may_be_none: bool) -> str:
        """The value of `name`, or a copy of it where its array may be written into by a caller."""
        editor = self.available.editor
        for value, known in self.available.names_of.items():
            scalar = (
                value.type.shape.is_scalar
                and value not in self.function.storages.arrays
            )
            if known == name and not scalar and self.function.storages.written(value):
                return editor.copy(value, name, unsure=may_be_none)
        return name

    def _result(self) -> ast.expr:
        return tuple_of(self.results, len(self.results) > 1)

    def _shown_outputs(self) -> str:
        shown = self.outputs[: len(self.outputs) - len(self.function.written)]
        return ", ".join(print_statement(ast.Expr(output)) for output in shown)

    def _function_name(self, kind: str) -> str:
        if self.style.pair is not None:
            return self.style.pair[kind == "backward"]
        name = self.module_names.underscored(f"{self.function.name}_{kind}")
        self.names.taken.add(name)
        return name

    def _definition(
        self,
        kind: str,
        params: cst.Parameters,
        tail: list[str],
        body: list[Any],
    ) -> str:
        """def NAME_kind(params): `body`, the forward part, then `tail`"""
        user = self.function.node.body
        header = (
            user.header
            if isinstance(user, cst.IndentedBlock)
            else cst.TrailingWhitespace()
        )
        block = cst.IndentedBlock(
            body or [cst.SimpleStatementLine([cst.Pass()])], header=header
        )
        node = cst.FunctionDef(cst.Name(self._function_name(kind)), params, block)
        tree = self.function.module.tree
        text = tree.with_changes(
            body=[node], header=[], footer=[], default_indent=INDENT
        ).code
        if not body:
            text = text.rsplit("pass", 1)[0].rstrip()
        return "\n".join([text.rstrip("\n"), *indented(tail), ""])

    def _missing_seeds(self, defaults: dict[str, str]) -> list[str]:
        """if grad_out is None: grad_out = np.ones_like(out)"""
        lines: list[str] = []
        outputs = [
            o
            for seed, o in zip(self.function.seeds, self.outputs, strict=True)
            if seed is not None
        ]
        for seed, output in zip(self.seeds.values(), outputs, strict=True):
            if defaults.get(seed) == ONES:
                ones = self.dialect.ones_like(output)
                assigned = print_statement(ast.Assign([ast.Name(seed)], ones))
                lines += [f"if {seed} is None:", INDENT + assigned]
        return lines

    # --- the forward part --------------------------------------------------------------

    def _named_results(self, frame: Frame) -> list[Any]:
        """out = <what is returned>, where the user gave it no name."""
        if frame.returned is None:
            return []
        statement = frame.statements[-1]
        before = list(self.forward.before(statement))
        if not self.unnamed:
            return before
        lines = [*before, *self._result_lines(frame)]
        if not lines:
            return []
        leading = getattr(statement.node, "leading_lines", ())
        lines[0] = lines[0].with_changes(leading_lines=leading)
        if (
            trailing := getattr(statement.node, "trailing_whitespace", None)
        ) is not None:
            lines[-1] = lines[-1].with_changes(trailing_whitespace=trailing)
        return lines

    def _result_lines(self, frame: Frame) -> list[Any]:
        statement, returned = frame.statements[-1], frame.returned
        assert returned is not None
        value: Any = returned.value
        parts = [value]
        if isinstance(frame.result, Struct) and isinstance(value, cst.Tuple):
            parts = [element.value for element in value.elements]
        if len(parts) == len(self.outs) - len(self.function.written):
            rewritten = {
                i: self.forward.rewritten(statement, parts[i]) for i in self.unnamed
            }
            return [
                assignment(name, bare(rewritten[i])) for i, name in self.unnamed.items()
                if not (isinstance(rewritten[i], cst.Name) and rewritten[i].value == name)
            ]  # fmt: skip
        names = [self.unnamed.get(i, f"_{i}") for i in range(len(self.outs))]
        elements = [cst.Element(cst.Name(name)) for name in names]
        target = cst.AssignTarget(cst.Tuple(elements, lpar=[], rpar=[]))
        return [
            cst.SimpleStatementLine(
                [cst.Assign([target], self.forward.rewritten(statement, value))]
            )
        ]

    def _forward_lines(self) -> list[Any]:
        """The forward part with names for the results, without the functions that nothing calls any more."""
        body = [*self.forward.body(), *self._named_results(self.function.frame)]
        edits = self.available.edits
        return leftovers.without(
            body, leftovers.made_by_helpers(self.function, edits.expanded, edits.locals)
        )

    def _names_of_views(self) -> set[str]:
        """d.values() shows what is in the dict later on, and cannot be copied: the cache has a list of its own."""
        names = self.available.names_of
        made = [e for e in all_equations(self.available.eqns) if e.op == "dict_values"]
        return {names[e.out] for e in made if e.out in names}

    def _forward_names(self) -> set[str]:
        """The names that the emitted forward part binds."""
        edits = self.available.edits
        names = {*self.function.params, *self.unnamed.values(), *edits.renamed.values()}
        for frame in (self.function.frame, *edits.expanded):
            names |= {n for n, v in frame.env.items() if isinstance(v, Struct)}
            names |= {v.name for v in frame.writes} | {
                *edits.bound.get(frame, ()),
                *edits.locals.get(frame, {}).values(),
            }
            names |= {n for n, v in frame.env.items() if isinstance(v, Struct)}
        names |= {
            name for places in edits.hoisted.values() for name, _, _ in places.values()
        }
        names |= {
            name for saved in edits.saved.values() for name, _ in saved
        } | edits.given
        return names | set(self.available.names_of.values())

    # --- the backward part ---------------------------------------------------------------

    def _backward(self) -> list[str]:
        comments = Comments(self.function, self.forward, self._shown_outputs())
        return self._groups(comments, self.printed)

    def _groups(
        self, comments: Comments, groups: list[Printed], within: Statement | None = None
    ) -> list[str]:
        """The lines of some groups; those of the statement `within` have their comment already."""
        lines: list[str] = []
        for group in comments.grouped(groups):
            if self.style.comments and (
                within is None or group.statement is not within
            ):
                lines += comments.above(group)
            for node in group.nodes:
                lines += self._node(comments, node, group.statement)
        return lines

    def _node(
        self, comments: Comments, node: Any, within: Statement | None
    ) -> list[str]:
        if not isinstance(node, Nest):
            return print_statement(node).split("\n")
        lines: list[str] = []
        for header, inner in node.suites:
            suite = self._groups(comments, inner, within)
            if header == "else:" and _is_one_branch(suite):
                lines += [f"el{suite[0]}", *suite[1:]]
            else:
                lines += [header, *indented(suite)]
        return lines


def _is_one_branch(lines: Sequence[str]) -> bool:
    """All of the lines are one if statement."""
    first, *others = lines
    return first.startswith("if ") and all(
        line.startswith((INDENT, "elif ", "else:")) for line in others
    )


def _prefers_functions(function: Function) -> bool:
    """The user writes np.sum(x) rather than x.sum()."""
    reductions = ("sum", "mean", "max")
    return any(
        eqn.op in reductions and eqn.dialect in ("numpy", "torch")
        for eqn in function.block.eqns
    )


def _product_methods(function: Function) -> set[str]:
    """The user writes x.mm(w) rather than x @ w."""
    products = (e for e in all_equations(function.block.eqns) if e.op == "matmul")
    written = {eqn.dialect for eqn in products}
    return written if written <= {"mm", "bmm"} else set()


def _beginning_with_nothing(
    body: list[Any], missing: Set[str], lists: Set[str]
) -> list[Any]:
    """x = None, or xs = [], before the statement that need not assign x, which the cache holds all the same."""
    found: list[Any] = []
    left = set(missing)
    for number, line in enumerate(body):
        if not left:
            return [*found, *body[number:]]
        tree = ast.parse(cst.Module([line]).code)
        here = left & {
            n.id
            for n in ast.walk(tree)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        left -= here
        lines: list[Any] = [
            assignment(n, cst.List([]) if n in lists else cst.Name("None"))
            for n in sorted(here)
        ]
        leading: Any = getattr(line, "leading_lines", None)
        if lines and leading:
            lines[0] = lines[0].with_changes(leading_lines=leading)
            line = line.with_changes(leading_lines=())
        found += [*lines, line]
    return found


def _first_equations(eqns: Sequence[Eqn]) -> dict[Frame, int]:
    """Where each activation begins."""
    found: dict[Frame, int] = {}
    for position, eqn in enumerate(all_equations(eqns)):
        frame = eqn.statement.frame if eqn.statement is not None else None
        while frame is not None:
            found.setdefault(frame, position)
            frame = frame.statement.frame if frame.statement is not None else None
    return found


def tuple_of(items: Sequence[ast.expr], as_tuple: bool) -> ast.expr:
    return ast.Tuple(list(items)) if as_tuple else items[0]
