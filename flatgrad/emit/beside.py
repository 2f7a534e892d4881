"""Function, block of tangents -> the source text of its definition: each tangent beside the value it is of."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from flatgrad.emit.alongside import Alongside
from flatgrad.emit.edits import is_docstring
from flatgrad.emit.expressions import print_statement
from flatgrad.emit.forward import parsed
from flatgrad.emit.layout import Layout, tuple_of
from flatgrad.emit.names import Names
from flatgrad.emit.parts import INDENT
from flatgrad.emit.signature import ONES, parameters, seed_defaults
from flatgrad.emit.tangents import Tangents, place
from flatgrad.frontend.scope import Frame
from flatgrad.graph import Statement, Var, all_equations
from flatgrad.simplify import is_line


class TangentLayout(Layout):
    """Prints the function that gives the value and its tangent."""

    available: Alongside

    def _name_seeds(self) -> dict[Var, str]:
        """dot_x for the parameter x."""
        for position, out in enumerate(self.outs):
            if not (isinstance(out, Var) and out.name):
                outputs = self.function.outputs
                outputs[position] = self.names.underscored(outputs[position])
        names = (
            self.names.underscored(f"{self.style.prefix}{p.name}")
            for p in self.gradient.wrt
        )
        return dict(zip(self.gradient.tangents, names, strict=True))

    def _settle(self, names: Names) -> None:
        """Printed again where a line had to have a helper read in place."""
        expanded: dict[Frame, None] = {}
        taken, outputs = set(names.taken), list(self.function.outputs)
        while True:
            names.taken, self.unnamed = set(taken), {}
            self.function.outputs[:] = outputs
            self._print_beside(names, expanded)
            if expanded.keys() >= self.available.edits.expanded.keys():
                return
            expanded |= self.available.edits.expanded

    def _print_beside(self, names: Names, expanded: Iterable[Frame]) -> None:
        keep, eqns = self.gradient.keep, self.gradient.block.eqns
        self.available = Alongside(self.function, eqns[:keep], names, self.dialect)
        for frame in expanded:
            self.available.editor.expand(frame)
        self._expand(eqns[keep:])
        self.outputs = [self._output(i, out) for i, out in enumerate(self.outs)]
        for i, name in self.unnamed.items():
            if isinstance(out := self.outs[i], Var):
                self.available.unnamed[out] = name
        lines = Tangents(
            eqns[keep:], self.gradients, self.available, names, self.dialect,
            self.style.prefix, self.seeds,
        )  # fmt: skip
        printed = lines.print()
        self.available.move(self.available.returned, after=True)
        self.results = [lines.read(tangent) for tangent in self.gradients]
        place(self.available.editor, printed, self._first())

    def _expand(self, eqns: Any) -> None:
        """A helper whose variables have tangents is read in place."""
        editor = self.available.editor
        for eqn in all_equations(eqns):
            for out in filter(is_line, eqn.outs):
                assert out.primal is not None
                if (frame := editor.owner(out.primal)) is not None:
                    editor.expand(frame)

    def _first(self) -> Statement:
        """The first statement that is no docstring."""
        statements = self.function.frame.statements
        if is_docstring(statements[0].node) and len(statements) > 1:
            return statements[1]
        return statements[0]

    # --- definitions -------------------------------------------------------------------

    def texts(self) -> list[str]:
        names = list(self.seeds.values())
        defaults = seed_defaults(self.function, names, self.gradient.wrt)
        editor = self.available.editor
        steps = editor.edits.steps.setdefault(self._first(), [])
        steps[:0] = [(-3, line) for line in self._without_tangent(defaults)]
        if self.style.pair is not None:
            shown = self.outputs[: len(self.outputs) - len(self.function.written)]
            value = ast.Tuple([*shown, *self.results])
            result: ast.expr = value if len(value.elts) > 1 else value.elts[0]
        else:
            tuples = self.function.returns_tuple
            both = [tuple_of(self.outputs, tuples), tuple_of(self.results, tuples)]
            result = both[1] if self.style.emit == "tangent" else ast.Tuple(both)
        tail = ["", print_statement(ast.Return(result))]
        params = parameters(self.function, names, defaults)
        return [self._definition(self.style.emit, params, tail, self._forward_lines())]

    def _without_tangent(self, defaults: dict[str, str]) -> list[str]:
        """if dot_x is None: dot_x = np.zeros_like(x)"""
        lines = []
        for name, param in zip(self.seeds.values(), self.gradient.wrt, strict=True):
            if defaults.get(name) == ONES:
                zeros: ast.expr = ast.Constant(0.0)
                if not param.type.shape.is_scalar:
                    like = self.dialect.name("numpy.zeros_like")
                    zeros = ast.Call(like, [ast.Name(param.name)], [])
                assigned = print_statement(ast.Assign([ast.Name(name)], zeros))
                lines.append(f"if {name} is None:\n{INDENT}{assigned}")
        return lines

    def _forward_lines(self) -> list[Any]:
        """The forward part; what belongs to the return statement follows the names of the results."""
        returned = self.available.edits.after.get(self.available.returned, ())
        lines = super()._forward_lines()
        is_returned = self.function.frame.returned is not None
        return [*lines, *parsed(returned)] if is_returned else lines

    def _function_name(self, kind: str) -> str:
        if self.style.pair is not None:
            return self.style.pair[0]
        return super()._function_name(kind)


__all__ = ["TangentLayout"]
