"""Function, gradient block -> the source text of a module, as `--emit` asks."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from flatgrad.emit.availability import Availability
from flatgrad.emit.expressions import Dialect, print_statement
from flatgrad.emit.forward import Forward, assignment
from flatgrad.emit.helpers import HELPERS, with_needed
from flatgrad.emit.lines import Lines, Printed
from flatgrad.emit.names import Names, names_in_text
from flatgrad.frontend.scope import Frame, Function, Struct
from flatgrad.graph import Atom, Block, Lit, Statement, Var

WIDTH = 90  # of a comment that repeats a line of the forward part
INDENT = "    "
HUGGED = re.compile(
    r"(?<![\w.)\]])([\w.]+) \*\* (-?[\w.]+)(?![\w.(\[])"
)  # x ** 2, as black prints it


@dataclass(frozen=True)
class Gradient:
    """A function with its gradient block: the first `keep` equations are the forward part."""

    function: Function
    block: Block
    keep: int
    wrt: tuple[Var, ...]


@dataclass(frozen=True)
class Style:
    """How the text is to look."""

    emit: str = "grad"
    prefix: str = "grad_"
    comments: bool = True


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
        function, block, keep = gradient.function, gradient.block, gradient.keep
        self.function, self.module_names = function, module_names
        forward, backward = block.eqns[:keep], block.eqns[keep:]
        self.dialect.methods = not _prefers_functions(function)
        self.seeds = self._name_seeds()
        live = {v for e in backward for v in e.outs}
        trial = names.copy()
        wanted = self._print(forward, backward, trial, live, [])
        if trial.numbered:
            self._print(forward, backward, names, live, sorted(wanted))
        else:
            names.taken = trial.taken
        order = {frame: i for i, frame in _first_equations(forward)}
        self.forward = Forward(function, self.available.edits, order)

    def _print(
        self,
        forward: Any,
        backward: Any,
        names: Names,
        live: set[Var],
        hoisted: list[int],
    ) -> list[int]:
        """Print the backward part; twice, so that the second time names are given in the order of the text."""
        function, block = self.function, self.gradient.block
        self.available = Availability(function, forward, names, self.dialect, live)
        self.available.prepare(hoisted)
        self.outputs = self._outputs(block.outs[: len(function.seeds)], names)
        self.gradients = block.outs[len(function.seeds) :]
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
        self.results = [self.lines.read(g) for g in self.gradients]
        return self.available.hoisted()

    def _name_seeds(self) -> dict[Var, str]:
        """grad_loss for the output loss; an output without a name is called out."""
        found: dict[Var, str] = {}
        outs = self.gradient.block.outs
        for position, seed in enumerate(self.function.seeds):
            out, output = outs[position], self.function.outputs[position]
            if not (isinstance(out, Var) and out.name):
                output = self.function.outputs[position] = self.names.underscored(
                    output
                )
            wanted = f"{self.style.prefix}{output}"
            found[seed] = (
                self.names.fresh(wanted)
                if wanted in found.values()
                else self.names.underscored(wanted)
            )
        return found

    def _outputs(self, outs: Sequence[Atom], names: Names) -> list[ast.expr]:
        """Names for the results; those that have none get lines of their own."""
        found: list[ast.expr] = []
        self.unnamed: dict[int, str] = {}
        for position, (out, name) in enumerate(
            zip(outs, self.function.outputs, strict=True)
        ):
            if (
                isinstance(out, Var)
                and (known := self.available.names_of.get(out)) is not None
            ):
                found.append(ast.Name(known))
                continue
            fresh = name
            self.unnamed[position] = fresh
            if isinstance(out, Var):
                self.available.names_of[out] = fresh
            found.append(ast.Name(fresh))
        return found

    # --- definitions -------------------------------------------------------------------------------------------------

    def texts(self) -> list[str]:
        return self._pair() if self.style.emit == "pair" else [self._flat()]

    def _flat(self) -> str:
        name = self._function_name("grad")
        value = _tuple_of(self.outputs, self.function.returns_tuple)
        result = ast.Return(
            ast.Tuple([value, _tuple_of(self.results, len(self.results) > 1)])
        )
        defaults, prepared = self._seed_defaults()
        lines = [*prepared, *self._backward_lines(), "", print_statement(result)]
        return self._definition(
            name, self._parameters(defaults), self._forward_body(), lines
        )

    def _pair(self) -> list[str]:
        lines = self._backward_lines()
        cached, lines = self._cache(
            [
                *lines,
                print_statement(
                    ast.Return(_tuple_of(self.results, len(self.results) > 1))
                ),
            ]
        )
        cache = self.names.underscored("cache")
        forward = self._function_name("forward")
        values = ", ".join(text for _, text in cached) + (
            "," if len(cached) == 1 else ""
        )
        outputs = ", ".join(print_statement(ast.Expr(o)) for o in self.outputs)
        tail = ["", f"{cache} = ({values})", f"return {outputs}, {cache}"]
        first = self._definition(
            forward, self._parameters({}, seeds=False), self._forward_body(), tail
        )
        names = ", ".join(name for name, _ in cached) + (
            "," if len(cached) == 1 else ""
        )
        unpack = (
            [f"{names} = {cache}" if len(cached) != 1 else f"({names}) = {cache}"]
            if cached
            else []
        )
        parameters = ", ".join([*self.seeds.values(), cache])
        body = "\n".join(_indented([*unpack, *lines]))
        return [
            first,
            f"def {self._function_name('backward')}({parameters}):\n{body}\n",
        ]

    def _function_name(self, kind: str) -> str:
        name = self.module_names.underscored(f"{self.function.name}_{kind}")
        self.names.taken.add(name)
        return name

    def _definition(
        self, name: str, parameters: cst.Parameters, body: list[Any], tail: list[str]
    ) -> str:
        """def NAME(parameters): the forward part, then `tail`"""
        user = self.function.node
        header = (
            user.body.header
            if isinstance(user.body, cst.IndentedBlock)
            else cst.TrailingWhitespace()
        )
        block = cst.IndentedBlock(
            body or [cst.SimpleStatementLine([cst.Pass()])], header=header
        )
        node = cst.FunctionDef(cst.Name(name), parameters, block)
        tree = self.function.module.tree
        text = tree.with_changes(
            body=[node], header=[], footer=[], default_indent=INDENT
        ).code
        if not body:
            text = text.rsplit("pass", 1)[0].rstrip()
        return "\n".join([text.rstrip("\n"), *_indented(tail)]) + "\n"

    def _forward_body(self) -> list[Any]:
        return [*self.forward.body(), *self._results(self.function.frame)]

    def _results(self, frame: Frame) -> list[Any]:
        """out = <what is returned>, where the user gave it no name."""
        statement = frame.statements[-1]
        returned = frame.returned
        assert returned is not None and returned.value is not None
        if not self.unnamed:
            return list(self.forward.before(statement))
        before = list(self.forward.before(statement))
        value = returned.value
        parts = [value]
        if isinstance(frame.result, Struct) and isinstance(value, cst.Tuple):
            parts = [e.value for e in value.elements]
        if len(parts) == len(self.function.outputs):
            lines = [
                assignment(
                    self.unnamed[i], _bare(self.forward.rewritten(statement, part))
                )
                for i, part in enumerate(parts)
                if i in self.unnamed
            ]
        else:
            names = [
                self.unnamed.get(i, f"_{i}") for i in range(len(self.function.outputs))
            ]
            target = cst.AssignTarget(
                cst.Tuple([cst.Element(cst.Name(n)) for n in names], lpar=[], rpar=[])
            )
            lines = [
                cst.SimpleStatementLine(
                    [cst.Assign([target], self.forward.rewritten(statement, value))]
                )
            ]
        everything = [*before, *lines]
        leading = getattr(statement.node, "leading_lines", ())
        everything[0] = everything[0].with_changes(leading_lines=leading)
        trailing = getattr(statement.node, "trailing_whitespace", None)
        if trailing is not None:
            everything[-1] = everything[-1].with_changes(trailing_whitespace=trailing)
        return everything

    # --- parameters ----------------------------------------------------------------------------------------------------

    def _seed_defaults(self) -> tuple[dict[str, str], list[str]]:
        """Seeds of scalars default to 1.0; after a parameter with a default the others default to ones."""
        positional = (
            *self.function.node.params.posonly_params,
            *self.function.node.params.params,
        )
        after_default = any(p.default is not None for p in positional)
        defaults: dict[str, str] = {}
        prepared: list[str] = []
        for seed, out, output in zip(
            self.seeds, self.gradient.block.outs, self.outputs, strict=False
        ):
            name = self.seeds[seed]
            if out.type.shape.is_scalar:
                defaults[name] = "1.0"
                after_default = True
            elif after_default:
                defaults[name] = "None"
                ones = ast.Call(self.dialect.name("numpy.ones_like"), [output], [])
                prepared += [
                    f"if {name} is None:",
                    f"{INDENT}{print_statement(ast.Assign([ast.Name(name)], ones))}",
                ]
        return defaults, prepared

    def _parameters(
        self, defaults: dict[str, str], seeds: bool = True
    ) -> cst.Parameters:
        params = self.function.node.params
        added = [
            cst.Param(
                cst.Name(name),
                default=(
                    cst.parse_expression(defaults[name]) if name in defaults else None
                ),
                equal=(
                    cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
                    if name in defaults
                    else cst.MaybeSentinel.DEFAULT
                ),
            )
            for name in (self.seeds.values() if seeds else ())
        ]
        plain = [p.with_changes(comma=cst.MaybeSentinel.DEFAULT) for p in params.params]
        keyword_only = [
            p.with_changes(comma=cst.MaybeSentinel.DEFAULT)
            for p in params.kwonly_params
        ]
        return params.with_changes(params=[*plain, *added], kwonly_params=keyword_only)

    # --- the backward part ---------------------------------------------------------------------------------------------

    def _backward_lines(self) -> list[str]:
        lines: list[str] = []
        told: set[Statement] = set()
        for number, group in enumerate(self._groups()):
            if number == 0:
                lines.append("")
            if self.style.comments:
                lines += [f"# {comment}" for comment in self._comments(group, told)]
            lines += [
                line
                for node in group.nodes
                for line in print_statement(node).split("\n")
            ]
        return lines

    def _comments(self, group: Printed, told: set[Statement]) -> list[str]:
        """The forward lines that a group undoes, the last one first, each once."""
        undone = {
            s for s in (group.statement, *map(self._shown, group.also)) if s is not None
        } - told
        if group.statement is not None:
            undone.add(group.statement)
        told |= undone
        ordered = sorted(undone, key=lambda s: -s.order)
        return [comment for s in ordered if (comment := self._comment(s))]

    def _groups(self) -> list[Printed]:
        """Groups of one shown statement, also where it stands for the lines of a helper."""
        merged: list[Printed] = []
        for group in self.printed:
            shown = self._shown(group.statement)
            if not merged or merged[-1].statement is not shown:
                merged.append(Printed(shown, []))
            merged[-1].nodes.extend(group.nodes)
            merged[-1].also.extend(group.also)
        return merged

    def _shown(self, statement: Statement | None) -> Statement | None:
        while statement is not None and statement.frame.statement is not None:
            if statement.frame in self.available.edits.expanded and not self._returns(
                statement
            ):
                break
            statement = statement.frame.statement
        return statement

    def _returns(self, statement: Statement) -> bool:
        """The value of a helper that is read in place stands in the caller's line."""
        frame = statement.frame
        return frame.returned is None or statement is frame.statements[-1]

    def _comment(self, statement: Statement | None) -> str:
        """The forward line that a group undoes, as it is printed."""
        if statement is None:
            return ""
        node = statement.node
        if isinstance(node, cst.SimpleStatementLine) and any(
            isinstance(p, cst.Return) for p in node.body
        ):
            (returned,) = [p for p in node.body if isinstance(p, cst.Return)]
            value = self.forward.rewritten(statement, returned.value)
            names = ", ".join(print_statement(ast.Expr(o)) for o in self.outputs)
            text = (
                f"{names} = {self._code(value)}"
                if self._is_main(statement) and self.unnamed
                else f"return {self._code(value)}"
            )
        elif isinstance(node, cst.SimpleStatementLine):
            shown = self.forward.node(statement)
            text = "; ".join(self._code(part) for part in shown.body)
        else:
            text = self._code(node)
        text = HUGGED.sub(r"\1**\2", " ".join(text.split()))
        return (
            text
            if len(text) <= WIDTH - len(INDENT) - 2
            else text[: WIDTH - len(INDENT) - 5] + "..."
        )

    def _is_main(self, statement: Statement) -> bool:
        return statement.frame is self.function.frame

    def _code(self, node: cst.CSTNode) -> str:
        return re.sub(r"\s*#.*", "", self.function.module.code(node))

    # --- the cache of a pair ---------------------------------------------------------------------------------------------

    def _cache(self, lines: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
        """(name in the backward, expression in the forward) of what the backward reads of the forward."""
        code = "\n".join(line for line in lines if not line.startswith("#"))
        local = self._forward_names()
        used = [
            n
            for n in dict.fromkeys(
                re.findall(
                    r"[^\W\d]\w*",
                    re.sub(r"\.\s*\w+", lambda m: m[0] if False else "", code),
                )
            )
            if n in local
        ]
        cached: list[tuple[str, str]] = []
        for name in used:
            only_shape = re.findall(rf"(?<![\w.]){name}\b(?!\.shape\b)", code) == []
            if only_shape:
                short = self.names.fresh(f"{name}_shape")
                lines = [
                    (
                        line
                        if line.startswith("#")
                        else re.sub(rf"(?<![\w.]){name}\.shape\b", short, line)
                    )
                    for line in lines
                ]
                cached.append((short, f"{name}.shape"))
            else:
                cached.append((name, name))
        return cached, lines

    def _forward_names(self) -> set[str]:
        """The names that the emitted forward part binds."""
        edits = self.available.edits
        names = {*self.function.params, *self.unnamed.values(), *edits.renamed.values()}
        for frame in (self.function.frame, *edits.expanded):
            names |= {v.name for v in frame.writes}
        names |= {
            name for places in edits.hoisted.values() for name, _, _ in places.values()
        }
        names |= {name for saved in edits.saved.values() for name, _ in saved}
        return names | set(self.available.names_of.values())


def _prefers_functions(function: Function) -> bool:
    """The user writes np.sum(x) rather than x.sum()."""
    return any(
        eqn.op in ("sum", "mean", "max", "reshape") and eqn.dialect == "numpy"
        for eqn in function.block.eqns
    )


def _first_equations(eqns: Sequence[Any]) -> list[tuple[int, Frame]]:
    """Where each activation begins."""
    found: dict[Frame, int] = {}
    for position, eqn in enumerate(eqns):
        frame = eqn.statement.frame if eqn.statement is not None else None
        while frame is not None:
            found.setdefault(frame, position)
            frame = frame.statement.frame if frame.statement is not None else None
    return [(position, frame) for frame, position in found.items()]


def _tuple_of(items: Sequence[ast.expr], as_tuple: bool) -> ast.expr:
    return ast.Tuple(list(items)) if as_tuple else items[0]


def _indented(lines: Sequence[str]) -> list[str]:
    return [INDENT + line if line else "" for line in lines]


def _bare(node: Any) -> Any:
    from flatgrad.emit.forward import _bare as bare

    return bare(node)


__all__ = [
    "HELPERS",
    "Gradient",
    "Layout",
    "Lit",
    "Style",
    "assignment",
    "names_in_text",
    "replace",
    "with_needed",
]
